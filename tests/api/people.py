"""The callers of the API in these tests, with a key or a session."""

from typing import Any

from rest_framework.test import APIClient

from accounts.models import Actor, ApiToken, Membership, Organisation, Role
from accounts.services import create_token
from tests import factories

ALL_SCOPES = tuple(ApiToken.Scope.values)
MEMBERS = {"owner": "ada", "manager": "mara", "reviewer": "rhea", "client": "clio", "worker": "wren"}


def member(role: str) -> Actor:
    """The test person with this role in the aviary."""
    actor = factories.a_user(MEMBERS[role]).actor
    Membership.objects.get_or_create(
        organisation=factories.an_organisation(), actor=actor, defaults={"role": Role(role)}
    )
    return actor


def outsider() -> Actor:
    """Owen, who owns another organization and is not a member of this one."""
    actor = factories.a_user("owen").actor
    elsewhere = factories.an_organisation("Owen's own")
    Membership.objects.get_or_create(organisation=elsewhere, actor=actor, defaults={"role": Role.OWNER})
    return actor


def with_key(actor: Actor, *, organisation: Organisation | None = None, scopes: Any = ALL_SCOPES) -> APIClient:
    """A client that authenticates with a key of this person, by default for the aviary."""
    _, key = create_token(
        actor=actor, organisation=organisation or factories.an_organisation(), name="test", scopes=scopes
    )
    client = APIClient()
    client.credentials(HTTP_AUTHORIZATION=f"Bearer {key}")
    return client


def signed_in(actor: Actor) -> APIClient:
    """A browser session of this person, with CSRF checks enforced."""
    client = APIClient(enforce_csrf_checks=True)
    client.force_login(actor.user)
    return client
