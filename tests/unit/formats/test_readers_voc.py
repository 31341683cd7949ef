"""Reading Pascal VOC: the pixel convention, and malformed files."""

from __future__ import annotations

from pathlib import Path

import pytest

from annotary_core.formats.ground_truth import ReadResult
from annotary_core.formats.readers import detect_and_read, read_with
from tests.truth_boxes import a_box, sides_of

GOOD = """<annotation verified="yes"><folder>images</folder><filename>{name}</filename>
<size><width>650</width><height>417</height><depth>3</depth></size>
<object><name>raccoon</name><pose>Unspecified</pose><truncated>0</truncated><difficult>0</difficult>
<bndbox><xmin>{xmin}</xmin><ymin>88</ymin><xmax>{xmax}</xmax><ymax>408</ymax></bndbox></object></annotation>"""
BOMB = (
    '<!DOCTYPE a [<!ENTITY a "lol"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;&a;&a;">]>'
    "<annotation><filename>&b;</filename></annotation>"
)


def good(name: str = "r.jpg", xmin: str = "81", xmax: str = "522") -> str:
    return GOOD.format(name=name, xmin=xmin, xmax=xmax)


def read(folder: Path, **files: str) -> ReadResult:
    for name, body in files.items():
        (folder / f"{name}.xml").write_text(body)
    reading = read_with("voc", folder)
    reading.records = iter(list(reading.records))
    return reading


def test_corners_count_from_one_and_belong_to_the_box(tmp_path: Path) -> None:
    record = next(read(tmp_path, a=good()).records)
    assert (record.file_name, record.width, record.height, record.image_class) == ("r.jpg", 650, 417, None)
    assert record.objects == (a_box("raccoon", 80, 87, 442, 321),)


def test_a_box_that_fills_the_image_does_so_in_either_convention(tmp_path: Path) -> None:
    by_the_book, from_zero = (next(read(tmp_path, a=good(xmin=xmin, xmax="650")).records).objects[0] for xmin in "10")
    assert (sides_of(by_the_book)["x"], sides_of(by_the_book)["w"]) == (0, 650)
    assert (sides_of(from_zero)["x"], sides_of(from_zero)["w"]) == (0, 650)


def test_an_overshoot_of_one_pixel_is_clipped_and_more_refuses_the_file(tmp_path: Path) -> None:
    reading = read(tmp_path, a=good(xmax="651"), b=good("s.jpg", xmax="652"))
    assert [sides_of(each.objects[0])["w"] for each in reading.records] == [570]
    assert [each.file for each in reading.problems] == ["b.xml"]
    assert "2 px past the right edge" in reading.problems[0].sentence


def test_without_a_size_the_caller_must_check(tmp_path: Path) -> None:
    body = good(xmax="9000").replace("<width>650</width><height>417</height>", "<width>0</width>")
    record = next(read(tmp_path, a=body).records)
    assert (record.width, record.height) == (None, None)
    assert sides_of(record.objects[0])["w"] == 8920


def test_a_file_without_objects_means_an_empty_image(tmp_path: Path) -> None:
    record = next(read(tmp_path, a="<annotation><filename>x.jpg</filename></annotation>").records)
    assert record.objects == ()


@pytest.mark.parametrize(
    ("body", "sentence"),
    [
        (BOMB, "document type or entities"),
        ('<!DOCTYPE a SYSTEM "file:///etc/passwd"><annotation/>', "document type or entities"),
        (good()[:-5], "not well-formed XML"),
        ("", "not well-formed XML"),
        ("<svg/>", "not <annotation>"),
        (good(xmin="nan"), "“nan” is not a number of pixels"),
        (good(xmin="inf"), "“inf” is not a number of pixels"),
        (good(xmin=""), "is not a number of pixels"),
        (good(xmin="600"), "has no size"),
        (good(xmin="-3"), "past the left edge"),
        (good().replace("<name>raccoon</name>", ""), "no usable class name"),
        (good().replace("bndbox", "polygon"), "no bndbox"),
        (good(name=".."), "file name of the image is missing or invalid"),
        (good(name="photos/.."), "file name of the image is missing or invalid"),
        (good(name="r.jpg</filename><filename>s.jpg"), "more than one <filename>"),
        (good().replace("</bndbox>", "</bndbox><bndbox/>"), "2 bndbox elements"),
        (
            good().replace("<object>", "<objects><object>").replace("</object>", "</object></objects>"),
            "unexpected place",
        ),
        (good().replace("object>", "Object>"), "unexpected place"),
        (good().replace("<width>650<", "<width>6.5<"), "whole number of pixels"),
    ],
)
def test_a_bad_file_is_refused_with_a_sentence_and_the_others_are_read(
    tmp_path: Path, body: str, sentence: str
) -> None:
    reading = read(tmp_path, a=body, b=good("other.jpg"))
    assert [each.file_name for each in reading.records] == ["other.jpg"]
    assert [each.file for each in reading.problems] == ["a.xml"]
    assert sentence in reading.problems[0].sentence


def test_a_file_with_an_invalid_encoding_is_reported(tmp_path: Path) -> None:
    (tmp_path / "a.xml").write_bytes(b'<?xml version="1.0" encoding="nonsense"?><annotation/>')
    (tmp_path / "b.xml").write_bytes(b"<annotation>\xff\xfe</annotation>")
    reading = read(tmp_path, c=good())
    assert [each.file for each in reading.problems] == ["a.xml", "b.xml"]


def test_a_huge_file_is_refused_before_it_is_parsed(tmp_path: Path) -> None:
    reading = read(tmp_path, a=good() + " " * (4 * 1024 * 1024))
    assert "larger than 4 MiB" in reading.problems[0].sentence


def test_a_link_out_of_the_upload_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / "secret.xml").write_text(good())
    (tmp_path / "upload").mkdir()
    (tmp_path / "upload/a.xml").symlink_to(tmp_path / "secret.xml")
    assert [each.file_name for each in read(tmp_path / "upload", b=good("other.jpg")).records] == ["other.jpg"]


def test_annotations_anywhere_below_the_folder_are_found(tmp_path: Path) -> None:
    (tmp_path / "Annotations").mkdir()
    (tmp_path / "Annotations/a.xml").write_text(good())
    (tmp_path / "r.jpg").write_bytes(b"")
    reading = detect_and_read(tmp_path)
    assert reading.reader == "voc"
    assert [each.file_name for each in reading.records] == ["r.jpg"]
