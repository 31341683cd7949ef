"""Becoming a worker of a project through an invitation link."""

from django.db import transaction

from accounts.models import Actor, Invitation
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
    if invitation is not None and invitation.project is not None:
        standing = Standing.objects.filter(project=invitation.project, worker=actor).first()
        if standing is not None and standing.state != Standing.State.REMOVED:
            return invitation.project
    used = use_invitation(token=token, actor=actor)
    if used.project is not None:
        admit(project=used.project, worker=actor)
    return used.project
