"""Access control: the scopes of API keys, the roles of people, and the organization that a key belongs to."""

import uuid
from collections.abc import Sequence
from contextlib import suppress
from typing import Any, ClassVar, cast

from rest_framework import exceptions
from rest_framework.permissions import SAFE_METHODS, BasePermission
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts.authentication import scopes_of
from accounts.models import Actor, ApiToken, Role, User
from accounts.selectors import COVERS, role_in
from annotary_core.labels.json_reading import MAX_BODY_BYTES
from kernel.errors import Forbidden, NotFound
from projects.models import Project
from projects.selectors import project_for, require_not_archived
from tasks.api.errors import ScopeMissing
from tasks.api.limits import PerMinute, check_size, client_address, seconds_to_wait
from tasks.api.negotiation import NegotiatedView
from tasks.api.operations import check_sent


class HasScope(BasePermission):
    """A view declares the scope of each method in `scopes`; the default is `read`."""

    def has_permission(self, request: Request, view: APIView) -> bool:
        scope = getattr(view, "scopes", {}).get(request.method, "read")
        if scope not in scopes_of(request.auth):
            raise ScopeMissing(f"This API key lacks the scope “{scope}”. Create a key that has it.")
        return True


class View(NegotiatedView):
    """The base class of every API view. `scopes` is keyed by method, `max_body` is in bytes.

    `while_archived` says that the view's unsafe methods are for archived projects too, which are read-only otherwise.
    """

    scopes: ClassVar[dict[str, Any]] = {}
    while_archived: ClassVar[bool] = False
    max_body: ClassVar[int] = MAX_BODY_BYTES
    throttle_classes = (PerMinute,)

    def get_permissions(self) -> list[Any]:
        return [*super().get_permissions(), HasScope()]

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        # Before authentication by session: the CSRF check parses the whole body of a multipart request.
        check_size(request._request, self.max_body)
        super().initial(request, *args, **kwargs)
        check_sent(request, getattr(self, str(request.method).lower(), None))

    def check_access(self, request: Request, **ids: Any) -> None:
        """Raises NotFound or Forbidden unless the caller may make this `post`: a stored response is not replayed then.

        Of a project in the URL, every `post` that honors an Idempotency-Key is for managers; a view of something else
        that belongs to a project overrides this.
        """
        if "project_id" in ids:
            project_of(request, ids["project_id"], Role.MANAGER)

    def check_replay(self, request: Request, body: Any) -> None:
        """Raises NotFound or Forbidden unless the caller may still see this stored response of the view's `post`.

        For a `post` whose URL names nothing that access depends on: what it made does, and the response has its id.
        """

    def handle_exception(self, exc: Exception) -> Response:
        if isinstance(exc, exceptions.NotAuthenticated | exceptions.AuthenticationFailed):
            # Counted by address, and only on failure: a valid key is never throttled because of a guesser nearby.
            http = self.request._request
            wait = seconds_to_wait(http, "failed", client_address(http))
            if wait is not None:
                exc = exceptions.Throttled(wait)
        return super().handle_exception(exc)


def actor_of(request: Request) -> Actor:
    return cast(User, request.user).actor


def project_of(request: Request, public_id: uuid.UUID, *roles: str) -> Project:
    """The project, if the caller has one of the roles in its organization; a key sees its own organization only.

    Raises ProjectArchived to a call that could change an archived project, unless its view is for those.
    """
    project = _visible_project(request, public_id, roles)
    view = (request.parser_context or {}).get("view")
    if request.method not in SAFE_METHODS and not getattr(view, "while_archived", False):
        require_not_archived(project=project)
    return project


def _visible_project(request: Request, public_id: uuid.UUID, roles: Sequence[str]) -> Project:
    if isinstance(request.auth, ApiToken):
        visible = Project.objects.filter(organisation_id=request.auth.organisation_id)
        if not visible.filter(public_id=public_id).exists():
            raise NotFound
    try:
        return _first_allowed(actor_of(request), public_id, roles)
    except NotFound as error:
        # Use the same message as for a batch or image that does not exist, or the difference would reveal which does.
        raise NotFound from error


def may(request: Request, project: Project, role: str, *, scope: str = "read") -> bool:
    """Whether the caller has this role in the project's organization, and its key, if any, the scope."""
    own = role_in(actor=actor_of(request), organisation_id=project.organisation_id)
    return own is not None and role in COVERS[own] and scope in scopes_of(request.auth)


def _first_allowed(actor: Actor, public_id: uuid.UUID, roles: Sequence[str]) -> Project:
    *others, last = roles
    for role in others:
        with suppress(Forbidden):
            return project_for(actor=actor, public_id=public_id, role=role)
    return project_for(actor=actor, public_id=public_id, role=last)


def same_organisation(request: Request, organisation_id: int) -> None:
    if isinstance(request.auth, ApiToken) and request.auth.organisation_id != organisation_id:
        raise NotFound
