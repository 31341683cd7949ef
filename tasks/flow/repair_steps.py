"""The steps of a repair: each voids some answers of one batch, and brings the labels of their images up to date.

A step commits on its own and finds what is left in the tables, so that the job can be killed and run again, and two at
once do no harm. It locks one batch, its tasks and their assignments, in the order of claims, for at most AT_ONCE
images.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from django.db import connection, transaction
from django.db.models import F, QuerySet

from kernel.events import record_event
from projects.models import Project
from tasks.assignment.models import Assignment
from tasks.batching.locks import lock_batch, lock_tasks
from tasks.batching.models import Batch, Task
from tasks.consensus.label_evidence import LabelEvidence
from tasks.consensus.models import ConsensusLabel, Posterior
from tasks.consensus.next_steps import Asking
from tasks.flow.relabel import relabel
from tasks.flow.repair_record import Before, CurrentLabel, Effect, Plan, Slots, StoredPosterior, plan_void, totals
from tasks.repair.models import Repair, RepairedTask
from tasks.repair.selectors import IN_FORCE
from tasks.review.models import Review

#: Images of a step: some ten milliseconds, during which claims pass over their batch.
AT_ONCE = 50

#: Counting answers of the present round that are in the range of a repair.
IN_RANGE = """
a.project_id = %(project)s AND a.worker_id = %(worker)s AND a.state = 'submitted'
AND a.submitted_at < %(until)s AND (%(since)s::timestamptz IS NULL OR a.submitted_at >= %(since)s)
"""
TO_VOID = (
    f"FROM tasks_assignment a JOIN tasks_task t ON t.id = a.task_id WHERE {IN_RANGE} AND a.counts AND a.round = t.round"
)
BATCHES = f"SELECT DISTINCT t.batch_id {TO_VOID} ORDER BY 1"
IN_BATCH = f"SELECT a.id, a.task_id {TO_VOID} AND t.batch_id = %(batch)s ORDER BY a.task_id LIMIT {AT_ONCE}"


def params_of(repair: Repair) -> dict[str, Any]:
    """The parameters of IN_RANGE."""
    return {
        "project": repair.project_id,
        "worker": repair.worker_id,
        "since": repair.since,
        "until": repair.until,
    }


def batches_to_void(repair: Repair) -> list[int]:
    """Return the row ids of the batches with answers that the repair has not voided yet, in ascending order."""
    return [row[0] for row in _rows(BATCHES, params_of(repair))]


def void_batch(repair: Repair, batch_id: int) -> None:
    """Locks the batch, its tasks, their assignments, some at a time. Void the repair's answers in a batch."""
    while void_some(repair, batch_id):
        update_voided(repair)


@transaction.atomic
def void_some(repair: Repair, batch_id: int) -> int:
    """Locks the repair, the batch, its tasks, their assignments. Void at most AT_ONCE answers; returns how many."""
    if lock_repair(repair).state not in IN_FORCE:
        return 0
    batch = lock_batch(batch_id=batch_id)
    project = Project.objects.get(pk=repair.project_id)
    found = {task: pk for pk, task in _rows(IN_BATCH, params_of(repair) | {"batch": batch_id})}
    tasks = lock_tasks(Task.objects.filter(pk__in=found))
    counting = _lock_counting(tasks)
    # What was found before the locks may have been rejected or voided meanwhile.
    tasks = [task for task in tasks if found[task.pk] in counting.get(task.pk, ())]
    if not tasks:
        return 0
    labels = {row.task_id: row for row in ConsensusLabel.objects.filter(task__in=tasks, is_current=True)}
    before = _before(batch, tasks, counting, labels)
    plans = {
        task.pk: plan_void(
            Slots.of(task),
            answers=len(counting[task.pk]),
            label=_current(task, labels.get(task.pk)),
            answers_min=project.answers_min,
        )
        for task in tasks
    }
    Assignment.objects.filter(pk__in=[found[task.pk] for task in tasks]).update(counts=False)
    _retire(task_ids=[pk for pk, plan in plans.items() if plan.retires])
    Posterior.objects.filter(task__in=tasks).delete()
    _record(repair, tasks, found, plans, before)
    reopens = any(plan.effect == Effect.REOPENED for plan in plans.values())
    change_slots(batch, tasks, {pk: plan.after for pk, plan in plans.items()}, repair=repair, reopens=reopens)
    return len(tasks)


def update_voided(repair: Repair) -> None:
    """Locks as label updates do. Bring the labels up to date of the images whose answers were voided."""
    rows = list(RepairedTask.objects.filter(repair=repair, state=RepairedTask.State.VOIDED).order_by("task_id"))
    if not rows:
        return
    relabel(task_ids=[row.task_id for row in rows], asking=asking_of(Project.objects.get(pk=repair.project_id)))
    _mark_updated(repair, rows)


def lock_repair(repair: Repair) -> Repair:
    """Locks the repair: its steps come one after the other, and none after it has been undone."""
    return Repair.objects.select_for_update(no_key=True).get(pk=repair.pk)


@transaction.atomic
def _mark_updated(repair: Repair, rows: Sequence[RepairedTask]) -> None:
    lock_repair(repair)
    current = dict(
        ConsensusLabel.objects.filter(task__in=[row.task_id for row in rows], is_current=True).values_list(
            "task_id", "pk"
        )
    )
    kept = [row for row in rows if row.effect == Effect.KEPT]
    changed = [row.pk for row in kept if current.get(row.task_id) != row.before["label"]]
    voided = RepairedTask.objects.filter(state=RepairedTask.State.VOIDED)
    voided.filter(pk__in=changed).update(effect=Effect.CHANGED)
    updated = voided.filter(pk__in=[row.pk for row in rows]).update(state=RepairedTask.State.UPDATED)
    Repair.objects.filter(pk=repair.pk).update(done=F("done") + updated)


def asking_of(project: Project) -> Asking:
    """Where the number of answers is dynamic, finished images whose label is not sure enough get one more."""
    is_dynamic = project.answers_max > project.answers_min
    is_running = project.state in (Project.State.OPEN, Project.State.PAUSED)
    return Asking.REOPEN if is_dynamic and is_running else Asking.DECIDE


def _lock_counting(tasks: Sequence[Task]) -> dict[int, list[int]]:
    """Needs the tasks' locks. Lock the assignments whose answers count, and return them by task."""
    counting: dict[int, list[int]] = {}
    rows = Assignment.objects.select_for_update(no_key=True, of=("self",)).filter(
        task__in=tasks, counts=True, state=Assignment.State.SUBMITTED, round=F("task__round")
    )
    for pk, task_id in rows.order_by("pk").values_list("pk", "task_id"):
        counting.setdefault(task_id, []).append(pk)
    return counting


def _before(
    batch: Batch,
    tasks: Sequence[Task],
    counting: Mapping[int, list[int]],
    labels: Mapping[int, ConsensusLabel],
) -> dict[int, Before]:
    reviews = dict(current_verdicts(tasks).values_list("task_id", "pk"))
    columns = ("answers", "body", "confidence", "state_version")
    rows = Posterior.objects.filter(task__in=tasks).values_list("task_id", *columns)
    posteriors = {row[0]: StoredPosterior(*row[1:]) for row in rows}
    approved_at = batch.approved_at.isoformat() if batch.approved_at else None
    return {
        task.pk: Before(
            round=task.round,
            state=task.state,
            asked_again=task.asked_again,
            wanted=task.wanted,
            label=labels[task.pk].pk if task.pk in labels else None,
            review=reviews.get(task.pk),
            counting=counting[task.pk],
            approved_at=approved_at,
            posterior=posteriors.get(task.pk),
        )
        for task in tasks
    }


def current_verdicts(tasks: Iterable[Task | int]) -> QuerySet[Review]:
    """The current verdicts on the labels of these tasks, which may be row ids."""
    return Review.objects.filter(task__in=list(tasks), is_current=True, annotation__isnull=True)


def _current(task: Task, label: ConsensusLabel | None) -> CurrentLabel | None:
    if label is None:
        return None
    return CurrentLabel(label.method, LabelEvidence.from_json(label.evidence).round in (None, task.round))


def _retire(*, task_ids: Sequence[int]) -> None:
    ConsensusLabel.objects.filter(task__in=task_ids, is_current=True).update(is_current=False)
    Review.objects.filter(task__in=task_ids, is_current=True, annotation__isnull=True).update(is_current=False)


def _record(
    repair: Repair,
    tasks: Sequence[Task],
    assignments: Mapping[int, int],
    plans: Mapping[int, Plan],
    before: Mapping[int, Before],
) -> None:
    RepairedTask.objects.bulk_create(
        RepairedTask(
            repair=repair,
            task=task,
            assignment_id=assignments[task.pk],
            batch_id=task.batch_id,
            effect=plans[task.pk].effect,
            before=before[task.pk].to_json(),
        )
        for task in tasks
    )


def change_slots(
    batch: Batch, tasks: Sequence[Task], after: Mapping[int, Slots], *, repair: Repair, reopens: bool
) -> None:
    """Needs the locks of the batch and the tasks. Change the tasks, and with them the batch and the project's totals.

    reopens: an approved batch opens, because it has labels that are not approved any more.
    """
    deltas: Counter[str] = Counter()
    wanted = taken = 0
    for task in tasks:
        now, then = Slots.of(task), after[task.pk]
        deltas.update(totals(now, then))
        wanted += then.wanted - now.wanted
        taken += then.taken - now.taken
        then.apply(task)
    Task.objects.bulk_update(tasks, ["state", "asked_again", "wanted", "taken"])
    # Workers who had exhausted the batch are offered what is open now.
    Batch.objects.filter(pk=batch.pk).update(
        wanted=F("wanted") + wanted, taken=F("taken") + taken, generation=F("generation") + 1
    )
    if reopens:
        Batch.objects.filter(pk=batch.pk, state=Batch.State.APPROVED).update(state=Batch.State.OPEN, approved_at=None)
    data = {"repair": str(repair.public_id), "images": len(tasks)}
    changes = {name: change for name, change in deltas.items() if change}
    record_event(project_id=repair.project_id, kind="repair.progress", data=data, **changes)


def _rows(sql: str, params: Mapping[str, Any]) -> Sequence[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(sql, params)
        rows: Sequence[tuple[Any, ...]] = cursor.fetchall()
    return rows
