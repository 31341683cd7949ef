"""Images, tables, known labels, predictions and steps of batches of a closed project are refused with a sentence."""

import io
import json
from pathlib import Path
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.core.management import CommandError, call_command
from django.test import Client
from django.urls import reverse
from rest_framework.test import APIClient

from projects.errors import ProjectClosed
from projects.models import Project
from tasks.ingest.models import Image, Import
from tasks.ingest.services import add_file, add_metadata, finish_upload, resume_import, start_import
from tests import factories
from tests.api.api_fixtures import some_pixels
from tests.api.people import member, with_key
from tests.api.uploads import upload

BATCHES = "This project is closed, so its batches stay as they are. Reopen it first."
SENTENCE = "This project is closed. Images, labels and predictions can no longer be added to it."


@pytest.fixture
def closed(transactional_db: None, storage_folder: Any) -> Project:
    return factories.a_project(state="closed")


@pytest.fixture
def ada(closed: Project) -> APIClient:
    return with_key(member("owner"))


def assert_refused(answer: Any, sentence: str = SENTENCE) -> None:
    assert (answer.status_code, answer.json()["detail"]) == (409, sentence)
    assert answer.json()["type"] == "/problems/project_closed/"


def test_images_and_tables(ada: APIClient, closed: Project) -> None:
    table = SimpleUploadedFile("m.csv", b"file_name\na.jpg\n")
    assert_refused(upload(ada, closed, {"a.jpg": some_pixels()}, metadata=table))
    assert not Import.objects.exists()
    assert not Image.objects.exists()


def test_known_labels(ada: APIClient, closed: Project) -> None:
    body: dict[str, list[Any]] = {"images": [], "annotations": [], "categories": []}
    url = f"/api/v1/projects/{closed.public_id}/truth/"
    file = SimpleUploadedFile("t.json", json.dumps(body).encode())
    assert_refused(ada.post(url, {"file": file}, format="multipart"))


@pytest.mark.parametrize("images", [0, 1])
def test_predictions(images: int, ada: APIClient, closed: Project) -> None:
    tasks = factories.some_tasks(closed, images) if images else []
    rows = [{"image": str(task.image.public_id), "probabilities": {"1": 1.0}} for task in tasks]
    url = f"/api/v1/projects/{closed.public_id}/predictions/"
    assert_refused(ada.post(url, {"model": "m", "predictions": rows}, format="json"))


@pytest.mark.parametrize(("state", "step"), [("draft", "open"), ("paused", "open"), ("open", "pause")])
def test_steps_and_priorities_of_batches(state: str, step: str, ada: APIClient, closed: Project) -> None:
    batch = factories.a_batch(closed, state=state)
    url = f"/api/v1/batches/{batch.public_id}/"
    assert_refused(ada.post(f"{url}{step}/"), BATCHES)
    assert_refused(ada.patch(url, {"priority": 3}), BATCHES)
    assert_refused(ada.post(f"/api/v1/projects/{closed.public_id}/batches/open/"), BATCHES)
    batch.refresh_from_db()
    assert (batch.state, batch.priority) == (state, 0)


@pytest.mark.parametrize("name", ["batches-open", "batches-go-on", "batch"])
def test_a_page_that_was_loaded_before_it_was_closed(name: str, closed: Project) -> None:
    batch = factories.a_batch(closed, state="draft")
    manager = Client()
    manager.force_login(member("owner").user)
    ids = [closed.public_id, batch.public_id] if name == "batch" else [closed.public_id]
    answer = manager.post(reverse(f"workers_ui:{name}", args=ids), {"step": "open"}, follow=True)
    assert "This project is closed" in answer.content.decode()
    batch.refresh_from_db()
    assert batch.state == "draft"


def test_the_command_ingest(closed: Project, tmp_path: Path) -> None:
    (tmp_path / "a.jpg").write_bytes(some_pixels())
    factories.ada()
    with pytest.raises(CommandError, match="This project is closed"):
        call_command("ingest", str(tmp_path), project=closed.public_id, by="ada@example.org")
    assert not Import.objects.exists()


def test_an_import_that_was_begun_before_cannot_be_submitted_or_resumed(db: None, storage_folder: Any) -> None:
    project = factories.a_project()
    batch_import = start_import(project=project, by=factories.ada())
    add_file(batch_import=batch_import, name="a.jpg", source=io.BytesIO(some_pixels()))
    Project.objects.update(state="closed")
    for act in (
        lambda: finish_upload(batch_import=batch_import),
        lambda: add_metadata(batch_import=batch_import, source=io.BytesIO(b"file_name\na.jpg\n")),
        lambda: add_file(batch_import=batch_import, name="b.jpg", source=io.BytesIO(some_pixels("navy"))),
        lambda: resume_import(batch_import=batch_import),
    ):
        with pytest.raises(ProjectClosed):
            act()


def test_a_repeated_request_whose_import_was_accepted_before_gets_its_response(db: None, storage_folder: Any) -> None:
    project = factories.a_project()
    ada = with_key(member("owner"))
    first = upload(ada, project, {"a.jpg": some_pixels()}, key="once")
    Project.objects.update(state="closed")
    assert upload(ada, project, {"a.jpg": some_pixels()}, key="once").json() == first.json()
