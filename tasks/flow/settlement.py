"""Settles hands: releases unanswered images, scores gold, updates trust and posts credits.

The sweep is in `tasks.flow.expiry`.
"""

import random
from dataclasses import dataclass
from decimal import Decimal
from uuid import UUID

from django.db import transaction
from django.db.models import Count, Q, QuerySet, Sum

from accounts.models import Actor
from kernel.clock import ClockTimestamp
from kernel.errors import NotFound
from kernel.events import record_event
from kernel.jobs import enqueue
from projects.selectors import object_tools_of
from tasks.assignment.models import Assignment, Hand
from tasks.assignment.services import close_hand_leases
from tasks.consensus.refit import UPDATE_LABELS, TaskIds, request_refit
from tasks.flow.class_change import split_settled
from tasks.flow.gold_comparison import compare_answers
from tasks.flow.repair import void_settled
from tasks.flow.worker_review import review_worker
from tasks.pay.models import LedgerEntry
from tasks.pay.services import PostedCredits, post_credits
from tasks.standing.advice import is_advised
from tasks.standing.selectors import stage_before
from tasks.standing.services import record_gold_results, record_returns
from tasks.workers.pace import add_answers

_rng = random.SystemRandom()


@dataclass(frozen=True, slots=True)
class Settlement:
    """A settled hand: how many answers were credited and what they earned, and whether the worker sees advice. Nothing
    in it distinguishes gold.

    earned: with `top_up`, which brought it to the hourly floor. seconds: the paid time, 0 if pay does not depend on it.
    """

    hand: Hand
    answers: int
    earned: Decimal
    top_up: Decimal
    seconds: Decimal
    currency: str
    advised: bool


@transaction.atomic
def settle_hand(*, worker: Actor, hand_id: UUID) -> Settlement:
    """Locks hand, batches, tasks, assignments, standing. Settle a hand; a second call has no effect. Raises NotFound.

    Assignments are locked before their answers are read: a concurrent change is awaited and then settled, a later one
    finds the hand settled.
    """
    hand = _hands_to_lock().filter(public_id=hand_id, worker=worker).first()
    if hand is None:
        raise NotFound
    if hand.state == Hand.State.LIVE:
        _settle(hand)
    return _figures(hand)


@transaction.atomic
def settle_if_over(*, hand_id: int, wait: bool = True) -> bool:
    """Locks as `settle_hand`. Settle a live hand whose time is over, and return whether it did.

    Its end is read under the lock: an answer may have renewed the lease while the caller came here. Without `wait`,
    leaves a hand alone that somebody holds.
    """
    hands = _hands_to_lock(skip_locked=not wait).filter(pk=hand_id, state=Hand.State.LIVE)
    hand = hands.filter(expires_at__lte=ClockTimestamp()).first()
    if hand is not None:
        _settle(hand)
    return hand is not None


def _settle(hand: Hand) -> None:
    """Needs the hand's lock; locks batches, tasks, assignments, standing. Settle a live hand."""
    advised = is_advised(stage_before(project_id=hand.project_id, worker_id=hand.worker_id), _rng)
    returned = close_hand_leases(hand=hand)
    submitted = _locked_answers(hand)
    gold = compare_answers(project_id=hand.project_id, worker_id=hand.worker_id, submitted=submitted)
    paused = record_gold_results(
        project_id=hand.project_id,
        worker_id=hand.worker_id,
        seen=gold.seen,
        correct=gold.correct,
        # An honest worker often misses one of several objects; the test below weighs how many of them match.
        may_pause=not object_tools_of(project=hand.project),
    )
    if submitted or gold.seen:
        paused |= review_worker(project=hand.project, worker_id=hand.worker_id, hand_id=hand.pk)
    record_returns(project_id=hand.project_id, images={hand.worker_id: returned})
    posted = post_credits(hand=hand)
    add_answers(assignment_ids=posted.assignment_ids)
    Hand.objects.filter(pk=hand.pk).update(
        state=Hand.State.SETTLED, settled_at=ClockTimestamp(), advised=advised and bool(submitted)
    )
    _record(hand, posted, gold_seen=gold.seen, gold_correct=gold.correct)
    _update_labels(hand.project_id, submitted)
    void_settled(project_id=hand.project_id, worker_id=hand.worker_id, submitted=submitted)
    split_settled(project_id=hand.project_id, submitted=submitted)
    hand.refresh_from_db(fields=["state", "settled_at", "advised"])
    if paused:
        # Labels of the worker's earlier answers are recomputed without waiting for further answers.
        request_refit(project_id=hand.project_id)


@transaction.atomic
def settle_late_answer(*, assignment_id: int) -> None:
    """Locks hand and assignments. Pay for an answer submitted after its hand was settled; safe to repeat.

    An answer to gold is compared later: see `flow.gold_comparison`.
    """
    row = _hands_to_lock().filter(assignments__pk=assignment_id, state=Hand.State.SETTLED).first()
    if row is None:
        return
    posted = post_credits(hand=row)
    add_answers(assignment_ids=posted.assignment_ids)
    if posted.answers:
        _record(row, posted)
    late = list(Assignment.objects.filter(pk=assignment_id, state=Assignment.State.SUBMITTED, counts=True))
    _update_labels(row.project_id, late)
    void_settled(project_id=row.project_id, worker_id=row.worker_id, submitted=late)
    split_settled(project_id=row.project_id, submitted=late)


def _hands_to_lock(*, skip_locked: bool = False) -> QuerySet[Hand]:
    hands = Hand.objects.select_for_update(no_key=True, of=("self",), skip_locked=skip_locked)
    return hands.select_related("project__schema", "worker")


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
    credits = LedgerEntry.objects.filter(hand=hand)
    zero = Decimal(0)
    sums = credits.aggregate(
        answers=Count("pk", filter=Q(kind=LedgerEntry.Kind.CREDIT)),
        earned=Sum("amount", default=zero),
        top_up=Sum("amount", filter=Q(kind=LedgerEntry.Kind.TOP_UP), default=zero),
        seconds=Sum("seconds", filter=Q(kind=LedgerEntry.Kind.CREDIT), default=zero),
    )
    return Settlement(hand, **sums, currency=hand.project.currency, advised=hand.advised)
