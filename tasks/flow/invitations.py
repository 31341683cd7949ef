"""Becoming a worker of a project through an invitation link."""

from django.db import transaction

from accounts.models import Actor, Invitation
from accounts.selectors import is_above, role_in
from accounts.services import secret_hash, use_invitation
from projects.models import Project
from tasks.standing.models import Standing
from tasks.standing.services import admit


@transaction.atomic
def accept_invitation(*, token: str, actor: Actor) -> Project | None:
    """Locks the invitation. Make `actor` a member, and a worker of the invitation's project, which is returned.

    Opening a link twice uses it once, also when it is used up or over by then. Raises InvitationUnknown,
    InvitationGone, and WorkerRemoved for somebody who was removed from the project.
    """
    # Locked before the look at the standing: two tabs of one person would both find none.
    known = Invitation.objects.select_for_update(no_key=True, of=("self",)).select_related("project")
    invitation = known.filter(token_sha256=secret_hash(token)).first()
    if invitation is not None and _has_all_of(invitation, actor):
        return invitation.project
    used = use_invitation(token=token, actor=actor)
    if used.project is not None:
        admit(project=used.project, worker=actor)
    return used.project


def _has_all_of(invitation: Invitation, actor: Actor) -> bool:
    """Whether the link would give this person nothing new: neither a role nor the standing of a worker."""
    role = role_in(actor=actor, organisation_id=invitation.organisation_id)
    if role is None or (role != invitation.role and not is_above(role, invitation.role)):
        return False
    if invitation.project is None:
        return True
    standings = Standing.objects.filter(project=invitation.project, worker=actor)
    return standings.exclude(state=Standing.State.REMOVED).exists()
