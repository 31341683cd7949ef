"""COCO as programs write it: what means the same is read the same, and what cannot be linked makes nothing empty."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

import pytest

from annotary_core.formats.ground_truth import GroundTruthObject, ReadResult
from annotary_core.formats.readers import read_with
from tests.truth_boxes import a_box, boxes_of

BOX = a_box("cat", 10, 10, 20, 20)


def body(annotation: dict[str, Any] | None = None, **changes: Any) -> dict[str, Any]:
    """Image 1, a.jpg, with one box of category 1, cat, and image 2, b.jpg, without any."""
    images = [
        {"id": 1, "file_name": "a.jpg", "width": 100, "height": 80},
        {"id": 2, "file_name": "b.jpg", "width": 100, "height": 80},
    ]
    box = {"id": 1, "image_id": 1, "category_id": 1, "bbox": [10, 10, 20, 20], "area": 400, "iscrowd": 0}
    document: dict[str, Any] = {
        "images": images,
        "annotations": [box | (annotation or {})],
        "categories": [{"id": 1, "name": "cat"}],
    }
    return document | changes


def read(folder: Path, document: dict[str, Any] | str) -> ReadResult:
    text = document if isinstance(document, str) else json.dumps(document)
    (folder / "t.json").write_text(text, encoding="utf-8")
    reading = read_with("coco", folder / "t.json")
    reading.records = iter(list(reading.records))
    return reading


def labels(reading: ReadResult) -> dict[str, tuple[GroundTruthObject, ...]]:
    return {each.file_name: boxes_of(each) for each in reading.records}


def image(**changes: Any) -> list[dict[str, Any]]:
    return [{"id": 1, "file_name": "a.jpg", "width": 100, "height": 80} | changes, *body()["images"][1:]]


@pytest.mark.parametrize(
    "document",
    [
        body({"image_id": 1.0}),
        body({"image_id": "1"}),
        body({"image_id": "1.0"}),
        body({"image_id": " 1 "}),
        body(images=image(id=1.0)),
        body(images=image(id="1")),
        body({"image_id": "IMG_1"}, images=image(id="IMG_1")),
        body({"image_id": "cafe\u0301"}, images=image(id="caf\u00e9")),
        body({"category_id": 1.0}),
        body({"category_id": "1"}),
        body(categories=[{"id": "1", "name": "cat"}]),
        body({"category_id": "1"}, categories=[{"id": 1.0, "name": " cat "}]),
        body(categories=[{"id": 1, "name": "cat"}, {"id": 1, "name": "cat", "supercategory": "animal"}]),
        body(categories=[{"id": 2, "name": "cat"}, {"id": 1, "name": "cat"}]),
        body(categories=[{"id": None, "name": "dog"}, {"name": 5}, 7, {"id": 2}, {"id": 1, "name": "cat"}]),
        body({"bbox": ["10", "10.0", "2e1", 20.0]}),
        body({"bbox": "[10, 10, 20, 20]"}),
        body({"iscrowd": False}),
        body({"iscrowd": None}),
        body({"iscrowd": "0"}),
        body({"iscrowd": 0.0}),
        body({"area": float("nan")}),
        body({"area": float("inf"), "score": None, "id": True, "segmentation": "NaN"}),
        body({"attributes": {"occluded": False, "rotation": 0.0}}),
        body({"attributes": {"rotation": 360}}),
        body(images=image(width=100.0, height="80")),
        body(images=image(width=float("nan"), height=None)),
        body(images=image(width=0, height="")),
        body(images=image(extra={"name": float("nan")}, license=float("nan"), date_captured=None)),
    ],
    ids=lambda document: json.dumps(document)[13:150],
)
def test_values_that_mean_the_same_are_read_the_same(tmp_path: Path, document: dict[str, Any]) -> None:
    reading = read(tmp_path, document)
    assert labels(reading) == {"a.jpg": (BOX,), "b.jpg": ()}


@pytest.mark.parametrize("name", ["NaN.jpg", "a, NaN , b.jpg", 'a": NaN, "b.jpg', "-Infinity", "a\\", "nan\u00e9.jpg"])
def test_nan_in_a_text_stays(tmp_path: Path, name: str) -> None:
    document = body({"area": float("nan")}, images=image(file_name=name))
    assert next(iter(labels(read(tmp_path, document)).values())) == (BOX,)
    assert next(iter(labels(read(tmp_path, document)))) == name.rstrip("\\")


def test_numbers_of_other_languages_that_are_not_finite_are_read_too(tmp_path: Path) -> None:
    text = json.dumps(body()).replace('"area": 400', '"area": -nan, "score": inf')
    assert labels(read(tmp_path, text)) == {"a.jpg": (BOX,), "b.jpg": ()}


@pytest.mark.parametrize("link", ["x", 99, "01", -1])
def test_while_an_annotation_cannot_be_linked_no_image_of_the_file_is_empty(tmp_path: Path, link: object) -> None:
    reading = read(tmp_path, body(annotations=[*body()["annotations"], *body({"image_id": link})["annotations"]]))
    assert labels(reading) == {"a.jpg": (BOX,)}
    assert [each.file for each in reading.problems] == ["t.json", "b.jpg"]
    assert reading.problems[0].location == "t.json, entry 2 of annotations"
    assert "1 of the file's annotations cannot be linked" in reading.problems[1].sentence
    assert reading.problems[1].location == "t.json, entry 2 of images"


@pytest.mark.parametrize("link", [None, "", True, 1.5, [1], {"id": 1}, 2.0**60, float("nan")])
def test_an_annotation_without_image_id_may_belong_to_any_image_of_the_file(tmp_path: Path, link: object) -> None:
    reading = read(tmp_path, body(annotations=[*body()["annotations"], *body({"image_id": link})["annotations"]]))
    assert labels(reading) == {}
    assert [each.file for each in reading.problems] == ["t.json", "a.jpg", "b.jpg"]
    assert reading.problems[0].location == "t.json, entry 2 of annotations"
    assert "1 of the file's annotations has no valid image_id and may belong" in reading.problems[1].sentence


def test_a_long_id_is_cut_in_sentences(tmp_path: Path) -> None:
    long = 10**4_000
    entries = [{"id": long, "file_name": "a.jpg"}, {"id": long, "file_name": "b.jpg"}]
    categories = [{"id": long, "name": "cat"}, {"id": long, "name": "dog"}]
    for document in (
        body({"image_id": long}),
        body(images=entries),
        body({"category_id": long}),
        body({"category_id": long}, categories=categories),
    ):
        sentences = [each.sentence for each in read(tmp_path, document).problems]
        assert any("0" * 39 in sentence for sentence in sentences)
        assert max(map(len, sentences)) < 200


def test_an_annotation_without_image_id_or_that_is_no_object_cannot_be_linked(tmp_path: Path) -> None:
    entries: list[Any] = [{"category_id": 1, "bbox": [1, 1, 5, 5]}, None, 7, "text", []]
    for broken in entries:
        reading = read(tmp_path, body(annotations=[broken]))
        assert labels(reading) == {}
        assert "1 annotation has no valid image_id" in reading.problems[0].sentence


@pytest.mark.parametrize(
    ("annotation", "words"),
    [
        ({"category_id": None}, "has category None, which"),
        ({"category_id": True}, "has category True, which"),
        ({"category_id": 1.5}, "has category 1.5, which"),
        ({"category_id": "cat"}, "has category cat, which"),
        ({"category_id": float("nan")}, "has category None, which"),
        ({"bbox": None}, "not a box"),
        ({"bbox": None, "segmentation": []}, "not a box"),
        ({"bbox": [], "segmentation": [[1, 1, 5, 1, 5, 5]]}, "not a box"),
        ({"bbox": []}, "not a box"),
        ({"bbox": [1, 1, 5]}, "not a box"),
        ({"bbox": [1, 1, 5, 5, 30]}, "not a box"),
        ({"bbox": [1, 1, True, 5]}, "not a box"),
        ({"bbox": [1, 1, "", 5]}, "not a box"),
        ({"bbox": [1, 1, "nan", 5]}, "not a box"),
        ({"bbox": [1, float("nan"), 5, 5]}, "not a box"),
        ({"bbox": [1, float("inf"), 5, 5]}, "not a box"),
        ({"bbox": "1 1 5 5"}, "not a box"),
        ({"bbox": "[" * 100_000}, "not a box"),
        ({"bbox": {"x": 1, "y": 1, "width": 5, "height": 5}}, "not a box"),
        ({"bbox": [30, 30, -20, -20]}, "has no size"),
        ({"bbox": [0, 0, 0, 5]}, "has no size"),
        ({"iscrowd": True}, "crowd region"),
        ({"iscrowd": "1"}, "crowd region"),
        ({"iscrowd": 2}, "iscrowd 2"),
        ({"attributes": {"rotation": 30.5}}, "rotated"),
    ],
)
def test_an_annotation_that_cannot_be_used_costs_its_image(
    tmp_path: Path, annotation: dict[str, Any], words: str
) -> None:
    reading = read(tmp_path, body(annotation))
    assert labels(reading) == {"b.jpg": ()}
    assert [(each.file, each.location) for each in reading.problems] == [("a.jpg", "t.json, entry 1 of annotations")]
    assert words in reading.problems[0].sentence


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"width": 100.5}, "The width is 100.5"),
        ({"height": -80}, "The height is -80"),
        ({"width": True}, "The width is True"),
        ({"width": "wide"}, "The width is wide"),
        ({"annotary": {"class": 7}}, "no usable class name"),
    ],
)
def test_an_image_that_cannot_be_used_is_named(tmp_path: Path, changes: dict[str, Any], words: str) -> None:
    reading = read(tmp_path, body(images=image(**changes)))
    assert labels(reading) == {"b.jpg": ()}
    assert [each.file for each in reading.problems] == ["a.jpg"]
    assert words in reading.problems[0].sentence


@pytest.mark.parametrize("changes", [{"id": None}, {"id": True}, {"id": [1]}, {"file_name": None}, {"file_name": 7}])
def test_an_image_without_id_or_name_leaves_its_annotations_unlinked(tmp_path: Path, changes: dict[str, Any]) -> None:
    reading = read(tmp_path, body(images=image(**changes)))
    assert labels(reading) == {}
    named = "a.jpg" if "id" in changes else "t.json"
    assert sorted(each.file for each in reading.problems) == sorted([named, "t.json", "b.jpg"])
    assert {each.file for each in reading.problems if each.location == "t.json, entry 1 of images"} == {named}


def test_one_id_for_two_files_leaves_both_out(tmp_path: Path) -> None:
    for first, second in ((1, 1), (1, "1"), (1.0, 1), ("1", "1.0")):
        images = [*image(id=first), {"id": second, "file_name": "c.jpg", "width": 100, "height": 80}]
        reading = read(tmp_path, body(images=images))
        assert labels(reading) == {}
        assert sorted(each.file for each in reading.problems) == ["a.jpg", "b.jpg", "c.jpg"]
        assert "shares the id 1 with c.jpg" in reading.problems[0].sentence


def test_an_id_that_an_image_shares_with_an_entry_without_name_leaves_it_out(tmp_path: Path) -> None:
    for entry in ({"id": 1, "file_name": None}, {"id": "1"}, {"id": 1.0, "file_name": ".."}):
        for images in ([*image(), entry], [entry, *image()]):
            reading = read(tmp_path, body(images=images))
            assert labels(reading) == {}
            assert [each.file for each in reading.problems] == ["t.json", "a.jpg", "b.jpg"]
            assert "shares the id 1 with an image without a valid name" in reading.problems[1].sentence


def test_an_image_that_is_listed_again_without_id_is_out(tmp_path: Path) -> None:
    reading = read(tmp_path, body(images=[*image(), {"id": None, "file_name": "a.jpg"}]))
    assert labels(reading) == {"b.jpg": ()}
    assert [each.location for each in reading.problems] == ["t.json, entry 3 of images", "t.json, entry 1 of images"]


def test_an_id_that_a_category_shares_with_one_without_name_is_ambiguous(tmp_path: Path) -> None:
    categories: list[dict[str, Any]] = [{"id": 1, "name": "cat"}, {"id": 1, "name": None}]
    for each in (categories, categories[::-1]):
        reading = read(tmp_path, body(categories=each))
        assert labels(reading) == {"b.jpg": ()}
        assert "Two categories have the same id, 1" in reading.problems[-1].sentence


def test_many_images_with_one_id_are_refused_in_time(tmp_path: Path) -> None:
    images = [{"id": 0, "file_name": f"{at}.jpg"} for at in range(20_000)]
    started = time.perf_counter()
    assert len(read(tmp_path, body(images=images)).refused) == 20_000
    assert time.perf_counter() - started < 5


def test_an_image_that_is_listed_twice_counts_once_if_the_entries_agree(tmp_path: Path) -> None:
    again = {"id": 1, "file_name": "./a.jpg", "width": 100.0, "height": 80, "license": 3}
    assert labels(read(tmp_path, body(images=[*image(), again]))) == {"a.jpg": (BOX,), "b.jpg": ()}
    reading = read(tmp_path, body(images=[*image(), again | {"width": 200}]))
    assert labels(reading) == {}
    assert "lists this image twice under the id 1, with differences" in reading.problems[0].sentence


def test_one_file_under_two_ids_must_have_the_same_labels_under_both(tmp_path: Path) -> None:
    images = [*image(), {"id": 3, "file_name": "a.jpg", "width": 100, "height": 80}]
    reading = read(tmp_path, body(images=images))
    assert labels(reading) == {"b.jpg": ()}
    assert "between t.json, entry 1 of images and t.json, entry 3 of images" in reading.problems[0].sentence
    same = [body()["annotations"][0], body({"image_id": 3})["annotations"][0]]
    assert labels(read(tmp_path, body(images=images, annotations=same))) == {"a.jpg": (BOX,), "b.jpg": ()}


def test_the_original_name_of_roboflow_is_kept(tmp_path: Path) -> None:
    record = next(read(tmp_path, body(images=image(extra={"name": "photos\\a.jpg"}))).records)
    assert record.original_name == "photos/a.jpg"


def test_a_whole_folder_reports_the_json_that_is_not_coco(tmp_path: Path) -> None:
    (tmp_path / "info.json").write_text('{"license": "CC0"}')
    (tmp_path / "t.json").write_text(json.dumps(body()))
    reading = read_with("coco", tmp_path)
    assert len(list(reading.records)) == 2
    assert [(each.file, each.sentence) for each in reading.problems] == [
        ("info.json", "This is not COCO JSON, so nothing was read from it.")
    ]
