"""Invitations of one person by address: each has a link of its own, which is sent by mail.

The token is computed from the invitation's id with the site's secret key, so that the link can be sent or shown again,
though only its hash is stored. After a change of the secret key it gets another token when it is sent again.
"""

import base64
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from django.db.models import QuerySet
from django.utils.crypto import salted_hmac

from accounts.models import Actor, Invitation, Organisation, Role
from accounts.services import INVITATION_DAYS, secret_hash
from kernel.clock import ClockTimestamp, database_now

_SALT = "accounts.personal_invitation"


@dataclass(frozen=True, slots=True)
class NewInvitation:
    """The address, in lower case, and what the person gets when they join: see `tasks.flow.invitations`."""

    email: str
    grants: Mapping[str, Any] = field(default_factory=dict)


def personal_token(invitation: Invitation) -> str:
    """Return the token of a personal invitation."""
    digest = salted_hmac(_SALT, str(invitation.public_id), algorithm="sha256").digest()
    return base64.urlsafe_b64encode(digest).decode().rstrip("=")


def invite_people(
    *, organisation: Organisation, project_id: int, by: Actor, people: Iterable[NewInvitation], days: int | None = None
) -> None:
    """Needs a lock that serializes calls for the project. Invite each person to work in the project.

    Who is invited already, and has not joined, keeps the link: it is open again, is for what is given here, and mail
    goes out only if it had expired.
    """
    now = database_now()
    until = now + timedelta(days=days or INVITATION_DAYS)
    wanted = {each.email: each for each in people}
    rows = {row.email: row for row in not_joined(project_id=project_id, emails=list(wanted))}
    for email, row in rows.items():
        row.grants = dict(wanted[email].grants) or None
        if row.expires_at <= now:
            row.expires_at, row.mailed_at = until, None
        row.token_sha256 = secret_hash(personal_token(row))
    Invitation.objects.bulk_update(rows.values(), ["grants", "expires_at", "mailed_at", "token_sha256"], batch_size=500)
    common: dict[str, Any] = {"organisation": organisation, "project_id": project_id, "created_by": by}
    new = [
        Invitation(
            **common, role=Role.WORKER, max_uses=1, expires_at=until, email=email, grants=dict(each.grants) or None
        )
        for email, each in wanted.items()
        if email not in rows
    ]
    for row in new:
        row.token_sha256 = secret_hash(personal_token(row))
    Invitation.objects.bulk_create(new, batch_size=500)


def withdraw_people(*, project_id: int, emails: Collection[str]) -> int:
    """Revoke the invitations of these addresses that nobody has accepted; return how many."""
    return not_joined(project_id=project_id, emails=emails).update(revoked_at=ClockTimestamp())


def not_joined(*, project_id: int, emails: Collection[str] | None = None) -> QuerySet[Invitation]:
    """Return the personal invitations to a project that nobody has accepted, expired ones too, newest first."""
    rows = Invitation.objects.filter(project_id=project_id, uses=0, revoked_at=None).exclude(email="")
    return (rows if emails is None else rows.filter(email__in=emails)).order_by("-pk")


def still_open(*, project_id: int) -> QuerySet[Invitation]:
    """Return those of `not_joined` whose link still works."""
    return not_joined(project_id=project_id).filter(expires_at__gt=ClockTimestamp())


def joined_by_invitation(*, project_id: int, emails: Collection[str]) -> dict[str, Actor]:
    """Return {address: who accepted its newest invitation to the project}, whatever address they sign in with."""
    rows = Invitation.objects.filter(project_id=project_id, email__in=emails, accepted_by__isnull=False)
    return {row.email: row.accepted_by for row in rows.select_related("accepted_by").order_by("pk") if row.accepted_by}


def to_mail(*, project_id: int) -> QuerySet[Invitation]:
    """Return the open personal invitations that no mail has gone out for, oldest first."""
    return still_open(project_id=project_id).filter(mailed_at=None).order_by("pk")


def record_mailed(*, invitation: Invitation) -> None:
    Invitation.objects.filter(pk=invitation.pk).update(mailed_at=ClockTimestamp())
