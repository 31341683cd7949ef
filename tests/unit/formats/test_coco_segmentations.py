"""COCO's segmentations as polygons: what means the same is read the same, and what is no mask costs its image."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pycocotools import mask as reference

from annotary_core.formats.errors import Unreadable
from annotary_core.formats.ground_truth import GroundTruthRecord
from annotary_core.formats.readers import read_with
from annotary_core.labels.geometry import Frame
from annotary_core.labels.shapes.polygon import Polygon, polygon_of
from tests.polygons import pixels_of

# pycocotools decodes masks in a way that NumPy 2 warns about.
pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning:pycocotools")
FRAME = Frame(20, 16)
TRIANGLE = polygon_of([[[(2, 2), (12, 2), (12, 10)]]])
BOTH = polygon_of([[[(2, 2), (12, 2), (12, 10)]], [[(14, 4), (18, 4), (18, 9), (14, 9)]]])
SQUARES = np.zeros((16, 20), np.bool_)
SQUARES[2:12, 3:13] = True
SQUARES[5:8, 6:10] = False  # a hole
SQUARES[6, 7] = True  # in the hole
SQUARES[12, 13] = True  # touches by a corner


def packed(mask: Any) -> dict[str, Any]:
    rle = reference.encode(np.asfortranarray(mask.astype(np.uint8)))
    return {"counts": rle["counts"].decode(), "size": rle["size"]}


def runs(mask: Any) -> list[int]:
    flat = mask.T.reshape(-1)
    edges = np.flatnonzero(np.diff(flat)) + 1
    counts: list[int] = np.diff(np.concatenate([[0], edges, [flat.size]])).tolist()
    return [0, *counts] if flat[0] else counts


def record(folder: Path, **annotation: Any) -> GroundTruthRecord:
    """The record of an image of 20 x 16 pixels with one annotation."""
    box = {"id": 1, "image_id": 1, "category_id": 1, "bbox": [2, 2, 10, 8], "iscrowd": 0}
    document = {
        "images": [{"id": 1, "file_name": "a.jpg", "width": 20, "height": 16}],
        "annotations": [box | annotation],
        "categories": [{"id": 1, "name": "cat"}],
    }
    (folder / "t.json").write_text(json.dumps(document))
    reading = read_with("coco", folder / "t.json")
    (found,) = reading.records
    return found


def polygon(folder: Path, segmentation: Any, **annotation: Any) -> Polygon:
    (item,) = record(folder, segmentation=segmentation, **annotation).objects
    geometry = item.geometry("polygon", FRAME)
    assert isinstance(geometry, Polygon)
    return geometry


@pytest.mark.parametrize(
    "segmentation",
    [
        [[2, 2, 12, 2, 12, 10]],
        [["2", "2.0", "1.2e1", 2, 12.0, "10"]],
        [[12, 10, 12, 2, 2, 2]],
        [[12, 2, 12, 10, 2, 2]],
        [[2, 2, 12, 2, 12, 10, 2, 2]],
        [[2, 2, 2, 2, 12, 2, 12, 10, 12, 10.001]],
        [2, 2, 12, 2, 12, 10],
        "[[2, 2, 12, 2, 12, 10]]",
        [[2, 2, 12, 2, 12, 10], []],
        [[2, 2, 12, 2, 12, 10], [3, 3]],
        [[1, 1, 5, 5], [2, 2, 12, 2, 12, 10]],
        [[2, 2, 12, 2, 12, 10], [1, 1, 5, 5, 9, 9, 3, 3]],
        [[2, 2, 12, 2, 12, 10], [4, 4, 4.001, 4, 4, 4.001]],
    ],
    ids=repr,
)
def test_outlines_that_mean_the_same_are_read_the_same(tmp_path: Path, segmentation: Any) -> None:
    assert polygon(tmp_path, segmentation) == TRIANGLE


def test_each_outline_is_a_part(tmp_path: Path) -> None:
    assert polygon(tmp_path, [[14, 4, 18, 4, 18, 9, 14, 9], [2, 2, 12, 2, 12, 10]]) == BOTH


def test_an_outline_that_crosses_itself_is_filled_by_the_even_odd_rule(tmp_path: Path) -> None:
    outline = [2, 2, 12, 2, 12, 12, 4, 12, 4, 4, 8, 4, 8, 14, 2, 14]
    rle = reference.merge(reference.frPyObjects([outline], 16, 20))
    assert np.array_equal(pixels_of(polygon(tmp_path, [outline]), FRAME), reference.decode(rle).astype(bool))


@pytest.mark.parametrize("mask", [SQUARES, np.ones((16, 20), np.bool_), ~SQUARES], ids=["squares", "all", "around"])
def test_the_pixels_of_a_mask_are_kept_with_its_holes(tmp_path: Path, mask: Any) -> None:
    compressed = polygon(tmp_path, packed(mask))
    assert np.array_equal(pixels_of(compressed, FRAME), mask)
    assert polygon(tmp_path, {"counts": runs(mask), "size": [16, 20]}) == compressed
    as_written = {"size": ["16", 20.0], "counts": [str(run) for run in runs(mask)]}
    assert polygon(tmp_path, as_written) == compressed
    assert polygon(tmp_path, json.dumps(packed(mask))) == compressed


def test_parts_and_holes_of_a_mask(tmp_path: Path) -> None:
    parts = polygon(tmp_path, packed(SQUARES)).parts
    assert sorted(len(part) for part in parts) == [1, 1, 2]


@pytest.mark.parametrize("empty", [[], None, {}, "", [[]]])
def test_an_annotation_without_segmentation_is_a_box_alone(tmp_path: Path, empty: Any) -> None:
    (item,) = record(tmp_path, segmentation=empty).objects
    assert item.tools == ("box",)
    indented = json.dumps([[]], indent=40)
    (item,) = record(tmp_path, segmentation=json.loads(indented)).objects
    assert item.tools == ("box",)


def test_an_annotation_without_bbox_is_a_polygon_alone(tmp_path: Path) -> None:
    (item,) = record(tmp_path, bbox=None, segmentation=[[2, 2, 12, 2, 12, 10]]).objects
    assert item.tools == ("polygon",)


@pytest.mark.parametrize(
    ("segmentation", "words"),
    [
        ([[2, 2, 12, 2]], "encloses no area"),
        ([[2, 2, 12, 2, 7, 2]], "encloses no area"),
        ([[2, 2, 12, 2, 12]], "not a list of pairs of finite numbers"),
        ([[2, 2, 12, "a", 12, 10]], "not a list of pairs of finite numbers"),
        ([[2, 2, 12, None, 12, 10]], "not a list of pairs of finite numbers"),
        ([[2, 2, True, 2, 12, 10]], "not a list of pairs of finite numbers"),
        ([[[2, 2], [12, 2], [12, 10]]], "not a list of pairs of finite numbers"),
        ([{"x": 2}], "not a list of pairs of finite numbers"),
        (7, "neither a list of outlines nor an RLE mask"),
        ("NaN", "neither a list of outlines nor an RLE mask"),
        ({"counts": "x"}, "needs a size, [height, width], and counts"),
        ({"size": [16, 20]}, "needs a size, [height, width], and counts"),
        ({"size": [20, 16], "counts": [0, 320]}, "for an image of 16 x 20 pixels, not 20 x 16"),
        ({"size": [16], "counts": [16]}, "for an image of unknown pixels"),
        ({"size": [16, 20], "counts": [0, 319]}, "do not fill its image"),
        ({"size": [16, 20], "counts": [0, 300, -5, 25]}, "do not fill its image"),
        ({"size": [16, 20], "counts": [0.5, 319.5]}, "not a whole number"),
        ({"size": [16, 20], "counts": [0, 10**30]}, "cannot be read"),
        ({"size": [16, 20], "counts": [320]}, "empty"),
        ({"size": [16, 20], "counts": "\u00e9"}, "cannot be read"),
        ({"size": [16, 20], "counts": "zzz"}, "cannot be read"),
        ({"size": [16, 20], "counts": {}}, "needs a size"),
    ],
)
def test_what_is_no_mask_is_refused_by_those_who_ask_for_it(tmp_path: Path, segmentation: Any, words: str) -> None:
    (item,) = record(tmp_path, segmentation=segmentation).objects
    with pytest.raises(Unreadable) as refused:
        item.geometry("polygon", FRAME)
    assert words in str(refused.value)
    assert item.geometry("box", FRAME).bounds() == (2, 2, 12, 10)


def test_two_files_agree_as_far_as_both_state_the_objects(tmp_path: Path) -> None:
    def write(name: str, segmentation: Any, **image: Any) -> None:
        box = {"id": 1, "image_id": 1, "category_id": 1, "bbox": [2, 2, 10, 8], "segmentation": segmentation}
        document = {
            "images": [{"id": 1, "file_name": "a.jpg"} | image],
            "annotations": [box],
            "categories": [{"id": 1, "name": "cat"}],
        }
        (tmp_path / f"{name}.json").write_text(json.dumps(document))

    outline = [[2, 2, 12, 2, 12, 10]]
    write("boxes", [], width=20, height=16)
    write("outlines", outline)
    (joined,) = read_with("coco", tmp_path).records
    assert (joined.width, joined.height, joined.objects[0].tools) == (20, 16, ("polygon", "box"))
    write("again", outline)
    (joined,) = read_with("coco", tmp_path).records
    assert joined.objects[0].geometry("polygon", FRAME) == TRIANGLE
    write("different", [[2, 2, 12, 2, 2, 10]])
    (joined,) = read_with("coco", tmp_path).records
    assert joined.objects[0].tools == ("box",)
