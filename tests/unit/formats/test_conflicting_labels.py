"""Several entries for one image count once if they agree; otherwise none does, and both places are named."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from annotary_core.formats.ground_truth import ReadResult
from annotary_core.formats.readers import detect_and_read


def voc(name: str, *boxes: tuple[int, int, int, int], folder: str = "", size: str = "") -> str:
    objects = "".join(
        f"<object><name>cat</name><bndbox><xmin>{x1}</xmin><ymin>{y1}</ymin><xmax>{x2}</xmax><ymax>{y2}</ymax></bndbox>"
        "</object>"
        for x1, y1, x2, y2 in boxes
    )
    return f"<annotation><folder>{folder}</folder><filename>{name}</filename>{size}{objects}</annotation>"


def coco(name: str, *boxes: tuple[int, int, int, int]) -> str:
    annotations = [{"id": at, "image_id": 1, "category_id": 1, "bbox": box} for at, box in enumerate(boxes, start=1)]
    images = [{"id": 1, "file_name": name, "width": 100, "height": 80}]
    return json.dumps({"images": images, "annotations": annotations, "categories": [{"id": 1, "name": "cat"}]})


def read(folder: Path, files: dict[str, str]) -> ReadResult:
    for name, text in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    reading = detect_and_read(folder)
    reading.records = iter(list(reading.records))
    return reading


def keys(reading: ReadResult) -> dict[str, int]:
    """{key: number of boxes} of the records."""
    return {each.key: len(each.objects) for each in reading.records}


def sentences(reading: ReadResult) -> str:
    return " ".join(each.sentence for each in reading.problems)


def test_two_voc_files_for_one_image_that_differ_are_both_out(tmp_path: Path) -> None:
    files = {"img1.xml": voc("img1.jpg", (11, 11, 30, 30)), "img2.xml": voc("img1.jpg", (60, 11, 79, 30))}
    reading = read(tmp_path, files)
    assert keys(reading) == {}
    assert "differ between img1.xml and img2.xml" in sentences(reading)
    assert [each.key for each in reading.refused] == ["img1.jpg"]


def test_entries_that_agree_are_one(tmp_path: Path) -> None:
    size = "<size><width>100</width><height>80</height></size>"
    boxes = ((11, 11, 30, 30), (41, 41, 60, 60))
    files = {
        "a/x.xml": voc("x.jpg", *boxes),
        "b/x.xml": voc("./x.jpg", *reversed(boxes), size=size),
        "c.json": coco("x.jpg", (10, 10, 20, 20), (40, 40, 20, 20)),
    }
    reading = read(tmp_path, files)
    assert [(each.file_name, each.width) for each in reading.records] == [("x.jpg", 100)]
    assert (reading.reader, reading.problems) == ("coco, voc", [])


@pytest.mark.parametrize("boxes", [(), ((11, 11, 30, 30),)])
def test_a_voc_file_and_its_copy_under_another_name_are_both_out(
    tmp_path: Path, boxes: tuple[tuple[int, int, int, int], ...]
) -> None:
    reading = read(tmp_path, {"img1.xml": voc("img1.jpg", *boxes), "img2.xml": voc("img1.jpg", *boxes)})
    assert keys(reading) == {}
    assert "equal, but in files with the names of different images: img1.xml and img2.xml" in sentences(reading)


def test_coco_and_voc_are_read_together(tmp_path: Path) -> None:
    files = {"a.json": coco("x.jpg", (1, 1, 5, 5)), "b/y.xml": voc("y.jpg", (1, 1, 5, 5)), "c/pom.xml": "<project/>"}
    reading = read(tmp_path, files)
    assert keys(reading) == {"x.jpg": 1, "y.jpg": 1}
    assert [each.file for each in reading.problems] == ["c/pom.xml"]
    both = read(tmp_path, {"b/x.xml": voc("x.jpg")})
    assert keys(both) == {"y.jpg": 1}
    assert "differ between a.json, entry 1 of images and b/x.xml" in sentences(both)


def test_an_entry_beside_one_that_cannot_be_used_is_out_too(tmp_path: Path) -> None:
    reading = read(tmp_path, {"a.xml": voc("x.jpg", (11, 11, 30, 30)), "b.xml": voc("x.jpg", (30, 30, 11, 11))})
    assert keys(reading) == {}
    assert [each.file for each in reading.problems] == ["b.xml", "x.jpg"]
    assert "cannot be used (b.xml), so a.xml may be incomplete" in sentences(reading)


def test_labels_per_split_belong_to_images_of_that_split(tmp_path: Path) -> None:
    files = {
        "train/_annotations.coco.json": coco("1.jpg", (1, 1, 5, 5)),
        "valid/_annotations.coco.json": coco("1.jpg"),
        "test/_annotations.coco.json": coco("images/test/2.jpg"),
    }
    reading = read(tmp_path, files)
    assert keys(reading) == {"train/1.jpg": 1, "valid/1.jpg": 0, "images/test/2.jpg": 0}
    assert reading.problems == []


def test_a_split_s_labels_and_a_full_path_are_about_one_image(tmp_path: Path) -> None:
    files = {"train/a.json": coco("1.jpg", (1, 1, 5, 5)), "all.json": coco("train/1.jpg")}
    reading = read(tmp_path, files)
    assert keys(reading) == {}
    assert "differ between all.json, entry 1 of images and train/a.json" in sentences(reading)


def test_labels_that_differ_are_kept_apart_by_the_folders_of_their_files(tmp_path: Path) -> None:
    files = {"cam1/1.xml": voc("1.jpg", (1, 1, 5, 5)), "cam2/1.xml": voc("1.jpg")}
    reading = read(tmp_path, files)
    assert keys(reading) == {"cam1/1.jpg": 1, "cam2/1.jpg": 0}
    third = read(tmp_path, {"other/cam2/1.xml": voc("1.jpg", (3, 3, 9, 9))})
    assert keys(third) == {}
    assert "differ between cam1/1.xml, cam2/1.xml and other/cam2/1.xml" in sentences(third)


def test_the_folder_in_a_voc_file_counts_if_it_is_that_of_a_split(tmp_path: Path) -> None:
    def folder_of(**options: Any) -> str:
        return next(read(tmp_path, {"x.xml": voc("1.jpg", (1, 1, 5, 5), **options)}).records).folder

    assert [folder_of(folder=name) for name in ("val", "C:\\set\\val", "VOC2012", "")] == ["val", "val", "", ""]


def test_a_voc_file_has_the_name_of_its_image(tmp_path: Path) -> None:
    files = {"a/x.1.xml": voc("x.1.jpg"), "b/y.xml": voc("\n\t y.jpg \n"), "c/z.xml": voc(""), "d/w.xml": voc("%s")}
    reading = read(tmp_path, files)
    records = {each.file_name: each.own_name for each in reading.records}
    assert records == {"x.1.jpg": "x.1", "y.jpg": "y", "z": "z", "w": "w"}
    assert reading.problems == []
