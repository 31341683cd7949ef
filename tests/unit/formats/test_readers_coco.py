"""Reading COCO: the boxes of images, and malformed entries."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from annotary_core.formats.ground_truth import ReadResult
from annotary_core.formats.readers import read_with
from tests.truth_boxes import a_box, boxes_of


def document(**changes: Any) -> dict[str, Any]:
    body: dict[str, Any] = {
        "info": {},
        "images": [
            {"id": 1, "file_name": "a/x.jpg", "width": 40, "height": 30, "license": 1},
            {"id": 2, "file_name": "y.jpg", "width": 40, "height": 30},
        ],
        "annotations": [
            {
                "id": 1,
                "image_id": 1,
                "category_id": 7,
                "bbox": [1, 2.5, 3, 4],
                "area": 12,
                "iscrowd": 0,
                "segmentation": [[1, 2.5, 4, 2.5, 4, 6.5]],
            }
        ],
        "categories": [{"id": 7, "name": "cat", "supercategory": "animal"}],
    }
    return body | changes


def read(folder: Path, body: dict[str, Any] | str | bytes, name: str = "instances.json") -> ReadResult:
    raw = body if isinstance(body, bytes) else (body if isinstance(body, str) else json.dumps(body)).encode()
    (folder / name).write_bytes(raw)
    reading = read_with("coco", folder / name)
    reading.records = iter(list(reading.records))
    return reading


def annotation(**changes: Any) -> dict[str, Any]:
    return {"id": 2, "image_id": 2, "category_id": 7, "bbox": [0, 0, 5, 5]} | changes


def test_boxes_are_in_the_canonical_frame_and_a_listed_image_without_boxes_is_empty(tmp_path: Path) -> None:
    reading = read(tmp_path, document())
    records = list(reading.records)
    assert [(each.file_name, each.width, each.height) for each in records] == [("a/x.jpg", 40, 30), ("y.jpg", 40, 30)]
    assert boxes_of(records[0]) == (a_box("cat", 1, 2.5, 3, 4),)
    assert records[1].objects == ()
    assert reading.problems == []


def test_a_byte_order_mark_and_backslashes_are_accepted(tmp_path: Path) -> None:
    body = document(images=[{"id": 1, "file_name": ".\\a\\x.jpg"}])
    record = next(read(tmp_path, b"\xef\xbb\xbf" + json.dumps(body).encode()).records)
    assert (record.file_name, record.width) == ("a/x.jpg", None)


@pytest.mark.parametrize(
    ("bad", "sentence"),
    [
        (annotation(bbox=[38, 0, 5, 5]), "3 px past the right edge"),
        (annotation(bbox=[0, 0, 0, 5]), "has no size"),
        (annotation(bbox=[0, 0, 5]), "is not a box"),
        (annotation(bbox=None), "is not a box"),
        (annotation(bbox=[0, "a", 5, 5]), "is not a box"),
        (annotation(bbox=[0, 0, 1e308, 1e308]), "px past the"),
        (annotation(category_id=3), "category 3, which the file does not list"),
        (annotation(iscrowd=1), "crowd region"),
    ],
)
def test_an_image_with_one_bad_box_is_refused_as_a_whole(tmp_path: Path, bad: dict[str, Any], sentence: str) -> None:
    reading = read(tmp_path, document(annotations=[annotation(), bad, annotation(image_id=1)]))
    assert [each.file_name for each in reading.records] == ["a/x.jpg"]
    assert [each.file for each in reading.problems] == ["y.jpg"]
    assert sentence in reading.problems[0].sentence


def test_annotations_of_an_unlisted_image_are_reported_but_not_fatal(tmp_path: Path) -> None:
    links = [annotation(image_id=99), annotation(image_id=99), annotation(), annotation(image_id=1)]
    reading = read(tmp_path, document(annotations=links))
    assert len(list(reading.records)) == 2
    assert reading.problems[0].sentence == "2 annotations refer to image 99, which the file does not list."


def test_broken_entries_do_not_affect_other_entries(tmp_path: Path) -> None:
    images = [*document()["images"], {"id": 3}, {"id": 1, "file_name": "z.jpg"}, {"id": 4, "file_name": ".."}, [5]]
    reading = read(tmp_path, document(images=images, annotations=[annotation(), annotation(image_id=5)]))
    assert [each.file_name for each in reading.records] == ["y.jpg"]
    sentences = " ".join(each.sentence for each in reading.problems)
    assert "1 annotation refers to image 5, which the file does not list" in sentences
    assert "An image entry cannot be read" in sentences
    assert "It shares the id 1 with z.jpg" in sentences
    assert "The file name of the image is missing or invalid" in sentences


@pytest.mark.parametrize(
    "body",
    [
        json.dumps(document())[:-9],
        "[]",
        "{}",
        json.dumps(document(images={})),
        "[" * 100_000,
        '{"images":' + "[" * 100_000,
        b"\xff\xfe\x00",
    ],
    ids=["cut off", "list", "empty", "images no list", "deep", "deep inside", "no text"],
)
def test_a_file_that_is_not_coco_is_refused_with_a_sentence(tmp_path: Path, body: str | bytes) -> None:
    reading = read(tmp_path, body)
    assert list(reading.records) == []
    assert [each.file for each in reading.problems] == ["instances.json"]
    assert reading.problems[0].sentence.startswith("The file is not COCO JSON with objects")


def test_two_categories_with_one_id_refuse_the_images_that_use_it(tmp_path: Path) -> None:
    body = document(categories=[{"id": 7, "name": "cat"}, {"id": 7, "name": "dog"}])
    reading = read(tmp_path, body)
    assert [each.file_name for each in reading.records] == ["y.jpg"]
    assert "the same id" in reading.problems[0].sentence
    body["categories"][1]["name"] = "cat"
    assert len(list(read(tmp_path, body).records)) == 2


def test_of_two_files_that_disagree_on_an_image_neither_is_used(tmp_path: Path) -> None:
    (tmp_path / "b.json").write_text(json.dumps(document(annotations=[])))
    (tmp_path / "c.json").write_text(json.dumps(document()))
    (tmp_path / "a.json").write_text(json.dumps(document()))
    reading = read_with("coco", tmp_path)
    records = list(reading.records)
    assert [(each.file_name, each.objects) for each in records] == [("y.jpg", ())]
    assert [each.file for each in reading.problems] == ["a/x.jpg"]
    assert (
        "differ between a.json, entry 1 of images, b.json, entry 1 of images and c.json" in reading.problems[0].sentence
    )
