"""Ends what a person may do: removal from a project or an organization, another role, sign-out, deactivation, deletion.

Each function ends the running sets that the change concerns in its own transaction, under the lock of the person's
access, which claims share: answers that were sent are settled and paid, unanswered images are free for other workers.
An answer that arrives at the same time is either part of that or refused, because both lock its assignment.
Sets of several projects end in ascending order of the projects, or two people's revocations could deadlock.

API calls and pages ask the database for each request; open websockets are checked by `workers_ui.consumers.access`.
"""

from collections.abc import Sequence

import structlog
from django.db import connection, transaction

from accounts import memberships
from accounts import services as accounts
from accounts.models import Actor, Block, Membership, Organisation, User
from kernel.clock import ClockTimestamp
from kernel.events import record_event
from kernel.locks import lock_access
from projects.models import Project
from tasks.assignment.models import Assignment, Hand
from tasks.assignment.slots import close_leases
from tasks.flow.settlement import settle_hand
from tasks.notices.models import Notice
from tasks.standing import services as standings
from tasks.standing.access import may_work
from tasks.standing.models import Application, Standing

logger = structlog.get_logger(__name__)

LIVE = Hand.State.LIVE
REMOVED = Standing.State.REMOVED
BECAME_STAFF = "Has another role in the organization and can see the check images."
ERASED = "Has deleted the account."
BLOCKED = "Is blocked:"
WAS_BLOCKED = "Was blocked. Resume them to let them work again."
LEFT = "Is no longer a member of the organization."

HANDS_WITHOUT_ACCESS = f"""
SELECT h.id FROM tasks_hand h
WHERE h.state = 'live' AND NOT {may_work(project="h.project_id", worker="h.worker_id")}
ORDER BY h.id LIMIT 500
"""  # noqa: S608


@transaction.atomic
def remove_worker(*, project: Project, worker: Actor, reason: str) -> Standing:
    """Locks the access; then as `settle_hand`. Remove a worker from the project for good; repeating is harmless."""
    lock_access(actor_id=worker.pk)
    end_hands(list(Hand.objects.filter(worker=worker, project=project, state=LIVE).values_list("pk", flat=True)))
    return standings.remove(project=project, worker=worker, reason=reason)


@transaction.atomic
def leave_project(*, project: Project, worker: Actor) -> Standing:
    """Locks the access; then as `settle_hand`. End the worker's work in the project, until an invitation brings them
    back; repeating is harmless. Raises NotFound."""
    lock_access(actor_id=worker.pk)
    end_hands(list(Hand.objects.filter(worker=worker, project=project, state=LIVE).values_list("pk", flat=True)))
    return standings.leave(project=project, worker=worker)


@transaction.atomic
def leave_crowd(*, worker: Actor, organisation: Organisation, reason: str) -> int:
    """Locks the access; then as `settle_hand`. Remove a worker from the organization's projects; return how many.

    Those that the worker has left are among them: no invitation brings them back there.
    """
    lock_access(actor_id=worker.pk)
    current = Standing.objects.filter(worker=worker, project__organisation=organisation)
    rows = current.exclude(state=REMOVED, left_from="").select_related("project").order_by("project_id")
    projects = [row.project for row in rows]
    for project in projects:
        remove_worker(project=project, worker=worker, reason=reason)
    return len(projects)


@transaction.atomic
def remove_member(*, organisation: Organisation, member: Actor, by: Actor | None = None) -> None:
    """Locks the access and the owners' memberships. End a membership, with its API keys and work.

    With `by`, only if they may manage the member once nobody else changes either. Raises LastOwner,
    NotFound and Forbidden.
    """
    lock_access(actor_id=member.pk)
    if by is not None:
        memberships.lock_managed_membership(by=by, organisation=organisation, member=member)
    memberships.end_membership(organisation=organisation, actor=member)
    leave_crowd(worker=member, organisation=organisation, reason=LEFT)


@transaction.atomic
def block_worker(*, organisation: Organisation, worker: Actor, by: Actor, reason: str) -> Block:
    """Locks the access. Exclude a worker from all projects of the organization until the block is lifted.

    Sets end as in `remove_worker`; keys for the organization, and the sessions of somebody who belongs to no other one,
    end too. Raises BlockRefused.
    """
    lock_access(actor_id=worker.pk)
    blocked = memberships.block(organisation=organisation, actor=worker, by=by, reason=reason)
    leave_crowd(worker=worker, organisation=organisation, reason=f"{BLOCKED} {reason.strip()}")
    return blocked


@transaction.atomic
def unblock_worker(*, block: Block, by: Actor) -> int:
    """Locks the access. Lift a block; return from how many projects it had removed the worker.

    An invitation brings them back, to these projects as paused, until a manager resumes them.
    """
    lock_access(actor_id=block.actor_id)
    if not memberships.lift_block(block=block, by=by):
        return 0
    rows = Standing.objects.filter(worker=block.actor, project__organisation=block.organisation, state=REMOVED)
    removed = rows.filter(reason__startswith=BLOCKED).select_related("project").order_by("project_id")
    return sum(standings.restore(project=row.project, worker=block.actor, reason=WAS_BLOCKED) for row in removed)


@transaction.atomic
def change_role(*, organisation: Organisation, member: Actor, role: str, by: Actor | None = None) -> Membership:
    """Locks the access and the owners' memberships. Give a member another role; a worker leaves the crowd.

    With `by`, only if they may manage the member once nobody else changes either. Raises NotFound, Forbidden,
    LastOwner, and RoleRefused for the role of worker: who has seen check images cannot work on them.
    """
    lock_access(actor_id=member.pk)
    if by is not None:
        memberships.lock_managed_membership(by=by, organisation=organisation, member=member, role=role)
    membership = memberships.change_role(organisation=organisation, actor=member, role=role)
    leave_crowd(worker=member, organisation=organisation, reason=BECAME_STAFF)
    return membership


@transaction.atomic
def sign_out_everywhere(*, user: User, revoke_keys: bool) -> None:
    """Locks the access. End all sessions of the person, and their running sets; with `revoke_keys` also their API keys.

    Answers still on a device count as late ones once the person has signed in there again.
    """
    lock_access(actor_id=user.actor_id)
    accounts.end_sessions(user=user)
    if revoke_keys:
        accounts.revoke_tokens(actor=user.actor)
    _end_all_hands(user.actor)


@transaction.atomic
def deactivate(*, user: User) -> None:
    """Locks the access. Close an account until `accounts.reactivate`: no sign-in, no sessions, no keys, no sets."""
    lock_access(actor_id=user.actor_id)
    accounts.deactivate(user=user)
    _end_all_hands(user.actor)


@transaction.atomic
def erase_person(*, user: User) -> None:
    """Locks the access and the owners' memberships. Settle the person's sets, then erase them. Raises LastOwner."""
    lock_access(actor_id=user.actor_id)
    _end_all_hands(user.actor)
    for row in Standing.objects.filter(worker=user.actor).exclude(state=REMOVED).select_related("project"):
        standings.remove(project=row.project, worker=user.actor, reason=ERASED)
    Application.objects.filter(worker=user.actor).update(note="")
    waiting = Application.objects.filter(worker=user.actor, state=Application.State.WAITING)
    waiting.update(state=Application.State.WITHDRAWN, decided_at=ClockTimestamp())
    Notice.objects.filter(recipient=user.actor_id).delete()
    accounts.erase_person(user=user)


def end_hands(hand_ids: Sequence[int]) -> None:
    """As `settle_hand`. Settle these hands, if they are live: what was answered is paid, and the rest is free."""
    hands = Hand.objects.filter(pk__in=hand_ids, state=LIVE).select_related("worker").order_by("pk")
    for hand in list(hands):
        settle_hand(worker=hand.worker, hand_id=hand.public_id)


def end_hands_without_access() -> int:
    """Settle live hands of people who may no longer work, whatever took the right away; return how many.

    Every function above settles them at once. This is for archived projects, and for changes made in the database by
    other means.
    """
    with connection.cursor() as cursor:
        cursor.execute(HANDS_WITHOUT_ACCESS)
        rows = cursor.fetchall()
    for (hand_id,) in rows:
        try:
            end_hands([hand_id])
        except Exception:
            logger.exception("set not settled; the next sweep retries it", hand=hand_id)
    return len(rows)


def _end_all_hands(worker: Actor) -> None:
    """End the worker's live hands; their leases expire, so that answers from a device are not lost."""
    for hand in list(Hand.objects.filter(worker=worker, state=LIVE).order_by("project_id")):
        # The hand comes first in the lock order.
        Hand.objects.select_for_update(no_key=True).get(pk=hand.pk)
        leased = list(Assignment.objects.filter(hand=hand, state=Assignment.State.LEASED).values_list("pk", flat=True))
        expired = sum(close_leases(assignment_ids=leased, state=Assignment.State.EXPIRED).values())
        if expired:
            record_event(project_id=hand.project_id, kind="assignment.expired", leased=-expired, expired=expired)
        settle_hand(worker=worker, hand_id=hand.public_id)
        standings.record_returns(project_id=hand.project_id, images={worker.pk: expired})
