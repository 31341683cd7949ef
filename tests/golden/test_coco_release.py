"""COCO: the file byte for byte, and how pycocotools reads it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, BinaryIO, cast

import pytest
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval

from annotary_core.formats.base import ReleaseRecord
from annotary_core.formats.coco.writer import Coco
from annotary_core.formats.errors import ReleaseError
from annotary_core.formats.registry import verify_release
from annotary_core.formats.release_archive import FolderSink, ZipSink, open_tree
from annotary_core.formats.report import Counts
from annotary_core.labels.answer import Answer, Verdict
from annotary_core.labels.shapes import SHAPES
from annotary_core.labels.shapes.base import Noun
from annotary_core.labels.shapes.box import BoxShape
from tests.golden.release import CAT, DOG, INFO, STRAYS, box, label, open_image, record, write

EXPECTED = Path(__file__).parent / "expected"
COUNTS = Counts(5, 4, {"train": 2, "val": 1, "test": 2}, {"train": 3, "val": 1})


@pytest.fixture
def strays(tmp_path: Path) -> Path:
    write("coco", STRAYS, tmp_path)
    return tmp_path / "coco"


def load(folder: Path, name: str = "annotations.json") -> Any:
    return json.loads((folder / name).read_text())


def test_the_file_matches_the_expected_one_byte_for_byte(strays: Path) -> None:
    assert (strays / "annotations.json").read_text() == (EXPECTED / "coco_annotations.json").read_text()


def test_annotation_and_image_ids_start_at_one_and_are_unique(strays: Path) -> None:
    body = load(strays)
    assert [each["id"] for each in body["images"]] == [1, 2, 3, 4, 5]
    assert [each["id"] for each in body["annotations"]] == [1, 2, 3, 4]


def test_categories_are_the_schema_in_its_order_with_unused_ones(strays: Path) -> None:
    assert [(each["id"], each["name"]) for each in load(strays)["categories"]] == [(7, "cat"), (2, "dog"), (9, "lynx")]


def test_boxes_are_not_crowds_have_no_segmentation_and_their_own_area(strays: Path) -> None:
    for each in load(strays)["annotations"]:
        assert each["iscrowd"] == 0
        assert each["segmentation"] == []
        assert each["area"] == pytest.approx(each["bbox"][2] * each["bbox"][3], abs=1e-9)


def test_an_approved_empty_image_is_in_the_file_and_a_cannot_tell_image_is_not(tmp_path: Path) -> None:
    report = write("coco", STRAYS, tmp_path)
    sources = [each["annotary"]["source"] for each in load(tmp_path / "coco")["images"]]
    assert "nothing.png" in sources
    assert "unclear.jpg" not in sources
    assert report.as_json()["left_out"]["cannot_tell"]["names"] == ["unclear.jpg"]


def test_a_record_without_a_finished_label_is_refused(tmp_path: Path) -> None:
    unfinished = record("x.jpg", Answer(cast(Verdict, "")))
    with pytest.raises(ReleaseError, match="no finished label"):
        write("coco", [unfinished], tmp_path)


def test_a_second_label_of_one_image_is_refused(tmp_path: Path) -> None:
    records = [record(name, label(), image_id="one") for name in ("x.jpg", "y.jpg")]
    with pytest.raises(ReleaseError, match=r"y\.jpg occurs twice"):
        write("coco", records, tmp_path)


def test_an_unknown_split_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ReleaseError, match="Use train, val, or test"):
        write("coco", [record("x.jpg", label(), split="dev")], tmp_path)


def test_an_image_missing_from_storage_stops_the_release_by_name(tmp_path: Path) -> None:
    def lost(record: ReleaseRecord) -> BinaryIO:
        raise FileNotFoundError(record.image_id)

    with pytest.raises(ReleaseError, match=r"x\.jpg cannot be read from storage"):
        Coco().write(INFO, [record("x.jpg", label())], lost, FolderSink(tmp_path))


def test_file_names_are_relative_and_unique_when_case_is_ignored(strays: Path) -> None:
    names = [each["file_name"] for each in load(strays)["images"]]
    assert names[:2] == ["park/x.jpg", "yard/x.jpg"]
    assert names[2].startswith("yard/X_") and names[2].endswith(".JPG")
    assert len({name.casefold() for name in names}) == 5
    assert all((strays / "images" / name).is_file() for name in names)


def test_the_split_files_use_the_same_ids_as_the_whole_file(strays: Path) -> None:
    whole = load(strays)
    parts = [load(strays, f"annotations_{split}.json") for split in ("train", "val", "test")]
    for key in ("images", "annotations"):
        assert sorted((each for part in parts for each in part[key]), key=lambda each: each["id"]) == whole[key]
    assert [[each["id"] for each in part["images"]] for part in parts] == [[1, 2], [3], [4, 5]]


def test_each_label_has_its_evidence_attributes_and_owner_metadata(strays: Path) -> None:
    body = load(strays)
    first = body["annotations"][0]["annotary"]
    assert first["object"] == "o1"
    assert first["evidence"] == {
        "method": "dawid-skene",
        "answers": 3,
        "confidence": 0.97,
        "review": "reviewed",
        "label_hash": "a1b2",
        "existence": 0.99,
    }
    assert body["annotations"][2]["attributes"] == {"truncated": True, "pose": "Left"}
    assert body["images"][0]["annotary"]["metadata"] == {"camera": "a"}


def test_the_class_of_a_whole_image_creates_no_box_and_is_counted(tmp_path: Path) -> None:
    report = write("coco", [record("a.jpg", label(cls=7)), record("b.jpg", label(tags=(2, 7)))], tmp_path)
    body = load(tmp_path / "coco")
    assert body["annotations"] == []
    assert body["images"][0]["annotary"]["class"] == "cat"
    assert body["images"][0]["annotary"]["class_id"] == 7
    assert body["images"][1]["annotary"]["tags"] == ["dog", "cat"]
    assert report.as_json()["images_by_class"] == {"cat": 1}


class Stroke(BoxShape):
    """A shape that no format knows."""

    name = "stroke"
    noun = Noun("stroke", "strokes")


def test_objects_of_another_shape_are_counted_and_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(SHAPES, "stroke", Stroke())
    stroke = box(7, 1, 1, 2, 2, id="o9") | {"tool": "stroke"}
    one = write("coco", [record("a.jpg", label(box(7, 1, 1, 2, 2), stroke))], tmp_path / "one").as_json()
    assert one["left_out"] == {
        "tool:stroke": {
            "why": "This format cannot hold strokes. 1 stroke is left out.",
            "count": 1,
            "names": ["a.jpg #o9"],
        }
    }
    assert one["objects"] == 1
    many = [record(f"{number}.jpg", label(stroke)) for number in range(1_200)]
    left_out = write("coco", many, tmp_path / "many").as_json()["left_out"]["tool:stroke"]
    assert left_out["why"] == "This format cannot hold strokes. 1,200 strokes are left out."
    assert (left_out["count"], len(left_out["names"])) == (1_200, 1_000)


def test_pycocotools_scores_a_perfect_detector_as_perfect(strays: Path) -> None:
    truth = COCO(str(strays / "annotations.json"))
    detections = [
        {"image_id": each["image_id"], "category_id": each["category_id"], "bbox": each["bbox"], "score": 0.9}
        for each in truth.dataset["annotations"]
    ]
    scores = COCOeval(truth, truth.loadRes(detections), "bbox")
    scores.evaluate()
    scores.accumulate()
    scores.summarize()
    assert scores.stats[0] == pytest.approx(1.0)


def test_decoding_the_mask_of_a_box_fails_instead_of_inventing_one(strays: Path) -> None:
    truth = COCO(str(strays / "annotations.json"))
    with pytest.raises(IndexError):
        truth.annToMask(truth.anns[1])


def test_a_release_without_any_image_still_loads(tmp_path: Path) -> None:
    report = write("coco", [], tmp_path)
    assert report.counts().images == 0
    assert load(tmp_path / "coco")["images"] == []


@pytest.mark.parametrize(
    "bad",
    [box(7, 0, 0, 41, 30), box(7, -0.01, 0, 5, 5), box(7, 5, 5, 0, 5), box(7, float("nan"), 0, 5, 5)],
    ids=["too wide", "left of the image", "no width", "no number"],
)
def test_a_box_outside_the_image_stops_the_release(tmp_path: Path, bad: dict[str, Any]) -> None:
    with pytest.raises(ReleaseError, match=r"a\.jpg is empty or extends outside the image"):
        write("coco", [record("a.jpg", label(bad))], tmp_path)


def test_a_class_that_the_schema_lacks_stops_the_release(tmp_path: Path) -> None:
    with pytest.raises(ReleaseError, match="class number 4"):
        write("coco", [record("a.jpg", label(box(4, 0, 0, 5, 5)))], tmp_path)


def test_two_exports_of_one_release_are_the_same_archive(tmp_path: Path) -> None:
    for name in ("first.zip", "second.zip"):
        with ZipSink(tmp_path / name) as sink:
            report = Coco().write(INFO, iter(STRAYS), open_image, sink)
        verify_release("coco", tmp_path / name, report.counts())
    assert (tmp_path / "first.zip").read_bytes() == (tmp_path / "second.zip").read_bytes()


def test_a_coordinate_is_written_without_floating_point_noise(tmp_path: Path) -> None:
    write("coco", [record("a.jpg", label(box(7, 0.1, 0.2, 0.1 + 0.2, 29.8)))], tmp_path)
    assert '"area":8.94,' in (tmp_path / "coco/annotations.json").read_text()
    assert '"bbox":[0.1,0.2,0.3,29.8]' in (tmp_path / "coco/annotations.json").read_text()


class TestReadingBack:
    """What `verify` refuses before a release is published."""

    def check(self, folder: Path) -> None:
        with open_tree(folder.parent) as tree:
            Coco().verify(tree, COUNTS)

    def edit(self, folder: Path, change: Any) -> None:
        for name in ("annotations.json", "annotations_train.json"):
            body = load(folder, name)
            change(body)
            (folder / name).write_text(json.dumps(body))

    def test_an_intact_release_passes(self, strays: Path) -> None:
        self.check(strays)

    def test_a_missing_image(self, strays: Path) -> None:
        (strays / "images/park/x.jpg").unlink()
        with pytest.raises(ReleaseError, match=r"park/x\.jpg is listed .* missing"):
            self.check(strays)

    def test_an_image_of_the_wrong_size(self, strays: Path) -> None:
        other = record("x.jpg", label(), width=41)
        (strays / "images/park/x.jpg").write_bytes(open_image(other).read())
        with pytest.raises(ReleaseError, match=r"does not have the size stated in annotations\.json"):
            self.check(strays)

    def test_an_unlisted_image(self, strays: Path) -> None:
        (strays / "images/stray.jpg").write_bytes(b"x")
        with pytest.raises(ReleaseError, match=r"annotations\.json does not list"):
            self.check(strays)

    def test_a_lost_annotation(self, strays: Path) -> None:
        self.edit(strays, lambda body: body["annotations"].pop())
        with pytest.raises(ReleaseError, match="3 objects, but the release has 5 and 4"):
            self.check(strays)

    def test_an_id_used_twice(self, strays: Path) -> None:
        self.edit(strays, lambda body: body["annotations"][1].update(id=1))
        with pytest.raises(ReleaseError, match="an id twice"):
            self.check(strays)

    def test_an_annotation_with_id_zero(self, strays: Path) -> None:
        self.edit(strays, lambda body: body["annotations"][0].update(id=0))
        with pytest.raises(ReleaseError, match="Annotation 0"):
            self.check(strays)

    def test_a_box_outside_its_image(self, strays: Path) -> None:
        self.edit(strays, lambda body: body["annotations"][0].update(bbox=[35, 0, 6, 5]))
        with pytest.raises(ReleaseError, match="extends outside the image"):
            self.check(strays)

    def test_a_split_that_disagrees_with_the_whole(self, strays: Path) -> None:
        body = load(strays, "annotations_val.json")
        body["annotations"][0]["category_id"] = 7
        (strays / "annotations_val.json").write_text(json.dumps(body))
        with pytest.raises(ReleaseError, match="does not agree"):
            self.check(strays)

    def test_a_file_that_is_not_json(self, strays: Path) -> None:
        (strays / "annotations_val.json").write_text("{")
        with pytest.raises(ReleaseError, match="cannot be read as COCO"):
            self.check(strays)

    def test_a_damaged_archive(self, tmp_path: Path) -> None:
        archive = tmp_path / "release.zip"
        with ZipSink(archive) as sink:
            report = Coco().write(INFO, STRAYS, open_image, sink)
        body = bytearray(archive.read_bytes())
        body[body.index(b"\xff\xd9")] ^= 1
        archive.write_bytes(body)
        with pytest.raises(ReleaseError, match="missing or damaged"):
            verify_release("coco", archive, report.counts())


def test_the_report_counts_by_split_and_by_class(tmp_path: Path) -> None:
    body = write("coco", STRAYS, tmp_path).as_json()
    assert body["splits"] == {
        "test": {"images": 2, "objects": 0},
        "train": {"images": 2, "objects": 3},
        "val": {"images": 1, "objects": 1},
    }
    assert body["objects_by_class"] == {CAT.name: 1, DOG.name: 3}
    assert body["renamed"]["count"] == 1
