"""A job whose worker is killed is taken up within a minute, leaves no files behind, and on its last attempt says so."""

import json
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest

from annotary.runtime import instance, linux_processes
from annotary.runtime.instance import Running
from annotary.runtime.source_roots import ROOT, python_path
from tasks.ingest.models import IMPORT_INTERRUPTED

pytestmark = pytest.mark.slow
CHOSEN_BY_TESTS = ("DATABASE_URL", "REDIS_URL", "CELERY_BROKER_URL", "ANNOTARY_DATA", "DJANGO_SETTINGS_MODULE")
IMAGES = 60
TAKEN_UP_WITHIN = 60.0
IMPORT = """
import io, json, sys, django
django.setup()
from tests import factories
from tests.pictures import a_jpeg
from tasks.ingest.services import add_file, finish_upload, start_import
first, count = int(sys.argv[1]), int(sys.argv[2])
batch_import = start_import(project=factories.a_project(f"Import {first}"), by=factories.ada())
for number in range(first, first + count):
    picture = io.BytesIO(a_jpeg(number, width=1600, height=1200))
    add_file(batch_import=batch_import, name=f"{number}.jpg", source=picture)
finish_upload(batch_import=batch_import)
print(json.dumps(batch_import.pk))
"""
RESUME = """
import sys, django
django.setup()
from tasks.ingest.models import Import
from tasks.ingest.services import resume_import
resume_import(batch_import=Import.objects.get(pk=int(sys.argv[1])))
print("null")
"""


class Site:
    def __init__(self, running: Running) -> None:
        self.running = running

    def run(self, program: str, *arguments: object) -> Any:
        """Run a program with the settings of the installation; returns the JSON that it prints."""
        environment = {**os.environ, **self.running.environment, "PYTHONPATH": python_path()}
        command = [sys.executable, "-c", program, *(str(each) for each in arguments)]
        done = subprocess.run(command, env=environment, cwd=ROOT, capture_output=True, text=True, check=True)
        return json.loads(done.stdout.splitlines()[-1])

    def row(self, query: str, *values: object) -> Any:
        with psycopg.connect(self.running.environment["DATABASE_URL"]) as connection:
            row = connection.execute(query, values).fetchone()
        assert row is not None
        return row

    def job(self, batch_import: int) -> tuple[int, str, int]:
        """Return the id, state and attempts of the import's last job."""
        query = "SELECT id, state, attempts FROM kernel_job WHERE dedupe_key = %s ORDER BY id DESC LIMIT 1"
        row: tuple[int, str, int] = self.row(query, f"import.{batch_import}")
        return row

    def taken(self, batch_import: int) -> int:
        return int(self.row("SELECT taken FROM tasks_import WHERE id = %s", batch_import)[0])

    def outcome(self, batch_import: int) -> tuple[str, str]:
        row: tuple[str, str] = self.row("SELECT state, error FROM tasks_import WHERE id = %s", batch_import)
        return row

    def kill_worker(self, part: str) -> None:
        """Kill the process that runs the job ("child"), or the worker as a whole."""
        worker = self.running.state().children["worker-import"].pid
        children = [pid for pid in linux_processes.descendants(worker) if _parent(pid) == worker]
        assert children
        os.kill(children[0] if part == "child" else worker, signal.SIGKILL)


def _parent(pid: int) -> int:
    try:
        return int(Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[1])
    except OSError:
        return 0


def eventually(condition: Callable[[], bool], *, timeout: float = 120.0) -> bool:
    deadline = time.monotonic() + timeout
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.05)
    return True


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Site]:
    for name in CHOSEN_BY_TESTS:
        monkeypatch.delenv(name, raising=False)
    with instance.start(data=tmp_path / "data") as running:
        yield Site(running)


def test_a_job_is_taken_up_within_a_minute_when_its_worker_is_killed(site: Site, fault_seed: int) -> None:
    chance = random.Random(fault_seed)
    part, after = chance.choice(["child", "worker"]), chance.randrange(1, IMAGES // 3)
    batch_import = site.run(IMPORT, 0, IMAGES)
    assert eventually(lambda: site.taken(batch_import) >= after)
    first, *_ = site.job(batch_import)
    abandoned = set((site.running.data / "scratch").iterdir())
    site.kill_worker(part)
    killed = time.monotonic()
    assert eventually(lambda: site.job(batch_import)[1:] != ("running", 1))
    assert time.monotonic() - killed < TAKEN_UP_WITHIN
    print(f"{part} killed after {after} images: the job was taken up after {time.monotonic() - killed:.1f} s")
    assert eventually(lambda: site.outcome(batch_import)[0] == "done")
    assert site.taken(batch_import) == IMAGES
    assert site.job(batch_import)[0] == first
    alive = set((site.running.data / "scratch").iterdir())
    assert len(alive) == len(abandoned), "the folder of the killed process is still there"
    assert alive != abandoned


def test_an_import_whose_worker_is_killed_on_the_last_attempt_is_failed_and_can_be_resumed(
    site: Site, fault_seed: int
) -> None:
    batch_import = site.run(IMPORT, 1000, IMAGES)
    assert eventually(lambda: site.taken(batch_import) > fault_seed % 10)
    site.row("UPDATE kernel_job SET max_attempts = attempts WHERE state = 'running' RETURNING id")
    site.kill_worker("child")
    assert eventually(lambda: site.outcome(batch_import) == ("failed", IMPORT_INTERRUPTED))
    site.run(RESUME, batch_import)
    assert eventually(lambda: site.outcome(batch_import) == ("done", ""))
    assert site.taken(batch_import) == IMAGES
