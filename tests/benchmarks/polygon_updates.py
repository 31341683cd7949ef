"""Measure label updates of polygons: `python tests/benchmarks/polygon_updates.py [images]`, 5,000 by default.

Starts a normal installation and settles four sets of ten for every ten images of a project with polygons, three objects
an image, as fast as the answers can be written. Prints how long until all labels have followed, and how long small
things took meanwhile in another project: until an image is a task, until a label is written, until the sweep has
settled a set. About 10 minutes.
"""

from __future__ import annotations

import os
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from annotary.runtime import instance

IMAGES = 5_000
WORKERS = 4
SET_SIZE = 10
#: Different images of which the project is made; fusing takes as long for the same ones.
SCENES = 40
#: Points of an answer are off by this share of the object's radius.
ERROR = 0.02


def scenes() -> list[list[dict[str, Any]]]:
    """Return the bodies of the answers of each worker to each scene."""
    from tests.benchmarks.consensus_polygons import RADII, answer, blob, drawn

    rng = np.random.default_rng(11)
    outlines = [[blob(rng, radius) for radius in RADII] for _ in range(SCENES)]
    return [
        [
            answer([drawn(rng, ring, radius, ERROR) for ring, radius in zip(each, RADII, strict=True)]).to_json()
            for each in outlines
        ]
        for _ in range(WORKERS)
    ]


class Polygons:
    """A project whose images are answered faster than its labels can follow."""

    def __init__(self, images: int) -> None:
        from annotary_core.labels.answer import Answer
        from annotary_core.labels.canonical import content_hash
        from tasks.batching.models import Task
        from tests import factories
        from tests.benchmarks.many_answers import add_tasks

        self.workers = [factories.a_worker(f"outliner{number}") for number in range(WORKERS)]
        self.project = factories.a_project(
            "Leaves",
            tools=("polygon",),
            classes=("leaf",),
            answers_min=WORKERS,
            answers_max=WORKERS,
            workers=self.workers,
        )
        add_tasks(self.project, images, wanted=WORKERS)
        self.bodies = scenes()
        self.hashes = [[content_hash(Answer.from_json(body)) for body in each] for each in self.bodies]
        self.tasks = list(Task.objects.filter(project=self.project).order_by("pk").select_related("image"))
        self.sending_took: float | None = None

    def send(self) -> None:
        """Settle all sets; each worker follows the one before through the images, some sets behind."""
        from django.db import connection

        start = time.perf_counter()
        tasks = list(enumerate(self.tasks))
        for number in range(WORKERS):
            for first in range(0, len(tasks), SET_SIZE):
                self._settle(number, tasks[first : first + SET_SIZE])
        self.sending_took = time.perf_counter() - start
        connection.close()

    def _settle(self, number: int, part: list[tuple[int, Any]]) -> None:
        from django.db import transaction
        from django.db.models import F

        from kernel.clock import utc_now
        from kernel.events import record_event
        from kernel.jobs import enqueue
        from tasks.annotation.models import Annotation
        from tasks.assignment.models import Assignment, Hand
        from tasks.batching.models import Batch, Task
        from tasks.consensus.refit import UPDATE_LABELS, TaskIds

        now, worker, ids = utc_now(), self.workers[number], [task.pk for _, task in part]
        shared = {"project": self.project, "schema_id": self.project.schema_id}
        blob_id = part[0][1].image.rendition_id
        leased = {"round": 1, "state": "submitted", "counts": True, "rendition_id": blob_id, "width": 1280}
        leased |= {"height": 960, "price": self.project.price, "leased_at": now, "expires_at": now, "submitted_at": now}
        with transaction.atomic():
            Batch.objects.filter(pk=part[0][1].batch_id).update(taken=F("taken") + len(part))
            Task.objects.filter(pk__in=ids).update(taken=F("taken") + 1)
            hand = Hand.objects.create(
                project=self.project,
                worker=worker,
                size=len(part),
                state="settled",
                created_at=now,
                expires_at=now,
                settled_at=now,
            )
            assignments = Assignment.objects.bulk_create(
                Assignment(hand=hand, worker=worker, task=task, position=position, **shared, **leased)
                for position, (_, task) in enumerate(part, start=1)
            )
            Annotation.objects.bulk_create(
                Annotation(
                    assignment=assignment,
                    task=task,
                    actor=worker,
                    source="worker",
                    created_at=now,
                    **shared,
                    body=self.bodies[number][at % SCENES],
                    body_sha256=self.hashes[number][at % SCENES],
                    raw_sha256=self.hashes[number][at % SCENES],
                )
                for (at, task), assignment in zip(part, assignments, strict=True)
            )
            data = {"worker": str(worker.public_id)}
            record_event(project_id=self.project.pk, kind="hand.settled", data=data, settled=len(part))
            enqueue(UPDATE_LABELS, TaskIds(ids), project_id=self.project.pk)

    def is_behind(self) -> bool:
        from kernel.models import Job

        live = Job.objects.filter(project_id=self.project.pk, state__in=["queued", "running"], not_before__isnull=True)
        return self.sending_took is None or live.exists()

    def report(self) -> list[str]:
        from kernel.models import Job
        from tasks.consensus.models import ConsensusLabel

        labels = ConsensusLabel.objects.filter(project=self.project, is_current=True).count()
        jobs = Job.objects.filter(project_id=self.project.pk)
        failed = jobs.filter(state="failed").count()
        assert labels == len(self.tasks), f"{labels} labels of {len(self.tasks)}"
        refits = jobs.filter(kind="consensus.refit").count()
        return [f"  {labels:,} labels from {jobs.count():,} jobs, {refits} of them refits; {failed} failed"]


def measure(images: int) -> None:
    from tests.benchmarks.claims import machine
    from tests.benchmarks.queues import SmallProject, line

    print(machine(), flush=True)
    polygons, small = Polygons(images), SmallProject()
    probes: dict[str, Callable[[], float]] = {
        "import of one image": small.import_one_image,
        "settled set to label": small.settle_a_set,
        "expired set to settlement": small.let_a_set_expire,
    }
    for name, probe in probes.items():
        print(line(f"{name}, quiet", [probe() for _ in range(3)]), flush=True)
    start = time.perf_counter()
    sender = threading.Thread(target=polygons.send)
    sender.start()
    waits: dict[str, list[float]] = {name: [] for name in probes}
    while polygons.is_behind():
        for name, probe in probes.items():
            waits[name].append(probe())
    seconds = time.perf_counter() - start
    sender.join()
    for name, each in waits.items():
        print(line(f"{name}, meanwhile", each))
    answers = WORKERS * images
    print(f"  {answers:,} answers written in {polygons.sending_took:.0f} s; all labels after {seconds:.0f} s:")
    print(f"  {1000 * seconds / answers:.0f} ms an answer, {answers / seconds:.0f} answers a second")
    print("\n".join(polygons.report()))


def main() -> None:
    with (
        tempfile.TemporaryDirectory(prefix="annotary-polygons-") as folder,
        instance.start(data=Path(folder) / "data", port=int(os.environ.get("PORT", "0"))) as running,
    ):
        os.environ.update(running.environment, ANNOTARY_LOG_LEVEL="WARNING")
        import django

        django.setup()
        measure(int(sys.argv[1]) if len(sys.argv) > 1 else IMAGES)


if __name__ == "__main__":
    main()
