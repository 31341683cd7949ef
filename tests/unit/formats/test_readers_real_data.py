"""The readers on real label files, if the shared data is next to the checkout."""

from __future__ import annotations

from pathlib import Path

import pytest

from annotary_core.formats.readers import detect_and_read

IMAGES = Path(__file__).parents[4] / "shared" / "data" / "images"

pytestmark = pytest.mark.shared


def test_every_raccoon_file_reads_although_half_name_a_missing_image() -> None:
    reading = detect_and_read(IMAGES / "raccoon")
    records = list(reading.records)
    assert reading.reader == "voc"
    assert reading.problems == []
    assert (len(records), sum(len(each.objects) for each in records)) == (200, 217)
    assert {item.class_name for each in records for item in each.objects} == {"raccoon"}
    present = {path.name for path in (IMAGES / "raccoon" / "images").iterdir()}
    assert sum(each.file_name in present for each in records) == 100


def test_the_imagenet_sample_has_one_class_per_file() -> None:
    reading = detect_and_read(IMAGES / "imagenet_sample")
    classes = {each.file_name: each.image_class for each in reading.records}
    assert reading.problems == []
    assert len(classes) == len(set(classes.values())) == 35
    assert classes["n02086240_Shih-Tzu.JPEG"] == "Shih-Tzu"
