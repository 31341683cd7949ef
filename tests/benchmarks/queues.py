"""Measure how long small things wait while bulk work runs: `python tests/benchmarks/queues.py [answers]`.

Starts a normal installation, fills a project with answers (600,000 by default), and starts a refit, whose label updates
follow, and an export of the same project. Meanwhile, in another project, it imports one image, settles a set and lets a
set expire, again and again, and prints how long each took: until the image is a task, until the label is written, until
the sweep has settled the set. About five minutes.
"""

from __future__ import annotations

import io
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from annotary.runtime import instance

ANSWERS = 600_000
APPROVED = 50_000
SMALL = 10_000
PATIENCE = 1800.0


def wait_for(condition: Callable[[], bool]) -> float:
    """Return the seconds until the condition holds."""
    start = time.perf_counter()
    while not condition():
        if time.perf_counter() - start > PATIENCE:
            raise TimeoutError
        time.sleep(0.02)
    return time.perf_counter() - start


class SmallProject:
    """Another project of the same installation, in which little happens."""

    def __init__(self) -> None:
        from tests import factories
        from tests.benchmarks.many_answers import add_tasks

        self.worker = factories.wren()
        self.project = factories.a_project("Small", answers_min=1, answers_max=1, hand_size=1, workers=[self.worker])
        # One worker lets hundreds of sets expire.
        type(self.project).objects.filter(pk=self.project.pk).update(returns_per_day=100_000)
        add_tasks(self.project, SMALL)
        self._pictures = 0

    def import_one_image(self) -> float:
        from tasks.batching.models import Task
        from tasks.ingest.models import Import
        from tasks.ingest.services import add_file, finish_upload, start_import
        from tests import factories
        from tests.pictures import a_jpeg

        self._pictures += 1
        batch_import = start_import(project=self.project, by=factories.ada())
        add_file(batch_import=batch_import, name=f"{self._pictures}.jpg", source=io.BytesIO(a_jpeg(self._pictures)))
        finish_upload(batch_import=batch_import)
        seconds = wait_for(lambda: Import.objects.get(pk=batch_import.pk).state != Import.State.WORKING)
        assert Task.objects.filter(project=self.project, image__source_key=f"{self._pictures}.jpg").exists()
        return seconds

    def settle_a_set(self) -> float:
        from tasks.consensus.models import ConsensusLabel
        from tests.worker_actions import answer_all, leases_of, settle, take

        hand = take(self.worker, self.project)
        answer_all(hand)
        settle(hand)
        task = leases_of(hand)[0].task_id
        assert task is not None
        return wait_for(lambda: ConsensusLabel.objects.filter(task_id=task).exists())

    def let_a_set_expire(self) -> float:
        from tasks.assignment.models import Hand
        from tests.worker_actions import expire_hand, take

        hand = take(self.worker, self.project)
        expire_hand(hand)
        return wait_for(lambda: Hand.objects.get(pk=hand.pk).state == Hand.State.SETTLED)


class BulkWork:
    """A refit with the updates that follow, and an export."""

    def __init__(self, answers: int) -> None:
        from storage.services import store_blob
        from tasks.snapshots.services import build_snapshot, create_snapshot
        from tests import factories
        from tests.benchmarks.many_answers import a_project_with_answers
        from tests.pictures import a_jpeg

        blob = store_blob(source=io.BytesIO(a_jpeg(0, width=640, height=480)), content_type="image/jpeg")
        self.project = a_project_with_answers(answers=answers, approved=min(APPROVED, answers // 6), blob=blob)
        self.snapshot = create_snapshot(project=self.project, by=factories.ada())
        # Its job builds it too; whichever is second finds it ready.
        build_snapshot(snapshot_id=self.snapshot.pk)
        self.snapshot.refresh_from_db()
        self.seconds: dict[str, float] = {}

    def start(self) -> None:
        from django.db import transaction

        from tasks.consensus.refit import request_refit
        from tasks.exports.services import request_export
        from tests import factories

        self._started = time.perf_counter()
        with transaction.atomic():
            request_refit(project_id=self.project.pk)
        self.export = request_export(snapshot=self.snapshot, format="coco", by=factories.ada())

    def is_running(self) -> bool:
        from kernel.models import Job

        live = set(
            Job.objects.filter(project_id=self.project.pk, state__in=["queued", "running"], not_before__isnull=True)
            .values_list("kind", flat=True)
            .distinct()
        )
        for kind in ("consensus.refit", "consensus.update", "exports.write"):
            if kind not in live and (kind != "consensus.update" or "consensus.refit" in self.seconds):
                self.seconds.setdefault(kind, time.perf_counter() - self._started)
        return bool(live)

    def report(self) -> list[str]:
        from kernel.models import Event, Job

        updates = Job.objects.filter(project_id=self.project.pk, kind="consensus.update")
        moved = Event.objects.get(project_id=self.project.pk, kind="consensus.refitted").data["moved"]
        failed = Job.objects.filter(state="failed").count()
        return [
            f"  refit {self.seconds['consensus.refit']:.0f} s, then {moved:,} labels in {updates.count()} jobs until"
            f" {self.seconds['consensus.update']:.0f} s; export of {self.snapshot.items_count:,} images until"
            f" {self.seconds['exports.write']:.0f} s; {failed} failed jobs"
        ]


def measure(answers: int) -> None:
    from tests.benchmarks.claims import machine

    print(machine(), flush=True)
    start = time.perf_counter()
    bulk, small = BulkWork(answers), SmallProject()
    print(f"{answers:,} answers, written in {time.perf_counter() - start:.0f} s", flush=True)
    probes: dict[str, Callable[[], float]] = {
        "import of one image": small.import_one_image,
        "settled set to label": small.settle_a_set,
        "expired set to settlement": small.let_a_set_expire,
    }
    for name, probe in probes.items():
        print(line(f"{name}, quiet", [probe() for _ in range(3)]), flush=True)
    bulk.start()
    waits: dict[str, list[float]] = {name: [] for name in probes}
    while bulk.is_running():
        for name, probe in probes.items():
            waits[name].append(probe())
    for name, seconds in waits.items():
        print(line(f"{name}, meanwhile", seconds))
    print("\n".join(bulk.report()))


def line(name: str, seconds: list[float]) -> str:
    """Describe how long a small thing took each time."""
    return f"  {name:<38} {len(seconds):>4} times, p50 {statistics.median(seconds):5.2f} s, max {max(seconds):5.2f} s"


def main() -> None:
    with (
        tempfile.TemporaryDirectory(prefix="annotary-queues-") as folder,
        instance.start(data=Path(folder) / "data", port=int(os.environ.get("PORT", "0"))) as running,
    ):
        os.environ.update(running.environment, ANNOTARY_LOG_LEVEL="WARNING")
        import django

        django.setup()
        measure(int(sys.argv[1]) if len(sys.argv) > 1 else ANSWERS)


if __name__ == "__main__":
    main()
