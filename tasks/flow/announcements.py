"""Tells the workers of a project that there is new work: as a job, because they may be many.

Running it twice tells nobody twice. What opens work is a manager's step alone: an image that reopens, or a check image
that is retired, tells nobody anything.
"""

from typing import Any

from django.db import connection, transaction

from projects.models import Project
from tasks.notices.models import Notice
from tasks.notices.services import write_notices_from
from tasks.qualification.selectors import is_unqualified
from tasks.qualification.worker_filters import let_in_condition
from tasks.standing.access import may_work

#: Workers who are told in one transaction.
WORKERS_AT_ONCE = 1000

SOME = """
SELECT max(id) FROM (
    SELECT id FROM tasks_standing WHERE project_id = %(project)s AND id > %(after)s ORDER BY id LIMIT %(limit)s) chunk
"""

# Who would get a set now, if there is one: not who is paused, lacks a qualification, or is not let in.
WORKERS = f"""
SELECT s.worker_id AS actor_id, p.organisation_id, p.id AS project_id, %(key)s::text AS key, '{{}}'::jsonb AS data
FROM tasks_standing s JOIN projects_project p ON p.id = s.project_id
LEFT JOIN accounts_user u ON u.actor_id = s.worker_id
WHERE s.project_id = %(project)s AND s.id > %(after)s AND s.id <= %(last)s AND s.state = 'active'
  AND p.state = 'open' AND {may_work(project="s.project_id", worker="s.worker_id")}
  AND NOT {is_unqualified(project="s.project_id", worker="s.worker_id")}
"""  # noqa: S608


def announce_work(*, project_id: int, cause: str) -> int:
    """Tell who may work in the project that there is work, once for each cause; return how many were told.

    Somebody who has not read of it yet is not told again. Runs outside transactions. Does nothing if the project is not
    open any more.
    """
    project = Project.objects.filter(pk=project_id, state=Project.State.OPEN).first()
    if project is None:
        return 0
    condition = let_in_condition(project=project)
    source = WORKERS if condition is None else f"{WORKERS} AND {condition.sql}"
    params: dict[str, Any] = {**(condition.params if condition else {}), "project": project_id, "key": cause}
    after, told = 0, 0
    while (last := _last_of_some(project_id, after)) is not None:
        with transaction.atomic():
            told += write_notices_from(
                kind=Notice.Kind.WORK_OPENED, source=source, params={**params, "after": after, "last": last}
            )
        after = last
    return told


def _last_of_some(project_id: int, after: int) -> int | None:
    with connection.cursor() as cursor:
        cursor.execute(SOME, {"project": project_id, "after": after, "limit": WORKERS_AT_ONCE})
        row = cursor.fetchone()
    return row[0] if row else None
