"""On a full disk the front server and the broker refuse what they cannot store, and recover by themselves."""

import json
import os
import random
import time
import uuid
from collections.abc import Iterator
from pathlib import Path

import httpx
import psycopg
import pytest
import redis

from tests.faults.labeling_project import noise
from tests.faults.small_disk import FILLER, fill, kept_full, make_room, up_on_a_small_disk
from tests.faults.test_power_cut import is_done, lose_a_message
from tests.faults.test_stalled_valkey import events_without_number, open_console, record_work, unfinished_jobs
from tests.faults.up_process import Client, UpProcess, eventually

pytestmark = pytest.mark.slow
BACK_WITHIN = 60.0
SERVICES = ["front", "web", "websockets", "relay", "beat", "worker", "valkey"]


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[UpProcess, Path]]:
    """One installation for all tests, since a first start takes long."""
    with up_on_a_small_disk(tmp_path_factory.mktemp("full")) as (up, disk):
        up.start_and_wait()
        yield up, disk


@pytest.fixture(scope="module")
def client(site: tuple[UpProcess, Path]) -> Client:
    """The manager of the first project, to which the recorded events belong."""
    return site[0].client()


@pytest.fixture(autouse=True)
def _room(site: tuple[UpProcess, Path]) -> Iterator[None]:
    """Leave room for the next test, however this one ends."""
    yield
    (site[1] / FILLER).unlink(missing_ok=True)


def upload(client: Client, image: bytes, key: str) -> httpx.Response:
    return client.http.post(
        f"/projects/{client.project['id']}/imports/",
        files={"files": ("cat.jpg", image, "image/jpeg")},
        headers={"Idempotency-Key": key},
    )


def spooled(up: UpProcess) -> list[Path]:
    folders = (up.paths.run / "front" / "spool", up.paths.spool)
    return [path for folder in folders for path in folder.rglob("*") if path.is_file()]


def test_an_upload_without_room_in_the_front_is_refused_and_can_be_repeated(
    site: tuple[UpProcess, Path], client: Client, fault_seed: int
) -> None:
    up, disk = site
    image, key = noise(fault_seed, side=2000), str(uuid.uuid4())
    with kept_full(disk, leave=len(image) // 3):
        refused = upload(client, image, key)
        with httpx.Client(base_url=up.url, timeout=30) as browser:
            page = browser.post("/account/login/", content=os.urandom(4 * 2**20))
    assert (refused.status_code, page.status_code) == (503, 503)
    assert refused.headers["content-type"] == "application/problem+json"
    assert refused.json()["type"] == "/problems/unavailable/"
    assert page.headers["content-type"].startswith("text/html")
    for response in (refused, page):
        assert int(response.headers["retry-after"]) > 0
        assert "disk is full" in response.text
    assert spooled(up) == []
    make_room(disk)
    taken = upload(client, image, key)
    assert taken.status_code == 202
    # The next seed looks for files that an upload leaves behind.
    path = f"/imports/{taken.json()['id']}/"
    assert eventually(lambda: client.http.get(path).json()["state"] == "done"), client.http.get(path).json()


def write_until_valkey_refuses(broker: "redis.Redis") -> None:
    with pytest.raises(redis.ResponseError, match="MISCONF"):
        for _ in range(1000):
            broker.set("filler", os.urandom(100_000))
            time.sleep(0.01)


def last_number(database: str, project: str) -> int:
    """Return the number of the project's latest event."""
    query = (
        "SELECT s.last_number FROM kernel_stream s JOIN projects_project p ON p.id = s.project_id"
        " WHERE p.public_id = %s"
    )
    with psycopg.connect(database) as connection:
        row = connection.execute(query, [project]).fetchone()
    return -1 if row is None else int(row[0])


def test_a_broker_without_room_refuses_and_everything_catches_up(
    site: tuple[UpProcess, Path], client: Client, fault_seed: int
) -> None:
    chance, (up, disk) = random.Random(fault_seed), site
    database, supervisor = up.environment()["DATABASE_URL"], up.state().supervisor
    assert eventually(lambda: up.readiness() == 200)
    broker = redis.Redis.from_url(up.environment()["REDIS_URL"])
    with open_console(up, client.project["id"]) as console:
        snapshot = json.loads(console.recv(timeout=30))
        assert snapshot["type"] == "snapshot"
        record_work(up)
        fill(disk)
        write_until_valkey_refuses(broker)
        assert httpx.get(f"{up.url}/healthz", timeout=5).status_code == 200
        time.sleep(chance.uniform(3, 8))  # long enough for a sweep to be due
        # PostgreSQL and the logs may have given some room back.
        fill(disk)
        write_until_valkey_refuses(broker)
        assert up.exit_code() is None, up.printed()
        make_room(disk)
        room = time.monotonic()
        assert eventually(lambda: up.readiness() == 200, timeout=BACK_WITHIN), up.printed()
        record_work(up)
        job = lose_a_message(up)
        assert eventually(lambda: events_without_number(database) == 0, timeout=BACK_WITHIN), "the relay hangs"
        # The console was open all the time, or missed an event and noticed the gap.
        last = last_number(database, client.project["id"])
        assert last >= snapshot["number"] + 2
        while json.loads(console.recv(timeout=30))["number"] < last:
            pass
        assert eventually(lambda: is_done(up, job), timeout=BACK_WITHIN), "the scheduler or the workers hang"
        assert eventually(lambda: unfinished_jobs(database) == 0, timeout=BACK_WITHIN), "jobs were not run"
        assert time.monotonic() - room < BACK_WITHIN
    assert up.state().supervisor == supervisor
    assert set(SERVICES) <= set(up.state().children)
    broker.close()
