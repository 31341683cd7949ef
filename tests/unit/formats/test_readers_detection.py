"""Detection of the reader for a folder, and classes from folder and file names."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from annotary_core.formats.errors import Unreadable
from annotary_core.formats.readers import detect, detect_and_read, read_with


def create_files(folder: Path, *names: str) -> None:
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(b"")


def classes(folder: Path) -> dict[str, str | None]:
    return {each.file_name: each.image_class for each in detect_and_read(folder).records}


def test_the_folder_of_an_image_is_its_class(tmp_path: Path) -> None:
    create_files(tmp_path, "train/dog/1.jpg", "val/cat/2.PNG", "lynx/3.webp", "lynx/notes.txt")
    assert classes(tmp_path) == {"train/dog/1.jpg": "dog", "val/cat/2.PNG": "cat", "lynx/3.webp": "lynx"}


def test_a_name_after_a_wordnet_id_is_the_class_without_a_class_folder(tmp_path: Path) -> None:
    create_files(tmp_path, "n02100877_Irish_setter.JPEG", "images/n02002556_107.JPEG")
    assert classes(tmp_path) == {
        "n02100877_Irish_setter.JPEG": "Irish setter",
        "images/n02002556_107.JPEG": "n02002556",
    }


def test_an_image_without_a_class_is_reported_and_not_guessed(tmp_path: Path) -> None:
    create_files(tmp_path, "dog/1.jpg", "holiday.jpg", "train/2.jpg")
    reading = detect_and_read(tmp_path)
    assert [each.file_name for each in reading.records] == ["dog/1.jpg"]
    assert [each.file for each in reading.problems] == ["holiday.jpg", "train/2.jpg"]


def test_hidden_files_and_macos_metadata_are_not_images(tmp_path: Path) -> None:
    create_files(tmp_path, "dog/1.jpg", "dog/._1.jpg", "__MACOSX/dog/1.jpg", ".cache/dog/1.jpg")
    assert list(classes(tmp_path)) == ["dog/1.jpg"]


def test_label_files_take_precedence_over_folders(tmp_path: Path) -> None:
    create_files(tmp_path, "dog/1.jpg")
    (tmp_path / "a.xml").write_text("<annotation><filename>1.jpg</filename></annotation>")
    assert detect(tmp_path) == ("voc",)
    (tmp_path / "labels.json").write_text(json.dumps({"images": [], "annotations": [], "categories": []}))
    assert detect(tmp_path) == ("coco", "voc")


def test_unrelated_json_is_not_taken_for_labels(tmp_path: Path) -> None:
    (tmp_path / "package.json").write_text(json.dumps({"name": "x", "images": ["a.png"]}))
    assert detect(tmp_path) == ()


def test_a_folder_without_labels_is_refused_with_what_to_upload(tmp_path: Path) -> None:
    create_files(tmp_path, "1.jpg")
    with pytest.raises(Unreadable, match=r"contains no readable labels\. Upload COCO JSON"):
        detect_and_read(tmp_path)


def test_an_unknown_reader_is_refused(tmp_path: Path) -> None:
    with pytest.raises(Unreadable, match="Choose one of coco, voc, folders"):
        read_with("yolo", tmp_path)
