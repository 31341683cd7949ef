"""ImageNet style: what folder readers find, and what the XML files of the boxes contain."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from annotary_core.formats.errors import ReleaseError
from annotary_core.formats.imagenet.writer import ImageNet, class_folders
from annotary_core.formats.registry import verify_release
from annotary_core.formats.release_archive import ZipSink, open_tree
from annotary_core.formats.report import Counts
from annotary_core.labels.schema import LabelClass
from tests.golden.release import CANNOT_TELL, INFO, STRAYS, box, label, open_image, record, write

EXPECTED = Path(__file__).parent / "expected"
COUNTS = Counts(3, 2, {"train": 1, "val": 1, "test": 1}, {"train": 1, "val": 1})
# torchvision.datasets.folder.IMG_EXTENSIONS
TORCHVISION = (".jpg", ".jpeg", ".png", ".ppm", ".bmp", ".pgm", ".tif", ".tiff", ".webp")


def torchvision_samples(split: Path) -> list[tuple[str, str]]:
    """(class folder, path) as torchvision's find_classes and make_dataset walk a split; it refuses empty folders."""
    samples = []
    for cls in sorted(entry.name for entry in os.scandir(split) if entry.is_dir()):
        in_class = [
            (cls, str(Path(root, name)))
            for root, _, names in sorted(os.walk(split / cls, followlinks=True))
            for name in sorted(names)
            if name.lower().endswith(TORCHVISION)
        ]
        assert in_class, f"ImageFolder refuses the empty folder {cls}"
        samples += in_class
    return samples


@pytest.fixture
def strays(tmp_path: Path) -> Path:
    write("imagenet", STRAYS, tmp_path)
    return tmp_path / "imagenet"


def all_samples(folder: Path) -> list[tuple[str, str]]:
    return [sample for split in ("train", "val", "test") for sample in torchvision_samples(folder / split)]


def test_folder_readers_find_every_image_once_in_its_class(strays: Path) -> None:
    samples = [(cls, Path(path).relative_to(strays).as_posix()) for cls, path in all_samples(strays)]
    assert samples == [
        ("dog", "train/dog/x.jpg"),
        ("cat", samples[1][1]),
        ("dog", "test/dog/whole.webp"),
    ]
    listed = [json.loads(line)["path"] for line in (strays / "labels.jsonl").read_text().splitlines()]
    assert sorted(path for _, path in samples) == sorted(listed)


def test_images_of_several_classes_or_none_are_listed_with_the_reason_and_get_no_folder(tmp_path: Path) -> None:
    records = [
        record("both.jpg", label(box(7, 0, 0, 5, 5), box(2, 5, 5, 5, 5, id="o2"))),
        record("tagged.jpg", label(tags=(7, 2))),
        record("one tag.jpg", label(tags=(7,))),
        record("empty.jpg", label()),
        record("unclear.jpg", CANNOT_TELL),
    ]
    left_out = write("imagenet", records, tmp_path).as_json()["left_out"]
    assert {reason: entry["names"] for reason, entry in left_out.items()} == {
        "several_classes": ["both.jpg"],
        "no_class": ["tagged.jpg", "one tag.jpg"],
        "empty": ["empty.jpg"],
        "cannot_tell": ["unclear.jpg"],
    }
    assert not (tmp_path / "imagenet/train").exists()
    lines = [json.loads(line) for line in (tmp_path / "imagenet/left_out.jsonl").read_text().splitlines()]
    assert [line["source"] for line in lines] == [each.file_name for each in records]


def test_boxes_that_agree_give_the_class_unless_the_image_has_one(tmp_path: Path) -> None:
    records = [
        record("a.jpg", label(box(7, 0, 0, 5, 5), box(7, 5, 5, 5, 5, id="o2"))),
        record("b.jpg", label(box(7, 0, 0, 5, 5), cls=2)),
    ]
    write("imagenet", records, tmp_path)
    assert (tmp_path / "imagenet/train/cat/a.jpg").is_file()
    assert (tmp_path / "imagenet/train/dog/b.jpg").is_file()


def test_the_xml_matches_the_expected_one_byte_for_byte(strays: Path) -> None:
    assert (strays / "Annotations/train/dog/x.xml").read_text() == (EXPECTED / "imagenet_x.xml").read_text()


def test_the_class_map_counts_the_schema_in_its_order_with_unused_classes(strays: Path) -> None:
    index = json.loads((strays / "class_to_idx.json").read_text())
    assert list(index.items()) == [("cat", 0), ("dog", 1), ("lynx", 2)]
    classes = json.loads((strays / "classes.json").read_text())["classes"]
    assert [(each["index"], each["number"], each["folder"]) for each in classes] == [
        (0, 7, "cat"),
        (1, 2, "dog"),
        (2, 9, "lynx"),
    ]


def test_a_class_absent_from_a_split_is_noted_because_folder_readers_would_shift_the_rest(tmp_path: Path) -> None:
    notes = write("imagenet", STRAYS, tmp_path).notes
    assert notes[0].startswith("train has no image of 2 of 3 classes (cat, lynx)")


def test_class_names_become_safe_and_unique_folders() -> None:
    names = ["a/b", "a:b", "Cat", "cat", "CON", "..", "x.", "ü", "cat_4"]
    folders = class_folders(LabelClass(number, name) for number, name in enumerate(names, start=1))
    assert list(folders.values()) == ["a_b", "a_b_2", "Cat", "cat_4", "_CON", "_", "x", "ü", "cat_4_9"]


def test_two_images_never_share_a_stem_because_they_would_share_an_xml(tmp_path: Path) -> None:
    one = label(box(7, 0, 0, 5, 5))
    records = [record("a/x.jpg", one), record("b/x.png", one, media_type="image/png"), record("c/X.jpg", one)]
    report = write("imagenet", records, tmp_path)
    folder = tmp_path / "imagenet/Annotations/train/cat"
    assert len({path.stem.casefold() for path in folder.iterdir()}) == 3
    assert report.as_json()["renamed"]["count"] == 2


def test_the_annotations_do_not_interfere_with_folder_readers(strays: Path) -> None:
    assert not [path for path in strays.glob("*/*/*.xml") if path.parts[-3] != "Annotations"]
    assert {path.name for path in (strays / "Annotations").iterdir()} == {"train", "val"}


def test_each_image_keeps_its_whole_label_and_evidence(strays: Path) -> None:
    line = json.loads((strays / "labels.jsonl").read_text().splitlines()[0])
    assert line["label"]["objects"][0]["geom"] == {"x": 3.33, "y": 4.44, "w": 5.55, "h": 6.66}
    assert line["evidence"]["confidence"] == 0.97
    assert line["evidence"]["objects"] == {"o1": {"existence": 0.99}}


def test_two_exports_of_one_release_are_the_same_archive(tmp_path: Path) -> None:
    for name in ("first.zip", "second.zip"):
        with ZipSink(tmp_path / name) as sink:
            report = ImageNet().write(INFO, iter(STRAYS), open_image, sink)
        verify_release("imagenet", tmp_path / name, report.counts())
    assert (tmp_path / "first.zip").read_bytes() == (tmp_path / "second.zip").read_bytes()


class TestReadingBack:
    """What `verify` refuses before a release is published."""

    def check(self, folder: Path) -> None:
        with open_tree(folder.parent) as tree:
            ImageNet().verify(tree, COUNTS)

    def test_an_intact_release_passes(self, strays: Path) -> None:
        self.check(strays)

    def test_a_missing_image(self, strays: Path) -> None:
        (strays / "train/dog/x.jpg").unlink()
        with pytest.raises(ReleaseError, match="not where folder readers look for images"):
            self.check(strays)

    def test_an_unlisted_image(self, strays: Path) -> None:
        (strays / "train/dog/y.jpg").write_bytes(b"x")
        with pytest.raises(ReleaseError, match=r"labels\.jsonl does not list"):
            self.check(strays)

    def test_a_folder_that_is_not_a_class(self, strays: Path) -> None:
        (strays / "train/other").mkdir()
        (strays / "train/other/y.jpg").write_bytes(b"x")
        with pytest.raises(ReleaseError, match="ignore or misread"):
            self.check(strays)

    def test_an_image_of_the_wrong_size(self, strays: Path) -> None:
        (strays / "train/dog/x.jpg").write_bytes(open_image(record("x.jpg", label(), height=31)).read())
        with pytest.raises(ReleaseError, match="does not have the size stated in its label"):
            self.check(strays)

    @pytest.mark.parametrize(
        ("old", "new", "sentence"),
        [
            ("<xmax>9<", "<xmax>41<", "extends outside the image"),
            ("<xmin>4<", "<xmin>0<", "extends outside the image"),
            ("<pose>Left</pose>", "", "incomplete"),
            ("<xmin>4<", "<xmin>4.5<", "cannot be read as VOC"),
            ("</annotation>", "", "cannot be read as VOC"),
            ("<width>40<", "<width>30<", "The size stated in"),
        ],
    )
    def test_a_wrong_xml(self, strays: Path, old: str, new: str, sentence: str) -> None:
        path = strays / "Annotations/train/dog/x.xml"
        path.write_text(path.read_text().replace(old, new))
        with pytest.raises(ReleaseError, match=sentence):
            self.check(strays)

    def test_a_lost_xml(self, strays: Path) -> None:
        (strays / "Annotations/train/dog/x.xml").unlink()
        with pytest.raises(ReleaseError, match="1 box, but its XML file has 0"):
            self.check(strays)

    def test_a_wrong_count(self, strays: Path) -> None:
        with open_tree(strays.parent) as tree, pytest.raises(ReleaseError, match="3 images and 2 boxes"):
            ImageNet().verify(tree, Counts(4, 2))
