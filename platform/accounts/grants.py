"""What an open connection was granted, and whether it still holds: for connections that outlive a request."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from django.db import connection

from accounts.models import ApiToken, User
from accounts.selectors import COVERS

# The password and the epoch are what the session's hash is made of: comparing them ends what a changed hash ends.
SELECT_ROLES = """
SELECT g.n, m.role
FROM unnest(%s::text[], %s::bigint[], %s::text[], %s::bigint[], %s::bigint[])
    WITH ORDINALITY AS g(session_key, user_id, password, epoch, organisation_id, n)
JOIN django_session s ON s.session_key = g.session_key AND s.expire_date > clock_timestamp()
JOIN accounts_user u ON u.id = g.user_id AND u.is_active AND u.password = g.password AND u.session_epoch = g.epoch
JOIN accounts_membership m ON m.actor_id = u.actor_id AND m.organisation_id = g.organisation_id
"""
SELECT_ROLES_OF_KEYS = """
SELECT g.n, m.role
FROM unnest(%s::bigint[], %s::bigint[]) WITH ORDINALITY AS g(token_id, organisation_id, n)
JOIN accounts_apitoken t ON t.id = g.token_id AND t.organisation_id = g.organisation_id
    AND t.revoked_at IS NULL AND t.expires_at > clock_timestamp() AND %s = ANY(t.scopes)
JOIN accounts_user u ON u.actor_id = t.actor_id AND u.is_active
JOIN accounts_membership m ON m.actor_id = t.actor_id AND m.organisation_id = t.organisation_id
"""


@dataclass(frozen=True, slots=True)
class KeyGrant:
    """An API key with the scope `read`, of a person whose role in the key's organization covers `role`."""

    token_id: int
    organisation_id: int
    role: str


@dataclass(frozen=True, slots=True)
class Grant:
    """A session of a person whose role in the organization covers `role`."""

    session_key: str
    user_id: int
    password: str
    session_epoch: int
    organisation_id: int
    role: str


def grant_for(*, session_key: str, user: User, organisation_id: int, role: str) -> Grant:
    return Grant(session_key, user.pk, user.password, user.session_epoch, organisation_id, role)


def invalid_grants(grants: Sequence[Grant | KeyGrant]) -> list[int]:
    """Return the positions of the grants that no longer hold, by one query for each kind of grant.

    The session or the key ended or expired, the account is closed or its password changed, or the role is gone.
    """
    sessions = [(index, grant) for index, grant in enumerate(grants) if isinstance(grant, Grant)]
    keys = [(index, grant) for index, grant in enumerate(grants) if isinstance(grant, KeyGrant)]
    roles = _roles_of_sessions(sessions) | _roles_of_keys(keys)
    return [index for index, grant in enumerate(grants) if grant.role not in COVERS.get(roles.get(index, ""), ())]


def _roles_of_sessions(grants: Sequence[tuple[int, Grant]]) -> dict[int, str]:
    columns: list[Any] = [
        [grant.session_key for _, grant in grants],
        [grant.user_id for _, grant in grants],
        [grant.password for _, grant in grants],
        [grant.session_epoch for _, grant in grants],
        [grant.organisation_id for _, grant in grants],
    ]
    return _roles(SELECT_ROLES, columns, [index for index, _ in grants])


def _roles_of_keys(grants: Sequence[tuple[int, KeyGrant]]) -> dict[int, str]:
    columns: list[Any] = [[grant.token_id for _, grant in grants], [grant.organisation_id for _, grant in grants]]
    return _roles(SELECT_ROLES_OF_KEYS, [*columns, ApiToken.Scope.READ], [index for index, _ in grants])


def _roles(query: str, parameters: list[Any], indexes: Sequence[int]) -> dict[int, str]:
    if not indexes:
        return {}
    with connection.cursor() as cursor:
        cursor.execute(query, parameters)
        return {indexes[number - 1]: role for number, role in cursor.fetchall()}
