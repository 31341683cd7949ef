"""What an open connection was granted, and whether it still holds: for connections that outlive a request."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from django.db import connection

from accounts.models import User
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


def invalid_grants(grants: Sequence[Grant]) -> list[int]:
    """Return the positions of the grants that no longer hold, by one query for all of them.

    The session ended or expired, the account is closed or its password changed, or the role is gone.
    """
    columns: list[Any] = [
        [grant.session_key for grant in grants],
        [grant.user_id for grant in grants],
        [grant.password for grant in grants],
        [grant.session_epoch for grant in grants],
        [grant.organisation_id for grant in grants],
    ]
    with connection.cursor() as cursor:
        cursor.execute(SELECT_ROLES, columns)
        roles = {number - 1: role for number, role in cursor.fetchall()}
    return [index for index, grant in enumerate(grants) if grant.role not in COVERS.get(roles.get(index, ""), ())]
