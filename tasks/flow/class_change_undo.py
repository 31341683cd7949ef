"""The steps that undo a change of classes: images become what they were before.

An image that was finished gets its label, its verdict and its estimates back, unless a person has decided about it
since, or a repair has changed it: then its label is computed from what counts. Answers that came in between are kept
and paid, as surplus: with merged or new classes they do not say which of the earlier ones was meant. Steps are like
those of the change.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass

from django.db import transaction
from django.db.models import F, Q, QuerySet

from tasks.assignment.models import Assignment
from tasks.batching.locks import lock_batch, lock_tasks
from tasks.batching.models import Task
from tasks.consensus.label_methods import SET_BY_PEOPLE
from tasks.consensus.models import ConsensusLabel, Posterior
from tasks.flow.class_change_steps import lock_change
from tasks.flow.image_state import AT_ONCE, approve_again, change_slots, end_answers, put_back
from tasks.flow.relabel import relabel
from tasks.flow.repair_record import FINISHED, Before, Slots
from tasks.repair.change_models import ChangedTask, ClassChange
from tasks.repair.models import RepairedTask
from tasks.repair.selectors import IN_FORCE as REPAIR_IN_FORCE
from tasks.repair.selectors import void
from tasks.review.models import Review

_DONE = (ChangedTask.State.RETURNED, ChangedTask.State.RESTORED)


@dataclass(frozen=True, slots=True)
class Decided:
    """What people have decided about some tasks: the row ids of their current labels and verdicts by task, the tasks
    that a repair in force has changed since, and the assignments whose answers are void."""

    labels: Mapping[int, int]
    verdicts: Mapping[int, int]
    repaired: Collection[int]
    void: frozenset[int]


@dataclass(frozen=True, slots=True)
class Restoration:
    """What becomes of an image. exact: it is put back as it was; has_label_back: its label and verdict are.

    counts: the assignments whose answers count again. surplus, expired: those whose answers count no more, and whose
    leases end. round: of the task afterward.
    """

    after: Slots
    round: int
    exact: bool
    has_label_back: bool = False
    counts: tuple[int, ...] = ()
    surplus: tuple[int, ...] = ()
    expired: tuple[int, ...] = ()


def read_decided(rows: Sequence[ChangedTask]) -> Decided:
    """Read what people have decided about the rows' tasks, for `plan_restoration`."""
    tasks = [row.task_id for row in rows]
    labels = ConsensusLabel.objects.filter(task__in=tasks, is_current=True, method__in=SET_BY_PEOPLE)
    verdicts = Review.objects.filter(task__in=tasks, is_current=True, annotation__isnull=True, by_policy=False)
    repaired = RepairedTask.objects.filter(task__in=tasks, repair__state__in=REPAIR_IN_FORCE)
    since = repaired.filter(repair__created_at__gte=rows[0].change.created_at) if rows else repaired.none()
    return Decided(
        dict(labels.values_list("task_id", "pk")),
        dict(verdicts.values_list("task_id", "pk")),
        set(since.values_list("task_id", flat=True)),
        frozenset(Assignment.objects.filter(void(), pk__in=_kept(rows)).values_list("pk", flat=True)),
    )


def plan_restoration(row: ChangedTask, task: Task, assignments: Sequence[Assignment], decided: Decided) -> Restoration:
    """Say what becomes of an image. assignments: those that counted before, and those that count now or are live."""
    before, slots = Before.from_json(row.before), Slots.of(task)
    own = {each.pk: each for each in assignments}
    counting = [pk for pk in before.counting if pk in own]
    is_same_round = task.round == (row.round or before.round)  # otherwise a reviewer has rejected the label since
    is_same = (
        is_same_round
        and task.pk not in decided.repaired
        and decided.labels.get(task.pk, row.label) in (row.label, before.label)
        and decided.verdicts.get(task.pk, row.review) in (row.review, before.review)
        and task.state != Task.State.LEFT_OUT
        and len(counting) == len(before.counting)
        and decided.void.isdisjoint(counting)
    )
    if is_same and before.state in FINISHED:
        since = [each for each in assignments if each.counts and each.pk not in before.counting]
        return Restoration(
            Slots(before.state, before.asked_again, max(before.wanted, len(counting)), len(counting)),
            before.round,
            exact=True,
            has_label_back=True,
            counts=tuple(counting),
            surplus=tuple(each.pk for each in since if each.state == Assignment.State.SUBMITTED),
            expired=tuple(each.pk for each in since if each.state == Assignment.State.LEASED),
        )
    if row.round is not None or not is_same_round:
        return Restoration(slots, task.round, exact=False)
    back = tuple(pk for pk in row.freed if pk not in decided.void and _may_count(own.get(pk), task))
    taken = slots.taken + len(back)
    after = Slots(slots.state, slots.asked_again, max(slots.wanted, taken), taken)
    return Restoration(after, task.round, exact=False, has_label_back=is_same and row.label is not None, counts=back)


def _may_count(assignment: Assignment | None, task: Task) -> bool:
    return assignment is not None and not assignment.counts and assignment.round == task.round


def batches_to_restore(change: ClassChange) -> list[int]:
    """Return the row ids of the batches with images to restore, in ascending order."""
    rows = rows_to_restore(change).order_by("batch_id").values_list("batch_id", flat=True)
    return list(rows.distinct())


def rows_to_restore(change: ClassChange) -> QuerySet[ChangedTask]:
    return ChangedTask.objects.filter(change=change).exclude(state=ChangedTask.State.RESTORED)


def restore_batch(change: ClassChange, batch_id: int) -> None:
    """Locks the batch, its tasks, their assignments, some at a time. Restore the images of a batch."""
    while restore_some(change, batch_id):
        pass
    _update_returned(change, batch_id)


@transaction.atomic
def restore_some(change: ClassChange, batch_id: int) -> int:
    """Locks the change, the batch, its tasks, their assignments. Restore at most AT_ONCE images; returns how many."""
    lock_change(change)
    batch = lock_batch(batch_id=batch_id)
    todo = rows_to_restore(change).exclude(state__in=_DONE).filter(batch_id=batch_id).select_related("change")
    rows = list(todo.order_by("task_id")[:AT_ONCE])
    if not rows:
        return 0
    tasks = {task.pk: task for task in lock_tasks(Task.objects.filter(pk__in=[row.task_id for row in rows]))}
    assignments = group_assignments(assignments_of(rows).select_for_update(no_key=True, of=("self",)), rows)
    decided = read_decided(rows)
    plans = {row.task_id: plan_restoration(row, tasks[row.task_id], assignments[row.task_id], decided) for row in rows}
    _apply_to_assignments(change, plans)
    before = {row.task_id: Before.from_json(row.before) for row in rows}
    put_back({pk: each for pk, each in before.items() if plans[pk].has_label_back}, project_id=change.project_id)
    # Labels of the others are computed anew, as if all of their answers were new, but for those that people decided.
    others = {pk for pk, plan in plans.items() if not plan.exact}
    Posterior.objects.filter(task__in=others - decided.labels.keys() - decided.verdicts.keys()).delete()
    data = {"change": str(change.public_id)}
    after = {pk: plan.after for pk, plan in plans.items()}
    change_slots(batch, list(tasks.values()), after, event="classes.progress", data=data, reopens=False)
    _set_rounds(tasks.values(), plans)
    approve_again(batch, [row.before for row in rows])
    # What a later repair has kept of these images has other classes.
    RepairedTask.objects.filter(task__in=tasks).exclude(state=RepairedTask.State.RESTORED).update(is_exact=False)
    own = ChangedTask.objects.filter(change=change)
    own.filter(task__in=plans.keys() - others).update(state=ChangedTask.State.RESTORED)
    own.filter(task__in=others).update(state=ChangedTask.State.RETURNED)
    ClassChange.objects.filter(pk=change.pk).update(images=F("images") + len(rows))
    return len(rows)


def _set_rounds(tasks: Iterable[Task], plans: Mapping[int, Restoration]) -> None:
    """Needs the tasks' locks."""
    for task in tasks:
        task.round = plans[task.pk].round
    Task.objects.bulk_update(tasks, ["round"])


def _apply_to_assignments(change: ClassChange, plans: Mapping[int, Restoration]) -> None:
    """Needs the locks of the assignments."""
    end_answers(
        change.project_id,
        surplus=[pk for plan in plans.values() for pk in plan.surplus],
        expired=[pk for plan in plans.values() for pk in plan.expired],
    )
    Assignment.objects.filter(pk__in=[pk for plan in plans.values() for pk in plan.counts]).update(counts=True)


def assignments_of(rows: Sequence[ChangedTask]) -> QuerySet[Assignment]:
    """The assignments that counted before the change, and those that count now or are live, in the order of locks."""
    now = Q(task__in=[row.task_id for row in rows], counts=True, round=F("task__round"))
    return Assignment.objects.filter(now | Q(pk__in=_kept(rows))).order_by("pk")


def _kept(rows: Sequence[ChangedTask]) -> list[int]:
    """The assignments whose answers counted before."""
    return [pk for row in rows for pk in (*row.before["counting"], *row.freed)]


def group_assignments(assignments: Iterable[Assignment], rows: Sequence[ChangedTask]) -> dict[int, list[Assignment]]:
    grouped: dict[int, list[Assignment]] = {row.task_id: [] for row in rows}
    for each in assignments:
        assert each.task_id is not None  # `assignments_of` finds those of tasks
        grouped[each.task_id].append(each)
    return grouped


def _update_returned(change: ClassChange, batch_id: int) -> None:
    """Locks as label updates do. Bring the labels up to date of images that could not be put back as they were."""
    rows = ChangedTask.objects.filter(change=change, batch_id=batch_id, state=ChangedTask.State.RETURNED)
    found = list(rows.order_by("task_id").values_list("task_id", flat=True))
    for start in range(0, len(found), AT_ONCE):
        relabel(task_ids=found[start : start + AT_ONCE])
        rows.filter(task__in=found[start : start + AT_ONCE]).update(state=ChangedTask.State.RESTORED)
