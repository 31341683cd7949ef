"""Service accounts: members of an organization that are programs. They have API keys, and cannot sign in.

Each has a `User` row, as everyone who calls the API does, with an address that cannot receive mail and no password.
"""

from datetime import timedelta

from django.db import transaction

from accounts.errors import NameRefused, ServiceAccountExists
from accounts.memberships import MAX_NAME
from accounts.models import Actor, ApiToken, Membership, Organisation, Role, User
from accounts.services import create_token, revoke_tokens
from kernel.clock import database_now
from kernel.errors import NotFound

Scope = ApiToken.Scope
#: Nobody works as a program, whose answers would pass for a person's, and an owner must be a person.
SCOPES: dict[str, tuple[str, ...]] = {
    Role.MANAGER: (Scope.READ, Scope.MANAGE, Scope.REVIEW),
    Role.REVIEWER: (Scope.READ, Scope.REVIEW),
    Role.CLIENT: (Scope.READ,),
}
# Reserved by RFC 2606: no mail is ever delivered there.
DOMAIN = "service.invalid"


@transaction.atomic
def create_service_account(*, organisation: Organisation, name: str, role: str, days: int) -> tuple[ApiToken, str]:
    """Locks the organization. Create a service account; return its first key with its secret, which is not stored.

    `role` is a key of SCOPES, and the key lasts for `days`. Raises NameRefused, ServiceAccountExists, TokenRefused.
    """
    normalized = " ".join(name.split())
    if not normalized or not normalized.isprintable() or len(normalized) > MAX_NAME:
        raise NameRefused("A service account needs a name of 1 to 120 characters. Name what the program does.")
    Organisation.objects.select_for_update(no_key=True).get(pk=organisation.pk)
    if _find(organisation, normalized) is not None:
        raise ServiceAccountExists
    actor = Actor.objects.create(kind=Actor.Kind.SERVICE, label=normalized)
    User.objects.create_user(f"{actor.public_id}@{DOMAIN}", None, actor=actor, name=normalized)
    Membership.objects.create(organisation=organisation, actor=actor, role=role)
    return _new_key(organisation, actor, role, days)


@transaction.atomic
def replace_key(*, organisation: Organisation, name: str, days: int) -> tuple[ApiToken, str]:
    """Locks the organization. Revoke the keys of a service account; return a new one. Raises NotFound, TokenRefused."""
    Organisation.objects.select_for_update(no_key=True).get(pk=organisation.pk)
    membership = _find(organisation, " ".join(name.split()))
    if membership is None:
        raise NotFound(f"{organisation.name} has no service account of this name. Create it without --new-key.")
    revoke_tokens(actor=membership.actor, organisation=organisation)
    return _new_key(organisation, membership.actor, membership.role, days)


def _new_key(organisation: Organisation, actor: Actor, role: str, days: int) -> tuple[ApiToken, str]:
    expires_at = database_now() + timedelta(days=days)
    return create_token(
        actor=actor, organisation=organisation, name=actor.label, scopes=SCOPES[role], expires_at=expires_at
    )


def _find(organisation: Organisation, name: str) -> Membership | None:
    rows = Membership.objects.filter(organisation=organisation, actor__kind=Actor.Kind.SERVICE)
    return rows.filter(actor__label__iexact=name).select_related("actor").first()
