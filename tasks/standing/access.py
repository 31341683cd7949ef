"""Who may work in a project: active people with an active or paused standing whose role in the organization is worker.

All other roles can read gold or labels, so nobody with another role works, however the role was obtained. Nobody works
in a project that is archived or deleted.
"""

from accounts.models import Actor, Role
from kernel.statements import run_prepared
from tasks.standing.errors import ProjectEnded, StaffCannotWork, WorkerRemoved
from tasks.standing.models import Standing

_MAY_WORK = """EXISTS (
    SELECT FROM tasks_standing own
    JOIN projects_project at ON at.id = own.project_id
    JOIN accounts_membership member ON member.organisation_id = at.organisation_id AND member.actor_id = own.worker_id
    JOIN accounts_user person ON person.actor_id = own.worker_id
    WHERE own.project_id = {project} AND own.worker_id = {worker} AND own.state <> 'removed'
      AND member.role = 'worker' AND person.is_active AND at.archived_at IS NULL AND at.deleted_at IS NULL)"""

SELECT_ACCESS = """
SELECT own.state, member.role, coalesce(person.is_active, false),
    at.archived_at IS NOT NULL OR at.deleted_at IS NOT NULL
FROM tasks_standing own
JOIN projects_project at ON at.id = own.project_id
LEFT JOIN accounts_membership member
    ON member.organisation_id = at.organisation_id AND member.actor_id = own.worker_id
LEFT JOIN accounts_user person ON person.actor_id = own.worker_id
WHERE own.project_id = %(project)s AND own.worker_id = %(worker)s
"""


def may_work(*, project: str, worker: str) -> str:
    """Return an SQL condition; `project` and `worker` are the SQL expressions of their row ids."""
    return _MAY_WORK.format(project=project, worker=worker)


def require_may_work(*, worker: Actor, project_id: int) -> None:
    """Raise StaffCannotWork, WorkerRemoved or ProjectEnded unless the worker may work in the project, where they have
    worked."""
    rows = run_prepared(SELECT_ACCESS, {"project": project_id, "worker": worker.pk})
    standing, role, active, ended = rows[0] if rows else (Standing.State.REMOVED, None, False, False)
    check_access(standing, role, active)
    if ended:
        raise ProjectEnded


def check_access(standing: str, role: str | None, active: bool) -> None:
    """Raise StaffCannotWork or WorkerRemoved for a worker with this standing and this role in the organization."""
    if role is not None and role != Role.WORKER:
        raise StaffCannotWork
    if standing == Standing.State.REMOVED or role is None or not active:
        raise WorkerRemoved
