"""Taking a set of images, skipping one, giving the set back."""

import random
from dataclasses import dataclass, field
from uuid import UUID

from django.db import transaction

from accounts.models import Actor
from kernel.clock import ClockTimestamp
from kernel.errors import NotFound
from kernel.events import record_event
from projects.models import Project
from tasks.assignment import claiming
from tasks.assignment.claiming import Pinned, Place, Terms
from tasks.assignment.errors import AnsweredAlready, HandSettled, ProjectNotOpen, WorkerNotAdmitted, WorkerPaused
from tasks.assignment.gold_mixing import gold_beside, gold_count, mixed
from tasks.assignment.models import Assignment, Hand
from tasks.assignment.slots import close_leases
from tasks.gold.selectors import UnseenGold, unseen_golds
from tasks.standing.models import Standing

__all__ = [
    "AnsweredAlready",
    "HandSettled",
    "ProjectNotOpen",
    "WorkerNotAdmitted",
    "WorkerPaused",
    "claim_hand",
    "close_hand_leases",
    "release_hand",
    "skip_assignment",
]

_chance = random.SystemRandom()


class _TryAgain(Exception):
    """This attempt held locks that it must not hold while it waits, or lost its hand: roll back and start over."""

    def __init__(self, wait_for: int | None = None) -> None:
        self.wait_for = wait_for
        super().__init__()


@dataclass
class _Attempts:
    """What survives the rollback of an attempt: the batch to wait for, and the batches found exhausted."""

    wait_for: int | None = None
    marks: dict[int, int] = field(default_factory=dict)


def claim_hand(*, worker: Actor, project: Project) -> Hand | None:
    """Waits for a batch's lock when every candidate is locked. Take a hand, or return the worker's live one.

    None means that no place was open to this worker. Raises WorkerNotAdmitted, WorkerPaused, ProjectNotOpen.

    Two claims with one batch each that wait for the other's would stand still; so a claim waits only when it holds
    none: it rolls its attempt back, waits for one batch in the next, and goes on from there.
    """
    attempts = _Attempts()
    while True:
        try:
            with transaction.atomic():
                return _claim(worker, project.pk, attempts)
        except _TryAgain as again:
            attempts.wait_for = again.wait_for


def _claim(worker: Actor, project_id: int, attempts: _Attempts) -> Hand | None:
    terms = _terms(worker, project_id)
    new = claiming.insert_hand(project_id=project_id, worker_id=worker.pk, lease_seconds=terms.lease_seconds)
    if new is None:
        live = Hand.objects.filter(project_id=project_id, worker=worker, state=Hand.State.LIVE).first()
        if live is None:
            raise _TryAgain  # it was settled between the two statements
        return live
    claiming.remember_exhausted(project_id=project_id, worker_id=worker.pk, marks=attempts.marks)
    if attempts.wait_for is not None:
        claiming.wait_for_batch(batch_id=attempts.wait_for)
    places = _choose_places(worker, terms, attempts)
    if not places:
        claiming.drop_hand(hand_id=new.id)
        return None
    assert terms.schema_id is not None
    claiming.write_assignments(
        project_id=project_id,
        worker_id=worker.pk,
        hand_id=new.id,
        places=places,
        pinned=Pinned(terms.schema_id, terms.instructions_id, terms.price),
    )
    record_event(
        project_id=project_id,
        kind="hand.claimed",
        data={"worker": str(worker.public_id), "size": len(places)},
        leased=len(places),
    )
    return _hand(worker, project_id, new, size=len(places))


def _terms(worker: Actor, project_id: int) -> Terms:
    """The project as it is now, when this worker may take work of it."""
    terms = claiming.terms_of(project_id=project_id, worker_id=worker.pk)
    if terms is None or terms.standing == Standing.State.REMOVED:
        raise WorkerNotAdmitted
    if terms.standing == Standing.State.PAUSED:
        raise WorkerPaused
    if terms.state != Project.State.OPEN or terms.schema_id is None:
        raise ProjectNotOpen
    return terms


def _choose_places(worker: Actor, terms: Terms, attempts: _Attempts) -> list[Place]:
    """Work with gold mixed in, in the order of the set; none without an open place, however much gold there is."""
    golds = _choose_gold(worker, terms)
    if golds and terms.hand_size == 1:
        # Beside work it would make a set of two, and in such a project that tells: it stands alone, while work is left.
        if claiming.first_candidate(project_id=terms.pk, worker_id=worker.pk) is not None:
            return _mix([], golds, terms)
        golds = []
    work = _take_work(worker, terms, terms.hand_size - len(golds), attempts)
    return _mix(work, golds, terms) if work else []


def _choose_gold(worker: Actor, terms: Terms) -> list[UnseenGold]:
    count = gold_count(expected=terms.hand_size * terms.gold_rate, rng=_chance)
    return list(unseen_golds(project_id=terms.pk, worker_id=worker.pk, count=count)) if count else []


def _take_work(worker: Actor, terms: Terms, wanted: int, attempts: _Attempts) -> list[Place]:
    """Batch by batch until the hand is full or no place is left; waits, by way of _TryAgain, rather than give none."""
    work: list[Place] = []
    while len(work) < wanted:
        taken = claiming.take_from_one_batch(project_id=terms.pk, worker_id=worker.pk, count=wanted - len(work))
        if taken is None:
            break
        if taken.exhausted_at is not None:
            attempts.marks[taken.batch_id] = taken.exhausted_at
        work.extend(taken.places)
    if not work:
        locked = claiming.first_candidate(project_id=terms.pk, worker_id=worker.pk)
        if locked is not None:
            raise _TryAgain(wait_for=locked)
    return work


def _mix(work: list[Place], golds: list[UnseenGold], terms: Terms) -> list[Place]:
    chosen = golds
    if len(work) + len(golds) < terms.hand_size:
        # The last places of a project make a short hand, which keeps the rate: one check in two images would show.
        chosen = golds[: gold_beside(work=len(work), rate=terms.gold_rate, rng=_chance)]
    checks = [Place(None, gold.id, 1, gold.width, gold.height, gold.rendition_id) for gold in chosen]
    return mixed(work=work, gold=checks, rng=_chance)


def _hand(worker: Actor, project_id: int, new: claiming.NewHand, *, size: int) -> Hand:
    """The row as it was written, without another question to the database."""
    hand = Hand(
        pk=new.id,
        public_id=new.public_id,
        project_id=project_id,
        worker=worker,
        size=size,
        created_at=new.created_at,
        expires_at=new.expires_at,
    )
    hand._state.adding = False
    hand._state.db = "default"
    return hand


@transaction.atomic
def skip_assignment(*, worker: Actor, assignment_id: UUID) -> Assignment:
    """Locks batch, task, assignment. Give one image back unanswered; it is not paid and opens to somebody else.

    Nothing happens when its lease is over anyhow. Raises NotFound, and AnsweredAlready for an answered one.
    """
    assignment = Assignment.objects.filter(public_id=assignment_id, worker=worker).first()
    if assignment is None:
        raise NotFound
    if close_leases(assignment_ids=[assignment.pk], state=Assignment.State.SKIPPED):
        record_event(project_id=assignment.project_id, kind="assignment.skipped", leased=-1, skipped=1)
    assignment.refresh_from_db()
    if assignment.state == Assignment.State.SUBMITTED:
        raise AnsweredAlready
    return assignment


def close_hand_leases(*, hand: Hand) -> int:
    """Needs the hand's lock; locks batches, tasks, assignments. End what is unanswered; returns how many.

    Leases that have run out expire, as by the sweep, so that an answer on its way is still taken; others are released.
    """
    leased = list(Assignment.objects.filter(hand=hand, state=Assignment.State.LEASED).values_list("pk", flat=True))
    if not leased:
        return 0
    over = close_leases(assignment_ids=leased, state=Assignment.State.EXPIRED, only_over=True)
    if over:
        record_event(project_id=hand.project_id, kind="assignment.expired", leased=-over, expired=over)
    released = close_leases(assignment_ids=leased, state=Assignment.State.RELEASED)
    if released:
        record_event(project_id=hand.project_id, kind="assignment.released", leased=-released, released=released)
    return over + released


@transaction.atomic
def release_hand(*, worker: Actor, hand_id: UUID) -> Hand:
    """Locks hand, batches, tasks, assignments. Give back what is unanswered.

    A hand without any answer is over with that. One with answers stays live until `flow.settling.settle_hand` pays
    them. Raises NotFound.
    """
    hand = Hand.objects.select_for_update(no_key=True).filter(public_id=hand_id, worker=worker).first()
    if hand is None:
        raise NotFound
    if hand.state == Hand.State.LIVE:
        close_hand_leases(hand=hand)
        # Locked before the look: a late answer under way has seen the hand live and counts on settling to be paid.
        states = list(
            Assignment.objects.select_for_update(no_key=True)
            .filter(hand=hand)
            .order_by("pk")
            .values_list("state", flat=True)
        )
        if Assignment.State.SUBMITTED not in states:
            Hand.objects.filter(pk=hand.pk).update(state=Hand.State.SETTLED, settled_at=ClockTimestamp())
            data = {"worker": str(worker.public_id)}
            record_event(project_id=hand.project_id, kind="hand.settled", data=data, settled=0)
            hand.refresh_from_db(fields=["state", "settled_at"])
    return hand
