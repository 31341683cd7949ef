"""The states of a project: open, pause, close, archive, reopen, delete."""

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any

from django.db import transaction
from django.db.models import Case, F, Value, When

from accounts.models import Actor
from annotary_core.labels.names import normalize_name
from kernel.clock import ClockTimestamp, database_now
from kernel.errors import TransitionRefused
from kernel.events import record_event
from kernel.job_kinds import JobKind, NoArgs
from kernel.jobs import enqueue
from projects.errors import DeletionNotConfirmed, ProjectArchived, ProjectNotReady, ProjectUnknown
from projects.models import Project

State = Project.State
ANNOUNCE_WORK = JobKind("notices.announce_work", NoArgs)


def open_project(*, project: Project) -> Project:
    """Open the project: draft | paused -> open. Raises ProjectNotReady if there is nothing to label."""
    row = Project.objects.get(pk=project.pk)
    if row.schema_id is None:
        raise ProjectNotReady("The project has no classes yet. Add them first.")
    # Through the reverse relation: tasks are a higher layer, whose models must not be imported here.
    if not row.tasks.exists():
        raise ProjectNotReady("There is nothing to label yet. Import images first.")
    return _transition(row, State.OPEN, (State.DRAFT, State.PAUSED))


def pause_project(*, project: Project) -> Project:
    """Pause the project: open -> paused. No more work is claimed; claimed hands can be finished."""
    return _transition(project, State.PAUSED, (State.OPEN,))


def close_project(*, project: Project) -> Project:
    """Close the project: open | paused -> closed."""
    return _transition(project, State.CLOSED, (State.OPEN, State.PAUSED))


@transaction.atomic
def archive_project(*, project: Project) -> Project:
    """Archive the project, which closes it unless it is a draft. Raises TransitionRefused if it is archived.

    Nobody may work in it from then on; the next sweep settles and pays the hands that are live.
    """
    rows = Project.objects.filter(pk=project.pk, archived_at__isnull=True, deleted_at__isnull=True)
    state = Case(When(state=State.DRAFT, then=F("state")), default=Value(State.CLOSED))
    return _moved(project, rows.update(archived_at=ClockTimestamp(), state=state), kind="project.archived")


@transaction.atomic
def reopen_project(*, project: Project) -> Project:
    """Let an archived or closed project go on: closed -> open; an archived draft is a draft again.

    Raises TransitionRefused if it is neither.
    """
    rows = Project.objects.filter(pk=project.pk, deleted_at__isnull=True)
    rows = rows.filter(archived_at__isnull=False) | rows.filter(state=State.CLOSED)
    state = Case(When(state=State.CLOSED, then=Value(State.OPEN)), default=F("state"))
    return _moved(project, rows.update(archived_at=None, state=state), kind="project.reopened")


@transaction.atomic
def mark_deleted(*, project: Project, by: Actor, confirm: str, record: Mapping[str, Any]) -> None:
    """Locks the project. From the commit on it does not exist for anybody; its row keeps who deleted it, and `record`.

    Raises DeletionNotConfirmed unless `confirm` is its name, and ProjectUnknown if it is deleted already.
    """
    row = Project.objects.select_for_update(no_key=True).get(pk=project.pk)
    if row.deleted_at is not None:
        raise ProjectUnknown
    if normalize_name(" ".join(confirm.split())) != normalize_name(row.name):
        raise DeletionNotConfirmed
    Project.objects.filter(pk=row.pk).update(
        deleted_at=ClockTimestamp(), deleted_by=by, deleted_record=dict(record), state=State.CLOSED
    )


@transaction.atomic
def _transition(project: Project, to: str, sources: Sequence[str]) -> Project:
    rows = Project.objects.filter(pk=project.pk, state__in=sources, archived_at__isnull=True, deleted_at__isnull=True)
    return _moved(project, rows.update(state=to), kind=f"project.{to}")


def _moved(project: Project, updated: int, *, kind: str) -> Project:
    row = Project.objects.get(pk=project.pk)
    if row.deleted_at is not None:
        raise ProjectUnknown
    if not updated and row.archived_at is not None:
        raise ProjectArchived
    if not updated:
        raise TransitionRefused(f"The project is {row.get_state_display().lower()}. Reload the page.")
    record_event(project_id=row.pk, kind=kind)
    if row.state == State.OPEN:
        announce_work(project_id=row.pk)
    return row


def announce_work(*, project_id: int) -> None:
    """Queue the job that tells the workers of a project that there is new work, a minute from now.

    Each opening queues one of its own: a shared one would have transactions that hold batches wait for each other. A
    worker has one unread notice about it, whatever the number of jobs.
    """
    enqueue(ANNOUNCE_WORK, NoArgs(), project_id=project_id, not_before=database_now() + timedelta(minutes=1))
