"""What a repair would do, and its undo, before it is done: decided by the functions that do it, without a lock.

What becomes of each image is exact. Which labels change is computed for at most SAMPLE images, chosen at random, and
estimated from these if there are more, so that a preview takes a bounded time.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from django.db import connection

from accounts.models import Actor
from kernel.clock import database_now
from projects.models import Project
from tasks.batching.models import Task
from tasks.consensus.asking_again import SAMPLE
from tasks.consensus.without_answers import labels_without
from tasks.flow.repair import count_void, releases_with, void_range
from tasks.flow.repair_record import CurrentLabel, Effect, Plan, Slots, plan_void
from tasks.flow.repair_steps import TO_VOID, asking_of, params_of
from tasks.flow.repair_undo import assignments_of, by_task, plan_return, read_now, rows_to_restore
from tasks.pay.budget import BudgetFigures, answer_cost, budget_figures
from tasks.repair.models import Repair, RepairedTask
from tasks.snapshots.models import Snapshot

IMAGES = f"""
SELECT t.id, t.state, t.asked_again, t.wanted, t.taken, l.method,
    coalesce((l.evidence->>'round')::int, t.round) = t.round,
    (SELECT count(*) FROM tasks_assignment o WHERE o.task_id = t.id AND o.round = t.round AND o.counts
        AND o.state = 'submitted')
{TO_VOID.replace(" WHERE ", " LEFT JOIN tasks_consensuslabel l ON l.task_id = t.id AND l.is_current WHERE ", 1)}
ORDER BY t.order_key, t.id
"""  # noqa: S608
_CHUNK = 500
_MICRO = Decimal("0.000001")


@dataclass(frozen=True, slots=True)
class RepairPreview:
    """What a repair would do.

    since: from when on; None is the first answer. answers: those that become void, check images and surplus included.
    kept, changed: finished images that keep enough other answers, by what becomes of their label. reopened: finished
    images that are labeled again. waiting: images that are not finished yet. unapproved: labels that are not approved
    any more. missing: answers that are asked for again. paid: what the void answers are paid. budget: as it is then.
    releases: {release: how many of its labels rest on these answers}. is_estimate: whether kept, changed, unapproved
    and missing were estimated from a sample.
    """

    since: datetime | None
    answers: int
    kept: int
    changed: int
    reopened: int
    waiting: int
    unapproved: int
    missing: int
    answer_cost: Decimal
    currency: str
    paid: Decimal
    budget: BudgetFigures
    releases: Mapping[Snapshot, int]
    is_estimate: bool

    @property
    def cost(self) -> Decimal:
        return (self.missing * self.answer_cost).quantize(_MICRO)


@dataclass(frozen=True, slots=True)
class UndoPreview:
    """What the undo of a repair would do.

    answers: those that count again. restored: images whose label, verdict and state become what they were. recomputed:
    the other images, because they were not finished or people have decided about them since. surplus: answers that came
    in between and count no more; they stay paid. ended: images in workers' sets that nobody needs any more. paid: what
    the worker gets back. releases: those that are no longer marked.
    """

    answers: int
    restored: int
    recomputed: int
    surplus: int
    ended: int
    paid: Decimal
    currency: str
    releases: Mapping[Snapshot, int]


@dataclass(frozen=True, slots=True)
class _Image:
    task_id: int
    before: Slots
    plan: Plan
    is_by_people: bool

    @property
    def is_decided_again(self) -> bool:
        return self.plan.effect == Effect.KEPT and not self.is_by_people and self.before.state != Task.State.LEFT_OUT


def preview_repair(*, project: Project, worker: Actor, since: datetime | None = None) -> RepairPreview:
    """Return what voiding the worker's answers would do. Raises RepairRefused, RepairInProgress and VoidAlready."""
    chosen = void_range(project=project, worker=worker, since=since, until=database_now())
    counts = count_void(chosen)
    images = list(_images(chosen.repair, project))
    effects = Counter(each.plan.effect for each in images)
    decided = [each for each in images if each.is_decided_again]
    sample = decided[:SAMPLE]
    factor = len(decided) / len(sample) if sample else 1.0
    changed, approved, asked = _decide(project, worker, sample)
    changed, approved, asked = (round(factor * number) for number in (changed, approved, asked))
    offered = sum(max(0, each.plan.after.offered - each.before.offered) for each in images)
    lost = sum(
        each.before.state == Task.State.APPROVED and each.plan.after.state != Task.State.APPROVED for each in images
    )
    missing = offered + asked
    return RepairPreview(
        since=chosen.since,
        answers=counts.answers,
        kept=effects[Effect.KEPT] - changed,
        changed=changed,
        reopened=effects[Effect.REOPENED],
        waiting=effects[Effect.WAITING],
        unapproved=lost + approved,
        missing=missing,
        answer_cost=answer_cost(project),
        currency=project.currency,
        paid=counts.amount,
        budget=budget_figures(project=project, more_answers=missing),
        releases=_releases(releases_with(chosen)),
        is_estimate=len(decided) > len(sample),
    )


def preview_undo(*, repair: Repair) -> UndoPreview:
    """Return what undoing the repair would do now."""
    counts: Counter[str] = Counter()
    for rows in _chunks(repair):
        tasks = {task.pk: task for task in Task.objects.filter(pk__in=[row.task_id for row in rows])}
        assignments, now = by_task(assignments_of(rows), rows), read_now(rows)
        for row in rows:
            each = plan_return(row, tasks[row.task_id], assignments[row.task_id], now)
            counts["restored" if each.exact else "recomputed"] += 1
            counts["answers"] += each.counts
            counts["surplus"] += len(each.surplus)
            counts["ended"] += len(each.expired)
    marked = repair.releases.filter(labels__gt=0).values_list("snapshot_id", "labels")
    return UndoPreview(
        answers=counts["answers"],
        restored=counts["restored"],
        recomputed=counts["recomputed"],
        surplus=counts["surplus"],
        ended=counts["ended"],
        paid=repair.amount,
        currency=repair.project.currency,
        releases=_releases(dict(marked)),
    )


def _images(repair: Repair, project: Project) -> Iterator[_Image]:
    with connection.cursor() as cursor:
        cursor.execute(IMAGES, params_of(repair))
        for pk, state, asked_again, wanted, taken, method, is_of_round, answers in cursor:
            before = Slots(state, asked_again, wanted, taken)
            label = CurrentLabel(method, is_of_round) if method else None
            plan = plan_void(before, answers=answers, label=label, answers_min=project.answers_min)
            yield _Image(pk, before, plan, is_by_people=label is not None and label.is_by_people)


def _decide(project: Project, worker: Actor, images: list[_Image]) -> tuple[int, int, int]:
    """Return how many of these labels change, how many approved ones among them, and how many answers are asked for."""
    asking = asking_of(project)
    tasks = {task.pk: task for task in Task.objects.filter(pk__in=[each.task_id for each in images]).order_by("pk")}
    approved = {pk for pk, task in tasks.items() if task.state == Task.State.APPROVED}
    for each in images:
        each.plan.after.apply(tasks[each.task_id])
    if not tasks:
        return 0, 0, 0
    result = labels_without(project=project, tasks=list(tasks.values()), worker_id=worker.pk, asking=asking)
    return len(result.changed), len(result.changed & approved), len(result.asked)


def _chunks(repair: Repair) -> Iterator[list[RepairedTask]]:
    rows = rows_to_restore(repair).order_by("pk")
    after = 0
    while chunk := list(rows.filter(pk__gt=after)[:_CHUNK]):
        yield chunk
        after = chunk[-1].pk


def _releases(labels: Mapping[int, int]) -> dict[Snapshot, int]:
    rows = Snapshot.objects.filter(pk__in=labels).order_by("number")
    return {row: labels[row.pk] for row in rows}
