"""Accepting an invitation link to become a worker of a project, with an existing or a new account."""

from django.db import transaction

from accounts.models import Actor, Invitation, Role, User
from accounts.selectors import is_above, role_in
from accounts.services import create_user, secret_hash, use_invitation
from accounts.teams import leave_teams
from kernel.locks import lock_access
from projects.models import Project
from tasks.flow.people_grants import apply_grants
from tasks.flow.revocation import BECAME_STAFF, leave_crowd
from tasks.standing.errors import StaffCannotWork
from tasks.standing.models import Standing
from tasks.standing.services import admit


@transaction.atomic
def accept_invitation(*, token: str, actor: Actor) -> Project | None:
    """Locks the access and the invitation. Make `actor` a member; return the project that a worker joins by that.

    Nobody both works and has a role that shows check images: such a role takes a worker off the organization's
    projects, and people who have one cannot become workers, in whatever order they open their links.

    Opening a link twice counts as one use, even if it has been used up or has expired by then. Raises
    InvitationUnknown, InvitationGone, StaffCannotWork, and WorkerRemoved for a person who was removed from the project.
    """
    lock_access(actor_id=actor.pk)
    # Lock before reading the standing: two tabs of the same person would otherwise both find none.
    invitations = Invitation.objects.select_for_update(no_key=True, of=("self",)).select_related("project")
    invitation = invitations.filter(token_sha256=secret_hash(token)).first()
    if invitation is None or not _already_granted(invitation, actor):
        invitation = use_invitation(token=token, actor=actor)
        _apply_role(invitation, actor)
    return invitation.project if invitation.role == Role.WORKER else None


def _apply_role(invitation: Invitation, actor: Actor) -> None:
    """Needs the lock of the access. Admit a worker to the project; take everyone else off the crowd."""
    role = role_in(actor=actor, organisation_id=invitation.organisation_id)
    if role != Role.WORKER:
        _refuse_working(invitation)
        leave_teams(organisation_id=invitation.organisation_id, worker=actor)
        leave_crowd(worker=actor, organisation=invitation.organisation, reason=BECAME_STAFF)
    elif invitation.project is not None:
        admit(project=invitation.project, worker=actor)
        grants = [(actor, invitation.grants or {})]
        by = invitation.created_by
        apply_grants(organisation=invitation.organisation, by=by, people=grants, is_joining=True)


def _refuse_working(invitation: Invitation) -> None:
    if invitation.role == Role.WORKER and invitation.project is not None:
        raise StaffCannotWork


@transaction.atomic
def sign_up(*, token: str, email: str, password: str, name: str) -> tuple[User, Project | None]:
    """Locks the invitation. Create an account that accepts the invitation; return it with the invitation's project.

    No account is created if the invitation cannot be accepted. Raises EmailTaken, and what `accept_invitation` raises.
    """
    user = create_user(email=email, password=password, name=name)
    return user, accept_invitation(token=token, actor=user.actor)


def _already_granted(invitation: Invitation, actor: Actor) -> bool:
    """Whether the actor already has everything the invitation grants: the role, and the worker's standing."""
    if invitation.email and invitation.accepted_by_id != actor.pk:
        return False
    role = role_in(actor=actor, organisation_id=invitation.organisation_id)
    if role is None or (role != invitation.role and not is_above(role, invitation.role)):
        return False
    if role != Role.WORKER:
        _refuse_working(invitation)
    if role != Role.WORKER or invitation.project is None:
        return True
    standings = Standing.objects.filter(project=invitation.project, worker=actor)
    return standings.exclude(state=Standing.State.REMOVED).exists()
