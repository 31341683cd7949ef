"""Settles hands: releases unanswered images, scores gold, updates trust and posts credits; expires overdue leases.

The sweep expires the leases, then settles the hands that are over as a result, and compares late answers that no later
settlement has compared. Concurrent sweeps are safe: each step
locks its rows and checks them again. Work is done in small transactions, one batch each, so that claims never wait long
for the sweep.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from itertools import groupby
from uuid import UUID

import structlog
from django.db import transaction
from django.db.models import Count, Sum

from accounts.models import Actor
from kernel.clock import ClockTimestamp
from kernel.errors import NotFound
from kernel.events import record_event
from kernel.jobs import enqueue
from tasks.assignment.models import Assignment, Hand
from tasks.assignment.services import close_hand_leases
from tasks.assignment.slots import close_leases
from tasks.consensus.refit import UPDATE_LABELS, TaskIds, request_refit
from tasks.flow.gold_comparison import compare_answers, compare_late_answers
from tasks.pay.models import LedgerEntry
from tasks.pay.services import PostedCredits, post_credits
from tasks.standing.services import record_gold_results, record_returns
from tasks.workers.pace import add_answers

logger = structlog.get_logger(__name__)

CHUNK = 500
# Further leases wait for the next sweep.
MAX_LEASES = 10_000


@dataclass(frozen=True, slots=True)
class Settlement:
    """A settled hand: how many answers were credited and what they earned. Nothing in it distinguishes gold."""

    hand: Hand
    answers: int
    earned: Decimal
    currency: str


@transaction.atomic
def settle_hand(*, worker: Actor, hand_id: UUID) -> Settlement:
    """Locks hand, batches, tasks, assignments, standing. Settle a hand; a second call has no effect. Raises NotFound.

    Assignments are locked before their answers are read: a concurrent change is awaited and then settled, a later one
    finds the hand settled.
    """
    hand = _locked(worker, hand_id)
    if hand.state == Hand.State.LIVE:
        returned = close_hand_leases(hand=hand)
        submitted = _locked_answers(hand)
        gold = compare_answers(project_id=hand.project_id, worker_id=hand.worker_id, submitted=submitted)
        paused = record_gold_results(
            project_id=hand.project_id, worker_id=hand.worker_id, seen=gold.seen, correct=gold.correct
        )
        record_returns(project_id=hand.project_id, images={hand.worker_id: returned})
        posted = post_credits(hand=hand)
        add_answers(assignment_ids=posted.assignment_ids)
        Hand.objects.filter(pk=hand.pk).update(state=Hand.State.SETTLED, settled_at=ClockTimestamp())
        _record(hand, posted, gold_seen=gold.seen, gold_correct=gold.correct)
        _update_labels(hand.project_id, submitted)
        hand.refresh_from_db(fields=["state", "settled_at"])
        if paused:
            # Labels of the worker's earlier answers are recomputed without waiting for further answers.
            request_refit(project_id=hand.project_id)
    return _figures(hand)


@transaction.atomic
def settle_late_answer(*, assignment_id: int) -> None:
    """Locks hand and assignments. Pay for an answer submitted after its hand was settled; safe to repeat.

    An answer to gold is compared later: see `flow.gold_comparison`.
    """
    hand = Hand.objects.select_for_update(no_key=True, of=("self",)).select_related("project", "worker")
    row = hand.filter(assignments__pk=assignment_id, state=Hand.State.SETTLED).first()
    if row is None:
        return
    posted = post_credits(hand=row)
    add_answers(assignment_ids=posted.assignment_ids)
    if posted.answers:
        _record(row, posted)
    late = Assignment.objects.filter(pk=assignment_id, state=Assignment.State.SUBMITTED, counts=True)
    _update_labels(row.project_id, list(late))


def _locked(worker: Actor, hand_id: UUID) -> Hand:
    hands = Hand.objects.select_for_update(no_key=True, of=("self",)).select_related("project", "worker")
    hand = hands.filter(public_id=hand_id, worker=worker).first()
    if hand is None:
        raise NotFound
    return hand


def _locked_answers(hand: Hand) -> list[Assignment]:
    rows = Assignment.objects.select_for_update(no_key=True).filter(hand=hand).order_by("pk")
    return [row for row in rows if row.state == Assignment.State.SUBMITTED]


def _record(hand: Hand, posted: PostedCredits, *, gold_seen: int = 0, gold_correct: int = 0) -> None:
    record_event(
        project_id=hand.project_id,
        kind="hand.settled",
        data={"worker": str(hand.worker.public_id)},
        settled=posted.answers,
        paid_micros=posted.micros,
        gold_seen=gold_seen,
        gold_correct=gold_correct,
    )


def _update_labels(project_id: int, submitted: list[Assignment]) -> None:
    """Skips surplus answers: relabeling for one could drop an approval because trust has shifted."""
    task_ids = sorted({row.task_id for row in submitted if row.task_id is not None and row.counts})
    if task_ids:
        enqueue(UPDATE_LABELS, TaskIds(task_ids), project_id=project_id)


def _figures(hand: Hand) -> Settlement:
    credits = LedgerEntry.objects.filter(hand=hand, kind=LedgerEntry.Kind.CREDIT)
    sums = credits.aggregate(answers=Count("pk"), earned=Sum("amount"))
    return Settlement(hand, sums["answers"], sums["earned"] or Decimal(0), hand.project.currency)


def expire_leases() -> int:
    """Locks batch, tasks, assignments, standings, one batch at a time; then settles hands and compares late answers.

    Returns the number of expired leases.
    """
    expired = 0
    for project_id, lease_ids in _expired_leases():
        expired += _expire(project_id, lease_ids)
    settle_expired_hands()
    compare_late_answers()
    return expired


def settle_expired_hands() -> int:
    """Settle expired hands; returns their number. Failures are logged and retried by the next sweep."""
    settled = 0
    for worker, hand_id in _expired_hands():
        try:
            settle_hand(worker=worker, hand_id=hand_id)
        except Exception:
            logger.exception("set not settled; the next sweep retries it", hand=str(hand_id))
        else:
            settled += 1
    return settled


def _expired_leases() -> Iterator[tuple[int, list[int]]]:
    """Expired leases, oldest first, grouped by batch (or by project for gold)."""
    rows = list(
        Assignment.objects.filter(state=Assignment.State.LEASED, expires_at__lte=ClockTimestamp())
        .order_by("expires_at")
        .values_list("project_id", "task__batch_id", "pk")[:MAX_LEASES]
    )
    rows.sort(key=_group_key)
    for (project_id, _batch_id), group in groupby(rows, key=_group_key):
        ids = [row[2] for row in group]
        for start in range(0, len(ids), CHUNK):
            yield project_id, ids[start : start + CHUNK]


def _group_key(row: tuple[int, int | None, int]) -> tuple[int, int]:
    return row[0], row[1] or 0


@transaction.atomic
def _expire(project_id: int, lease_ids: list[int]) -> int:
    """Expire the leases; skips those that a concurrent submission holds."""
    expired = close_leases(assignment_ids=lease_ids, state=Assignment.State.EXPIRED, only_over=True, skip_locked=True)
    count = sum(expired.values())
    if count:
        record_event(project_id=project_id, kind="assignment.expired", leased=-count, expired=count)
        record_returns(project_id=project_id, images=expired)
    return count


def _expired_hands() -> list[tuple[Actor, UUID]]:
    hands = Hand.objects.filter(state=Hand.State.LIVE, expires_at__lte=ClockTimestamp()).exclude(
        assignments__state=Assignment.State.LEASED
    )
    rows = hands.select_related("worker").order_by("expires_at")[:CHUNK]
    return [(hand.worker, hand.public_id) for hand in rows]
