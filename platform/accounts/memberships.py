"""Services for organizations and their members: another name and limit, other roles, removal."""

from django.db import transaction
from django.db.models import Q

from accounts.errors import BlockRefused, LiveSetsRefused, NameRefused, RoleRefused
from accounts.identity_cache import forget_person
from accounts.models import Actor, Block, Membership, Organisation, Role, User
from accounts.selectors import managed_membership, membership_of
from accounts.services import end_sessions, refuse_last_owner, revoke_tokens
from accounts.teams import leave_teams
from kernel.clock import ClockTimestamp
from kernel.statements import insert_unless_exists

MAX_NAME = 120
MAX_LIVE_SETS = 1000


def may_have(actor: Actor, role: str) -> bool:
    """Whether the actor can have this role of a team: an owner must be a person."""
    return role != Role.OWNER or actor.kind != Actor.Kind.SERVICE


def lock_managed_membership(*, by: Actor, organisation: Organisation, member: Actor, role: str = "") -> None:
    """Locks the memberships of both and of the owners. Raises NotFound or Forbidden unless `by` may still end the
    membership, or change it to `role`: of two people who demote each other, the second has lost the right.
    """
    rows = Membership.objects.filter(organisation=organisation)
    concerned = rows.filter(Q(role=Role.OWNER) | Q(actor__in=[by, member]))
    # In one statement, by ascending id: the owners are locked again below, which then waits for nobody.
    list(concerned.select_for_update(no_key=True, of=("self",)).order_by("pk").values_list("pk"))
    managed_membership(by=by, organisation_id=organisation.public_id, member_id=member.public_id, role=role)


def change_organisation(
    *, organisation: Organisation, name: str | None = None, live_sets: int | str | None = None
) -> Organisation:
    """Change what is given: the name, and how many sets a worker may have in progress at once (0 for no limit).

    Raises NameRefused and LiveSetsRefused, with nothing changed.
    """
    values: dict[str, str | int] = {}
    if name is not None:
        values["name"] = _read_name(name)
    if live_sets is not None:
        values["live_sets"] = _read_live_sets(live_sets)
    if values:
        Organisation.objects.filter(pk=organisation.pk).update(**values)
    return Organisation.objects.get(pk=organisation.pk)


def _read_name(raw: str) -> str:
    normalized = " ".join(raw.split())
    if not normalized or not normalized.isprintable() or len(normalized) > MAX_NAME:
        raise NameRefused
    return normalized


def _read_live_sets(raw: int | str) -> int:
    text = str(raw).strip()
    if not (text.isascii() and text.isdigit() and len(text) < 10 and int(text) <= MAX_LIVE_SETS):
        raise LiveSetsRefused
    return int(text)


@transaction.atomic
def end_membership(*, organisation: Organisation, actor: Actor) -> None:
    """Locks the owners' memberships. Remove a member and revoke their API keys for the organization.

    Raises NotFound, and LastOwner if the organization has other members and would be left without an owner.
    """
    membership_of(organisation=organisation, actor=actor)
    refuse_last_owner(actor, organisation)
    Membership.objects.filter(organisation=organisation, actor=actor).delete()
    leave_teams(organisation_id=organisation.pk, worker=actor)
    revoke_tokens(actor=actor, organisation=organisation)


@transaction.atomic
def change_role(*, organisation: Organisation, actor: Actor, role: str) -> Membership:
    """Locks the owners' memberships. Give a member another role. Raises NotFound, RoleRefused and LastOwner."""
    membership = membership_of(organisation=organisation, actor=actor)
    if role == Role.WORKER:
        raise RoleRefused
    if not may_have(actor, role):
        raise RoleRefused("A service account cannot own an organization. Choose another role.")
    if role != Role.OWNER:
        refuse_last_owner(actor, organisation)
    Membership.objects.filter(pk=membership.pk).update(role=role)
    leave_teams(organisation_id=organisation.pk, worker=actor)
    forget_person(actor.pk)
    membership.role = role
    return membership


@transaction.atomic
def block(*, organisation: Organisation, actor: Actor, by: Actor, reason: str) -> Block:
    """Needs the lock of the access. End a worker's membership and keys, and let no invitation bring them back.

    Somebody who belongs to no other organization is signed out everywhere; others keep their sessions, which show them
    nothing of this organization any more. Repeating it is harmless. Raises BlockRefused for a member of the team and
    without a reason.
    """
    reason = reason.strip()[:300]
    if not reason:
        raise BlockRefused("Enter a reason. Your team will see it.")
    member = Membership.objects.filter(organisation=organisation, actor=actor).first()
    if member is not None and member.role != Role.WORKER:
        raise BlockRefused
    if member is not None:
        member.delete()
    leave_teams(organisation_id=organisation.pk, worker=actor)
    revoke_tokens(actor=actor, organisation=organisation)
    user = User.objects.filter(actor=actor).first()
    if user is not None and not Membership.objects.filter(actor=actor).exists():
        end_sessions(user=user)
        revoke_tokens(actor=actor)
    insert_unless_exists(Block(organisation=organisation, actor=actor, reason=reason, created_by=by))
    return Block.objects.get(organisation=organisation, actor=actor, lifted_at=None)


def lift_block(*, block: Block, by: Actor) -> bool:
    """Let an invitation bring the person back; return False if the block was lifted before."""
    rows = Block.objects.filter(pk=block.pk, lifted_at=None)
    return bool(rows.update(lifted_by=by, lifted_at=ClockTimestamp()))
