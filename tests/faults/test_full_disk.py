"""The disk that holds the data folder runs full: at the start, and under a running installation."""

import os
import random
import signal
import subprocess
import sys
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest

from annotary.demo.dataset import prepare
from annotary.runtime.source_roots import ROOT
from annotary_core.labels.shapes import SHAPES
from annotary_core.synthesis.scenes.synthesize import synthesize
from tests.faults.small_disk import fill, kept_full, make_room, small_disk, write_until_refused
from tests.faults.up_process import CHOSEN_BY_TESTS, Client, UpProcess, eventually

pytestmark = pytest.mark.slow
IMAGES = 12


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    with small_disk(tmp_path / "disk") as mounted:
        yield mounted


@pytest.fixture
def up(disk: Path) -> Iterator[UpProcess]:
    created = UpProcess(disk / "data")
    created.output = disk.with_name("output")
    yield created
    created.close()


@pytest.fixture
def archive(tmp_path: Path) -> Path:
    truth = synthesize(tmp_path / "scenes", count=IMAGES, seed=1)
    return prepare(
        images=tmp_path / "scenes" / "images", truth=truth, workspace=tmp_path / "work", shape=SHAPES["box"]
    ).archive


def start_refused(data: Path) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, str(ROOT / "manage.py"), "up", "--data", str(data), "--port", "0"],
        env={name: value for name, value in os.environ.items() if name not in CHOSEN_BY_TESTS},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def files_in(folder: Path) -> dict[str, bytes]:
    return {str(path): path.read_bytes() for path in folder.glob("*") if path.is_file() and path.name != "lock"}


@pytest.mark.parametrize("leave_mb", [0, 20])
def test_a_start_on_a_full_disk_says_so_and_leaves_nothing(disk: Path, leave_mb: int) -> None:
    fill(disk, leave=leave_mb * 2**20)
    refused = start_refused(disk / "data")
    assert refused.returncode == 1
    assert refused.stderr.strip().count("\n") == 0, refused.stderr
    assert f"The disk that holds {disk / 'data'} is full" in refused.stderr
    assert "Free at least 100 MB and start again." in refused.stderr
    assert files_in(disk / "data") == {}
    assert not (disk / "data" / "postgres").exists()


def import_images(client: Client, archive: Path) -> str:
    """Upload images and return the id of the import, which the worker goes on with."""
    with archive.open("rb") as file:
        response = client.http.post(
            f"/projects/{client.project['id']}/imports/",
            files={"archive": (archive.name, file, "application/zip")},
            headers={"Idempotency-Key": str(uuid.uuid4())},
        )
    assert response.is_success, response.text
    return str(response.json()["id"])


def kill_and_await_the_supervisor(up: UpProcess, parts: list[str]) -> None:
    pids = [up.state().children[part].pid for part in parts]
    for pid in pids:
        os.kill(pid, signal.SIGKILL)
    assert eventually(lambda: not any(Path(f"/proc/{pid}").exists() for pid in pids)), "the supervisor does not react"


def test_a_full_disk_is_survived_without_a_restart(disk: Path, up: UpProcess, archive: Path, fault_seed: int) -> None:
    chance = random.Random(fault_seed)
    up.start_and_wait()
    client = up.client()
    assert client.write() == 201
    names, supervisor, database = set(files_in(up.paths.data)), up.state().supervisor, up.environment()["DATABASE_URL"]
    running_import = import_images(client, archive)
    fill(disk, leave=chance.randrange(8, 48) * 2**20)
    write_until_refused(database)
    with kept_full(disk):
        kill_and_await_the_supervisor(up, chance.sample(["postgres", "web", "relay", "beat", "worker"], 2))
        for _ in range(5):
            client.write()
        assert up.exit_code() is None, up.printed()

    make_room(disk)
    assert eventually(lambda: up.readiness() == 200, timeout=60), up.printed()
    assert client.write() == 201
    assert up.state().supervisor == supervisor
    assert set(files_in(up.paths.data)) == names
    with psycopg.connect(database) as connection:
        kept = {str(row[0]) for row in connection.execute("SELECT public_id FROM accounts_invitation")}
    assert set(client.acknowledged) <= kept
    report: dict[str, Any] = {}

    def import_ended() -> bool:
        report.update(client.http.get(f"/imports/{running_import}/").json())
        return report["state"] in {"done", "failed"}

    assert eventually(import_ended, timeout=90), report
    assert (report["state"], report["taken"]) == ("done", IMAGES), report
