"""Accepting an invitation link to become a worker of a project, with an existing or a new account."""

from django.db import transaction

from accounts.models import Actor, Invitation, User
from accounts.selectors import is_above, role_in
from accounts.services import create_user, secret_hash, use_invitation
from projects.models import Project
from tasks.standing.models import Standing
from tasks.standing.services import admit


@transaction.atomic
def accept_invitation(*, token: str, actor: Actor) -> Project | None:
    """Locks the invitation. Make `actor` a member, and a worker of the invitation's project, which is returned.

    Opening a link twice counts as one use, even if it has been used up or has expired by then. Raises
    InvitationUnknown, InvitationGone, and WorkerRemoved for a person who was removed from the project.
    """
    # Lock before reading the standing: two tabs of the same person would otherwise both find none.
    invitations = Invitation.objects.select_for_update(no_key=True, of=("self",)).select_related("project")
    invitation = invitations.filter(token_sha256=secret_hash(token)).first()
    if invitation is not None and _already_granted(invitation, actor):
        return invitation.project
    accepted = use_invitation(token=token, actor=actor)
    if accepted.project is not None:
        admit(project=accepted.project, worker=actor)
    return accepted.project


@transaction.atomic
def sign_up(*, token: str, email: str, password: str, name: str) -> tuple[User, Project | None]:
    """Locks the invitation. Create an account that accepts the invitation; return it with the invitation's project.

    No account is created if the invitation cannot be accepted. Raises EmailTaken, and what `accept_invitation` raises.
    """
    user = create_user(email=email, password=password, name=name)
    return user, accept_invitation(token=token, actor=user.actor)


def _already_granted(invitation: Invitation, actor: Actor) -> bool:
    """Whether the actor already has everything the invitation grants: the role, and the worker's standing."""
    role = role_in(actor=actor, organisation_id=invitation.organisation_id)
    if role is None or (role != invitation.role and not is_above(role, invitation.role)):
        return False
    if invitation.project is None:
        return True
    standings = Standing.objects.filter(project=invitation.project, worker=actor)
    return standings.exclude(state=Standing.State.REMOVED).exists()
