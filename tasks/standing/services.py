"""Admitting, pausing and removing workers of a project; pausing them because of gold; counting returned images."""

from collections.abc import Mapping
from typing import Any

from django.db import connection, transaction

from accounts.models import Actor
from kernel.clock import ClockTimestamp
from kernel.errors import NotFound, TransitionRefused
from kernel.events import record_event
from kernel.statements import insert_unless_exists
from projects.models import Project
from tasks.standing.chance_test import ChanceTest
from tasks.standing.errors import WorkerRemoved
from tasks.standing.findings import Findings
from tasks.standing.models import Standing
from tasks.standing.trust import Stage, is_clearly_bad, posterior_of, stage_of
from tasks.workers.evidence import Counts, record_gold, replace_agreement, start_period, worker_records

AUTOMATIC_REASON = "Most of the recent check images were answered incorrectly."
CHANCE_REASON = "Recent answers differ from the check images and from other people's answers in most cases."
LEFT_REASON = "Left the project."
RETURNS_REASON = "More than {most:,} images were skipped, returned or not answered in time within one day."

# Two sets are always allowed, or a single large set that expires would pause its worker. The live one is larger than
# the policy says if the worker is fast or a group is in it.
COUNT_RETURNS = """
WITH counted AS MATERIALIZED (
    SELECT s.id, n.images, greatest(p.returns_per_day, 2 * p.hand_size, 2 * (
        SELECT h.size FROM tasks_hand h
        WHERE h.project_id = s.project_id AND h.worker_id = s.worker_id AND h.state = 'live')) AS most
    FROM unnest(%(workers)s::bigint[], %(images)s::int[]) AS n(worker_id, images)
    JOIN tasks_standing s ON s.project_id = %(project)s AND s.worker_id = n.worker_id
    JOIN projects_project p ON p.id = s.project_id
    ORDER BY s.id
    FOR NO KEY UPDATE OF s
)
UPDATE tasks_standing s
SET returns = greatest(0, counted.images + CASE WHEN s.returns_since > t.day_ago THEN s.returns ELSE 0 END),
    returns_since = CASE WHEN s.returns_since > t.day_ago THEN s.returns_since ELSE clock_timestamp() END
FROM counted, (SELECT clock_timestamp() - interval '1 day' AS day_ago) t
WHERE s.id = counted.id
RETURNING s.id, s.returns, counted.most
"""


__all__ = [
    "WorkerRemoved",
    "admit",
    "confirm_pause",
    "leave",
    "lift_pause",
    "pause",
    "record_findings",
    "record_gold_results",
    "remove",
    "restore",
    "resume",
]


@transaction.atomic
def admit(*, project: Project, worker: Actor) -> Standing:
    """Add a worker to the project; repeating is harmless. Raises WorkerRemoved if the worker was removed earlier.

    A worker who left comes back as they were: paused, if they were paused.
    """
    created = insert_unless_exists(Standing(project=project, worker=worker)) or _come_back(project, worker)
    standing = Standing.objects.get(project=project, worker=worker)
    if standing.state == Standing.State.REMOVED:
        raise WorkerRemoved
    if created:
        record_event(project_id=project.pk, kind="worker.joined", data={"worker": str(worker.public_id)}, workers=1)
    return standing


def _come_back(project: Project, worker: Actor) -> bool:
    """Give a worker who left the state from before; return whether there is one."""
    gone = Standing.objects.filter(project=project, worker=worker, state=Standing.State.REMOVED).exclude(left_from="")
    standing = gone.select_for_update(no_key=True, of=("self",)).first()
    if standing is None:
        return False
    reason = standing.reason.removeprefix(LEFT_REASON).strip()
    gone.update(state=standing.left_from, left_from="", reason=reason, changed_at=ClockTimestamp())
    return True


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
    """Locks the standing, then the evidence. Resume a paused worker: a manager's decision, so trust restarts from zero.

    The evidence before stays as history.
    """
    changed = Standing.objects.filter(project=project, worker=worker, state=Standing.State.PAUSED).update(
        state=Standing.State.ACTIVE,
        reason="",
        awaits_decision=False,
        stage=Standing.Stage.NONE,
        findings=None,
        returns=0,
        returns_since=None,
        changed_at=ClockTimestamp(),
    )
    standing = _standing(project, worker)
    if changed:
        start_period(project_id=project.pk, worker_id=worker.pk)
        record_event(project_id=project.pk, kind="worker.resumed", data={"worker": str(worker.public_id)})
    elif standing.state == Standing.State.REMOVED:
        raise TransitionRefused("This worker was removed from the project and cannot be resumed.")
    return standing


@transaction.atomic
def remove(*, project: Project, worker: Actor, reason: str) -> Standing:
    """Remove a worker permanently; their work is kept and paid. `flow.revocation.remove_worker` also ends their set."""
    changed = (
        Standing.objects.filter(project=project, worker=worker)
        .exclude(state=Standing.State.REMOVED)
        .update(state=Standing.State.REMOVED, reason=reason[:300], awaits_decision=False, changed_at=ClockTimestamp())
    )
    if not changed:  # nobody whom an invitation could bring back, either
        left = Standing.objects.filter(project=project, worker=worker).exclude(left_from="")
        left.update(left_from="", reason=reason[:300], awaits_decision=False, changed_at=ClockTimestamp())
    standing = _standing(project, worker)
    if changed:
        record_event(project_id=project.pk, kind="worker.removed", data={"worker": str(worker.public_id)}, workers=-1)
    return standing


def leave(*, project: Project, worker: Actor) -> Standing:
    """Locks the standing; call it after the worker's set has ended. An invitation brings the worker back as they were;
    repeating is harmless. Raises NotFound."""
    rows = Standing.objects.filter(project=project, worker=worker)
    standing = rows.select_for_update(no_key=True, of=("self",)).first()
    if standing is not None and standing.state != Standing.State.REMOVED:
        reason = f"{LEFT_REASON} {standing.reason}".strip()[:300]
        rows.update(state=Standing.State.REMOVED, left_from=standing.state, reason=reason, changed_at=ClockTimestamp())
        record_event(project_id=project.pk, kind="worker.left", data={"worker": str(worker.public_id)}, workers=-1)
    return _standing(project, worker)


@transaction.atomic
def restore(*, project: Project, worker: Actor, reason: str) -> bool:
    """Pause a worker who was removed, so that an invitation can bring them back; returns whether they were."""
    removed = Standing.objects.filter(project=project, worker=worker, state=Standing.State.REMOVED)
    if not removed.update(state=Standing.State.PAUSED, reason=reason[:300], changed_at=ClockTimestamp()):
        return False
    data = {"worker": str(worker.public_id), "reason": reason}
    record_event(project_id=project.pk, kind="worker.paused", data=data, workers=1)
    return True


def record_gold_results(*, project_id: int, worker_id: int, seen: int, correct: int, may_pause: bool = True) -> bool:
    """Locks the standing, then the evidence. Count the gold of one whole hand; pause a worker who is clearly bad.

    Returns whether it paused the worker. Only whole hands: a change after a single image would reveal that it was gold.
    A hand without gold runs the same statements, or its time would tell.
    """
    rows = Standing.objects.filter(project_id=project_id, worker_id=worker_id)
    rows.update(changed_at=ClockTimestamp())
    counts = record_gold(project_id=project_id, worker_id=worker_id, correct=correct, incorrect=seen - correct)
    if not may_pause or not is_clearly_bad(correct=counts.correct, incorrect=counts.incorrect):
        return False
    # The update above holds the row lock: nobody has resumed the worker since the counts were read.
    return _pause_automatically(rows.select_related("worker").get(), AUTOMATIC_REASON)


def record_findings(
    *,
    project_id: int,
    worker_id: int,
    test: ChanceTest,
    chance: float,
    elsewhere: Counts | None = None,
    may_pause: bool = True,
) -> bool:
    """Locks the standing, then the evidence. Keep what a test of all of the worker's answers found, and act on it.

    Raises or lowers the stage by the interval of the worker's accuracy, and pauses a worker who is at chance, until a
    manager decides. Returns whether it paused the worker. `chance`: the accuracy of guessing; `elsewhere`: gold in the
    organization's other projects of the same type. Only after whole hands, as for `record_gold_results`.
    """
    rows = Standing.objects.filter(project_id=project_id, worker_id=worker_id)
    standing = rows.select_for_update(no_key=True, of=("self",)).select_related("worker").first()
    if standing is None or standing.state == Standing.State.REMOVED:
        return False
    agreeing = round(test.agreeing)
    replace_agreement(
        project_id=project_id, worker_id=worker_id, agreeing=agreeing, disagreeing=test.compared - agreeing
    )
    record = worker_records(project_id=project_id, worker_ids=[worker_id])[worker_id]
    before = Findings.from_json(standing.findings)
    stage = stage_of(
        Stage(standing.stage),
        posterior_of(record, elsewhere),
        chance=chance,
        new_gold=record.gold.seen - before.stage_gold,
    )
    changed = stage != standing.stage
    findings = Findings.of(test, stage_gold=record.gold.seen if changed else before.stage_gold)
    rows.update(stage=stage, findings=findings.to_json(), changed_at=ClockTimestamp())
    if changed:
        data = {"worker": str(standing.worker.public_id), "stage": str(stage)}
        record_event(project_id=project_id, kind="worker.stage_changed", data=data)
    return may_pause and test.is_at_chance and _pause_automatically(standing, CHANCE_REASON)


@transaction.atomic
def confirm_pause(*, project: Project, worker: Actor) -> Standing:
    """Locks the standing. Leave a worker paused whom a rule paused: it no longer awaits a decision. Repeating is
    harmless."""
    rows = Standing.objects.filter(project=project, worker=worker, state=Standing.State.PAUSED)
    rows.update(awaits_decision=False, changed_at=ClockTimestamp())
    return _standing(project, worker)


def lift_pause(*, project_id: int, worker_id: int, by_gold: bool) -> bool:
    """Locks the standing. Let a worker go on whom a rule paused, if no manager has decided about that and what the rule
    found no longer says so. Returns whether it did. Unlike `resume`, the evidence stays.

    `by_gold`: whether the rule about gold alone applies to the project. Call it after `record_findings`.
    """
    rows = Standing.objects.filter(project_id=project_id, worker_id=worker_id)
    standing = rows.select_for_update(no_key=True, of=("self",)).select_related("worker").first()
    if standing is None or standing.state != Standing.State.PAUSED or not standing.awaits_decision:
        return False
    if standing.reason not in (AUTOMATIC_REASON, CHANCE_REASON):
        return False
    gold = worker_records(project_id=project_id, worker_ids=[worker_id])[worker_id].gold
    findings = Findings.from_json(standing.findings)
    is_bad = by_gold and is_clearly_bad(correct=gold.correct, incorrect=gold.incorrect)
    if is_bad or (findings.limit and findings.evidence >= findings.limit):
        return False
    rows.update(state=Standing.State.ACTIVE, reason="", awaits_decision=False, changed_at=ClockTimestamp())
    record_event(project_id=project_id, kind="worker.resumed", data={"worker": str(standing.worker.public_id)})
    return True


def record_returns(*, project_id: int, images: Mapping[int, int]) -> None:
    """Locks the standings, after all other locks. Count the images that each worker skipped, released or let expire.

    `images` is {worker id: number}; a negative number takes back what was answered after all. Pauses a worker who is
    above the project's limit for one day, for a manager to look: returning images shows new ones, in which gold is the
    part that others do not get. Call it while the hand is live: the limit allows for two of its size.
    """
    counted = {worker: number for worker, number in images.items() if number}
    if not counted:
        return
    params: dict[str, Any] = {"project": project_id, "workers": list(counted), "images": list(counted.values())}
    with connection.cursor() as cursor:
        cursor.execute(COUNT_RETURNS, params)
        above = {pk: most for pk, returns, most in cursor.fetchall() if returns > most}
    for standing in Standing.objects.filter(pk__in=above).select_related("worker").order_by("pk"):
        _pause_automatically(standing, RETURNS_REASON.format(most=above[standing.pk]))


def _pause_automatically(standing: Standing, reason: str) -> bool:
    """Needs the standing's lock. Pause an active worker; returns whether it did."""
    paused = Standing.objects.filter(pk=standing.pk, state=Standing.State.ACTIVE).update(
        state=Standing.State.PAUSED, reason=reason, awaits_decision=True
    )
    if paused:
        standing.reason = reason
        _record_paused(standing)
    return bool(paused)


def _record_paused(standing: Standing) -> None:
    data = {"worker": str(standing.worker.public_id), "reason": standing.reason}
    record_event(project_id=standing.project_id, kind="worker.paused", data=data)


def _standing(project: Project, worker: Actor) -> Standing:
    standing = Standing.objects.select_related("worker").filter(project=project, worker=worker).first()
    if standing is None:
        raise NotFound("This person is not a worker in this project. Invite them first.")
    return standing
