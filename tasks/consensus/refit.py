"""Refits: re-estimates the reliability of a project's workers when enough of its data has changed.

Every change to a refit's input requests one: enough new answers, gold created or retired, a label set by a person,
answers that no longer count, model predictions. At most one refit is queued per project, whatever requests it.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import connection, transaction

from kernel.clock import database_now
from kernel.events import record_event, stream_snapshot
from kernel.job_kinds import KEEP_TRYING, JobKind, NoArgs
from kernel.jobs import enqueue
from kernel.locks import lock_named
from kernel.queues import Queue
from projects.models import Project
from tasks.consensus.affected_tasks import tasks_to_relabel, unique_tasks
from tasks.consensus.answer_shards import ShardStore
from tasks.consensus.fit import fit, load_training_data
from tasks.consensus.models import ConsensusState, Posterior
from tasks.consensus.worker_model import write_state


@dataclass(frozen=True, slots=True)
class TaskIds:
    """Tasks whose labels to update."""

    task_ids: list[int]


REFIT = JobKind("consensus.refit", NoArgs, queue=Queue.HEAVY)
UPDATE_LABELS = JobKind("consensus.update", TaskIds, max_attempts=KEEP_TRYING)
#: New answers that justify a refit: at least this many, and at least this share of the earlier ones.
MIN_NEW_ANSWERS = 50
MIN_NEW_SHARE = 0.1
#: A project's refits may take at most 1/PAUSE_FACTOR of one job worker's time.
PAUSE_FACTOR = 20
#: The maximum clock skew between machines.
CLOCK_SKEW = timedelta(minutes=1)
#: Tasks per update job: a second or two of work, which is what the jobs of another project have to wait for.
TASKS_PER_JOB = 1000


@dataclass(frozen=True, slots=True)
class RefitResult:
    """version: of the current state. fresh: whether this refit wrote it. moved: the number of tasks to be relabeled."""

    version: int
    fresh: bool
    moved: int


def request_refit(*, project_id: int) -> None:
    """Queue a refit. Call it last in the transaction: it locks an already queued job until the commit."""
    not_before = _not_before(project_id)
    dedupe_key = f"{REFIT.name}:{project_id}"
    enqueue(REFIT, NoArgs(), project_id=project_id, dedupe_key=dedupe_key, not_before=not_before)


def request_refit_if_due(*, project_id: int) -> bool:
    """Request a refit if enough answers have settled since the last fit, by the live stream's count."""
    state = _current(project_id)
    previous = state.settled if state else 0
    new = settled_answer_count(project_id=project_id) - previous
    due = new >= max(MIN_NEW_ANSWERS, MIN_NEW_SHARE * previous)
    if due:
        request_refit(project_id=project_id)
    return due


def settled_answer_count(*, project_id: int) -> int:
    return int(stream_snapshot(project_id=project_id).totals.get("settled", 0))


@transaction.atomic
def refit(*, project_id: int) -> RefitResult:
    """Locks the project's refits. Fit all answers, write the next version, and queue the labels that it changes.

    If two run at once, the second waits, finds that its input has already been fitted, and writes nothing; so does a
    repeated run. It is one transaction, so the state and the queued updates are committed together or not at all.
    """
    with connection.cursor() as cursor:
        # A fit of many millions of answers computes for minutes, and holds nothing but this lock.
        cursor.execute("SET LOCAL idle_in_transaction_session_timeout = 0")
    lock_named(f"{REFIT.name}.{project_id}")
    project = Project.objects.select_related("schema").get(pk=project_id)
    previous = _current(project_id)
    if project.schema is None:
        return RefitResult(0, fresh=False, moved=0)
    settled, started = settled_answer_count(project_id=project_id), time.monotonic()
    with ShardStore() as shards:
        training_data = load_training_data(project=project, shards=shards)
        if previous is not None and previous.fingerprint == training_data.fingerprint:
            # Only gold or surplus answers have settled; count them, or every finished set would request a refit again.
            ConsensusState.objects.filter(pk=previous.pk).update(settled=settled)
            return RefitResult(previous.version, fresh=False, moved=0)
        blend, rates = fit(training_data)
    moved = unique_tasks(tasks_to_relabel(project=project, blend=blend, rates=rates)).tolist()
    state = write_state(
        project_id=project_id,
        blend=blend,
        rates=rates,
        fingerprint=training_data.fingerprint,
        settled=settled,
        seconds=time.monotonic() - started,
    )
    queue_updates(project_id=project_id, tasks=moved)
    data = {"version": state.version, "moved": len(moved)}
    record_event(project_id=project_id, kind="consensus.refitted", data=data)
    return RefitResult(state.version, fresh=True, moved=len(moved))


@transaction.atomic
def queue_missed_tasks(*, project_id: int) -> int:
    """Queue the tasks whose answers settled while a refit ran; call it after the refit has committed.

    The refit had already scored those tasks, and their labels were computed with the previous version. Transactions
    that commit later detect the new version themselves (`update_labels`). Returns the number of tasks. They are derived
    from the state's row, so the call can be repeated after a crash.
    """
    state = _current(project_id)
    if state is None:
        return 0
    since = state.created_at - timedelta(seconds=state.seconds) - CLOCK_SKEW
    late = Posterior.objects.filter(project_id=project_id, updated_at__gte=since, state_version__lt=state.version)
    tasks = sorted(late.values_list("task_id", flat=True))
    queue_updates(project_id=project_id, tasks=tasks)
    return len(tasks)


def queue_updates(*, project_id: int, tasks: Sequence[int]) -> None:
    """Queue many label updates in the caller's transaction, behind the work that people wait for."""
    for start in range(0, len(tasks), TASKS_PER_JOB):
        chunk = list(tasks[start : start + TASKS_PER_JOB])
        enqueue(UPDATE_LABELS, TaskIds(chunk), queue=Queue.HEAVY, project_id=project_id)


def _current(project_id: int) -> ConsensusState | None:
    rows = ConsensusState.objects.filter(project_id=project_id, is_current=True)
    return rows.defer("header").first()


def _not_before(project_id: int) -> datetime | None:
    """The earliest start of the next refit; keeps a large project from being refitted after every reviewer's fix."""
    state = _current(project_id)
    if state is None:
        return None
    due = state.created_at + timedelta(seconds=PAUSE_FACTOR * state.seconds)
    return due if due > database_now() else None
