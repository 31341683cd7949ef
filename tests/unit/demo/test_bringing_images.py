"""Preparing the user's images and labels, and the errors if something is missing."""

import json
from pathlib import Path

import pytest

from annotary.demo.command import main
from annotary.demo.dataset import prepare, prepare_scenes
from annotary.demo.errors import DemoError
from annotary.demo.scenario import ground_truth_of
from annotary_core.formats.release_archive import ZipSink, open_tree
from annotary_core.labels.shapes import SHAPES
from annotary_core.labels.shapes.base import Shape
from annotary_core.synthesis.scenes.synthesize import synthesize

BOX = SHAPES["box"]


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


def test_coco_with_a_folder_requests_boxes_and_is_uploaded_unchanged(tmp_path: Path) -> None:
    images = some_images(tmp_path / "images", "a.jpg", "b.jpg", "notes.txt")
    labels = a_coco(tmp_path / "labels.json", "a.jpg", "gone.jpg")
    dataset = prepare(images=images, truth=labels, workspace=tmp_path / "work", shape=BOX)
    assert (dataset.count, dataset.reader, dataset.tools, dataset.classes) == (2, "coco", ("box",), ("Cup",))
    assert dataset.labels == labels
    with open_tree(dataset.archive) as tree:
        assert list(tree.names()) == ["a.jpg", "b.jpg"]


def test_labels_without_the_shape_are_refused_with_advice(tmp_path: Path) -> None:
    images = some_images(tmp_path / "images", "a.jpg")
    labels = a_coco(tmp_path / "labels.json", "a.jpg")
    with pytest.raises(DemoError, match=r"contain no polygons\. Pass labels with polygons, or .* with --shape"):
        prepare(images=images, truth=labels, workspace=tmp_path / "work", shape=SHAPES["polygon"])


@pytest.mark.parametrize("shape", SHAPES.values(), ids=list(SHAPES))
def test_scenes_have_ground_truth_in_every_shape(tmp_path: Path, shape: Shape) -> None:
    truth = synthesize(tmp_path / "scenes", count=4, seed=7, strokes=shape.follows_lines)
    dataset = prepare_scenes(truth=truth, workspace=tmp_path / "work", shape=shape)
    assert (dataset.count, dataset.tools) == (4, (shape.name,))
    classes = [{"number": at, "name": name} for at, name in enumerate(dataset.classes, 1)]
    schema = {"classes": classes, "tools": [shape.name], "attributes": []}
    entries = json.loads(truth.read_text())["images"]
    images = [{"source_key": Path(each["file_name"]).name, **each} for each in entries]
    known = ground_truth_of(dataset, images, schema)
    assert (len(known.answers), known.unmatched, known.problems) == (4, [], [])
    drawn = [item for answer in known.answers.values() for item in answer.objects]
    assert len(drawn) == len(json.loads(truth.read_text())["annotations"]) > 0
    assert {item.tool for item in drawn} == {shape.name}


def test_folder_names_request_a_class_and_are_written_as_coco(tmp_path: Path) -> None:
    images = some_images(tmp_path / "pets", "cat/1.jpg", "cat/2.jpg", "Dog/1.jpg")
    dataset = prepare(images=images, truth=None, workspace=tmp_path / "work", shape=BOX)
    assert (dataset.tools, dataset.classes) == (("class",), ("cat", "Dog"))
    again = prepare(images=images, truth=dataset.labels, workspace=tmp_path / "again", shape=BOX)
    assert again.reader == "coco"
    assert again.records == dataset.records


def test_a_zip_of_images_works_like_its_folder(tmp_path: Path) -> None:
    archive = tmp_path / "pets.zip"
    with ZipSink(archive) as sink:
        sink.write("cat/1.jpg", [b"one"])
        sink.write("dog/2.jpg", [b"two"])
    dataset = prepare(images=archive, truth=None, workspace=tmp_path / "work", shape=BOX)
    assert (dataset.count, dataset.classes) == (2, ("cat", "dog"))


def test_images_without_labels_are_refused_with_advice(tmp_path: Path) -> None:
    images = some_images(tmp_path / "holiday", "1.jpg", "2.jpg")
    with pytest.raises(DemoError, match=r"needs the labels of .*holiday. Pass them with --truth"):
        prepare(images=images, truth=None, workspace=tmp_path / "work", shape=BOX)


def test_labels_that_cannot_be_read_are_refused_by_name(tmp_path: Path) -> None:
    images = some_images(tmp_path / "images", "a.jpg")
    (tmp_path / "labels.csv").write_text("a.jpg,cup")
    with pytest.raises(DemoError, match=r"The labels in .*labels.csv cannot be used"):
        prepare(images=images, truth=tmp_path / "labels.csv", workspace=tmp_path / "work", shape=BOX)


def test_a_missing_path_is_named(tmp_path: Path) -> None:
    with pytest.raises(DemoError, match="nowhere does not exist"):
        prepare(images=tmp_path / "nowhere", truth=None, workspace=tmp_path / "work", shape=BOX)


@pytest.mark.parametrize(("option", "value"), [("--workers", "1"), ("--scenes", "9"), ("--scenes", "10001")])
def test_numbers_out_of_range_are_refused_before_anything_is_written(tmp_path: Path, option: str, value: str) -> None:
    with pytest.raises(DemoError, match=f"Choose a number in that range with {option}"):
        main([option, value, "--out", str(tmp_path / "out"), "--data", str(tmp_path / "data")])
    assert not list(tmp_path.iterdir())


def test_an_output_folder_with_other_files_is_refused(tmp_path: Path) -> None:
    some_images(tmp_path / "thesis", "chapter.txt")
    with pytest.raises(DemoError, match=r"contains other files\. Choose an empty or new folder with --out"):
        main(["--out", str(tmp_path / "thesis"), "--data", str(tmp_path / "data")])
    assert not (tmp_path / "data").exists()
