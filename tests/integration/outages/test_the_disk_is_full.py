"""Uploads that the disk has no room for are refused as a whole, with a sentence, and work once there is room."""

import os
import resource
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.core.files.uploadedfile import SimpleUploadedFile

from projects.models import Project
from storage.models import Blob
from tasks.ingest.models import Import
from tests import factories
from tests.api.people import member, signed_in, with_key
from tests.api.uploads import upload
from tests.own_storage import storage_folder

__all__ = ["storage_folder"]
pytestmark = pytest.mark.django_db
# Above Django's limit for uploads that it keeps in memory, so that the request spools to the disk.
LARGE = 3 * 1024 * 1024
SENTENCE = "The server has no room left to store this."


@contextmanager
def no_room_beyond(size: int) -> Iterator[None]:
    """Let the kernel refuse to write more than `size` bytes to any file of this process."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


@pytest.fixture
def spool(settings: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where this process and Django write temporary files."""
    folder = tmp_path / "spool"
    folder.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    settings.FILE_UPLOAD_TEMP_DIR = str(folder)
    return folder


@pytest.fixture
def project() -> Project:
    return factories.a_project(answers_min=1, answers_max=1)


@pytest.mark.parametrize("room", [0, 100_000])
@pytest.mark.parametrize("size", [200_000, LARGE])
def test_an_import_is_refused_as_a_whole_and_can_be_repeated(
    project: Project, spool: Path, storage_folder: Path, room: int, size: int
) -> None:
    client, body = with_key(member("owner")), {"one.jpg": os.urandom(size)}
    with no_room_beyond(room):
        answer = upload(client, project, body, key="once")
    assert (answer.status_code, answer["Content-Type"]) == (503, "application/problem+json"), answer.content
    assert answer.json()["type"] == "/problems/unavailable/"
    assert SENTENCE in answer.json()["detail"]
    assert int(answer["Retry-After"]) > 0
    assert not Import.objects.exists()
    assert not Blob.objects.exists()
    assert [path for path in (*spool.rglob("*"), *storage_folder.rglob("*")) if path.is_file()] == []
    again = upload(client, project, body, key="once")
    assert again.status_code == 202
    assert Import.objects.get().total == 1


def test_a_page_that_uploads_says_so_too(project: Project, spool: Path) -> None:
    """The check of the form's token reads the form, in a middleware, before any view runs."""
    client = signed_in(member("owner"))
    client.raise_request_exception = False
    client.cookies[settings.CSRF_COOKIE_NAME] = "a" * 32
    with no_room_beyond(100_000):
        answer = client.post("/projects/new/", {"file": SimpleUploadedFile("a.bin", b"x" * LARGE)}, format="multipart")
    assert answer.status_code == 503
    assert SENTENCE in answer.content.decode()
    assert int(answer["Retry-After"]) > 0
