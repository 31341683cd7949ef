"""A backup is made while a crowd answers, and restored elsewhere: work, releases and sessions go on from there."""

import random
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import pytest
from rich.console import Console

from annotary.demo import scenario
from annotary.demo.accounts import SignIn
from annotary.demo.crowd import Crowd
from annotary.demo.dataset import Dataset, prepare
from annotary.demo.manager import Manager
from annotary.demo.progress import StageProgress
from annotary.demo.scenario import RunResult
from annotary.demo.skills import crowd_of
from annotary.demo.worker import Job, Receipt
from annotary.runtime import instance
from annotary.runtime.instance import Running
from annotary.runtime.source_roots import ROOT
from annotary_core.labels.shapes import SHAPES
from annotary_core.synthesis.scenes.synthesize import synthesize
from tests.faults.own_manager import make_manager
from tests.faults.test_kill_everything import CHOSEN_BY_TESTS, eventually, still_moving
from tests.invariants import violations

pytestmark = pytest.mark.slow

IMAGES, PEOPLE = 10, 4
PATIENCE = 120.0


@pytest.fixture(autouse=True)
def own_installation(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in CHOSEN_BY_TESTS:
        monkeypatch.delenv(name, raising=False)


def manage(*arguments: Any) -> "subprocess.CompletedProcess[str]":
    command = [sys.executable, str(ROOT / "manage.py"), *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)


@dataclass
class Backup:
    """Starts a backup once the crowd has sent `after` answers, and notes what had been acknowledged before."""

    command: list[Any]
    after: int
    crowd: Crowd | None = None
    receipts: list[Receipt] = field(default_factory=list)
    thread: threading.Thread | None = None
    done: "subprocess.CompletedProcess[str] | None" = None

    def note(self, answers: int) -> None:
        if answers >= self.after and self.thread is None and self.crowd is not None:
            self.receipts = [receipt for record in self.crowd.records for receipt in record.receipts]
            self.thread = threading.Thread(target=self._run)
            self.thread.start()

    def _run(self) -> None:
        self.done = manage(*self.command)


def imported(manager: Manager, dataset: Dataset, name: str, seed: int) -> RunResult:
    with StageProgress(Console(quiet=True)) as stages:
        return scenario.import_images(
            manager, scenario.make_project(manager, dataset, name), dataset, stages, seed=seed
        )


def crowd_for(manager: Manager, outcome: RunResult, seed: int, on_progress: Any = lambda answers: None) -> Crowd:
    project = outcome.project["id"]
    job = Job(
        url=manager.client.url,
        invitation=manager.invite(project, uses=PEOPLE + 4),
        project=project,
        seed=seed,
        ground_truth=outcome.ground_truth,
        retry_seconds=PATIENCE,
    )
    return Crowd(job, count_left=lambda: scenario.work_left(manager, project), on_progress=on_progress)


def released(manager: Manager, outcome: RunResult, seed: int, to: Path) -> dict[str, Any]:
    """Let the crowd label the project, approve it, and return its release, whose export is written to `to`."""
    crowd = crowd_for(manager, outcome, seed)
    crowd.run(crowd_of(PEOPLE))
    outcome.labels = manager.labels(outcome.project["id"], state="answered")
    with StageProgress(Console(quiet=True)) as stages:
        scenario.approve(manager, outcome, stages)
    release: dict[str, Any] = manager.release(outcome.project["id"])
    manager.export(release["id"], "coco", to)
    return release


@contextmanager
def signed_in(site: Running, account: SignIn) -> Iterator[httpx.Client]:
    """A browser that keeps its cookies."""
    with httpx.Client(base_url=site.url, timeout=60) as browser:
        browser.get("/account/login/")
        form = {"login": account.email, "password": account.password}
        form["csrfmiddlewaretoken"] = browser.cookies["csrftoken"]
        done = browser.post("/account/login/", data=form, headers={"Referer": site.url})
        assert done.status_code == 302
        yield browser


def test_what_was_backed_up_while_people_worked_goes_on_elsewhere(tmp_path: Path, fault_seed: int) -> None:
    seed = fault_seed + 11
    truth = synthesize(tmp_path / "scenes", count=IMAGES, seed=seed)
    dataset = prepare(
        images=tmp_path / "scenes" / "images", truth=truth, workspace=tmp_path / "work", shape=SHAPES["box"]
    )
    target, first, second = tmp_path / "backup.tar", tmp_path / "a.zip", tmp_path / "b.zip"
    with instance.start(data=tmp_path / "data") as site:
        account = make_manager(site.environment)
        manager = Manager(site.url, account.key, retry_seconds=PATIENCE)
        release = released(manager, imported(manager, dataset, "Released", seed), seed, first)
        outcome = imported(manager, dataset, "Unfinished", seed)
        backup = Backup(["backup", target, "--data", site.data], after=random.Random(seed).randrange(4, 2 * IMAGES))
        backup.crowd = crowd_for(manager, outcome, seed, backup.note)
        with signed_in(site, account) as browser:
            backup.crowd.run(crowd_of(PEOPLE))
            cookies = browser.cookies
        assert backup.thread is not None
        backup.thread.join(PATIENCE)
        manager.close()
    assert backup.done is not None
    assert (backup.done.returncode, backup.done.stderr) == (0, "")
    assert backup.receipts
    sent = [receipt for record in backup.crowd.records for receipt in record.receipts]
    assert len(sent) > len(backup.receipts), "no answer arrived after the backup had begun"

    restored = manage("restore", target, "--data", tmp_path / "new")
    assert (restored.returncode, restored.stderr) == (0, "")
    with instance.start(data=tmp_path / "new") as site:
        database, files = site.environment["DATABASE_URL"], site.data / "files"
        assert eventually(lambda: not still_moving(database)), still_moving(database)
        assert violations(database, receipts=backup.receipts, files=files) == []
        with httpx.Client(base_url=site.url, cookies=cookies, timeout=60) as browser:
            assert browser.get("/me/").status_code == 200, "the session ended"
        manager = Manager(site.url, account.key, retry_seconds=PATIENCE)
        manager.export(release["id"], "coco", second)
        assert second.read_bytes() == first.read_bytes()
        # Imports are jobs: the outbox, the broker, which began empty, and the workers are there.
        assert imported(manager, dataset, "New", seed).imported["taken"] == IMAGES
        assert eventually(lambda: not still_moving(database)), still_moving(database)
        assert violations(database, receipts=backup.receipts, files=files) == []
        manager.close()
