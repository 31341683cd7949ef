"""Writing notices, in the transaction of what they report, and reading and deleting them."""

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any
from uuid import UUID

import orjson
from django.db import connection, transaction
from django.db.models import QuerySet

from accounts.models import Actor, Membership, Role, User
from accounts.profiles import change_notice_mail
from kernel.clock import ClockTimestamp, database_now
from projects.models import Project
from tasks.notices.models import Notice
from tasks.notices.wording import KINDS

#: How long a notice is kept, read or not.
KEPT = timedelta(days=90)
CHUNK_SIZE = 2000

# Mails of the day are due at 06:00 UTC, others a minute later, so that what comes together is one mail.
# `{source}` yields (actor_id, organisation_id, project_id, key, data). In the order of the recipients, so that two
# transactions that write to the same people do not wait for each other in a circle.
INSERT = """
INSERT INTO tasks_notice (public_id, recipient_id, organisation_id, project_id, kind, key, data, created_at, mail_at)
SELECT gen_random_uuid(), s.actor_id, s.organisation_id, s.project_id, %(kind)s, s.key, s.data, now.at,
    CASE coalesce(u.notice_mail->>%(kind)s, 'daily')
        WHEN 'once' THEN now.at + interval '1 minute'
        WHEN 'daily' THEN
            (date_trunc('day', now.at AT TIME ZONE 'UTC' - interval '6 hours') + interval '1 day 6 hours')
            AT TIME ZONE 'UTC'
    END
FROM (SELECT clock_timestamp() AS at) now CROSS JOIN ({source}) s
JOIN accounts_actor a ON a.id = s.actor_id AND a.kind = 'person'
JOIN accounts_user u ON u.actor_id = s.actor_id AND u.is_active
ORDER BY s.actor_id
ON CONFLICT DO NOTHING
"""

GIVEN = """
SELECT actor_id, %(org)s::bigint AS organisation_id, %(project)s::bigint AS project_id, %(key)s::text AS key,
    %(data)s::jsonb AS data
FROM unnest(%(recipients)s::bigint[]) AS t(actor_id)
"""


def write_notices(
    *, kind: str, project: Project, recipients: Sequence[int], key: str, data: Mapping[str, Any] | None = None
) -> int:
    """Tell these actors (row ids) of something in a project, once for each key; return how many were told.

    Waits for a transaction that tells one of them the same. Whether and when a mail follows is what each has chosen.
    """
    params = {
        "org": project.organisation_id,
        "project": project.pk,
        "key": key,
        "data": orjson.dumps(dict(data or {})).decode(),
        "recipients": sorted(set(recipients)),
    }
    return write_notices_from(kind=kind, source=GIVEN, params=params)


def write_notices_from(*, kind: str, source: str, params: Mapping[str, Any]) -> int:
    """As `write_notices`, for the rows of a query: see INSERT for its columns."""
    with connection.cursor() as cursor:
        cursor.execute(INSERT.format(source=source), {**params, "kind": kind})
        return int(cursor.rowcount)


def tell_team(*, kind: str, project: Project, key: str) -> int:
    """Tell the owners, managers and reviewers of the project's organization."""
    team = Membership.objects.filter(
        organisation=project.organisation_id, role__in=(Role.OWNER, Role.MANAGER, Role.REVIEWER)
    )
    return write_notices(kind=kind, project=project, recipients=list(team.values_list("actor_id", flat=True)), key=key)


@transaction.atomic
def read_notices(*, recipient: Actor, ids: Sequence[UUID] | None = None, organisation_id: int | None = None) -> int:
    """Locks the notices. Mark these as read, or all, of one organization or of all; return how many were not.

    What is read on the page is not mailed later.
    """
    rows = Notice.objects.filter(recipient=recipient, read_at__isnull=True)
    rows = rows if ids is None else rows.filter(public_id__in=list(ids))
    rows = rows if organisation_id is None else rows.filter(organisation=organisation_id)
    return Notice.objects.filter(pk__in=lock_notices(rows), read_at__isnull=True).update(read_at=ClockTimestamp())


@transaction.atomic
def choose_mail(*, user: User, values: Mapping[str, str]) -> None:
    """Locks the notices that are no longer wanted. Save by kind whether the person gets mails at "once" (within
    minutes), "daily" or "never".

    What waits to be mailed and is of a kind that they no longer want is not. Raises NoticeMailRefused.
    """
    change_notice_mail(user=user, values=values, kinds=KINDS)
    never = [kind for kind, choice in values.items() if choice == "never"]
    waiting = Notice.objects.filter(recipient=user.actor_id, mailed_at__isnull=True, kind__in=never)
    Notice.objects.filter(pk__in=lock_notices(waiting)).update(mail_at=None)


def lock_notices(rows: QuerySet[Notice]) -> list[int]:
    """Locks the notices in the order of their ids, in which everybody does who changes several; return the ids."""
    return list(rows.select_for_update(of=("self",)).order_by("pk").values_list("pk", flat=True))


def delete_old_notices() -> int:
    """Delete notices that are older than `KEPT`, oldest first, some at a time; return how many."""
    cutoff, deleted = database_now() - KEPT, 0
    while True:
        oldest = list(Notice.objects.order_by("pk").values_list("pk", "created_at")[:CHUNK_SIZE])
        old = [pk for pk, created in oldest if created < cutoff]
        deleted += Notice.objects.filter(pk__in=old).delete()[0]
        if len(old) < CHUNK_SIZE:
            return deleted
