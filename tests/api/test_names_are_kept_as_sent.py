"""Names with no-break spaces and emoji joiners come in unchanged on every way, match their table, and go out again."""

import io
import json
import zipfile  # noqa: TID251 - creates the archives that people upload
from pathlib import Path
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.core.management import call_command
from rest_framework.test import APIClient

from projects.models import Project
from tasks.flow.imports import run_import
from tasks.ingest.models import Image, Import
from tests import factories
from tests.api.api_fixtures import some_pixels
from tests.api.people import member, with_key
from tests.api.uploads import upload
from tests.golden.release import CAT, label, record, write

NAMES = [
    "Screenshot 2024-01-01 at 10.00.00\u202fAM.png",
    "prix 10\u00a0€.png",
    "\U0001f469\u200d\U0001f52c.png",
    "\u0645\u06cc\u200c\u0634\u0648\u062f.png",
    "a&amp;b.png",
]
BOUNDARY = "names-boundary"


@pytest.fixture
def project(transactional_db: None, storage_folder: Any) -> Project:
    return factories.a_project()


@pytest.fixture
def ada(project: Project) -> APIClient:
    return with_key(member("owner"))


def keys_of(client: APIClient, project: Project) -> dict[str, Any]:
    for row in Import.objects.filter(state="working"):
        run_import(import_id=row.pk)
    rows = client.get(f"/api/v1/projects/{project.public_id}/images/").json()["results"]
    return {row["source_key"]: row["metadata"] for row in rows}


def table(name: str) -> bytes:
    return f"file_name,site\n{name},X\n".encode()


@pytest.mark.parametrize("name", NAMES)
def test_a_loose_file_with_a_path(name: str, ada: APIClient, project: Project) -> None:
    upload(ada, project, {name: some_pixels()}, metadata=SimpleUploadedFile("m.csv", table(name)))
    assert keys_of(ada, project) == {name: {"site": "X"}}


@pytest.mark.parametrize("name", NAMES)
def test_a_loose_file_without_a_path(name: str, ada: APIClient, project: Project) -> None:
    """Written by hand: clients and Django's own tools change the name before it is sent."""
    head = f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="files"; filename="{name}"\r\n\r\n'
    body = head.encode() + some_pixels() + f"\r\n--{BOUNDARY}--\r\n".encode()
    answer = ada.post(
        f"/api/v1/projects/{project.public_id}/imports/",
        body,
        content_type=f"multipart/form-data; boundary={BOUNDARY}",
        headers={"Idempotency-Key": "by hand"},
    )
    assert answer.status_code == 202, answer.content
    assert list(keys_of(ada, project)) == [name]


@pytest.mark.parametrize("name", NAMES)
def test_an_archive(name: str, ada: APIClient, project: Project) -> None:
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w") as archive:
        archive.writestr(name, some_pixels())
        archive.writestr("metadata.csv", table(name))
    files = {"archive": SimpleUploadedFile("x.zip", target.getvalue())}
    ada.post(
        f"/api/v1/projects/{project.public_id}/imports/", files, format="multipart", headers={"Idempotency-Key": "zip"}
    )
    assert keys_of(ada, project) == {name: {"site": "X"}}


@pytest.mark.parametrize("name", NAMES)
def test_the_command_ingest(name: str, ada: APIClient, project: Project, tmp_path: Path) -> None:
    (tmp_path / name).write_bytes(some_pixels())
    (tmp_path / "metadata.csv").write_bytes(table(name))
    call_command("ingest", str(tmp_path), project=project.public_id, by="ada@example.org", stdout=io.StringIO())
    assert keys_of(ada, project) == {name: {"site": "X"}}


def test_a_name_with_a_control_character_is_refused_and_shown_escaped(ada: APIClient, project: Project) -> None:
    answer = upload(ada, project, {"a\x1b[2Jb\u202f.png": some_pixels(), "good.png": some_pixels("navy")})
    assert list(keys_of(ada, project)) == ["good.png"]
    (refused,) = ada.get(f"/api/v1/imports/{answer.json()['id']}/").json()["items"]
    assert (refused["name"], refused["code"]) == ("a\\x1b[2Jb\u202f.png", "name_control")


def test_the_decomposed_name_of_macos_is_stored_composed_and_searched_in_either_form(
    ada: APIClient, project: Project
) -> None:
    upload(ada, project, {"cafe\u0301.png": some_pixels()}, metadata=SimpleUploadedFile("m.csv", table("café.png")))
    assert keys_of(ada, project) == {"café.png": {"site": "X"}}
    ada.force_login(factories.ada().user)
    Image.objects.update(source_key="the\u0301.png")  # of an older import
    for searched in ("thé", "the\u0301"):
        page = ada.get(f"/projects/{project.public_id}/images/", {"name": searched}).content.decode()
        assert "the\u0301.png" in page


@pytest.mark.parametrize("fmt", ["coco", "imagenet"])
def test_releases_have_the_names_as_sent(fmt: str, tmp_path: Path) -> None:
    names = NAMES[:4]
    write(fmt, [record(name, label(cls=CAT.number), media_type="image/png") for name in names], tmp_path / fmt)
    assert {path.name for path in (tmp_path / fmt).rglob("*.png")} == set(names)
    if fmt == "coco":
        body = json.loads((tmp_path / fmt / "coco" / "annotations.json").read_text())
        assert [image["annotary"]["source"] for image in body["images"]] == names
