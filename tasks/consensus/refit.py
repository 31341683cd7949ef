"""Refits: what a project's answers teach of its workers is learnt anew when enough of it changed.

A refit is asked for by whatever changes what it would read: enough new answers, a check image made or retired, a label
that a person set, answers that no longer count, predictions of a model. One waits for a project, whoever asks.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import connection, transaction

from kernel.clock import database_now
from kernel.events import record_event, stream_snapshot
from kernel.jobs import KEEP_TRYING, enqueue
from projects.models import Project
from tasks.consensus.affected_tasks import moved_by, unique_tasks
from tasks.consensus.answer_shards import Spool
from tasks.consensus.fit import fit, read_material
from tasks.consensus.models import ConsensusState, Posterior
from tasks.consensus.worker_model import write_state

REFIT = "consensus.refit"
UPDATE_LABELS = "consensus.update"
#: New answers that are worth a refit: this many, and this share of those that were there.
LEAST_NEW = 50
SHARE_NEW = 0.1
#: A project's refits may take one part in this many of one worker's time.
PAUSE = 20
#: How far the clocks of machines may be apart.
CLOCKS = timedelta(minutes=1)
#: Tasks a job of updates.
TASKS_A_JOB = 500


@dataclass(frozen=True, slots=True)
class Refitted:
    """version: the project's current state. fresh: it was written now. moved: tasks whose labels are made anew."""

    version: int
    fresh: bool
    moved: int


def ask_refit(*, project_id: int) -> None:
    """Call it last in the caller's transaction: it holds what it waits for until the commit."""
    enqueue(REFIT, project_id=project_id, dedupe_key=f"{REFIT}:{project_id}", not_before=_not_before(project_id))


def ask_refit_when_due(*, project_id: int) -> bool:
    """Ask when enough answers have settled since the last fit, by the count of the live stream."""
    state = _current(project_id)
    before = state.settled if state else 0
    new = settled_answers_of(project_id=project_id) - before
    due = new >= max(LEAST_NEW, SHARE_NEW * before)
    if due:
        ask_refit(project_id=project_id)
    return due


def settled_answers_of(*, project_id: int) -> int:
    return int(stream_snapshot(project_id=project_id).totals.get("settled", 0))


@transaction.atomic
def refit(*, project_id: int) -> Refitted:
    """Locks the project's refits. Learn from all answers, write the next version, and queue the labels that it moves.

    Of two at once the second waits, finds that what it reads is what was fitted, and writes nothing; so does running it
    again. All is one transaction, so that the labels follow the state or neither is there.
    """
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))", [f"{REFIT}.{project_id}"])
    project = Project.objects.select_related("schema").get(pk=project_id)
    before = _current(project_id)
    if project.schema is None:
        return Refitted(0, fresh=False, moved=0)
    settled, began = settled_answers_of(project_id=project_id), time.monotonic()
    with Spool() as spool:
        material = read_material(project=project, spool=spool)
        if before is not None and before.fingerprint == material.fingerprint:
            # Settled were check images or surplus alone; counted as seen, or each finished set would ask again.
            ConsensusState.objects.filter(pk=before.pk).update(settled=settled)
            return Refitted(before.version, fresh=False, moved=0)
        blend, rates = fit(material)
    moved = unique_tasks(moved_by(project=project, blend=blend, rates=rates)).tolist()
    state = write_state(
        project_id=project_id,
        blend=blend,
        rates=rates,
        fingerprint=material.fingerprint,
        settled=settled,
        seconds=time.monotonic() - began,
    )
    _queue_updates(project_id, moved)
    data = {"version": state.version, "moved": len(moved)}
    record_event(project_id=project_id, kind="consensus.refitted", data=data)
    return Refitted(state.version, fresh=True, moved=len(moved))


@transaction.atomic
def catch_up(*, project_id: int) -> int:
    """Call it when a refit has committed. Queue the tasks whose answers settled while it ran: it had scored them by
    then, and their labels were made with the version before. Who commits later sees for himself (`update_labels`).

    Returns how many. Which they are follows from the state's row, so that it can be done again after a crash.
    """
    state = _current(project_id)
    if state is None:
        return 0
    since = state.created_at - timedelta(seconds=state.seconds) - CLOCKS
    late = Posterior.objects.filter(project_id=project_id, updated_at__gte=since, state_version__lt=state.version)
    tasks = sorted(late.values_list("task_id", flat=True))
    _queue_updates(project_id, tasks)
    return len(tasks)


def _queue_updates(project_id: int, tasks: Sequence[int]) -> None:
    for at in range(0, len(tasks), TASKS_A_JOB):
        some = list(tasks[at : at + TASKS_A_JOB])
        enqueue(UPDATE_LABELS, project_id=project_id, max_attempts=KEEP_TRYING, task_ids=some)


def _current(project_id: int) -> ConsensusState | None:
    rows = ConsensusState.objects.filter(project_id=project_id, is_current=True)
    return rows.defer("header").first()


def _not_before(project_id: int) -> datetime | None:
    """So that a large project is not fitted again and again for each of a reviewer's fixes."""
    state = _current(project_id)
    if state is None:
        return None
    due = state.created_at + timedelta(seconds=PAUSE * state.seconds)
    return due if due > database_now() else None
