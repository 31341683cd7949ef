"""Random histories of a project, what a repair made of them, and the bytes of its releases."""

from __future__ import annotations

import random
from collections import Counter
from contextlib import suppress
from dataclasses import replace
from io import BytesIO
from pathlib import Path
from typing import Any, BinaryIO

from django.db import connection
from PIL import Image as Picture

from accounts.models import Actor
from annotary_core.formats.base import ReleaseRecord
from annotary_core.formats.registry import get_format
from annotary_core.formats.release_archive import FolderSink
from kernel.errors import AnnotaryError
from projects.models import Project
from tasks.batching.models import Batch, Task
from tasks.consensus.models import ConsensusLabel
from tasks.consensus.refit import refit
from tasks.exports.records import ReleaseImages, records, release_info
from tasks.flow.rejection import reject_label
from tasks.flow.relabel import relabel
from tasks.flow.repair import run_repair, start_repair, undo_repair
from tasks.flow.repair_record import Slots
from tasks.repair.models import Repair
from tasks.review.services import approve_batch, approve_label, fix_label
from tasks.snapshots.models import Snapshot
from tasks.snapshots.services import build_snapshot, create_snapshot
from tests import factories, worker_actions
from tests.invariants import FORBIDDEN
from tests.labeled import a_crowd

CLASSES = (1, 2, 3)


def void_answers(project: Project, worker: Actor, **options: Any) -> Repair:
    repair = start_repair(project=project, worker=worker, by=factories.ada(), reason="Random answers.", **options)
    return finish(repair)


def undo(repair: Repair) -> Repair:
    return finish(undo_repair(repair=repair, by=factories.ada(), reason="The wrong worker."))


def finish(repair: Repair) -> Repair:
    run_repair(repair_id=repair.pk)
    return Repair.objects.get(pk=repair.pk)


def a_history(rng: random.Random) -> Project:
    """A project with answers of four workers and what reviewers and managers made of them."""
    least = rng.choice([1, 2, 2, 3])
    project = factories.a_project(
        classes=("cat", "dog", "fox"),
        answers_min=least,
        answers_max=least + rng.choice([0, 0, 1, 2]),
        gold_rate=rng.choice([0, 0.1]),
        confidence_target=rng.choice([0.5, 0.8, 0.95]),
        price="0.05",
        budget=rng.choice([None, None, "1.5", "40"]),
    )
    project.refresh_from_db()
    crowd = a_crowd(project, 4)
    batches = [factories.a_batch(project) for _ in range(rng.choice([1, 2, 3]))]
    for _ in range(rng.randint(4, 12)):
        task = factories.a_task(project, batch=rng.choice(batches), wanted=least)
        for worker in rng.sample(crowd, rng.randint(0, least)):
            answer(task, worker, rng)
    relabel_all(project)
    if rng.random() < 0.3:
        refit(project_id=project.pk)
    for _ in range(rng.randint(0, 15)):
        some_step(project, crowd, rng)
    return project


def answer(task: Task, worker: Actor, rng: random.Random) -> None:
    truth = CLASSES[task.pk % 3]
    number = truth if rng.random() < 0.7 else rng.choice(CLASSES)
    factories.a_credit(factories.an_answer(task, worker, factories.class_answer(number)))


def relabel_all(project: Project) -> None:
    relabel(task_ids=list(Task.objects.filter(project=project).order_by("pk").values_list("pk", flat=True)))


def some_step(project: Project, crowd: list[Actor], rng: random.Random) -> None:
    """One answer, verdict, batch approval or release, if it is possible now."""
    task = rng.choice(list(Task.objects.filter(project=project).order_by("pk")))
    label = ConsensusLabel.objects.filter(task=task, is_current=True).first()
    seen: dict[str, Any] = {
        "reviewer": factories.ada(),
        "task": task,
        "label_hash": label.content_hash if label else "",
        "again": True,
    }
    step = rng.choice(["answer", "answer", "approve", "approve", "fix", "reject", "batch", "batch", "release"])
    with suppress(AnnotaryError):
        if step == "answer":
            answer_open(task, crowd, rng)
        elif step == "approve":
            approve_label(**seen)
        elif step == "fix":
            fix_label(**seen, raw=factories.class_answer(rng.choice(CLASSES)))
        elif step == "reject":
            reject_label(**seen, reason="It is wrong.")
        elif step == "batch":
            approve_batch(reviewer=factories.ada(), batch=Batch.objects.get(pk=task.batch_id))
        else:
            a_release(project)


def answer_open(task: Task, crowd: list[Actor], rng: random.Random) -> None:
    had = set(task.assignments.filter(round=task.round).values_list("worker_id", flat=True))
    free = [worker for worker in crowd if worker.pk not in had]
    if free and Slots.of(task).offered > 0:
        answer(task, rng.choice(free), rng)
        relabel(task_ids=[task.pk])


def a_release(project: Project) -> Snapshot:
    snapshot = create_snapshot(project=project, by=factories.ada())
    build_snapshot(snapshot_id=snapshot.pk)
    return Snapshot.objects.get(pk=snapshot.pk)


def state_of(project: Project) -> list[tuple[Any, ...]]:
    """Everything of the project's tasks that a repair may change, and its undo must put back."""
    rows = []
    for task in Task.objects.filter(project=project).order_by("pk"):
        label = ConsensusLabel.objects.filter(task=task, is_current=True).first()
        verdict = task.reviews.filter(is_current=True).first()
        counting = task.assignments.filter(counts=True).order_by("pk").values_list("pk", flat=True)
        rows.append((task.pk, Slots.of(task), task.round, label, verdict, list(counting)))
    batches = Batch.objects.filter(project=project).order_by("pk")
    return [*rows, *batches.values_list("pk", "state", "wanted", "taken", "approved_at")]


def offered(project: Project) -> Counter[int]:
    """How many answers workers are asked for, by task."""
    return Counter({task.pk: Slots.of(task).offered for task in Task.objects.filter(project=project)})


def approved(project: Project) -> set[int]:
    return set(Task.objects.filter(project=project, state=Task.State.APPROVED).values_list("pk", flat=True))


def release_bytes(snapshot: Snapshot, name: str, folder: Path) -> dict[str, bytes]:
    """The files of an export, as if the release had the number 1: the number alone may differ from another one's."""
    target = folder / f"{name}-{snapshot.number}"
    info = replace(release_info(snapshot), number=1)
    form = get_format(name)
    form.write(info, records(snapshot, ReleaseImages()), _open_image, FolderSink(target))
    return {str(path.relative_to(target)): path.read_bytes() for path in sorted(target.rglob("*")) if path.is_file()}


def _open_image(record: ReleaseRecord) -> BinaryIO:
    stream = BytesIO()
    Picture.new("RGB", (record.width, record.height), (200, 150, 100)).save(stream, "WEBP")
    stream.seek(0)
    return stream


def assert_rules(project: Project) -> None:
    """The rules in SQL and those of `worker_actions`."""
    worker_actions.assert_invariants(project)
    with connection.cursor() as cursor:
        for rule, query in FORBIDDEN.items():
            cursor.execute(query)
            assert not cursor.fetchall(), rule
