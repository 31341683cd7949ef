"""The disk runs full while a release and its exports are written: people see why, and nothing incomplete is served."""

import random
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from threading import Event
from typing import Any

import httpx
import psycopg
import pytest

from annotary.demo.browser import Browser
from annotary.demo.flaky_network import require_success
from annotary.demo.manager import Manager
from annotary.demo.releasing import read_coco, unpack
from tests.faults.labeling_project import invitation, labeling_project, required
from tests.faults.small_disk import fill, make_room, resize, small_disk, up_on_a_small_disk, write_until_refused
from tests.faults.up_process import Client, UpProcess, eventually

pytestmark = pytest.mark.slow
IMAGES, SIDE = 12, 600
# Exports hold no images, so labels must fill the disk: two megabytes of them in COCO, half of that in folders.
BOXES = 300
ANSWER = {
    "verdict": "labels",
    "image": {"class": 1},
    "objects": [
        {"id": f"o{n}", "class": 1, "tool": "box", "geom": {"x": n, "y": n, "w": 200, "h": 200}, "attrs": {}}
        for n in range(BOXES)
    ],
}
NO_ROOM = "The server has no room left to store this."


@pytest.fixture
def site(tmp_path: Path) -> Iterator[tuple[UpProcess, Path, Path]]:
    """An installation, its disk, and a disk of its own for what is being written."""
    with up_on_a_small_disk(tmp_path) as (up, disk), small_disk(up.paths.data / "scratch", size="100m") as scratch:
        yield up, disk, scratch


def label_everything(up: UpProcess, client: Client, project: str) -> None:
    """Let one worker answer all images, and approve them."""
    browser = Browser(up.url, retry_seconds=30, stop=Event())
    browser.join(invitation(client, project, uses=1), name="Wren", email="wren@example.org")
    hand = require_success(browser.take_set(project), "take the set")
    answers = [{"assignment": one["id"], "key": one["id"], "answer": ANSWER} for one in hand["assignments"]]
    token = browser.client.http.cookies["csrftoken"]
    sent = browser.client.http.post(
        f"/api/v1/hands/{hand['id']}/answers/",
        json={"answers": answers},
        headers={"X-CSRFToken": token, "Referer": f"{up.url}/"},
    )
    assert [one["status"] for one in sent.json()["answers"]] == [200] * IMAGES
    browser.settle(hand["id"])
    browser.close()
    batches = client.http.get(f"/projects/{project}/batches/").json()["results"]

    def is_answered() -> bool:
        states = [row["state"] for row in client.http.get(f"/projects/{project}/labels/").json()["results"]]
        return states == ["answered"] * IMAGES

    assert eventually(is_answered)
    for batch in batches:
        required(client, f"/batches/{batch['id']}/approve/")


def repeated(client: Client, path: str, body: dict[str, Any]) -> dict[str, Any]:
    """Send a POST until it succeeds, as a person does who is asked to try again."""
    found: dict[str, Any] = {}

    def succeeds() -> bool:
        with suppress(httpx.TransportError):
            response = client.http.post(path, json=body)
            assert response.is_success or response.status_code == 503, response.text
            if response.is_success:
                found.update(response.json())
        return bool(found)

    assert eventually(succeeds)
    return found


def release_on_a_full_disk(up: UpProcess, client: Client, project: str, disk: Path) -> str:
    """Create a release while the database has no room, make room, and return the release once it is ready."""
    fill(disk, leave=4 * 2**20)
    write_until_refused(up.environment()["DATABASE_URL"])
    fill(disk)
    path = f"/projects/{project}/releases/"
    created: dict[str, Any] = {}
    with suppress(httpx.TransportError):
        response = client.http.post(path, json={})
        assert response.status_code in {201, 202, 503}, response.text
        created = response.json() if response.is_success else {}
    time.sleep(2)
    make_room(disk)
    assert eventually(lambda: up.readiness() == 200), up.printed()
    release = str((created or repeated(client, path, {}))["id"])
    state: dict[str, Any] = {}

    def has_ended() -> bool:
        state.update(client.http.get(f"/releases/{release}/").json())
        return str(state["state"]) != "building"

    assert eventually(has_ended), state
    if state["state"] == "failed":
        assert NO_ROOM in state["error"] or "database" in state["error"], state
        release = str(repeated(client, path, {})["id"])
        assert eventually(has_ended), state
    assert state["state"] == "ready", state
    return release


def job_of(up: UpProcess, export: str) -> tuple[str, str]:
    """Return state and error of the export's job, or empty strings if the database has no room for a connection."""
    query = (
        "SELECT j.state, j.error FROM kernel_job j JOIN tasks_export e ON (j.args->>'export_id')::bigint = e.id"
        " WHERE e.public_id = %s ORDER BY j.id DESC LIMIT 1"
    )
    try:
        with psycopg.connect(up.environment()["DATABASE_URL"]) as connection:
            row = connection.execute(query, [export]).fetchone()
    except psycopg.OperationalError as error:
        assert "No space left on device" in str(error)
        return "", ""
    assert row is not None
    return row[0], row[1]


def begin_last_attempt(up: UpProcess, export: str) -> None:
    """Skip the pauses of the attempts in between."""
    with psycopg.connect(up.environment()["DATABASE_URL"]) as connection:
        connection.execute(
            "UPDATE kernel_job SET attempts = max_attempts - 1, not_before = clock_timestamp()"
            " WHERE state = 'queued' AND kind = 'exports.write' AND (args->>'export_id')::bigint ="
            " (SELECT id FROM tasks_export WHERE public_id = %s)",
            [export],
        )


def leftovers(up: UpProcess) -> list[Path]:
    """Files that no attempt may leave behind."""
    folders = (up.paths.data / "scratch", up.paths.spool, up.paths.data / "files" / "incoming")
    return [path for folder in folders for path in folder.rglob("*") if path.is_file()]


def export_without_room(up: UpProcess, client: Client, release: str, format: str) -> str:
    """Request an export, and return its id when an attempt has failed for lack of room."""
    export = str(repeated(client, f"/releases/{release}/exports/", {"format": format})["id"])
    assert eventually(lambda: NO_ROOM in job_of(up, export)[1], timeout=30), job_of(up, export)
    assert eventually(lambda: leftovers(up) == [], timeout=5), leftovers(up)
    download = client.http.get(f"/exports/{export}/download")
    assert (download.status_code, download.headers["content-type"]) == (409, "application/problem+json")
    return export


def test_exports_on_a_full_disk_end_with_a_sentence_or_once_there_is_room(
    site: tuple[UpProcess, Path, Path], tmp_path: Path, fault_seed: int
) -> None:
    chance, (up, disk, scratch) = random.Random(fault_seed), site
    up.start_and_wait()
    client = up.client()
    supervisor = up.state().supervisor
    policy = {"answers_min": 1, "answers_max": 1, "gold_rate": 0, "hand_size": IMAGES}
    project = labeling_project(client, images=IMAGES, side=SIDE, policy=policy, tools=("class", "box"))
    label_everything(up, client, project)
    release = release_on_a_full_disk(up, client, project, disk)

    if chance.random() < 0.5:
        # Room for what is being written, not for its copy in the storage.
        fill(disk, leave=200_000)
    else:
        resize(scratch, "200k")
    retried = export_without_room(up, client, release, "coco")
    make_room(disk)
    resize(scratch, "100m")
    path = f"/exports/{retried}/"
    assert eventually(lambda: client.http.get(path).json()["state"] == "ready"), client.http.get(path).json()

    # The database and the broker need room for every attempt, and PostgreSQL gives back some of what it has.
    resize(scratch, chance.choice(["64k", "200k", "600k"]))
    failed = export_without_room(up, client, release, "imagenet")
    begin_last_attempt(up, failed)
    path = f"/exports/{failed}/"
    assert eventually(lambda: client.http.get(path).json()["state"] == "failed"), client.http.get(path).json()
    assert client.http.get(path).json()["error"].startswith(NO_ROOM)
    assert leftovers(up) == []
    resize(scratch, "100m")

    manager = Manager(up.url, client.http.headers["Authorization"].removeprefix("Bearer "))
    for format in ("coco", "imagenet"):
        export = manager.export(release, format, tmp_path / f"{format}.zip")
        assert export["report"]["images"] == IMAGES
    manager.close()
    labels = read_coco(unpack(tmp_path / "coco.zip", tmp_path, "coco"))
    assert len(labels) == IMAGES
    assert {label.image.class_number for label in labels.values()} == {1}
    assert up.state().supervisor == supervisor
