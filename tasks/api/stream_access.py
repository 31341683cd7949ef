"""Who may open the websocket of a project's events: an API key in the header, or a ticket that one has made."""

import uuid
from dataclasses import dataclass
from typing import Any

from rest_framework.exceptions import NotAuthenticated

from accounts.authentication import authenticate_key
from accounts.grants import KeyGrant, invalid_grants
from accounts.models import Actor, ApiToken
from kernel.errors import NotFound
from kernel.tickets import TicketInvalid, issue_ticket, redeem_ticket
from projects.models import Project
from tasks.analytics.event_stream import stream_role
from tasks.api.errors import ScopeMissing


@dataclass(frozen=True, slots=True)
class StreamAccess:
    """A project, and what was granted: the role by which its events are read, as long as the key lasts."""

    project_id: int
    grant: KeyGrant

    @property
    def role(self) -> str:
        return self.grant.role


def access_of_key(*, authorization: str, public_id: uuid.UUID) -> StreamAccess:
    """Return the access of a header `Bearer KEY`. Raises as the API does for a call that needs the scope `read`."""
    keyword, _, key = authorization.partition(" ")
    if keyword.lower() != "bearer" or not key.strip():
        raise NotAuthenticated("Send an API key as the header Authorization: Bearer KEY, or a ticket as ?ticket=.")
    user, token = authenticate_key(key.strip(), fresh=True)
    if ApiToken.Scope.READ not in token.scopes:
        raise ScopeMissing(f"This API key lacks the scope “{ApiToken.Scope.READ}”. Create a key that has it.")
    return _access(user.actor, token, _project(token, public_id))


def make_ticket(*, token: ApiToken, project: Project) -> str:
    """Return a ticket that opens the websocket of the project's events once. Raises Forbidden."""
    access = _access(token.actor, token, project)
    return issue_ticket(data={"token": token.pk, "project": access.project_id})


def access_of_ticket(*, ticket: str, public_id: uuid.UUID) -> StreamAccess:
    """Use up the ticket and return its access, which ends with the key that made it. Raises TicketInvalid."""
    data: dict[str, Any] = redeem_ticket(secret=ticket)
    token = ApiToken.objects.select_related("actor").filter(pk=data["token"]).first()
    project = Project.objects.filter(pk=data["project"], public_id=public_id, deleted_at=None).first()
    if token is None or project is None:
        raise TicketInvalid
    access = _access(token.actor, token, project)
    if invalid_grants([access.grant]):
        raise TicketInvalid
    return access


def _project(token: ApiToken, public_id: uuid.UUID) -> Project:
    rows = Project.objects.filter(public_id=public_id, organisation_id=token.organisation_id, deleted_at=None)
    project = rows.first()
    if project is None:
        raise NotFound
    return project


def _access(actor: Actor, token: ApiToken, project: Project) -> StreamAccess:
    role = stream_role(actor=actor, project=project)
    return StreamAccess(project.pk, KeyGrant(token.pk, project.organisation_id, role))
