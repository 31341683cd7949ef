"""The steps of a repair: each voids some answers of one batch, and brings the labels of their images up to date.

A step commits on its own and finds what is left in the tables, so that the job can be killed and run again, and two at
once do no harm. It locks one batch, its tasks and their assignments, in the order of claims, for at most AT_ONCE
images.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from django.db import connection, transaction
from django.db.models import F

from projects.models import Project
from tasks.assignment.models import Assignment
from tasks.batching.locks import lock_batch, lock_tasks
from tasks.batching.models import Task
from tasks.consensus.label_evidence import LabelEvidence
from tasks.consensus.models import ConsensusLabel, Posterior
from tasks.consensus.next_steps import Asking
from tasks.flow.image_state import AT_ONCE, change_slots, keep_before, lock_counting, retire_labels
from tasks.flow.relabel import relabel
from tasks.flow.repair_record import Before, CurrentLabel, Effect, Plan, Slots, plan_void
from tasks.repair.models import Repair, RepairedTask
from tasks.repair.selectors import IN_FORCE

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
    counting = lock_counting(tasks)
    # What was found before the locks may have been rejected or voided meanwhile.
    tasks = [task for task in tasks if found[task.pk] in counting.get(task.pk, ())]
    if not tasks:
        return 0
    labels = {row.task_id: row for row in ConsensusLabel.objects.filter(task__in=tasks, is_current=True)}
    before = keep_before(batch, tasks, counting, labels)
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
    retire_labels(task_ids=[pk for pk, plan in plans.items() if plan.retires])
    Posterior.objects.filter(task__in=tasks).delete()
    _record(repair, tasks, found, plans, before)
    reopens = any(plan.effect == Effect.REOPENED for plan in plans.values())
    after = {pk: plan.after for pk, plan in plans.items()}
    change_slots(batch, tasks, after, **progress_of(repair), reopens=reopens)
    return len(tasks)


def update_voided(repair: Repair) -> None:
    """Locks as label updates do. Bring the labels up to date of the images whose answers were voided."""
    rows = list(RepairedTask.objects.filter(repair=repair, state=RepairedTask.State.VOIDED).order_by("task_id"))
    if not rows:
        return
    relabel(task_ids=[row.task_id for row in rows], asking=asking_of(Project.objects.get(pk=repair.project_id)))
    _mark_updated(repair, rows)


def progress_of(repair: Repair) -> dict[str, Any]:
    """What `change_slots` records."""
    return {"event": "repair.progress", "data": {"repair": str(repair.public_id)}}


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


def _current(task: Task, label: ConsensusLabel | None) -> CurrentLabel | None:
    if label is None:
        return None
    return CurrentLabel(label.method, LabelEvidence.from_json(label.evidence).round in (None, task.round))


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


def _rows(sql: str, params: Mapping[str, Any]) -> Sequence[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(sql, params)
        rows: Sequence[tuple[Any, ...]] = cursor.fetchall()
    return rows
