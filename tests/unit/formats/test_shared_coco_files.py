"""Real COCO files with polygons and masks, if the shared data is next to the checkout: their counts and their masks."""

from __future__ import annotations

import contextlib
import io
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pycocotools.coco import COCO

from annotary_core.formats.ground_truth import GroundTruthRecord
from annotary_core.formats.readers import read_with
from annotary_core.labels.geometry import Frame
from annotary_core.labels.shapes.polygon import Polygon
from tests.polygons import iou, pixels_of

FORMATS = Path(__file__).parents[4] / "shared" / "data" / "formats"
# pycocotools decodes masks in a way that NumPy 2 warns about.
pytestmark = [pytest.mark.shared, pytest.mark.filterwarnings("ignore::DeprecationWarning:pycocotools")]
SAMPLES = {
    "coco/terrain": ["terrain1_coco.json", "terrain2_coco.json", "terrain3_coco.json", "terrain_all_coco.json"],
    "coco/keypoints-coco17": ["test_coco.json"],
    "coco/weird-file-names": ["train.json"],
    "youtube_vis/mmtracking": ["ann.json"],
}


def read(path: Path) -> tuple[list[GroundTruthRecord], list[str]]:
    reading = read_with("coco", path)
    return list(reading.records), [each.sentence for each in reading.problems]


def drawn(record: GroundTruthRecord) -> list[tuple[Frame, Polygon]]:
    assert record.width and record.height
    frame = Frame(record.width, record.height)
    return [(frame, item.geometry("polygon", frame)) for item in record.objects if "polygon" in item.tools]  # type: ignore[misc]


@pytest.mark.parametrize("sample", SAMPLES)
def test_the_counts_are_those_of_the_sample(sample: str) -> None:
    expected = json.loads((FORMATS / "expected.json").read_text())[sample]
    images = objects = polygons = 0
    for name in SAMPLES[sample]:
        records, problems = read(FORMATS / sample / name)
        assert problems == []
        images += len(records)
        objects += sum(len(each.objects) for each in records)
        polygons += sum(len(drawn(each)) for each in records)
    assert (images, objects, polygons) == (
        expected["images"],
        expected["boxes"],
        expected["polygons"] + expected["masks"],
    )


@pytest.mark.parametrize("name", ["coco/keypoints-coco17/test_coco.json", "youtube_vis/mmtracking/ann.json"])
def test_the_masks_are_those_that_pycocotools_reads(name: str) -> None:
    with contextlib.redirect_stdout(io.StringIO()):
        coco = COCO(str(FORMATS / name))
    masks: dict[str, list[Any]] = {}
    for image in coco.imgs.values():
        rows = coco.loadAnns(coco.getAnnIds([image["id"]]))
        masks[image["file_name"]] = [coco.annToMask(row).astype(bool) for row in rows]
    measured = []
    for record in read(FORMATS / name)[0]:
        for (frame, polygon), mask in zip(drawn(record), masks[record.file_name], strict=True):
            assert abs(int(np.count_nonzero(mask)) - int(pixels_of(polygon, frame).sum())) < 200
            measured.append(iou(pixels_of(polygon, frame), mask))
    assert len(measured) == sum(map(len, masks.values()))
    assert min(measured) > 0.98


def test_a_crowd_costs_its_image() -> None:
    folder = FORMATS / "coco" / "instances-crowd-rle" / "annotations"
    records, problems = read(folder / "instances_train.json")
    assert ([item.tools for each in records for item in each.objects], problems) == ([("box",)], [])
    records, problems = read(folder / "instances_val.json")
    assert records == []
    assert "crowd region" in problems[0]
