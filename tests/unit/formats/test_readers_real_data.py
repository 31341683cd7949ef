"""The readers on real label files, where the measuring data lies beside the checkout."""

from __future__ import annotations

from pathlib import Path

import pytest

from annotary_core.formats.readers import detect_and_read

IMAGES = Path(__file__).parents[4] / "shared" / "data" / "images"

pytestmark = pytest.mark.shared


def test_every_raccoon_file_reads_although_half_name_an_image_that_is_not_there() -> None:
    reading = detect_and_read(IMAGES / "raccoon")
    records = list(reading.records)
    assert reading.reader == "voc"
    assert reading.problems == []
    assert (len(records), sum(len(each.boxes) for each in records)) == (200, 217)
    assert {box.class_name for each in records for box in each.boxes} == {"raccoon"}
    present = {path.name for path in (IMAGES / "raccoon" / "images").iterdir()}
    assert sum(each.file_name in present for each in records) == 100


def test_the_imagenet_sample_has_one_class_a_file() -> None:
    reading = detect_and_read(IMAGES / "imagenet_sample")
    found = {each.file_name: each.image_class for each in reading.records}
    assert reading.problems == []
    assert len(found) == len(set(found.values())) == 35
    assert found["n02086240_Shih-Tzu.JPEG"] == "Shih-Tzu"
