"""Imported labels reach the right image or are reported: no image gets another one's labels, none is falsely empty."""

import json
import zipfile  # noqa: TID251 - creates the archives that people upload
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from projects.models import Project
from tasks.flow.ground_truth import GroundTruthReport, import_ground_truth
from tasks.ingest.errors import GroundTruthRefused
from tasks.ingest.ground_truth import read_ground_truth
from tasks.ingest.models import ImportItem
from tasks.ingest.services import start_import
from tests.factories import a_project, ada, an_image

pytestmark = pytest.mark.django_db

BOX = (10, 10, 20, 20)


def project_of(*names: str) -> Project:
    project = a_project(classes=("cat", "dog"), tools=("box",))
    for name in names:
        an_image(project, name=name, width=100, height=60)
    return project


def coco(*names: str, box: tuple[int, ...] = BOX, **changes: Any) -> str:
    """One box in each image."""
    images = [{"id": at, "file_name": name, "width": 100, "height": 60} for at, name in enumerate(names)]
    annotations = [{"id": at + 1, "image_id": at, "category_id": 9, "bbox": box} for at in range(len(names))]
    body = {"images": images, "categories": [{"id": 9, "name": "cat"}], "annotations": annotations}
    return json.dumps(body | changes)


def voc(name: str, *corners: tuple[int, int, int, int], cls: str = "cat") -> str:
    objects = "".join(
        f"<object><name>{cls}</name><bndbox><xmin>{x1}</xmin><ymin>{y1}</ymin><xmax>{x2}</xmax><ymax>{y2}</ymax>"
        "</bndbox></object>"
        for x1, y1, x2, y2 in corners
    )
    return f"<annotation><filename>{name}</filename>{objects}</annotation>"


def send(project: Project, folder: Path, files: Mapping[str, str]) -> GroundTruthReport:
    """Import a ZIP archive of label files, or a single one."""
    if len(files) == 1:
        ((name, text),) = files.items()
        path = folder / ("truth" + Path(name).suffix)
        path.write_text(text)
        return import_ground_truth(project=project, by=ada(), path=path, as_gold=1.0, name=name)
    with zipfile.ZipFile(folder / "truth.zip", "w") as archive:
        for name, text in files.items():
            archive.writestr(name, text)
    return import_ground_truth(project=project, by=ada(), path=folder / "truth.zip", as_gold=1.0)


def golds(report: GroundTruthReport) -> dict[str, list[float]]:
    """{image: x of each of its boxes}."""
    return {gold.image.source_key: [each["geom"]["x"] for each in gold.accepted[0]["objects"]] for gold in report.golds}


def test_a_label_of_another_folder_matches_nothing(tmp_path: Path) -> None:
    report = send(project_of("train/1.jpg"), tmp_path, {"t.json": coco("val/1.jpg")})
    assert (golds(report), report.unmatched, report.problems) == ({}, ("val/1.jpg",), ())


def test_an_ambiguous_name_is_refused_with_the_candidates(tmp_path: Path) -> None:
    report = send(project_of("a/1.jpg", "b/1.jpg"), tmp_path, {"t.json": coco("1.jpg")})
    assert golds(report) == {}
    (problem,) = report.problems
    assert (problem.file, problem.location) == ("1.jpg", "t.json, entry 1 of images")
    assert problem.sentence == "This may be a/1.jpg or b/1.jpg. Use the full path."


def test_two_images_of_one_name_have_no_label(tmp_path: Path) -> None:
    project = project_of("1.jpg", "1.jpg", "2.jpg", "photos/3.jpg")
    ImportItem.objects.create(
        batch_import=start_import(project=project, by=ada()),
        name="2.jpg",
        state="duplicate",
        image=project.dataset.images.get(source_key="photos/3.jpg"),
        reason="The same.",
    )
    report = send(project, tmp_path, {"t.json": coco("1.jpg", "2.jpg", "3.jpg")})
    assert list(golds(report)) == ["photos/3.jpg"]
    assert [each.sentence for each in report.problems] == [
        "2 different images have the name 1.jpg. Rename one of them.",
        "2 different images have the name 2.jpg. Rename one of them.",
    ]


def test_equal_names_in_the_folders_of_splits_are_two_images(tmp_path: Path) -> None:
    files = {
        "train/_annotations.coco.json": coco("1.jpg"),
        "valid/_annotations.coco.json": coco("1.jpg", box=(5, 5, 9, 9)),
    }
    assert golds(send(project_of("train/1.jpg", "val/1.jpg"), tmp_path, files)) == {
        "train/1.jpg": [10],
        "val/1.jpg": [5],
    }


def test_equal_names_in_the_folders_of_splits_are_refused_if_the_project_does_not_tell_them_apart(
    tmp_path: Path,
) -> None:
    files = {"train/a.json": coco("1.jpg"), "valid/a.json": coco("1.jpg", box=(5, 5, 9, 9))}
    report = send(project_of("1.jpg"), tmp_path, files)
    assert golds(report) == {}
    assert [each.file for each in report.problems] == ["train/1.jpg", "valid/1.jpg"]
    assert [each.location for each in report.problems] == [
        f"{each}/a.json, entry 1 of images" for each in ("train", "valid")
    ]


def test_a_refused_label_keeps_others_from_its_image(tmp_path: Path) -> None:
    files = {"train/a.json": coco("1.jpg", box=(90, 10, 20, 20)), "valid/a.json": coco("1.jpg")}
    report = send(project_of("1.jpg"), tmp_path, files)
    assert golds(report) == {}
    assert [each.file for each in report.problems] == ["1.jpg", "valid/1.jpg"]


def test_the_labels_of_two_files_for_one_image_must_agree(tmp_path: Path) -> None:
    project = project_of("1.jpg", "2.jpg")
    report = send(project, tmp_path, {"a.json": coco("1.jpg", "2.jpg"), "b/1.xml": voc("1.jpg", (1, 1, 9, 9))})
    assert (report.reader, golds(report)) == ("coco, voc", {"2.jpg": [10]})
    assert "differ between a.json, entry 1 of images and b/1.xml" in report.problems[0].sentence


def test_two_notations_of_one_name_must_agree(tmp_path: Path) -> None:
    project = project_of("1.jpg", "2.jpg")
    files = {"a.json": coco("1.jpg", "2.jpg"), "b.json": coco("1.JPG", box=(5, 5, 9, 9)), "c.json": coco("2.PNG")}
    report = send(project, tmp_path, files)
    assert golds(report) == {"2.jpg": [10]}
    assert [each.file for each in report.problems] == ["1.jpg", "1.JPG"]
    assert "The entries 1.jpg, 1.JPG are for one image, 1.jpg, and do not agree" in report.problems[0].sentence


def test_coco_and_voc_in_one_archive_are_both_read(tmp_path: Path) -> None:
    report = send(
        project_of("1.jpg", "2.jpg"), tmp_path, {"a.json": coco("1.jpg"), "2.xml": voc("2.jpg", (3, 1, 9, 9))}
    )
    assert (report.reader, golds(report), report.problems) == ("coco, voc", {"1.jpg": [10], "2.jpg": [2]}, ())


def test_a_voc_file_with_the_name_of_another_image_is_refused(tmp_path: Path) -> None:
    for files in ({"img2.xml": voc("img1.jpg", (1, 1, 9, 9))}, {"a/img2.xml": voc("img1.jpg"), "info.json": "{}"}):
        report = send(project_of("img1.jpg", "img2.jpg"), tmp_path, files)
        assert golds(report) == {}
        assert any("their file has the name of img2.jpg" in each.sentence for each in report.problems)


@pytest.mark.parametrize("name", ["", "img1", "IMG1.PNG", "renamed.jpg", "../images/img1.jpg", "C:\\old\\img1.bmp"])
def test_a_voc_file_finds_its_image_by_either_name(tmp_path: Path, name: str) -> None:
    report = send(project_of("img1.jpg", "img2.jpg"), tmp_path, {"img1.xml": voc(name, (3, 1, 9, 9))})
    assert golds(report) == {"img1.jpg": [2]}
    assert [(each.severity, each.sentence) for each in report.problems] == [
        ("warning", "It was used for the image img1.jpg, whose name differs.")
    ]


def test_identical_objects_are_one_with_a_warning(tmp_path: Path) -> None:
    boxes = ((11, 11, 30, 30), (11, 11, 30, 30), (41, 11, 50, 30))
    report = send(project_of("1.jpg"), tmp_path, {"1.xml": voc("1.jpg", *boxes)})
    assert golds(report) == {"1.jpg": [10, 40]}
    (problem,) = report.problems
    assert (problem.file, problem.location, problem.severity) == ("1.jpg", "1.xml", "warning")
    assert problem.sentence == "1 identical object was counted only once."


def test_files_of_an_archive_that_were_refused_are_reported(tmp_path: Path) -> None:
    with pytest.warns(UserWarning, match="Duplicate name"):
        files = zipfile.ZipFile(tmp_path / "truth.zip", "w")
        for name, text in [("a.xml", voc("1.jpg")), ("a.xml", voc("1.jpg", (1, 1, 9, 9))), ("b.xml", voc("2.jpg"))]:
            files.writestr(name, text)
    with files:
        files.writestr("more.zip", b"PK")
        files.writestr("../c.xml", voc("3.jpg"))
        files.writestr("classes.json", "[]")
    project = project_of("1.jpg", "2.jpg", "3.jpg")
    report = import_ground_truth(project=project, by=ada(), path=tmp_path / "truth.zip", as_gold=1.0)
    assert golds(report) == {"2.jpg": []}
    assert sorted(each.file for each in report.problems) == ["../c.xml", "a.xml", "classes.json", "more.zip"]


def test_of_two_label_files_with_one_long_name_none_is_used(tmp_path: Path) -> None:
    name = f"{'d' * 200}/1.xml"
    with zipfile.ZipFile(tmp_path / "truth.zip", "w") as files, pytest.warns(UserWarning, match="Duplicate name"):
        for text in (voc("1.jpg"), voc("1.jpg", (1, 1, 9, 9))):
            files.writestr(name, text)
        files.writestr("2.xml", voc("2.jpg"))
    truth = read_ground_truth(path=tmp_path / "truth.zip")
    assert list(truth.records) == ["2.jpg"]
    assert [(each.file, each.sentence) for each in truth.problems] == [
        (name, "The archive has several files of this name. None was used.")
    ]


def test_files_of_other_formats_in_an_archive_are_named_once(tmp_path: Path) -> None:
    files = {"1.xml": voc("1.jpg"), "a/1.txt": "0 1 1 1 1", "a/2.txt": "", "labels.csv": "x", "1.jpg": "x"}
    report = send(project_of("1.jpg"), tmp_path, files)
    assert golds(report) == {"1.jpg": []}
    assert [(each.file, each.severity) for each in report.problems] == [(".csv, .txt", "warning")]


def test_a_voc_file_of_another_folder_is_used_with_a_warning(tmp_path: Path) -> None:
    def problems(name: str, folder: str) -> list[str]:
        text = voc("1.jpg", (3, 1, 9, 9)).replace("<filename>", f"<folder>{folder}</folder><filename>")
        report = send(project_of("cam2/1.jpg"), tmp_path, {name: text})
        assert golds(report) == {"cam2/1.jpg": [2]}
        return [each.sentence for each in report.problems]

    sentence = "It was used for the image cam2/1.jpg, which is not in a folder cam1."
    assert problems("cam1/1.xml", "cam1") == [sentence]
    assert problems("cam1/1.xml", "set/Cam1") == [sentence]
    assert problems("cam2/1.xml", "cam2") == problems("cam1/1.xml", "") == problems("1.xml", "cam1") == []


def test_labels_below_the_folder_of_a_split_are_for_that_split(tmp_path: Path) -> None:
    files = {"train/Annotations/1.xml": voc("1.jpg", (3, 1, 9, 9)), "val/Annotations/2.xml": voc("2.jpg")}
    report = send(project_of("val2017/1.jpg", "val2017/2.jpg"), tmp_path, files)
    assert golds(report) == {"val2017/2.jpg": []}
    assert report.unmatched == ("train/1.jpg",)


def test_an_archive_without_usable_labels_says_which_file_was_refused(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "truth.zip", "w") as archive:
        archive.writestr("labels.zip", b"PK")
    with pytest.raises(GroundTruthRefused, match=r"contains no XML or JSON files.*labels\.zip: an archive inside"):
        read_ground_truth(path=tmp_path / "truth.zip")


def test_a_single_file_is_called_what_its_sender_calls_it(tmp_path: Path) -> None:
    (tmp_path / "truth.json").write_text("{}")
    with pytest.raises(GroundTruthRefused, match=r"my labels\.json contains no readable labels"):
        read_ground_truth(path=tmp_path / "truth.json", name="my labels.json")
    (tmp_path / "truth.xml").write_text(voc("truth.jpg"))
    for name in ("labels", "..", "a\nb.xml", "x.y.xml"):
        (record,) = read_ground_truth(path=tmp_path / "truth.xml", name=name).records.values()
        assert (record.file_name, record.location) == ("truth.jpg", name)


def test_errors_come_before_warnings(tmp_path: Path) -> None:
    mixed = {"t.json": coco("a.jpg"), "u.json": coco("b.jpg", box=(90, 10, 20, 20)), "v.json": "{}"}
    report = send(project_of("A.jpg", "b.jpg"), tmp_path, mixed)
    assert [each.severity for each in report.problems] == ["error", "error", "warning"]
