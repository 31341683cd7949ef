"""Importing images: idempotent, and every refused file is reported with a reason."""

import io
import json
import zipfile  # noqa: TID251 - creates the archives that people upload
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from rest_framework.test import APIClient

from kernel.models import Job
from projects.models import Project
from tasks.flow.imports import run_import
from tasks.ingest.models import Image, Import
from tests import factories
from tests.api.api_fixtures import some_pixels
from tests.api.people import member, with_key
from tests.api.uploads import upload
from tests.concurrency_helpers import together


@pytest.fixture
def project(transactional_db: None, storage_folder: Any) -> Project:
    return factories.a_project()


@pytest.fixture
def ada(project: Project) -> APIClient:
    return with_key(member("owner"))


def report(ada: APIClient, answer: Any) -> Any:
    """The report of an import after its job has run."""
    assert answer.status_code == 202, answer.content
    run_import(import_id=Import.objects.get(public_id=answer.json()["id"]).pk)
    return ada.get(f"/api/v1/imports/{answer.json()['id']}/").json()


def test_the_report_has_the_result_of_each_file(ada: APIClient, project: Project) -> None:
    answer = upload(
        ada,
        project,
        {
            "a/cat.jpg": some_pixels("teal"),
            "b/same.jpg": some_pixels("teal"),
            "broken.jpg": some_pixels("navy")[:200],
            "page.jpg": b"<html>",
            "empty.png": b"",
        },
    )
    result = report(ada, answer)
    assert (result["state"], result["taken"], result["duplicates"], result["refused"]) == ("done", 1, 1, 3)
    assert {row["name"]: row["state"] for row in result["items"]} == {
        "b/same.jpg": "duplicate",
        "broken.jpg": "refused",
        "page.jpg": "refused",
        "empty.png": "refused",
    }
    assert all(len(row["reason"]) > 10 for row in result["items"])


@pytest.mark.parametrize("name", ["../../etc/passwd", "/etc/passwd", "a/../../b.jpg", "C:\\x.jpg", "a\nb.jpg", "con"])
def test_names_with_path_traversal_are_refused_or_sanitized(ada: APIClient, project: Project, name: str) -> None:
    result = report(ada, upload(ada, project, {name: some_pixels(), "good.jpg": some_pixels("navy")}))
    assert result["taken"] >= 1
    for key in Image.objects.values_list("source_key", flat=True):
        assert not key.startswith("/")
        assert ".." not in key.split("/")
        assert key.isprintable()


def test_names_in_any_script_are_returned_unchanged(ada: APIClient, project: Project) -> None:
    name = "фото/猫 🐈.jpg"
    report(ada, upload(ada, project, {name: some_pixels()}))
    rows = ada.get(f"/api/v1/projects/{project.public_id}/images/").json()["results"]
    assert [row["source_key"] for row in rows] == [name]


def test_a_name_with_nul_is_refused_with_a_message(ada: APIClient, project: Project) -> None:
    answer = upload(ada, project, {"a\0b.jpg": some_pixels()})
    assert answer.status_code == 400
    assert "ull" in answer.json()["detail"]


def test_an_archive_and_its_metadata_table_are_imported(ada: APIClient, project: Project) -> None:
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w") as archive:
        archive.writestr("x/cat.jpg", some_pixels())
    answer = ada.post(
        f"/api/v1/projects/{project.public_id}/imports/",
        {
            "archive": SimpleUploadedFile("images.zip", target.getvalue()),
            "metadata": SimpleUploadedFile("t.csv", b"file_name,camera\nx/cat.jpg,north\n"),
        },
        format="multipart",
        headers={"Idempotency-Key": "zip"},
    )
    assert report(ada, answer)["taken"] == 1
    rows = ada.get(f"/api/v1/projects/{project.public_id}/images/").json()["results"]
    assert rows[0]["metadata"] == {"camera": "north"}


def test_repeating_an_upload_makes_one_import(ada: APIClient, project: Project) -> None:
    first = upload(ada, project, {"cat.jpg": some_pixels()}, key="once")
    again = upload(ada, project, {"cat.jpg": some_pixels()}, key="once")
    assert again["Idempotency-Replayed"] == "true"
    assert again.json() == first.json()
    assert Import.objects.count() == 1


def test_the_same_upload_on_two_concurrent_connections_makes_one_import(project: Project) -> None:
    clients = [with_key(member("owner")) for _ in range(2)]
    calls = [lambda client=client: upload(client, project, {"cat.jpg": some_pixels()}, key="x") for client in clients]
    answers = together(*calls)
    assert [answer.status_code for answer in answers] == [202, 202]
    assert answers[0].json() == answers[1].json()
    assert Import.objects.count() == 1


def test_a_stalled_import_is_resumed(ada: APIClient, project: Project) -> None:
    batch_import = upload(ada, project, {"cat.jpg": some_pixels()}).json()
    Job.objects.update(state=Job.State.FAILED)
    assert ada.get(f"/api/v1/imports/{batch_import['id']}/").json()["stalled"] is True
    assert ada.post(f"/api/v1/imports/{batch_import['id']}/resume/").json()["stalled"] is False
    run_import(import_id=Import.objects.get().pk)
    assert ada.post(f"/api/v1/imports/{batch_import['id']}/resume/").status_code == 409


@pytest.mark.parametrize("other", [{"cat.jpg": b"other"}, {"dog.jpg": some_pixels()}, {}])
def test_another_upload_under_the_same_key_is_refused(
    ada: APIClient, project: Project, other: dict[str, bytes]
) -> None:
    upload(ada, project, {"cat.jpg": some_pixels()}, key="once")
    answer = upload(ada, project, other or {"cat.jpg": some_pixels(), "dog.jpg": b"x"}, key="once")
    assert answer.status_code == 422
    assert Import.objects.count() == 1


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ({}, "archive"),
        ({"files": [SimpleUploadedFile("a.jpg", b"a")], "paths": ["a", "b"]}, "one entry in `paths`"),
        ({"files": ["no file"]}, "not a file"),
    ],
)
def test_an_invalid_upload_is_a_400(ada: APIClient, project: Project, body: Any, message: str) -> None:
    url = f"/api/v1/projects/{project.public_id}/imports/"
    answer = ada.post(url, body, format="multipart", headers={"Idempotency-Key": "k"})
    assert answer.status_code == 400
    assert message in answer.json()["detail"]


def test_an_upload_without_a_key_is_refused_before_it_is_stored(ada: APIClient, project: Project) -> None:
    url = f"/api/v1/projects/{project.public_id}/imports/"
    answer = ada.post(url, {"files": [SimpleUploadedFile("a.jpg", b"a")]}, format="multipart")
    assert answer.status_code == 400
    assert answer.json()["type"].endswith("/idempotency_key_missing/")


def test_imports_are_listed_newest_first(ada: APIClient, project: Project) -> None:
    ids = [upload(ada, project, {"cat.jpg": some_pixels(color)}).json()["id"] for color in ("teal", "navy")]
    rows = ada.get(f"/api/v1/projects/{project.public_id}/imports/").json()["results"]
    assert [row["id"] for row in rows] == ids[::-1]
    assert "items" not in rows[0]


def send_truth(ada: APIClient, project: Project, body: object, **fields: Any) -> Any:
    file = SimpleUploadedFile("../../truth.json", json.dumps(body).encode())
    return ada.post(f"/api/v1/projects/{project.public_id}/truth/", {"file": file, **fields}, format="multipart")


COCO = {
    "images": [{"id": 1, "file_name": "cat.jpg", "width": 64, "height": 48}],
    "categories": [{"id": 7, "name": "cat"}],
    "annotations": [{"id": 1, "image_id": 1, "category_id": 7, "bbox": [1, 2, 10, 12]}],
}


def test_known_labels_become_gold(ada: APIClient, storage_folder: Any) -> None:
    boxes = factories.a_project("Boxes", tools=("box",))
    report(ada, upload(ada, boxes, {"cat.jpg": some_pixels()}))
    answer = send_truth(ada, boxes, COCO, as_gold="1.0")
    assert answer.status_code == 200, answer.content
    assert answer.json()["golds"] == 1
    rows = ada.get(f"/api/v1/projects/{boxes.public_id}/golds/").json()["results"]
    assert rows[0]["accepted"][0]["objects"][0]["geom"] == {"x": 1, "y": 2, "w": 10, "h": 12}


@pytest.mark.parametrize("as_gold", ["NaN", "Infinity", "-1", "1.5", "many", "1e300"])
def test_an_invalid_sample_size_is_a_400(ada: APIClient, project: Project, as_gold: str) -> None:
    assert send_truth(ada, project, COCO, as_gold=as_gold).status_code == 400


@pytest.mark.parametrize("body", [None, [], {"images": "x"}, {"images": [{}], "annotations": [], "categories": []}])
def test_unreadable_labels_are_refused_with_a_message(ada: APIClient, project: Project, body: object) -> None:
    answer = send_truth(ada, project, body)
    assert answer.status_code in {200, 422}, answer.content
    if answer.status_code == 200:
        assert answer.json()["golds"] == 0


def test_images_can_be_kept_together_and_a_retry_must_say_the_same(ada: APIClient, project: Project) -> None:
    files = {"clip/1.jpg": some_pixels("teal"), "clip/2.jpg": some_pixels("navy")}
    answer = upload(ada, project, files, key="once", keep_together="folder")
    result = report(ada, answer)
    assert (result["keep_together"], result["group_column"]) == ("folder", "")
    assert set(Image.objects.values_list("group_key", flat=True)) == {"clip"}
    assert upload(ada, project, files, key="once", keep_together="folder").json()["id"] == answer.json()["id"]
    assert upload(ada, project, files, key="once").status_code == 422


def test_a_column_that_the_metadata_does_not_have_is_refused_at_once(ada: APIClient, project: Project) -> None:
    table = SimpleUploadedFile("about.csv", b"file_name,patient\n1.jpg,Ann\n")
    files = {"1.jpg": some_pixels("teal")}
    answer = upload(ada, project, files, metadata=table, keep_together="column", group_column="clip")
    assert answer.status_code == 422
    assert "Choose one of its columns: “patient”." in answer.json()["detail"]
    assert answer.json()["type"].endswith("/grouping_refused/")
    assert not Import.objects.exists()
    assert upload(ada, project, files, keep_together="clip").status_code == 400
