"""Round trips: a written release reads back as the same ground truth."""

from __future__ import annotations

from pathlib import Path

from annotary_core.formats.readers import detect_and_read, read_with
from tests.golden.release import STRAYS, box, label, record, write
from tests.truth_boxes import a_box


def test_a_coco_release_reads_back_with_the_same_boxes_and_classes(tmp_path: Path) -> None:
    write("coco", STRAYS, tmp_path)
    reading = detect_and_read(tmp_path)
    records = list(reading.records)
    assert reading.reader == "coco"
    assert reading.problems == []
    assert [(each.width, each.height) for each in records] == [(40, 30)] * 5
    assert records[0].objects == (a_box("cat", 1, 2, 10.25, 20.5), a_box("dog", 0, 0, 40, 30))
    assert [each.image_class for each in records] == [None, None, "cat", None, "dog"]
    assert records[3].objects == ()


def test_whole_pixels_survive_a_round_trip_through_the_imagenet_xml(tmp_path: Path) -> None:
    write("imagenet", [record("a.jpg", label(box(7, 0, 0, 1, 1), box(7, 3, 4, 37, 26, id="o2")))], tmp_path)
    reading = read_with("voc", tmp_path)
    records = list(reading.records)
    assert reading.problems == []
    assert records[0].file_name == "a.jpg"
    assert records[0].objects == (a_box("cat", 0, 0, 1, 1), a_box("cat", 3, 4, 37, 26))


def test_the_folders_of_imagenet_read_back_as_classes(tmp_path: Path) -> None:
    write("imagenet", STRAYS, tmp_path)
    reading = read_with("folders", tmp_path)
    assert sorted(each.image_class or "" for each in reading.records) == ["cat", "dog", "dog"]
    assert reading.problems == []
