"""While the folder of files is missing, unreadable or something else, downloads and uploads answer 503."""

import shutil
from pathlib import Path
from typing import Any

import pytest
from django.test import Client

from storage import backends
from tests.api.api_fixtures import World, a_world
from tests.api.people import member, with_key
from tests.api.uploads import upload
from tests.own_storage import storage_folder

__all__ = ["storage_folder"]
pytestmark = pytest.mark.django_db


@pytest.fixture
def world(storage_folder: Path) -> World:
    return a_world()


def remove(folder: Path) -> None:
    shutil.rmtree(folder)


def put_a_file_in_its_place(folder: Path) -> None:
    shutil.rmtree(folder)
    folder.write_text("not a folder")


def downloads(world: World) -> list[tuple[str, str]]:
    ids = world.ids
    return [
        ("owner", f"/api/v1/images/{ids['image_id']}/file/"),
        ("client", f"/api/v1/exports/{ids['export_id']}/download"),
        ("worker", f"/api/v1/assignments/{ids['assignment_id']}/image"),
    ]


@pytest.mark.parametrize("happens", [remove, put_a_file_in_its_place])
def test_downloads_are_unavailable(world: World, storage_folder: Path, happens: Any) -> None:
    happens(storage_folder)
    for role, url in downloads(world):
        answer = with_key(member(role)).get(url)
        assert (answer.status_code, answer["Content-Type"]) == (503, "application/problem+json"), (url, answer.content)
        assert answer.json()["type"] == "/problems/unavailable/"
        assert answer["Retry-After"].isdigit()


def test_uploads_are_unavailable(world: World, storage_folder: Path) -> None:
    put_a_file_in_its_place(storage_folder)
    answer = upload(with_key(member("owner")), world.project, {"one.jpg": b"one"})
    assert (answer.status_code, answer.json()["type"]) == (503, "/problems/unavailable/")


def test_a_single_missing_file_is_not_an_outage(world: World, storage_folder: Path) -> None:
    path = backends.local_path(world.task.image.release.key)
    assert path is not None
    path.unlink()
    answer = with_key(member("owner")).get(f"/api/v1/images/{world.ids['image_id']}/file/")
    assert (answer.status_code, answer.json()["type"]) == (404, "/problems/blob_missing/")


def test_readiness_says_when_to_ask_again(client: Client, world: World, storage_folder: Path) -> None:
    put_a_file_in_its_place(storage_folder)
    answer = client.get("/readyz")
    assert answer.status_code == 503
    assert answer["Retry-After"].isdigit()
