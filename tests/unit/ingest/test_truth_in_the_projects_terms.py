"""Ground truth becomes an answer in the image's upright frame, or is refused with a sentence."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image as Picture
from PIL import ImageOps

from annotary_core.formats.errors import Unreadable
from annotary_core.formats.ground_truth import GroundTruthObject, GroundTruthRecord
from annotary_core.labels.schema import Schema
from tasks.ingest.ground_truth import (
    GroundTruthRecords,
    GroundTruthRefused,
    ImageFrame,
    read_ground_truth,
    rotate_to_upright,
    to_answer,
    unknown_classes,
)

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
    body = answer(record(GroundTruthObject("CAT", 1, 2, 30, 40), GroundTruthObject("dog", 5, 5, 5, 5)), "box")
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
        (record(GroundTruthObject("bird", 1, 1, 5, 5)), ["box"], "no class “bird”"),
        (record(GroundTruthObject("cat", 1, 1, 5, 5)), ["class"], "this project has no box tool"),
        (record(GroundTruthObject("cat", 1, 1, 5, 5)), ["class", "box"], "give the image no class"),
        (record(cls="cat"), ["box"], "only asks for boxes"),
        (record(GroundTruthObject("cat", 1, 1, 500, 5)), ["box"], "past the right edge"),
        (
            record(GroundTruthObject("cat", 1, 1, 5, 5), size=(640, 480)),
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
    box = GroundTruthObject("cat", 10, 20, 30, 5)
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
    box = rotate_to_upright(GroundTruthObject("cat", 4, 1, 5, 2), frame)
    assert (box.x, box.y, box.x + box.w, box.y + box.h) == (xs.min(), ys.min(), xs.max() + 1, ys.max() + 1)


def test_classes_that_the_project_lacks_are_named_once() -> None:
    records = {
        "a": record(GroundTruthObject("bird", 1, 1, 5, 5), GroundTruthObject("cat", 1, 1, 5, 5)),
        "b": record(cls="bird"),
    }
    assert unknown_classes(GroundTruthRecords("voc", records), schema=schema("box")) == ["bird"]


def test_content_that_no_reader_recognizes_is_refused(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("two cats")
    with pytest.raises(GroundTruthRefused, match="contains no readable labels"):
        read_ground_truth(path=tmp_path / "notes.txt")
