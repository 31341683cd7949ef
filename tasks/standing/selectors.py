"""Queries on which workers are in which projects."""

from uuid import UUID

from django.db.models import QuerySet

from accounts.models import Actor
from kernel.errors import NotFound
from projects.models import Project
from tasks.standing.models import Standing


def workers_of(*, project: Project) -> QuerySet[Standing]:
    """Return the standings of the project's workers, in the order in which they joined."""
    return Standing.objects.filter(project=project).select_related("worker", "worker__user").order_by("id")


def get_worker_standing(*, project: Project, public_id: UUID) -> Standing:
    standing = workers_of(project=project).filter(worker__public_id=public_id).first()
    if standing is None:
        raise NotFound("This project has no such worker; choose one from its list of workers.")
    return standing


def standings_of(*, worker: Actor) -> QuerySet[Standing]:
    """Return the worker's standings in projects that they were not removed from, newest project first."""
    rows = Standing.objects.filter(worker=worker).exclude(state=Standing.State.REMOVED)
    return rows.select_related("project", "project__organisation").order_by("-project__id")


def projects_open_to(*, worker: Actor) -> list[Project]:
    """Return the open projects in which this worker can claim work now, newest first."""
    rows = standings_of(worker=worker).filter(state=Standing.State.ACTIVE, project__state=Project.State.OPEN)
    return [row.project for row in rows]
