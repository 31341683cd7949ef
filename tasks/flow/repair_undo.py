"""The steps that undo a repair: answers count again, and images become what they were before.

An image that was finished gets its label, its verdict and its estimates back, unless a person has decided about it
since or another repair has changed it: then the answer counts again like one that comes late, and the label is computed
from what counts. Answers that filled the slot in between are kept and paid, as surplus. Steps are like those of the
repair.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from django.db import transaction
from django.db.models import F, Q, QuerySet

from tasks.assignment.models import Assignment
from tasks.batching.locks import lock_batch, lock_tasks
from tasks.batching.models import Task
from tasks.consensus.label_methods import SET_BY_PEOPLE
from tasks.consensus.models import ConsensusLabel, Posterior
from tasks.flow.image_state import AT_ONCE, approve_again, change_slots, end_answers, put_back
from tasks.flow.relabel import relabel
from tasks.flow.repair_record import Before, Slots
from tasks.flow.repair_steps import lock_repair, progress_of
from tasks.repair.models import Repair, RepairedTask
from tasks.repair.selectors import IN_FORCE
from tasks.review.models import Review

_DONE = (RepairedTask.State.RETURNED, RepairedTask.State.RESTORED)


@dataclass(frozen=True, slots=True)
class Now:
    """What is current of some tasks. labels, verdicts: {task id: the row id}, of those that a person gave.
    repaired_since: the tasks that another repair in force has changed since."""

    labels: Mapping[int, int]
    verdicts: Mapping[int, int]
    repaired_since: Collection[int]


@dataclass(frozen=True, slots=True)
class Return:
    """How an answer comes back: the task afterward, and what happens to the answers that came in between.

    exact: everything is put back as it was. surplus, expired: the assignments whose answers count no more, and whose
    leases end. counts: whether the answer counts again.
    """

    after: Slots
    exact: bool
    counts: bool = True
    surplus: tuple[int, ...] = ()
    expired: tuple[int, ...] = ()


def read_now(rows: Sequence[RepairedTask]) -> Now:
    """Read what is current of the rows' tasks, for `plan_return`."""
    tasks = [row.task_id for row in rows]
    labels = ConsensusLabel.objects.filter(task__in=tasks, is_current=True, method__in=SET_BY_PEOPLE)
    verdicts = Review.objects.filter(task__in=tasks, is_current=True, annotation__isnull=True, by_policy=False)
    since = RepairedTask.objects.filter(task__in=tasks, repair__state__in=IN_FORCE).exclude(state__in=_DONE)
    repair_id = rows[0].repair_id if rows else 0
    others = since.exclude(repair=repair_id).values_list("task_id", "pk")
    first = {row.task_id: row.pk for row in rows}
    return Now(
        dict(labels.values_list("task_id", "pk")),
        dict(verdicts.values_list("task_id", "pk")),
        {task_id for task_id, pk in others if pk > first[task_id]},
    )


def plan_return(row: RepairedTask, task: Task, assignments: Sequence[Assignment], now: Now) -> Return:
    """Say how the answer of a row comes back. assignments: the void one, and those that count or are live, by id."""
    before = Before.from_json(row.before)
    slots = Slots.of(task)
    void = next((each for each in assignments if each.pk == row.assignment_id), None)
    if void is None or void.counts or void.round != task.round:
        # Rejected since, so that the image is labeled again in another round; or restored by a step before.
        return Return(slots, exact=False, counts=void is not None and void.counts)
    counting = {each.pk for each in assignments if each.counts}
    is_same = (
        row.is_exact
        and row.task_id not in now.repaired_since
        and now.labels.get(row.task_id, before.label) == before.label
        and now.verdicts.get(row.task_id, before.review) == before.review
        and set(before.counting) - {row.assignment_id} <= counting
        and task.state != Task.State.LEFT_OUT
    )
    if not is_same:
        taken = slots.taken + 1
        return Return(replace(slots, taken=taken, wanted=max(slots.wanted, taken)), exact=False)
    since = [each for each in assignments if each.counts and each.pk not in before.counting]
    # Answers first: a lease may come to nothing.
    since.sort(key=lambda each: (each.state == Assignment.State.LEASED, each.pk))
    wanted = before.wanted if before.was_finished else max(slots.wanted, len(before.counting))
    room = 0 if before.was_finished else wanted - len(before.counting)
    left = since[room:]
    taken = len(before.counting) + len(since) - len(left)
    kept = Slots(before.state, before.asked_again, max(wanted, taken), taken) if before.was_finished else slots
    return Return(
        replace(kept, wanted=max(wanted, taken), taken=taken),
        exact=before.was_finished,
        surplus=tuple(each.pk for each in left if each.state == Assignment.State.SUBMITTED),
        expired=tuple(each.pk for each in left if each.state == Assignment.State.LEASED),
    )


def restore_batch(repair: Repair, batch_id: int) -> None:
    """Locks the batch, its tasks, their assignments, some at a time. Restore the repair's answers in a batch."""
    while restore_some(repair, batch_id):
        update_returned(repair)


def rows_to_restore(repair: Repair) -> QuerySet[RepairedTask]:
    return RepairedTask.objects.filter(repair=repair).exclude(state__in=_DONE)


@transaction.atomic
def restore_some(repair: Repair, batch_id: int) -> int:
    """Locks the repair, the batch, its tasks, their assignments. Restore at most AT_ONCE images; returns how many."""
    lock_repair(repair)
    batch = lock_batch(batch_id=batch_id)
    rows = list(rows_to_restore(repair).filter(batch_id=batch_id).order_by("task_id")[:AT_ONCE])
    if not rows:
        return 0
    tasks = lock_tasks(Task.objects.filter(pk__in=[row.task_id for row in rows]))
    by_id = {task.pk: task for task in tasks}
    assignments = _lock_assignments(rows)
    now = read_now(rows)
    returns = {row.task_id: plan_return(row, by_id[row.task_id], assignments[row.task_id], now) for row in rows}
    _apply_to_assignments(repair, rows, returns)
    exact = [row for row in rows if returns[row.task_id].exact]
    put_back({row.task_id: Before.from_json(row.before) for row in exact}, project_id=repair.project_id)
    # What an earlier repair has kept of these images is without the answers that come back now.
    later = RepairedTask.objects.filter(task__in=tasks).exclude(repair=repair).exclude(state__in=_DONE)
    later.filter(pk__gt=min(row.pk for row in rows)).update(is_exact=False)
    # Those of the others are computed anew, as if all of their answers were new.
    Posterior.objects.filter(task__in=[pk for pk, each in returns.items() if each.counts and not each.exact]).delete()
    after = {pk: each.after for pk, each in returns.items()}
    change_slots(batch, tasks, after, **progress_of(repair), reopens=False)
    approve_again(batch, [row.before for row in rows])
    done = RepairedTask.objects.filter(pk__in=[row.pk for row in exact]).update(state=RepairedTask.State.RESTORED)
    others = [row.pk for row in rows if not returns[row.task_id].exact]
    RepairedTask.objects.filter(pk__in=others).update(state=RepairedTask.State.RETURNED)
    Repair.objects.filter(pk=repair.pk).update(done=F("done") + done)
    return len(rows)


def update_returned(repair: Repair) -> None:
    """Locks as label updates do. Bring the labels of images up to date that could not be put back as they were."""
    rows = RepairedTask.objects.filter(repair=repair, state=RepairedTask.State.RETURNED)
    found = dict(rows.values_list("pk", "task_id"))
    if not found:
        return
    relabel(task_ids=sorted(found.values()))
    with transaction.atomic():
        lock_repair(repair)
        done = rows.filter(pk__in=found).update(state=RepairedTask.State.RESTORED)
        Repair.objects.filter(pk=repair.pk).update(done=F("done") + done)


def assignments_of(rows: Sequence[RepairedTask]) -> QuerySet[Assignment]:
    """The void assignments of these rows, and those that use a slot of their tasks, in the order of locks."""
    in_round = Q(task__in=[row.task_id for row in rows], counts=True, round=F("task__round"))
    return Assignment.objects.filter(in_round | Q(pk__in=[row.assignment_id for row in rows])).order_by("pk")


def by_task(assignments: Iterable[Assignment], rows: Sequence[RepairedTask]) -> dict[int, list[Assignment]]:
    grouped: dict[int, list[Assignment]] = {row.task_id: [] for row in rows}
    for each in assignments:
        assert each.task_id is not None  # `assignments_of` finds those of tasks
        grouped[each.task_id].append(each)
    return grouped


def _lock_assignments(rows: Sequence[RepairedTask]) -> dict[int, list[Assignment]]:
    """Needs the tasks' locks."""
    return by_task(assignments_of(rows).select_for_update(no_key=True, of=("self",)), rows)


def _apply_to_assignments(repair: Repair, rows: Sequence[RepairedTask], returns: Mapping[int, Return]) -> None:
    """Needs the locks of the assignments."""
    back = [row.assignment_id for row in rows if returns[row.task_id].counts]
    surplus = [pk for each in returns.values() for pk in each.surplus]
    expired = [pk for each in returns.values() for pk in each.expired]
    end_answers(repair.project_id, surplus=surplus, expired=expired)
    Assignment.objects.filter(pk__in=back).update(counts=True)
