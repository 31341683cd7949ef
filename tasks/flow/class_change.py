"""Renames, merges, splits and retires classes of a project that has answers, as one step for whoever reads, and undoes
that.

A short transaction writes the new version of the schema, with how answers are read from then on, and the row of the
change. A job then brings the labels up to date batch by batch (`class_change_steps`, `class_change_undo`), while work
goes on. No release is built until it has ended: a release has all labels as they were before, or as they are after it.
Answers, predictions, gold, labels and releases stay as they are; labels get further versions.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from django.db import transaction

from accounts.models import Actor
from annotary_core.labels.class_mapping import ClassMapping
from kernel.clock import ClockTimestamp, database_now
from kernel.events import record_event
from kernel.job_kinds import KEEP_TRYING, JobKind
from kernel.jobs import enqueue
from kernel.queues import Queue
from projects.class_edits import ClassEdit, PlannedEdit, plan_edit, specs_without
from projects.errors import ClassesRefused
from projects.models import LabelSchema, Project
from projects.selectors import mapping_of, require_not_archived
from projects.services import plan_schema, write_schema
from tasks.annotation.models import Annotation
from tasks.assignment.models import Assignment
from tasks.consensus.refit import request_refit
from tasks.flow.class_change_gold import offer_gold_again, set_gold_aside
from tasks.flow.class_change_steps import apply_to_batch, batches_of, is_split, mark_releases
from tasks.flow.class_change_undo import batches_to_restore, restore_batch
from tasks.flow.repair import clean_reason
from tasks.repair.change_models import ClassChange
from tasks.repair.change_selectors import IN_FORCE, last_in_force, unfinished_change
from tasks.repair.errors import ClassChangeInProgress, ClassChangeUndone, ClassesOutdated, LaterClassChange
from tasks.repair.selectors import lock_repairs

State = ClassChange.State


@dataclass(frozen=True, slots=True)
class ClassChangeId:
    change_id: int


CHANGE_CLASSES = JobKind("flow.change_classes", ClassChangeId, queue=Queue.HEAVY, max_attempts=KEEP_TRYING)


@transaction.atomic
def start_class_change(*, project: Project, by: Actor, edit: ClassEdit, reason: str, version: int) -> ClassChange:
    """Locks the project, then its repairs. Change the classes; a job brings the labels up to date.

    version: of the schema that the manager looked at. Raises ReasonNeeded, ClassesRefused, ClassesOutdated,
    ClassChangeInProgress and ProjectArchived.
    """
    reason = clean_reason(reason)
    row, before = _lock_project(project)
    if before.version != version:
        raise ClassesOutdated
    planned = plan_edit(edit, before.body)
    after = write_schema(
        row,
        by,
        planned.specs,
        tuple(before.body["tools"]),
        mapping=mapping_of(before).then(planned.mapping).to_json(),
    )
    change = ClassChange(project=row, kind=edit.kind, mapping=planned.mapping.to_json(), before=before, after=after)
    change.reason, change.created_by, change.created_at = reason, by, database_now()
    lock_repairs(project_id=row.pk)
    if not planned.mapping:
        change.state, change.finished_at = State.APPLIED, change.created_at
    change.save()
    _record(change, "classes.changed", by=by, reason=reason)
    _enqueue(change)
    project.schema = after
    return change


@transaction.atomic
def undo_class_change(*, change: ClassChange, by: Actor, reason: str) -> ClassChange:
    """Locks the project, then its repairs. Have the classes and labels become what they were; a job does the rest.

    Raises ReasonNeeded, ClassChangeInProgress, ClassChangeUndone, LaterClassChange, ClassesRefused, ProjectArchived.
    """
    reason = clean_reason(reason)
    project, current = _lock_project(change.project)
    row = ClassChange.objects.select_related("before", "after", "project").get(pk=change.pk)
    if row.state not in IN_FORCE:
        raise ClassChangeUndone
    last = last_in_force(project_id=project.pk)
    if last is None or last.pk != row.pk:
        raise LaterClassChange
    specs = specs_without(current.body, before=row.before.body, after=row.after.body)
    write_schema(project, by, specs, tuple(current.body["tools"]), mapping=row.before.mapping)
    lock_repairs(project_id=project.pk)
    row.undone_by, row.undo_reason, row.undone_at = by, reason, database_now()
    row.state, row.finished_at, row.images = State.RESTORING, None, 0
    if not row.mapping:
        row.state, row.finished_at = State.RESTORED, row.undone_at
    row.save()
    _record(row, "classes.restored", by=by, reason=reason)
    _enqueue(row)
    return row


def planned_for(*, project: Project, edit: ClassEdit) -> PlannedEdit:
    """Return what an edit would do. Raises ClassesRefused, ClassChangeInProgress."""
    if unfinished_change(project_id=project.pk) is not None:
        raise ClassChangeInProgress
    if project.schema is None:
        raise ClassesRefused("This project has no classes yet. Add them first.")
    planned = plan_edit(edit, project.schema.body)
    mapping = mapping_of(project.schema).then(planned.mapping).to_json()
    plan_schema(project, planned.specs, project.schema.body["tools"], mapping=mapping)
    return planned


def run_class_change(
    *,
    change_id: int,
    progress: Callable[[int, int], None] = lambda done, total: None,
    others_wait: Callable[[], bool] = lambda: False,
) -> bool:
    """Locks one batch, its tasks and their assignments at a time. Bring the tables up to what the change's row says.

    Runs outside transactions. Returns False if it made room for others and queued the rest.
    """
    change = ClassChange.objects.select_related("project").filter(pk=change_id).first()
    if change is None or change.state == State.RESTORED or change.project.deleted_at is not None:
        return True
    is_in_force = change.state in IN_FORCE
    if change.state == State.APPLYING or not change.mapping:
        mark_releases(change)
    if not change.mapping:
        return True
    if is_in_force:
        set_gold_aside(change)
    step, find = (apply_to_batch, batches_of) if is_in_force else (restore_batch, batches_to_restore)
    batches = find(change)
    for number, batch_id in enumerate(batches):
        if number and others_wait():
            with transaction.atomic():
                _enqueue(change)
            return False
        step(change, batch_id)
        progress(number + 1, len(batches))
    _finish(change, is_in_force=is_in_force)
    return True


def split_settled(*, project_id: int, submitted: Iterable[Assignment]) -> None:
    """Needs the locks of these assignments. Queue the split again of a class that their answers name.

    They were given with the classes of an earlier schema, and are dealt with like those before the split.
    """
    changes = ClassChange.objects.filter(project_id=project_id, state__in=IN_FORCE).order_by("pk")
    splits = [change for change in changes if is_split(change)]
    if not splits:
        return
    counting = [row.pk for row in submitted if row.counts]
    bodies = list(Annotation.objects.filter(assignment__in=counting, is_current=True).values_list("body", flat=True))
    for change in splits:
        if any(map(ClassMapping.from_json(change.mapping).concerns, bodies)):
            _enqueue(change)


def _lock_project(project: Project) -> tuple[Project, LabelSchema]:
    """Lock the project and return it with its schema, which changes only under this lock."""
    # No join in the locking query: after a lock wait it would combine the new row with a schema of the old snapshot.
    row = Project.objects.select_for_update(no_key=True).get(pk=project.pk)
    require_not_archived(project=row)
    if row.schema is None:
        raise ClassesRefused("This project has no classes yet. Add them first.")
    if unfinished_change(project_id=row.pk) is not None:
        raise ClassChangeInProgress
    return row, row.schema


@transaction.atomic
def _finish(change: ClassChange, *, is_in_force: bool) -> None:
    """Of two jobs at once, the first records it."""
    before, after = (State.APPLYING, State.APPLIED) if is_in_force else (State.RESTORING, State.RESTORED)
    rows = ClassChange.objects.filter(pk=change.pk, state=before)
    if rows.update(state=after, finished_at=ClockTimestamp()):
        if not is_in_force:
            offer_gold_again(change)
        _record(change, "classes.finished")
        request_refit(project_id=change.project_id)


def _enqueue(change: ClassChange) -> None:
    dedupe_key = f"{CHANGE_CLASSES.name}:{change.pk}"
    enqueue(CHANGE_CLASSES, ClassChangeId(change.pk), project_id=change.project_id, dedupe_key=dedupe_key)


def _record(change: ClassChange, kind: str, *, by: Actor | None = None, **data: Any) -> None:
    people = {} if by is None else {"by": str(by.public_id)}
    data = {"change": str(change.public_id), "kind": change.kind, **people, **data}
    record_event(project_id=change.project_id, kind=kind, data=data)
