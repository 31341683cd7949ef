"""Queries on roles and what they cover, on members and how they are named, on invitations and API keys."""

import uuid
from collections.abc import Iterable

from django.db.models import QuerySet

from accounts.models import Actor, ApiToken, Block, Invitation, Membership, Organisation, Role, User
from kernel.clock import ClockTimestamp
from kernel.errors import Forbidden, NotFound

#: The characters of the public id that a pseudonym shows: its first twelve hexadecimal digits and a hyphen.
PSEUDONYM_LENGTH = 13

# The roles that a role covers: an owner may do everything a manager may, a manager everything a reviewer may.
COVERS: dict[str, frozenset[str]] = {
    Role.OWNER: frozenset({Role.OWNER, Role.MANAGER, Role.REVIEWER, Role.CLIENT}),
    Role.MANAGER: frozenset({Role.MANAGER, Role.REVIEWER, Role.CLIENT}),
    Role.REVIEWER: frozenset({Role.REVIEWER}),
    Role.CLIENT: frozenset({Role.CLIENT}),
    Role.WORKER: frozenset({Role.WORKER}),
}


def is_above(role: str, other: str) -> bool:
    """Return whether `role` may do more than `other`. Every role is above worker, as working requires a standing."""
    return role != other and (other == Role.WORKER or other in COVERS[role])


def role_in(*, actor: Actor, organisation_id: int) -> str | None:
    return (
        Membership.objects.filter(actor=actor, organisation_id=organisation_id).values_list("role", flat=True).first()
    )


def roles_of(*, actor: Actor) -> frozenset[str]:
    """Return the actor's roles across all organizations."""
    return frozenset(Membership.objects.filter(actor=actor).values_list("role", flat=True))


def display_names(*, actors: Iterable[uuid.UUID | str]) -> dict[str, str]:
    """Return {public id: how the team reads it}: a person's name, else their email address; erased, a pseudonym."""
    ids = {str(actor) for actor in actors}
    people = User.objects.select_related("actor").filter(actor__public_id__in=ids)
    names = {str(person.actor.public_id): str(person) for person in people}
    return {public_id: names.get(public_id) or pseudonym(public_id) for public_id in ids}


def display_names_for(viewer: Actor, *, organisation_id: int, actors: Iterable[uuid.UUID | str]) -> dict[str, str]:
    """Return the `display_names` if the viewer manages the organization; others read the same pseudonyms everywhere.

    A reviewer who knows whose answer it is judges the worker and not the label.
    """
    if Role.MANAGER in COVERS[role_in(actor=viewer, organisation_id=organisation_id) or Role.WORKER]:
        return display_names(actors=actors)
    return {str(actor): pseudonym(actor) for actor in actors}


def pseudonym(actor: uuid.UUID | str) -> str:
    """Return the name of someone who is not named to the reader: the public id as far as its first hyphen but one.

    These 48 random bits keep people apart: among 10,000 of them, any two share a name once in five million times.
    """
    return f"Worker {str(actor)[:PSEUDONYM_LENGTH]}"


def require_role(*, actor: Actor, organisation_id: int, role: str) -> None:
    """Raise NotFound for outsiders, who must not learn what exists, and Forbidden for members without the role."""
    own = role_in(actor=actor, organisation_id=organisation_id)
    if own is None:
        raise NotFound
    if role not in COVERS[own]:
        raise Forbidden


def membership_of(*, organisation: Organisation, actor: Actor) -> Membership:
    membership = Membership.objects.filter(organisation=organisation, actor=actor).first()
    if membership is None:
        raise NotFound("This person is not a member of the organization. Reload the page.")
    return membership


def managed_membership(*, by: Actor, organisation_id: uuid.UUID, member_id: uuid.UUID, role: str = "") -> Membership:
    """Return the membership, with actor and organization, if `by` may end it, or change it to `role`.

    Managers manage reviewers, clients and workers; owners manage everyone. Raises NotFound and Forbidden.
    """
    rows = Membership.objects.select_related("organisation", "actor__user")
    membership = rows.filter(organisation__public_id=organisation_id, actor__public_id=member_id).first()
    if membership is None:
        raise NotFound
    above = {Role.OWNER, Role.MANAGER}
    required = Role.OWNER if above & {membership.role, role} else Role.MANAGER
    require_role(actor=by, organisation_id=membership.organisation_id, role=required)
    return membership


def organisations_of(*, actor: Actor, role: str | None = None) -> list[Organisation]:
    memberships = Membership.objects.filter(actor=actor).select_related("organisation").order_by("organisation_id")
    return [row.organisation for row in memberships if role is None or role in COVERS[row.role]]


def staff_memberships(*, actor: Actor) -> QuerySet[Membership]:
    """Return the actor's memberships with any role other than worker."""
    return Membership.objects.filter(actor=actor).exclude(role=Role.WORKER)


def members_of(*, organisation: Organisation) -> QuerySet[Membership]:
    """Return the organization's memberships, each with its person or service account."""
    return Membership.objects.filter(organisation=organisation).select_related("actor__user")


def blocks_of(*, organisation: Organisation) -> QuerySet[Block]:
    """Return everyone who is blocked, and who was: a record. Newest first."""
    rows = Block.objects.filter(organisation=organisation).select_related("actor", "created_by", "lifted_by")
    return rows.order_by("-pk")


def block_of(*, organisation: Organisation, actor: Actor) -> Block | None:
    """Return the block that keeps the actor from working for the organization."""
    return blocks_of(organisation=organisation).filter(actor=actor, lifted_at=None).first()


def block_for(*, organisation: Organisation, public_id: uuid.UUID) -> Block:
    """Return this block of the organization. Raises NotFound."""
    row = blocks_of(organisation=organisation).filter(public_id=public_id).first()
    if row is None:
        raise NotFound
    return row


def staff_of(*, organisation: Organisation) -> QuerySet[Membership]:
    """Return the memberships of the organization's team, each with its person or service account, oldest first."""
    rows = Membership.objects.filter(organisation=organisation).exclude(role=Role.WORKER)
    return rows.select_related("actor__user").order_by("id")


def open_links(*, project_id: int) -> QuerySet[Invitation]:
    """Return the open invitations to the project that are not for one person, newest first."""
    return open_invitations(project_id=project_id).filter(email="")


def open_invitations(*, project_id: int) -> QuerySet[Invitation]:
    """Return the invitations to work in the project that are neither revoked nor expired, newest first."""
    rows = Invitation.objects.filter(
        project_id=project_id, role=Role.WORKER, revoked_at__isnull=True, expires_at__gt=ClockTimestamp()
    )
    return rows.order_by("-id")


def unused_invitations(*, organisation: Organisation) -> QuerySet[Invitation]:
    """Return the open invitations to the organization's team that no one has accepted yet, newest first."""
    rows = Invitation.objects.filter(
        organisation=organisation,
        project__isnull=True,
        revoked_at__isnull=True,
        uses=0,
        expires_at__gt=ClockTimestamp(),
    )
    return rows.order_by("-id")


def invitation_for(*, actor: Actor, public_id: uuid.UUID, role: str) -> Invitation:
    """Return the invitation, with its project, if the actor's role in its organization covers `role`.

    Raises NotFound for outsiders and Forbidden for members without the role.
    """
    invitation = Invitation.objects.select_related("project").filter(public_id=public_id).first()
    if invitation is None:
        raise NotFound
    require_role(actor=actor, organisation_id=invitation.organisation_id, role=role)
    return invitation


def tokens_of(*, actor: Actor) -> QuerySet[ApiToken]:
    """Return the actor's API keys, including revoked and expired ones, with their organizations, newest first."""
    return ApiToken.objects.filter(actor=actor).select_related("organisation").order_by("-id")


def token_for(*, actor: Actor, public_id: uuid.UUID) -> ApiToken:
    """Return the actor's API key. Raises NotFound for another actor's key, as for one that does not exist."""
    token = ApiToken.objects.filter(actor=actor, public_id=public_id).first()
    if token is None:
        raise NotFound
    return token
