"""Worker filters of projects: saved as text, checked when they are saved, and asked of the database by every claim."""

from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from django.db import connection, transaction

from accounts.models import Actor
from kernel.events import record_event
from kernel.statements import run_prepared
from projects.models import Project
from tasks.qualification.errors import WorkerFilterRefused
from tasks.qualification.filter_language import Condition, FilterError, parse, skills_of, to_sql
from tasks.qualification.skill_models import Skill

IS_LET_IN = """
SELECT coalesce(({condition}), false)
FROM projects_project p LEFT JOIN accounts_user u ON u.actor_id = %(worker)s
WHERE p.id = %(project)s
"""

COUNT_LET_IN = """
SELECT count(*), count(*) FILTER (WHERE {condition})
FROM tasks_standing s JOIN projects_project p ON p.id = s.project_id
LEFT JOIN accounts_user u ON u.actor_id = s.worker_id
WHERE s.project_id = %(project)s AND s.state = 'active'
"""


@dataclass(frozen=True, slots=True)
class FilterPreview:
    """How many active workers of the project a filter lets in, of how many."""

    workers: int
    let_in: int


def is_let_in(*, project_id: int, worker_id: int, text: str) -> bool:
    """Whether the project's filter, `text`, lets the worker in."""
    condition = _condition(text, "%(worker)s")
    if condition is None:
        return True
    params: dict[str, Any] = {"project": project_id, "worker": worker_id, **condition.params}
    return bool(run_prepared(IS_LET_IN.format(condition=condition.sql), params)[0][0])


def let_in_condition(*, project: Project) -> Condition | None:
    """Return the project's filter as a condition on a standing `s`, its project `p` and person `u`; None for all."""
    return _condition(project.worker_filter, "s.worker_id")


def preview_filter(*, project: Project, text: str) -> FilterPreview:
    """Count whom a filter would let in; writes nothing. Raises WorkerFilterRefused."""
    condition = _checked(project, text)
    with connection.cursor() as cursor:
        sql = COUNT_LET_IN.format(condition=condition.sql if condition else "true")
        cursor.execute(sql, {"project": project.pk, **(condition.params if condition else {})})
        row = cursor.fetchone()
    assert row is not None
    return FilterPreview(workers=row[0], let_in=row[1])


@transaction.atomic
def set_worker_filter(*, project: Project, text: str, by: Actor) -> str:
    """Locks the project. Save its filter, empty for none. Workers whom it does not let in finish the set they have.

    Raises WorkerFilterRefused with what is wrong and where, and then changes nothing.
    """
    text = text.strip()
    _checked(project, text)
    changed = Project.objects.filter(pk=project.pk).exclude(worker_filter=text).update(worker_filter=text)
    if changed:
        data = {"filter": text, "by": str(by.public_id)}
        record_event(project_id=project.pk, kind="workers.filtered", data=data)
    return text


def check_filter(*, project: Project, text: str) -> None:
    """Raises WorkerFilterRefused if a filter is not valid in the project, with what is wrong and where."""
    _checked(project, text)


def _checked(project: Project, text: str) -> Condition | None:
    try:
        expression = parse(text)
    except FilterError as error:
        raise WorkerFilterRefused(str(error), position=error.position) from error
    known = set(Skill.objects.filter(organisation_id=project.organisation_id).values_list("name", flat=True))
    if unknown := sorted(skills_of(expression) - known):
        names = f"There are {', '.join(sorted(known))}" if known else "There are none yet: set one for a worker first"
        raise WorkerFilterRefused(f"There is no skill “{unknown[0]}”. {names}.")
    return _condition(text, "s.worker_id")


@lru_cache(maxsize=1024)
def _condition(text: str, worker: str) -> Condition | None:
    expression = parse(text)
    if expression is None:
        return None
    return to_sql(expression, worker=worker, person="u", organisation="p.organisation_id")
