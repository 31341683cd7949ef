"""Many answers of a crowd, written directly to the tables, for tests of what a refit estimates from them."""

import random
from collections.abc import Mapping, Sequence
from typing import Any

from django.db.models import F

from accounts.models import Actor
from annotary_core.labels.answer import Answer
from annotary_core.labels.canonical import content_hash
from kernel.clock import utc_now
from kernel.models import Stream
from projects.models import Project
from tasks.annotation.models import Annotation
from tasks.assignment.models import Assignment, Hand
from tasks.batching.models import Batch, Task
from tasks.gold.models import Gold


def write_answers(
    project: Project, answers: Mapping[Actor, Mapping[Task | Gold, dict[str, Any]]], *, settled: bool = True
) -> list[Annotation]:
    """Write each worker's answers to tasks or gold, in one settled hand per worker, and update the counters."""
    now = utc_now()
    assignments: list[tuple[Assignment, dict[str, Any]]] = []
    for worker, bodies in answers.items():
        hand = Hand.objects.create(
            project=project,
            worker=worker,
            size=min(len(bodies), 100),
            state=Hand.State.SETTLED if settled else Hand.State.LIVE,
            created_at=now,
            expires_at=now,
            settled_at=now if settled else None,
        )
        for target, body in bodies.items():
            assignments.append((_assignment(project, hand, target, now), body))
    Assignment.objects.bulk_create([row for row, _ in assignments], batch_size=2000)
    rows = Annotation.objects.bulk_create([_annotation(row, body, now) for row, body in assignments], batch_size=2000)
    _count(assignments)
    return rows


def class_vote(number: int) -> dict[str, Any]:
    return {"image": {"class": number, "tags": [], "attrs": {}}, "objects": [], "verdict": "labels"}


def simulated_votes(
    project: Project,
    tasks: Sequence[Task],
    workers: Sequence[Actor],
    *,
    truth: Mapping[int, int],
    right: Mapping[Actor, float],
    classes: int = 2,
    seed: int = 0,
) -> dict[Actor, dict[Task | Gold, dict[str, Any]]]:
    """Simulated answers of workers with these accuracies, whose errors are random; truth: task id -> class."""
    rng = random.Random(seed)
    answers: dict[Actor, dict[Task | Gold, dict[str, Any]]] = {}
    for worker in workers:
        votes: dict[Task | Gold, dict[str, Any]] = {}
        for task in tasks:
            wrong = [number for number in range(1, classes + 1) if number != truth[task.pk]]
            votes[task] = class_vote(truth[task.pk] if rng.random() < right[worker] else rng.choice(wrong))
        answers[worker] = votes
    return answers


def set_settled_count(project: Project, settled: int) -> None:
    """Set the total of settled answers in the live stream."""
    Stream.objects.update_or_create(project_id=project.pk, defaults={"totals": {"settled": settled}})


def _assignment(project: Project, hand: Hand, target: Task | Gold, now: Any) -> Assignment:
    task, gold = (target, None) if isinstance(target, Task) else (None, target)
    assert project.schema_id is not None
    return Assignment(
        project=project,
        hand=hand,
        worker_id=hand.worker_id,
        task=task,
        gold=gold,
        round=task.round if task else 1,
        position=1,
        state=Assignment.State.SUBMITTED,
        counts=task is not None,
        schema_id=project.schema_id,
        rendition_id=target.image.rendition_id,
        width=target.image.width,
        height=target.image.height,
        price=project.price,
        leased_at=now,
        expires_at=now,
        submitted_at=now,
    )


def _annotation(row: Assignment, body: dict[str, Any], now: Any) -> Annotation:
    content = content_hash(Answer.from_json(body))
    assert row.worker_id is not None
    return Annotation(
        project_id=row.project_id,
        assignment=row,
        task_id=row.task_id,
        gold_id=row.gold_id,
        actor_id=row.worker_id,
        source=Annotation.Source.WORKER,
        schema_id=row.schema_id,
        body=body,
        body_sha256=content,
        raw_sha256=content,
        created_at=now,
    )


def _count(assignments: Sequence[tuple[Assignment, dict[str, Any]]]) -> None:
    taken: dict[int, int] = {}
    for row, _ in assignments:
        if row.task_id is not None:
            taken[row.task_id] = taken.get(row.task_id, 0) + 1
    batches = dict(Task.objects.filter(pk__in=taken).values_list("pk", "batch_id"))
    for task_id, added in taken.items():
        wanted = Task.objects.values_list("wanted", "taken").get(pk=task_id)
        raised = max(wanted[1] + added - wanted[0], 0)
        Task.objects.filter(pk=task_id).update(taken=F("taken") + added, wanted=F("wanted") + raised)
        Batch.objects.filter(pk=batches[task_id]).update(taken=F("taken") + added, wanted=F("wanted") + raised)
