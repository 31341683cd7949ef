"""Who may call what: scopes of keys, roles of people, and the organisation that a key belongs to."""

import uuid
from typing import Any, ClassVar, cast

from projects.selectors import project_for
from rest_framework.permissions import BasePermission
from rest_framework.request import Request
from rest_framework.views import APIView

from accounts.authentication import scopes_of
from accounts.models import Actor, ApiToken, User
from kernel.errors import Forbidden, NotFound
from projects.models import Project


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


def actor_of(request: Request) -> Actor:
    return cast(User, request.user).actor


def project_of(request: Request, public_id: uuid.UUID, role: str) -> Project:
    """The project, for somebody with that role in its organisation; a key sees its own organisation alone."""
    project = project_for(actor=actor_of(request), public_id=public_id, role=role)
    same_organisation(request, project.organisation_id)
    return project


def same_organisation(request: Request, organisation_id: int) -> None:
    if isinstance(request.auth, ApiToken) and request.auth.organisation_id != organisation_id:
        raise NotFound


class View(APIView):
    """The base of every view here."""

    scopes: ClassVar[dict[str, Any]] = {}

    def get_permissions(self) -> list[Any]:
        return [*super().get_permissions(), HasScope()]
