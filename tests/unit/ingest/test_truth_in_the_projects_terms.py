"""Ground truth becomes an answer in the image's upright frame, or is refused with a sentence."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image as Picture
from PIL import ImageOps

from annotary_core.formats.errors import Unreadable
from annotary_core.formats.ground_truth import GroundTruthObject, GroundTruthRecord
from annotary_core.labels.geometry import Frame
from annotary_core.labels.schema import Schema
from annotary_core.labels.shapes.box import Box
from annotary_core.labels.shapes.polygon import Polygon, polygon_of
from tasks.ingest.errors import GroundTruthRefused
from tasks.ingest.ground_truth import (
    GroundTruthRecords,
    ImageFrame,
    read_ground_truth,
    rotate_to_upright,
    to_answer,
    unknown_classes,
)
from tests.polygons import pixels_of
from tests.truth_boxes import a_box

UPRIGHT = ImageFrame(100, 60, 100, 60, 1)


def schema(*tools: str) -> Schema:
    classes = [{"number": 1, "name": "Cat"}, {"number": 4, "name": "dog"}]
    return Schema.from_json({"classes": classes, "tools": list(tools), "attributes": []})


def record(*boxes: GroundTruthObject, cls: str | None = None, size: tuple[int, int] | None = None) -> GroundTruthRecord:
    width, height = size or (None, None)
    return GroundTruthRecord("x.jpg", width, height, cls, boxes)


def answer(source: GroundTruthRecord, *tools: str, frame: ImageFrame = UPRIGHT) -> dict[str, Any]:
    return to_answer(source, schema=schema(*tools), frame=frame)


def test_boxes_get_the_projects_class_numbers_case_insensitively() -> None:
    body = answer(record(a_box("CAT", 1, 2, 30, 40), a_box("dog", 5, 5, 5, 5)), "box")
    assert [(item["class"], item["geom"]) for item in body["objects"]] == [
        (1, {"x": 1, "y": 2, "w": 30, "h": 40}),
        (4, {"x": 5, "y": 5, "w": 5, "h": 5}),
    ]
    assert body["verdict"] == "labels"


def test_a_class_of_the_whole_image_and_an_image_without_objects() -> None:
    assert answer(record(cls="dog"), "class")["image"]["class"] == 4
    assert answer(record(), "box")["verdict"] == "empty"


@pytest.mark.parametrize(
    ("source", "tools", "words"),
    [
        (record(a_box("bird", 1, 1, 5, 5)), ["box"], "no class “bird”"),
        (record(a_box("cat", 1, 1, 5, 5)), ["class"], "The labels of x.jpg are boxes, but this project draws nothing"),
        (record(a_box("cat", 1, 1, 5, 5)), ["class", "box"], "give the image no class"),
        (record(cls="cat"), ["box"], "only asks for boxes"),
        (record(a_box("cat", 1, 1, 500, 5)), ["box"], "past the right edge"),
        (
            record(a_box("cat", 1, 1, 5, 5), size=(640, 480)),
            ["box"],
            "image of 640 x 480 pixels, but this one has 100 x 60",
        ),
    ],
)
def test_incomplete_or_mismatched_ground_truth_is_refused_as_a_whole(
    source: GroundTruthRecord, tools: list[str], words: str
) -> None:
    with pytest.raises(Unreadable, match=words):
        answer(source, *tools)


def test_boxes_drawn_on_unrotated_pixels_are_rotated_with_them() -> None:
    portrait = ImageFrame(60, 100, 100, 60, 6)
    box = a_box("cat", 10, 20, 30, 5)
    drawn_sideways = answer(record(box, size=(100, 60)), "box", frame=portrait)
    assert drawn_sideways["objects"][0]["geom"] == {"x": 35, "y": 10, "w": 5, "h": 30}
    drawn_upright = answer(record(box, size=(60, 100)), "box", frame=portrait)
    assert drawn_upright["objects"][0]["geom"] == {"x": 10, "y": 20, "w": 30, "h": 5}
    assert answer(record(box), "box", frame=portrait) == drawn_upright


@pytest.mark.parametrize("orientation", range(1, 9))
def test_a_box_is_rotated_like_the_pixels(orientation: int, tmp_path: Path) -> None:
    pixels = np.zeros((6, 10), dtype=np.uint8)
    pixels[1:3, 4:9] = 255
    block = Picture.Exif()
    block[274] = orientation
    Picture.fromarray(pixels).save(tmp_path / "x.png", exif=block)
    with Picture.open(tmp_path / "x.png") as stored:  # noqa: TID251 - Pillow is the reference here
        upright = np.asarray(ImageOps.exif_transpose(stored))
    ys, xs = np.nonzero(upright)
    frame = ImageFrame(upright.shape[1], upright.shape[0], 10, 6, orientation)
    box = rotate_to_upright(Box(4, 1, 5, 2), "box", frame)
    assert box.bounds() == (xs.min(), ys.min(), xs.max() + 1, ys.max() + 1)


@pytest.mark.parametrize("orientation", range(1, 9))
def test_a_polygon_is_rotated_like_the_pixels(orientation: int, tmp_path: Path) -> None:
    outline = polygon_of(
        [[[(4, 1), (9, 1), (9, 4), (7, 4), (7, 3), (4, 3)], [(5, 1.4), (6.3, 1.4), (6.3, 2.6), (5, 2.6)]]]
    )
    block = Picture.Exif()
    block[274] = orientation
    Picture.fromarray(pixels_of(outline, Frame(10, 6)).astype(np.uint8) * 255).save(tmp_path / "x.png", exif=block)
    with Picture.open(tmp_path / "x.png") as stored:  # noqa: TID251 - Pillow is the reference here
        upright = np.asarray(ImageOps.exif_transpose(stored)) > 0
    frame = ImageFrame(upright.shape[1], upright.shape[0], 10, 6, orientation)
    turned = rotate_to_upright(outline, "polygon", frame)
    assert isinstance(turned, Polygon)
    assert np.array_equal(pixels_of(turned, Frame(frame.width, frame.height)), upright)
    assert [len(part) for part in turned.parts] == [2]


def drawn(name: str, *tools: str) -> GroundTruthObject:
    """An object that the labels give in these shapes."""
    shapes: dict[str, Any] = {"polygon": polygon_of([[[(1, 1), (9, 1), (9, 9)]]]), "box": Box(1, 1, 8, 8)}
    return GroundTruthObject(name, tuple((tool, shapes[tool]) for tool in tools))


def test_the_projects_tools_decide_on_the_shape() -> None:
    both = record(drawn("cat", "polygon", "box"))
    assert [item["tool"] for item in answer(both, "box")["objects"]] == ["box"]
    assert [item["tool"] for item in answer(both, "polygon")["objects"]] == ["polygon"]
    mixed = record(drawn("cat", "polygon", "box"), drawn("dog", "box"))
    assert [item["tool"] for item in answer(mixed, "box", "polygon")["objects"]] == ["box", "polygon"]


@pytest.mark.parametrize(
    ("source", "tools", "sentence"),
    [
        (
            record(drawn("cat", "box"), drawn("dog", "box")),
            ["polygon"],
            "The labels of x.jpg are boxes, but this project draws polygons. Upload labels with polygons.",
        ),
        (
            record(drawn("cat", "box"), drawn("dog", "polygon", "box")),
            ["polygon"],
            "Some labels of x.jpg are boxes, but this project draws polygons. Upload labels with polygons.",
        ),
        (
            record(drawn("cat", "polygon")),
            ["box"],
            "The labels of x.jpg are polygons, but this project draws boxes. Upload labels with boxes.",
        ),
        (
            record(drawn("cat", "polygon", "box")),
            ["class"],
            "The labels of x.jpg are polygons and boxes, but this project draws nothing. Upload labels that give each"
            " image a class.",
        ),
        (record(cls="cat"), ["box", "polygon"], "but this project only asks for boxes or polygons."),
    ],
)
def test_labels_without_the_projects_shape_are_refused_for_that_image(
    source: GroundTruthRecord, tools: list[str], sentence: str
) -> None:
    with pytest.raises(Unreadable) as refused:
        answer(source, *tools)
    assert sentence in str(refused.value)


def test_a_polygon_sticks_out_of_the_image_by_a_pixel_at_most() -> None:
    def sticking_out(by: float) -> GroundTruthRecord:
        ring = [(90.0, 50.0), (100 + by, 50.0), (100 + by, 60.0), (90.0, 60.0)]
        return record(GroundTruthObject("cat", (("polygon", polygon_of([[ring]])),)))

    (item,) = answer(sticking_out(1), "polygon")["objects"]
    assert item["geom"]["parts"] == [[[[90, 50], [100, 50], [100, 60], [90, 60]]]]
    with pytest.raises(Unreadable, match=r"extends 1\.01 px past the right edge"):
        answer(sticking_out(1.01), "polygon")


def test_classes_that_the_project_lacks_are_named_once() -> None:
    records = {
        "a": record(a_box("bird", 1, 1, 5, 5), a_box("cat", 1, 1, 5, 5)),
        "b": record(cls="bird"),
    }
    assert unknown_classes(GroundTruthRecords("voc", records), schema=schema("box")) == ["bird"]


def test_content_that_no_reader_recognizes_is_refused(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("two cats")
    with pytest.raises(GroundTruthRefused, match="contains no readable labels"):
        read_ground_truth(path=tmp_path / "notes.txt")
