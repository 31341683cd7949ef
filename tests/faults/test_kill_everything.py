"""A crowd works while every process is killed with SIGKILL, one after another: nothing is lost, duplicated or torn.

The clients behave like a phone: they retry a request with its idempotency key until the server responds. The seed
chooses the order and the moments of the kills, so ten seeds kill each process ten times at random offsets.
"""

import json
import os
import random
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from decimal import Decimal
from pathlib import Path

import httpx
import psycopg
import pytest
from rich.console import Console

from annotary.demo import scenario
from annotary.demo.crowd import Crowd
from annotary.demo.dataset import prepare
from annotary.demo.manager import Manager
from annotary.demo.progress import StageProgress
from annotary.demo.scenario import RunResult
from annotary.demo.skills import crowd_of
from annotary.demo.worker import Job, Receipt
from annotary.runtime import instance
from annotary.runtime.instance import Running
from annotary.runtime.source_roots import python_path
from annotary_core.labels.shapes import SHAPES
from annotary_core.synthesis.scenes.synthesize import synthesize
from tests.invariants import violations

pytestmark = pytest.mark.slow

IMAGES, PEOPLE, SEED = 48, 6, 5
# The processes that are not services: the supervisor, and the launcher above it, which the user started.
ABOVE = ("supervisor", "launcher")
# Answers between two kills: with three per image there are enough for all kills and an undisturbed end.
STEP = 10
# The longest time from reaching that many answers to the kill: longer than a set takes to claim and answer.
LATEST = 0.6
BACK_WITHIN = 60.0
PATIENCE = 150.0
CHOSEN_BY_TESTS = ("DATABASE_URL", "REDIS_URL", "CELERY_BROKER_URL", "ANNOTARY_DATA", "DJANGO_SETTINGS_MODULE")
MAKE_MANAGER = """
import json, os
from annotary.demo.accounts import make_manager
print(json.dumps(make_manager(os.environ).key))
"""
RELEASABLE = """
SELECT i.source_key FROM tasks_task t JOIN tasks_image i ON i.id = t.image_id
JOIN tasks_consensuslabel c ON c.task_id = t.id AND c.is_current
WHERE t.state = 'approved' AND c.body->>'verdict' <> 'cannot_tell'
"""


class Site:
    """An installation that can be started again on the same data and port."""

    def __init__(self, data: Path) -> None:
        self.data = data
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port: int = probe.getsockname()[1]
        self._stack = ExitStack()
        self.running: Running = self._start()

    def _start(self) -> Running:
        return self._stack.enter_context(instance.start(data=self.data, port=self.port))

    def parts(self) -> list[str]:
        """Every process of the installation, by name."""
        return [*self.running.state().children, *ABOVE]

    def kill(self, part: str) -> None:
        """Send SIGKILL to the process and return when everything is running again."""
        current = self.running.state()
        if part in ABOVE:
            process = current.supervisor if part == "supervisor" else current.keeper
            assert process is not None
            process.send(signal.SIGKILL)
            assert self.running.process.wait(BACK_WITHIN) != 0
            self.running = self._start()
            return
        before = current.children[part]
        os.kill(before.pid, signal.SIGKILL)
        assert eventually(lambda: self._is_back(part, before.pid)), f"{part} was not back in {BACK_WITHIN:.0f} s"

    def _is_back(self, part: str, old: int) -> bool:
        current = self.running.state().children.get(part)
        return current is not None and current.pid != old and self._answers()

    def _answers(self) -> bool:
        try:
            return httpx.get(f"{self.running.url}/readyz", timeout=5).status_code == 200
        except httpx.TransportError:
            return False

    def database(self) -> str:
        return self.running.environment["DATABASE_URL"]

    def manager_key(self) -> str:
        done = subprocess.run(
            [sys.executable, "-c", MAKE_MANAGER],
            env={**os.environ, **self.running.environment, "PYTHONPATH": python_path()},
            capture_output=True,
            text=True,
            check=True,
        )
        return str(json.loads(done.stdout))

    def close(self) -> None:
        self._stack.close()


def eventually(condition: Callable[[], bool], *, timeout: float = BACK_WITHIN) -> bool:
    deadline = time.monotonic() + timeout
    while time.monotonic() < deadline:
        if condition():
            return True
        time.sleep(0.1)
    return False


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Site]:
    for name in CHOSEN_BY_TESTS:
        monkeypatch.delenv(name, raising=False)
    created = Site(tmp_path / "data")
    yield created
    created.close()


class Killer(threading.Thread):
    """Kills the next process some time after every STEP answers; `at` records how many answers there were each time."""

    def __init__(self, site: Site, *, seed: int) -> None:
        super().__init__(name="killer", daemon=True)
        self.site = site
        self.random = random.Random(seed)
        self.parts = site.parts()
        self.random.shuffle(self.parts)
        self.answers = 0
        self.at: dict[str, int] = {}
        self.failed = ""

    def note(self, answers: int) -> None:
        self.answers = answers

    def _reaches(self, answers: int) -> bool:
        return eventually(lambda: self.answers >= answers, timeout=PATIENCE)

    def run(self) -> None:
        for number, part in enumerate(self.parts, start=1):
            if not self._reaches(number * STEP):
                self.failed = f"only {self.answers} answers arrived before the kill of {part}"
                return
            time.sleep(self.random.uniform(0, LATEST))
            self.at[part] = self.answers
            try:
                self.site.kill(part)
            except Exception as error:
                self.failed = f"{part}: {error!r}"
                return


def label(site: Site, manager: Manager, outcome: RunResult, killer: Killer) -> list[Receipt]:
    """Run the crowd and the killer together; return every receipt that a client holds."""
    project = outcome.project["id"]
    job = Job(
        url=manager.client.url,
        invitation=manager.invite(project, uses=PEOPLE + 4),
        project=project,
        seed=SEED,
        ground_truth=outcome.ground_truth,
        retry_seconds=PATIENCE,
    )
    # A job of a killed worker is claimed again when its lease expires, after a minute.
    crowd = Crowd(job, count_left=lambda: scenario.work_left(manager, project), on_progress=killer.note, quiet=PATIENCE)
    killer.start()
    outcome.crowd = crowd.run(crowd_of(PEOPLE))
    killer.join(PATIENCE)
    outcome.left_open = crowd.unfinished
    outcome.labels = manager.labels(project, state="answered")
    return [receipt for record in outcome.crowd for receipt in record.receipts]


def test_nothing_is_lost_duplicated_or_torn_when_every_process_is_killed(
    site: Site, tmp_path: Path, fault_seed: int
) -> None:
    truth = synthesize(tmp_path / "scenes", count=IMAGES, seed=SEED)
    dataset = prepare(
        images=tmp_path / "scenes" / "images", truth=truth, workspace=tmp_path / "work", shape=SHAPES["box"]
    )
    manager = Manager(site.running.url, site.manager_key(), retry_seconds=PATIENCE)
    killer = Killer(site, seed=fault_seed)
    (tmp_path / "out").mkdir()
    with StageProgress(Console(quiet=True)) as stages:
        project = scenario.make_project(manager, dataset, "Killed")
        outcome = scenario.import_images(manager, project, dataset, stages, seed=SEED)
        receipts = label(site, manager, outcome, killer)
        assert killer.failed == ""
        assert sorted(killer.at) == sorted(killer.parts)
        assert max(killer.at.values()) < len(receipts), "the last process was killed after the work was done"
        assert sum(record.retries for record in outcome.crowd) > 0, "no client ever had to retry a request"
        assert outcome.left_open == 0

        scenario.approve(manager, outcome, stages)
        scenario.release(manager, outcome, stages, tmp_path / "out")
    manager.close()
    assert eventually(lambda: not still_moving(site.database())), still_moving(site.database())
    files = Path(site.running.environment.get("ANNOTARY_DATA", site.data)) / "files"
    assert files.is_dir()
    assert violations(site.database(), receipts=receipts, files=files) == []
    earned_by_worker = {record.worker: record.earned for record in outcome.crowd}
    assert earned_by_worker == {row["worker"]: Decimal(row["earned"]) for row in outcome.workers}
    with psycopg.connect(site.database()) as connection:
        assert set(outcome.released) == {row[0] for row in connection.execute(RELEASABLE)}
    assert len(outcome.released) > 0.9 * IMAGES


def still_moving(database: str) -> list[str]:
    """Return the events and jobs that wait, but for jobs whose time has not come."""
    with psycopg.connect(database) as connection:
        events = connection.execute("SELECT count(*) FROM kernel_event WHERE number IS NULL").fetchone()
        jobs = connection.execute(
            "SELECT kind, state, attempts, not_before, error FROM kernel_job WHERE state IN ('queued', 'running')"
            " AND NOT (attempts = 0 AND coalesce(not_before, now()) > now())"
        ).fetchall()
    assert events is not None
    return [f"{events[0]} events"] * bool(events[0]) + [str(job) for job in jobs]
