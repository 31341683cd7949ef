"""What is made of the images and labels that a person names, and what is said when something is missing."""

import json
from pathlib import Path

import pytest

from annotary.demo.command import main
from annotary.demo.dataset import prepare
from annotary.demo.errors import DemoError
from annotary_core.formats.archive import ZipSink, open_tree


def some_images(folder: Path, *names: str) -> Path:
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(b"pixels of " + name.encode())
    return folder


def a_coco(path: Path, *names: str) -> Path:
    body = {
        "images": [{"id": at, "file_name": name, "width": 40, "height": 30} for at, name in enumerate(names, 1)],
        "annotations": [{"id": 1, "image_id": 1, "category_id": 5, "bbox": [1, 2, 10, 10]}],
        "categories": [{"id": 5, "name": "Cup"}],
    }
    path.write_text(json.dumps(body))
    return path


def test_coco_beside_a_folder_asks_for_boxes_and_is_sent_as_it_is(tmp_path: Path) -> None:
    images = some_images(tmp_path / "images", "a.jpg", "b.jpg", "notes.txt")
    labels = a_coco(tmp_path / "labels.json", "a.jpg", "gone.jpg")
    found = prepare(images=images, truth=labels, workspace=tmp_path / "work")
    assert (found.count, found.reader, found.tools, found.classes) == (2, "coco", ("box",), ("Cup",))
    assert found.labels == labels
    with open_tree(found.archive) as tree:
        assert list(tree.names()) == ["a.jpg", "b.jpg"]


def test_classes_in_folder_names_ask_for_a_class_and_are_written_down_as_coco(tmp_path: Path) -> None:
    images = some_images(tmp_path / "pets", "cat/1.jpg", "cat/2.jpg", "Dog/1.jpg")
    found = prepare(images=images, truth=None, workspace=tmp_path / "work")
    assert (found.tools, found.classes) == (("class",), ("cat", "Dog"))
    again = prepare(images=images, truth=found.labels, workspace=tmp_path / "again")
    assert again.reader == "coco"
    assert again.records == found.records


def test_a_zip_of_images_is_taken_as_its_folder_would_be(tmp_path: Path) -> None:
    archive = tmp_path / "pets.zip"
    with ZipSink(archive) as sink:
        sink.write("cat/1.jpg", [b"one"])
        sink.write("dog/2.jpg", [b"two"])
    found = prepare(images=archive, truth=None, workspace=tmp_path / "work")
    assert (found.count, found.classes) == (2, ("cat", "dog"))


def test_images_without_labels_are_refused_with_what_is_needed(tmp_path: Path) -> None:
    images = some_images(tmp_path / "holiday", "1.jpg", "2.jpg")
    with pytest.raises(DemoError, match=r"must know what is in .*holiday: give the labels with --truth"):
        prepare(images=images, truth=None, workspace=tmp_path / "work")


def test_labels_that_cannot_be_read_are_refused_by_name(tmp_path: Path) -> None:
    images = some_images(tmp_path / "images", "a.jpg")
    (tmp_path / "labels.csv").write_text("a.jpg,cup")
    with pytest.raises(DemoError, match=r"The labels in .*labels.csv cannot be used"):
        prepare(images=images, truth=tmp_path / "labels.csv", workspace=tmp_path / "work")


def test_a_path_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(DemoError, match="nowhere is not there"):
        prepare(images=tmp_path / "nowhere", truth=None, workspace=tmp_path / "work")


def test_a_folder_with_other_things_in_it_is_not_written_into(tmp_path: Path) -> None:
    some_images(tmp_path / "thesis", "chapter.txt")
    with pytest.raises(DemoError, match="holds other things: choose an empty or a new folder with --out"):
        main(["--out", str(tmp_path / "thesis"), "--data", str(tmp_path / "data")])
    assert not (tmp_path / "data").exists()
