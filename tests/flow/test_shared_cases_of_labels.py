"""Inputs from bug reports that lie beside the checkout: each case is sent as its sender did, and ends as it should."""

import csv
import io
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.core.management import call_command
from PIL import Image as Pixels
from rest_framework.test import APIClient

from projects.models import Project
from tasks.flow.imports import run_import
from tasks.ingest.models import Import
from tests.api.people import member, with_key
from tests.api.uploads import upload
from tests.factories import a_project
from tests.own_storage import storage_folder as storage_folder

pytestmark = [pytest.mark.shared, pytest.mark.django_db, pytest.mark.usefixtures("storage_folder")]
CASES = Path(__file__).resolve().parents[3] / "shared" / "cases"
BOX = {"x": 10.0, "y": 10.0, "w": 20.0, "h": 20.0}


@pytest.fixture
def ada(db: None) -> APIClient:
    return with_key(member("owner"))


@pytest.fixture
def project(ada: APIClient) -> Project:
    return a_project(classes=("cat",), tools=("box",), state="draft")


def an_image_file() -> bytes:
    target = io.BytesIO()
    Pixels.new("RGB", (100, 80), "teal").save(target, "JPEG")
    return target.getvalue()


def import_images(ada: APIClient, project: Project, files: Mapping[str, bytes]) -> Any:
    """The report of an import of these files after its job has run."""
    answer = upload(ada, project, files)
    assert answer.status_code == 202, answer.content
    run_import(import_id=Import.objects.get(public_id=answer.json()["id"]).pk, decoders=1)
    return ada.get(f"/api/v1/imports/{answer.json()['id']}/").json()


def send_truth(ada: APIClient, project: Project, path: Path) -> dict[str, Any]:
    """The report of an import of ground truth."""
    answer = ada.post(
        f"/api/v1/projects/{project.public_id}/truth/",
        {"file": SimpleUploadedFile(path.name, path.read_bytes()), "as_gold": 5},
        format="multipart",
    )
    assert answer.status_code == 200, answer.content
    report: dict[str, Any] = answer.json()
    return report


def golds(ada: APIClient, project: Project) -> dict[str, list[dict[str, float]]]:
    """{image: the geometry of each object of its check image}."""
    rows = ada.get(f"/api/v1/projects/{project.public_id}/golds/").json()["results"]
    return {row["source_key"]: [each["geom"] for each in row["accepted"][0]["objects"]] for row in rows}


def reasons(report: Mapping[str, Any], severity: str = "error") -> str:
    return " ".join(each["reason"] for each in report["problems"] if each["severity"] == severity)


@pytest.mark.parametrize("name", ["float", "string"])
def test_coco_image_id_kinds_that_are_one_id(ada: APIClient, project: Project, name: str) -> None:
    import_images(ada, project, {"a.jpg": an_image_file()})
    report = send_truth(ada, project, CASES / "coco-image-id-kinds" / f"{name}.json")
    assert (report["matched"], report["problems"]) == (1, [])
    assert golds(ada, project) == {"a.jpg": [BOX]}


def test_coco_image_id_kinds_that_are_none(ada: APIClient, project: Project) -> None:
    import_images(ada, project, {"a.jpg": an_image_file()})
    report = send_truth(ada, project, CASES / "coco-image-id-kinds" / "null.json")
    assert (report["matched"], golds(ada, project)) == (0, {})
    assert [each["name"] for each in report["problems"]] == ["null.json", "a.jpg"]


@pytest.mark.parametrize(
    "name", ["category-float", "iscrowd-false", "iscrowd-null", "nan-area", "string-category", "width-float"]
)
def test_coco_loose_numbers(ada: APIClient, project: Project, name: str) -> None:
    import_images(ada, project, {"a.jpg": an_image_file()})
    report = send_truth(ada, project, CASES / "coco-loose-numbers" / f"{name}.json")
    assert (report["matched"], report["problems"]) == (1, [])
    assert golds(ada, project) == {"a.jpg": [BOX]}


def test_coco_one_id_two_files(ada: APIClient, project: Project) -> None:
    folder = CASES / "coco-one-id-two-files"
    import_images(ada, project, files(folder, ["a.jpg", "b.jpg"]))
    report = send_truth(ada, project, folder / "t.json")
    assert (report["matched"], golds(ada, project)) == (0, {})
    assert [each["name"] for each in report["problems"]] == ["a.jpg", "b.jpg"]


def files(folder: Path, names: Sequence[str]) -> dict[str, bytes]:
    return {name: (folder / name).read_bytes() for name in names}


def test_voc_one_filename_twice(ada: APIClient, project: Project) -> None:
    folder = CASES / "voc-one-filename-twice"
    import_images(ada, project, files(folder, ["img1.jpg", "img2.jpg"]))
    report = send_truth(ada, project, folder / "t.zip")
    assert (report["matched"], golds(ada, project)) == (0, {})
    assert "differ between img1.xml and img2.xml" in reasons(report)
    stale = send_truth(ada, project, folder / "stale.zip")
    assert (stale["matched"], golds(ada, project)) == (0, {})
    assert "name the image img1.jpg, but their file has the name of img2.jpg" in reasons(stale)


def test_truth_other_folder(ada: APIClient, project: Project) -> None:
    folder = CASES / "truth-other-folder"
    import_images(ada, project, {"train/1.jpg": (folder / "1.jpg").read_bytes()})
    report = send_truth(ada, project, folder / "t.json")
    assert (report["matched"], report["unmatched"], golds(ada, project)) == (0, ["val/1.jpg"], {})


def test_duplicate_boxes(ada: APIClient, project: Project, tmp_path: Path) -> None:
    folder = CASES / "duplicate-boxes"
    import_images(ada, project, files(folder, ["a.jpg"]))
    report = send_truth(ada, project, folder / "t.json")
    assert reasons(report, "warning") == "1 identical object was counted only once."
    assert golds(ada, project) == {"a.jpg": [BOX]}
    errors = io.StringIO()
    call_command("aggregate", str(folder / "boxes.csv"), out=tmp_path / "o.csv", stderr=errors)
    with (tmp_path / "o.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert [(row["task"], row["x1"], row["label"], row["n"]) for row in rows] == [("1", "10.00", "cat", "2")]
    assert "1 row repeats another one's box and was counted only once." in errors.getvalue()
