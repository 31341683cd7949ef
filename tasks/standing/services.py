"""Admitting, pausing and removing workers of a project, and updating their trust from gold."""

from django.db import transaction
from django.db.models import F

from accounts.models import Actor
from kernel.clock import ClockTimestamp
from kernel.errors import Forbidden, NotFound, TransitionRefused
from kernel.events import record_event
from kernel.inserting import insert_unless_exists
from projects.models import Project
from tasks.standing.models import Standing
from tasks.standing.trust import PRIOR_ALPHA, PRIOR_BETA, is_clearly_bad

AUTOMATIC_REASON = "Most of the recent check images were answered incorrectly."


class WorkerRemoved(Forbidden):
    """You were removed from this project. If you think this is a mistake, ask your project manager."""

    code = "worker_removed"


@transaction.atomic
def admit(*, project: Project, worker: Actor) -> Standing:
    """Add a worker to the project; repeating is harmless. Raises WorkerRemoved if the worker was removed earlier."""
    created = insert_unless_exists(Standing(project=project, worker=worker))
    standing = Standing.objects.get(project=project, worker=worker)
    if standing.state == Standing.State.REMOVED:
        raise WorkerRemoved
    if created:
        record_event(project_id=project.pk, kind="worker.joined", data={"worker": str(worker.public_id)}, workers=1)
    return standing


@transaction.atomic
def pause(*, project: Project, worker: Actor, reason: str) -> Standing:
    """Pause a worker: no new hands, but the live one can be finished and is paid."""
    changed = Standing.objects.filter(project=project, worker=worker, state=Standing.State.ACTIVE).update(
        state=Standing.State.PAUSED, reason=reason[:300], changed_at=ClockTimestamp()
    )
    standing = _standing(project, worker)
    if changed:
        _record_paused(standing)
    elif standing.state == Standing.State.REMOVED:
        raise TransitionRefused("This worker was removed from the project and cannot be paused.")
    return standing


@transaction.atomic
def resume(*, project: Project, worker: Actor) -> Standing:
    """Resume a paused worker: a manager's decision, so trust restarts from the prior; the gold counts are kept."""
    changed = Standing.objects.filter(project=project, worker=worker, state=Standing.State.PAUSED).update(
        state=Standing.State.ACTIVE,
        reason="",
        trust_alpha=PRIOR_ALPHA,
        trust_beta=PRIOR_BETA,
        changed_at=ClockTimestamp(),
    )
    standing = _standing(project, worker)
    if not changed and standing.state == Standing.State.REMOVED:
        raise TransitionRefused("This worker was removed from the project and cannot be resumed.")
    return standing


@transaction.atomic
def remove(*, project: Project, worker: Actor, reason: str) -> Standing:
    """Remove a worker permanently; their work is kept and paid."""
    changed = (
        Standing.objects.filter(project=project, worker=worker)
        .exclude(state=Standing.State.REMOVED)
        .update(state=Standing.State.REMOVED, reason=reason[:300], changed_at=ClockTimestamp())
    )
    standing = _standing(project, worker)
    if changed:
        record_event(project_id=project.pk, kind="worker.removed", data={"worker": str(worker.public_id)}, workers=-1)
    return standing


def record_gold_results(*, project_id: int, worker_id: int, seen: int, correct: int) -> bool:
    """Locks the standing. Update trust from the gold of one whole hand; pause a worker who is clearly bad.

    Returns whether it paused the worker. Only whole hands: a change after a single image would reveal that it was gold.
    """
    if not seen:
        return False
    rows = Standing.objects.filter(project_id=project_id, worker_id=worker_id)
    rows.update(
        trust_alpha=F("trust_alpha") + correct,
        trust_beta=F("trust_beta") + seen - correct,
        gold_seen=F("gold_seen") + seen,
        gold_correct=F("gold_correct") + correct,
        changed_at=ClockTimestamp(),
    )
    # The update above holds the row lock, so the row cannot change between this read and the pause.
    standing = rows.select_related("worker").get()
    bad = is_clearly_bad(alpha=standing.trust_alpha, beta=standing.trust_beta)
    if not bad or standing.state != Standing.State.ACTIVE:
        return False
    rows.update(state=Standing.State.PAUSED, reason=AUTOMATIC_REASON)
    standing.reason = AUTOMATIC_REASON
    _record_paused(standing)
    return True


def _record_paused(standing: Standing) -> None:
    data = {"worker": str(standing.worker.public_id), "reason": standing.reason}
    record_event(project_id=standing.project_id, kind="worker.paused", data=data)


def _standing(project: Project, worker: Actor) -> Standing:
    standing = Standing.objects.select_related("worker").filter(project=project, worker=worker).first()
    if standing is None:
        raise NotFound("This person is not a worker in this project. Invite them first.")
    return standing
