"""Claiming a hand, skipping an assignment, releasing a hand."""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from uuid import UUID

from django.db import transaction

from accounts.models import Actor
from kernel.clock import ClockTimestamp
from kernel.errors import NotFound
from kernel.events import record_event
from kernel.locks import lock_money
from projects.models import Project
from tasks.assignment import caps, claiming, returned
from tasks.assignment.assigning import AssignmentVersions, write_assignments
from tasks.assignment.budget import Money, read_money
from tasks.assignment.choosing import Attempts, Retry, choose_images
from tasks.assignment.claim_policy import ClaimPolicy, load_claim_policy
from tasks.assignment.claiming import Slot
from tasks.assignment.errors import (
    AnsweredAlready,
    InstructionsUnread,
    NoMoneyLeft,
    ProjectNotOpen,
    WorkerNotAdmitted,
    WorkerPaused,
)
from tasks.assignment.models import Assignment, Hand
from tasks.assignment.returned import ReturnedImage
from tasks.assignment.set_aside import clean_note, set_aside_if_many_skipped
from tasks.assignment.slots import close_leases, lock_slots_of_image, skip_lease
from tasks.gold.sites import is_out_of_gold
from tasks.qualification.errors import NotLetIn, NotQualified
from tasks.qualification.worker_filters import is_let_in
from tasks.standing.access import check_access, require_may_work
from tasks.standing.models import Standing
from tasks.standing.services import record_returns

__all__ = [
    "AnsweredAlready",
    "ClaimedHand",
    "InstructionsUnread",
    "NoMoneyLeft",
    "ProjectNotOpen",
    "WorkerNotAdmitted",
    "WorkerPaused",
    "claim_hand",
    "claim_or_find_hand",
    "close_hand_leases",
    "release_hand",
    "skip_assignment",
]


@dataclass(frozen=True, slots=True)
class ClaimedHand:
    """A live hand; `fresh` if this call inserted it."""

    hand: Hand
    fresh: bool


def claim_hand(*, worker: Actor, project: Project) -> Hand | None:
    """Like `claim_or_find_hand`, for callers that do not ask which of the two happened."""
    claimed = claim_or_find_hand(worker=worker, project=project)
    return claimed.hand if claimed is not None else None


def claim_or_find_hand(
    *, worker: Actor, project: Project, check: Callable[[], None] | None = None
) -> ClaimedHand | None:
    """Waits for a batch's lock if every candidate is locked. Claim a hand, or return the worker's live one.

    What the worker returned, did not answer in time, or has to correct, comes first. Returns None if nothing of that
    is left and no slot is open to this worker. Raises WorkerNotAdmitted, WorkerRemoved,
    StaffCannotWork, WorkerPaused, ProjectNotOpen, InstructionsUnread, NotQualified, NotLetIn, LiveSetsReached,
    ImagesTodayUsed, ShareReached, NoMoneyLeft if there is something to take but the project's budget does not cover it,
    and what `check` raises, which runs before a new hand gets images.

    Two claims that each hold one batch and wait for the other's would deadlock, so a claim waits only while it holds
    none: it rolls back its attempt, waits for one batch in the next, and continues from there.
    """
    attempts = Attempts(check)
    while True:
        try:
            with transaction.atomic():
                return _claim(worker, project.pk, attempts)
        except Retry as retry:
            attempts.wait_for = retry.wait_for


def _claim(worker: Actor, project_id: int, attempts: Attempts) -> ClaimedHand | None:
    if attempts.alone:
        lock_money(project_id=project_id)
    new = claiming.insert_hand(project_id=project_id, worker_id=worker.pk)
    policy = _policy(worker, project_id)
    if new is None:
        live = Hand.objects.filter(project_id=project_id, worker=worker, state=Hand.State.LIVE).first()
        if live is None:
            raise Retry  # it was settled, or the project opened, between two statements
        return ClaimedHand(live, fresh=False)
    if policy.must_confirm:
        raise InstructionsUnread
    if policy.is_unqualified:  # whoever has a set keeps it
        raise NotQualified
    if policy.worker_filter and not is_let_in(project_id=project_id, worker_id=worker.pk, text=policy.worker_filter):
        raise NotLetIn
    if attempts.check is not None:
        attempts.check()
    caps.require_live_sets(worker_id=worker.pk, project_id=project_id, caps=policy.caps)
    claiming.save_batch_cursors(project_id=project_id, worker_id=worker.pk, generations=attempts.exhausted)
    money = _money(policy, attempts)
    if money is not None:
        policy = _within_budget(worker, policy, money)
    images = choose_images(worker, policy, attempts) if policy.most else []
    if not images:
        if refusal := policy.caps.refusal(now=new.created_at):
            raise refusal
        claiming.delete_hand(hand_id=new.id)
        return None
    _write(worker, policy, new, images)
    if money is not None and len(images) >= money.images:
        record_event(project_id=project_id, kind="budget.reached")
    return ClaimedHand(_hand(worker, policy, new, size=len(images)), fresh=True)


def _write(worker: Actor, policy: ClaimPolicy, new: claiming.NewHand, images: Sequence[Slot | ReturnedImage]) -> None:
    """Write the images as the hand's assignments, in this order."""
    assert policy.schema_id is not None
    versions = AssignmentVersions(policy.schema_id, policy.instructions_id, policy.pay_terms)
    write_assignments(
        project_id=policy.pk,
        worker_id=worker.pk,
        hand_id=new.id,
        slots=[image if isinstance(image, Slot) else None for image in images],
        versions=versions,
        had=policy.caps.images,
    )
    again = {n: image for n, image in enumerate(images, start=1) if isinstance(image, ReturnedImage)}
    if again:
        returned.lease_again(hand_id=new.id, images=again, versions=versions)
    reopened = Counter(image.state for image in again.values())
    record_event(
        project_id=policy.pk,
        kind="hand.claimed",
        data={"worker": str(worker.public_id), "size": len(images)},
        # What was sent back counts as leased while it waits.
        leased=len(images) - reopened.pop(Assignment.State.LEASED, 0),
        **{state: -count for state, count in reopened.items()},
    )


def _money(policy: ClaimPolicy, attempts: Attempts) -> Money | None:
    """Needs the project's money. Return what is left of the budget, None without a limit; retries to be alone."""
    price = policy.pay_terms.most_per_answer
    if policy.budget is None or not price:
        return None
    money = read_money(project_id=policy.pk, budget=policy.budget, price=price, is_exact=attempts.alone)
    if not money.is_enough:
        attempts.alone = True
        raise Retry(wait_for=attempts.wait_for)
    return money


def _within_budget(worker: Actor, policy: ClaimPolicy, money: Money) -> ClaimPolicy:
    """Return the policy with sets that the money covers, 0 images if none and nothing to take. Raises NoMoneyLeft."""
    if not money.images and (
        policy.has_returned or claiming.first_candidate_batch(project_id=policy.pk, worker_id=worker.pk) is not None
    ):
        raise NoMoneyLeft
    return replace(policy, most=min(policy.most, money.images))


def _policy(worker: Actor, project_id: int) -> ClaimPolicy:
    """Return the current claim policy, or raise if the worker cannot claim work in this project."""
    policy = load_claim_policy(project_id=project_id, worker_id=worker.pk)
    if policy is None:
        raise WorkerNotAdmitted
    check_access(policy.standing, policy.role, policy.active)
    if policy.standing == Standing.State.PAUSED:
        raise WorkerPaused
    if policy.state != Project.State.OPEN or policy.schema_id is None:
        raise ProjectNotOpen
    # As if a manager had paused the project: workers must not learn when there is gold, and when there is none.
    if policy.may_be_out_of_gold and is_out_of_gold(project_id=project_id):
        raise ProjectNotOpen
    return policy


def _hand(worker: Actor, policy: ClaimPolicy, new: claiming.NewHand, *, size: int) -> Hand:
    """Build the Hand as it was written, without another query."""
    hand = Hand(
        pk=new.id,
        public_id=new.public_id,
        project_id=policy.pk,
        worker=worker,
        size=size,
        pay_terms=None if policy.pay_terms.is_fixed else policy.pay_terms.to_json(),
        created_at=new.created_at,
        expires_at=new.expires_at,
    )
    hand._state.adding = False
    hand._state.db = "default"
    return hand


@transaction.atomic
def skip_assignment(*, worker: Actor, assignment_id: UUID, reason: str = "", note: str = "") -> Assignment:
    """Locks batch, task, assignment, gold, standing. Skip one image: it is not paid, and goes to others but not back to
    this worker; to nobody, if it was skipped by as many as the project's `skips_to_manager`, until a manager decides.

    `reason` is a SkipReason or empty. Does nothing if its lease has already ended. Raises NotFound, WorkerRemoved,
    StaffCannotWork, and AnsweredAlready if it has been answered.
    """
    assignment = Assignment.objects.filter(public_id=assignment_id, worker=worker).first()
    if assignment is None:
        raise NotFound
    require_may_work(worker=worker, project_id=assignment.project_id)
    lock_slots_of_image(assignment_id=assignment.pk)
    if skipped := skip_lease(assignment_id=assignment.pk, reason=reason, note=clean_note(note)):
        record_event(project_id=assignment.project_id, kind="assignment.skipped", leased=-1, skipped=1)
        set_aside_if_many_skipped(assignment=assignment)
        record_returns(project_id=assignment.project_id, images=skipped)
    assignment.refresh_from_db()
    if assignment.state == Assignment.State.SUBMITTED:
        raise AnsweredAlready
    return assignment


def close_hand_leases(*, hand: Hand) -> int:
    """Needs the hand's lock; locks batches, tasks, assignments. End its unanswered leases; return how many.

    Leases that have run out expire, as in the sweep, so that an answer in flight is still accepted; the others are
    released. Pass the result to `record_returns` when the assignments are locked: standings come after them.
    """
    leased = list(Assignment.objects.filter(hand=hand, state=Assignment.State.LEASED).values_list("pk", flat=True))
    if not leased:
        return 0
    expired = close_leases(assignment_ids=leased, state=Assignment.State.EXPIRED, only_over=True)
    if count := sum(expired.values()):
        record_event(project_id=hand.project_id, kind="assignment.expired", leased=-count, expired=count)
    released = close_leases(assignment_ids=leased, state=Assignment.State.RELEASED)
    if count := sum(released.values()):
        record_event(project_id=hand.project_id, kind="assignment.released", leased=-count, released=count)
    return sum(expired.values()) + sum(released.values())


@transaction.atomic
def release_hand(*, worker: Actor, hand_id: UUID) -> Hand:
    """Locks hand, batches, tasks, assignments, standing. Release the hand's unanswered assignments.

    A hand without any answer is settled by that. A hand with answers stays live until `flow.settling.settle_hand` pays
    them. Raises NotFound.
    """
    hand = Hand.objects.select_for_update(no_key=True).filter(public_id=hand_id, worker=worker).first()
    if hand is None:
        raise NotFound
    if hand.state == Hand.State.LIVE:
        ended = close_hand_leases(hand=hand)
        # Lock before reading: a concurrent late answer has seen a live hand and relies on settlement for its payment.
        states = list(
            Assignment.objects.select_for_update(no_key=True)
            .filter(hand=hand)
            .order_by("pk")
            .values_list("state", flat=True)
        )
        record_returns(project_id=hand.project_id, images={hand.worker_id: ended})
        if Assignment.State.SUBMITTED not in states:
            Hand.objects.filter(pk=hand.pk).update(state=Hand.State.SETTLED, settled_at=ClockTimestamp())
            data = {"worker": str(worker.public_id)}
            record_event(project_id=hand.project_id, kind="hand.settled", data=data, settled=0)
            hand.refresh_from_db(fields=["state", "settled_at"])
    return hand
