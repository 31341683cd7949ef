"""Admitting workers to a project, pausing them, and what check images say of them."""

from django.db import transaction
from django.db.models import F

from accounts.models import Actor
from kernel.clock import ClockTimestamp
from kernel.errors import Forbidden, NotFound, TransitionRefused
from kernel.events import record_event
from projects.models import Project
from tasks.standing.models import Standing
from tasks.standing.trust import PRIOR_ALPHA, PRIOR_BETA, is_clearly_bad

AUTOMATIC_REASON = "Most of the recent check images were answered wrongly."


class WorkerRemoved(Forbidden):
    """You no longer work in this project; ask its manager if you think that this is a mistake."""

    code = "worker_removed"


@transaction.atomic
def admit(*, project: Project, worker: Actor) -> Standing:
    """Make someone a worker of the project; again is harmless. Raises WorkerRemoved for one who was removed."""
    standing, created = Standing.objects.get_or_create(project=project, worker=worker)
    if standing.state == Standing.State.REMOVED:
        raise WorkerRemoved
    if created:
        record_event(project_id=project.pk, kind="worker.joined", data={"worker": str(worker.public_id)}, workers=1)
    return standing


@transaction.atomic
def pause(*, project: Project, worker: Actor, reason: str) -> Standing:
    """No further set for this worker; the one in hand may be finished and is paid."""
    changed = Standing.objects.filter(project=project, worker=worker, state=Standing.State.ACTIVE).update(
        state=Standing.State.PAUSED, reason=reason[:300], changed_at=ClockTimestamp()
    )
    standing = _standing(project, worker)
    if changed:
        _say_paused(standing)
    elif standing.state == Standing.State.REMOVED:
        raise TransitionRefused("This worker was removed from the project; there is nothing to pause.")
    return standing


@transaction.atomic
def resume(*, project: Project, worker: Actor) -> Standing:
    """A manager's decision, so trust starts over from the prior; how many checks were seen and right stays told."""
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
    """For good; what they did stays, and is paid."""
    changed = (
        Standing.objects.filter(project=project, worker=worker)
        .exclude(state=Standing.State.REMOVED)
        .update(state=Standing.State.REMOVED, reason=reason[:300], changed_at=ClockTimestamp())
    )
    standing = _standing(project, worker)
    if changed:
        record_event(project_id=project.pk, kind="worker.removed", data={"worker": str(worker.public_id)}, workers=-1)
    return standing


def note_gold(*, project_id: int, worker_id: int, seen: int, correct: int) -> bool:
    """Locks the standing. Move trust by the check images of one whole hand; pause a worker who is clearly bad.

    Returns whether it paused. Whole hands only: a change after a single image would tell the worker which it was.
    """
    if not seen:
        return False
    mine = Standing.objects.filter(project_id=project_id, worker_id=worker_id)
    mine.update(
        trust_alpha=F("trust_alpha") + correct,
        trust_beta=F("trust_beta") + seen - correct,
        gold_seen=F("gold_seen") + seen,
        gold_correct=F("gold_correct") + correct,
        changed_at=ClockTimestamp(),
    )
    # The update above holds the row's lock, so nobody changes it between this look and the pause.
    standing = mine.select_related("worker").get()
    bad = is_clearly_bad(alpha=standing.trust_alpha, beta=standing.trust_beta)
    if not bad or standing.state != Standing.State.ACTIVE:
        return False
    mine.update(state=Standing.State.PAUSED, reason=AUTOMATIC_REASON)
    standing.reason = AUTOMATIC_REASON
    _say_paused(standing)
    return True


def _say_paused(standing: Standing) -> None:
    data = {"worker": str(standing.worker.public_id), "reason": standing.reason}
    record_event(project_id=standing.project_id, kind="worker.paused", data=data)


def _standing(project: Project, worker: Actor) -> Standing:
    standing = Standing.objects.select_related("worker").filter(project=project, worker=worker).first()
    if standing is None:
        raise NotFound("This person is not a worker of this project.")
    return standing
