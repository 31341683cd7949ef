"""Who may call what: scopes of keys, roles of people, and the organisation that a key belongs to."""

import uuid
from collections.abc import Sequence
from contextlib import suppress
from typing import Any, ClassVar, cast

from rest_framework import exceptions
from rest_framework.permissions import BasePermission
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts.authentication import scopes_of
from accounts.models import Actor, ApiToken, User
from annotary_core.labels.json_reading import MAX_BODY_BYTES
from kernel.errors import Forbidden, NotFound
from projects.models import Project
from projects.selectors import project_for
from tasks.api.limits import PerMinute, check_size, client_address, seconds_to_wait


class ScopeMissing(Forbidden):
    """This API key lacks the scope that the call needs; make a key that has it."""

    code = "scope_missing"


class HasScope(BasePermission):
    """A view names the scope of each method in `scopes`; reading needs `read` unless it says otherwise."""

    def has_permission(self, request: Request, view: APIView) -> bool:
        wanted = getattr(view, "scopes", {}).get(request.method, "read")
        if wanted not in scopes_of(request.auth):
            raise ScopeMissing(f"This API key lacks the scope “{wanted}”; make a key that has it.")
        return True


class View(APIView):
    """The base of every view here. `scopes` by method, `max_body` in bytes."""

    scopes: ClassVar[dict[str, Any]] = {}
    max_body: ClassVar[int] = MAX_BODY_BYTES
    throttle_classes = (PerMinute,)

    def get_permissions(self) -> list[Any]:
        return [*super().get_permissions(), HasScope()]

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        # Before the session is looked at: the check against forged forms parses the whole body of a multipart request.
        check_size(request._request, self.max_body)
        super().initial(request, *args, **kwargs)

    def handle_exception(self, exc: Exception) -> Response:
        if isinstance(exc, exceptions.NotAuthenticated | exceptions.AuthenticationFailed):
            # Counted by address, and only when they fail: a good key is never held up by a guesser next door.
            wait = seconds_to_wait("failed", client_address(self.request._request))
            if wait is not None:
                exc = exceptions.Throttled(wait)
        return super().handle_exception(exc)


def actor_of(request: Request) -> Actor:
    return cast(User, request.user).actor


def project_of(request: Request, public_id: uuid.UUID, *roles: str) -> Project:
    """The project, for somebody with one of the roles in its organisation; a key sees its own organisation alone."""
    if isinstance(request.auth, ApiToken):
        own = Project.objects.filter(organisation_id=request.auth.organisation_id)
        if not own.filter(public_id=public_id).exists():
            raise NotFound
    try:
        return _first_allowed(actor_of(request), public_id, roles)
    except NotFound as error:
        # In the same words as for a batch or an image that does not exist: else they tell which one does.
        raise NotFound from error


def _first_allowed(actor: Actor, public_id: uuid.UUID, roles: Sequence[str]) -> Project:
    *others, last = roles
    for role in others:
        with suppress(Forbidden):
            return project_for(actor=actor, public_id=public_id, role=role)
    return project_for(actor=actor, public_id=public_id, role=last)


def same_organisation(request: Request, organisation_id: int) -> None:
    if isinstance(request.auth, ApiToken) and request.auth.organisation_id != organisation_id:
        raise NotFound
