"""Polygons survive a release: written as COCO, read by pycocotools and imported again."""

from __future__ import annotations

import contextlib
import io
import tempfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pycocotools.coco import COCO

from annotary_core.formats.coco.segmentation import label_objects
from annotary_core.formats.readers import detect_and_read
from annotary_core.labels.answer import Answer
from annotary_core.labels.schema import Schema
from annotary_core.labels.shapes.polygon import Polygon
from tasks.ingest.ground_truth import ImageFrame, to_answer
from tests.golden.release import INFO, label, polygon, record, write
from tests.polygons import FRAME, distance_to_outline, pixels_of, polygons

# pycocotools decodes masks in a way that NumPy 2 warns about.
pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning:pycocotools")
SCHEMA = Schema.from_json({"classes": [each.to_json() for each in INFO.classes], "tools": ["polygon"]})
WHOLE = ImageFrame(FRAME.width, FRAME.height, FRAME.width, FRAME.height, 1)


def has_hole(drawn: Polygon) -> bool:
    return any(len(part) > 1 for part in drawn.parts)


def is_same(drawn: Polygon, read: object) -> bool:
    """A polygon without holes is the same to the digit. One with holes has the pixels whose centers it contains."""
    if has_hole(drawn):
        return isinstance(read, Polygon) and np.array_equal(pixels_of(drawn), pixels_of(read))
    return drawn == read


@settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.lists(polygons(), min_size=1, max_size=4))
def test_a_release_of_polygons_is_read_back_as_it_was(drawn: list[Polygon | None]) -> None:
    # One for each set of pixels, since equal objects are one; a mask without any pixel has no outline.
    by_pixels = {pixels_of(each).tobytes(): each for each in drawn if each is not None and pixels_of(each).any()}
    released = list(by_pixels.values())
    objects = [polygon(7, *each.to_json()["parts"], id=f"o{at}") for at, each in enumerate(released)]
    with tempfile.TemporaryDirectory() as folder, contextlib.redirect_stdout(io.StringIO()):
        write("coco", [record("a.jpg", label(*objects), width=FRAME.width, height=FRAME.height)], Path(folder))
        coco = COCO(f"{folder}/coco/annotations.json")
        rows = coco.loadAnns(coco.getAnnIds())
        masks = [coco.annToMask(row).astype(bool) for row in rows]
        (imported,) = detect_and_read(Path(folder)).records
        answer = Answer.from_json(to_answer(imported, schema=SCHEMA, frame=WHOLE))

    read = [item.geom for item in label_objects(rows, FRAME)]
    assert all(is_same(*pair) for pair in zip(released, read, strict=True))
    assert len(answer.objects) == len(released)
    assert all(any(is_same(each, item.geom) for item in answer.objects) for each in released)
    for each, mask in zip(released, masks, strict=True):
        differing = mask ^ pixels_of(each)
        assert distance_to_outline(each, differing) < 0.3
        assert not (has_hole(each) and differing.any())
