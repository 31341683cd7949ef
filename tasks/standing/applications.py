"""Queries on applications, and on the projects that a worker can apply for."""

from uuid import UUID

from django.db.models import QuerySet

from accounts.models import Actor, Membership, Role
from kernel.errors import NotFound
from projects.models import Applications, Project
from tasks.standing.models import Application, Standing

MAX_NOTE = 500


def applications_of(*, worker: Actor) -> QuerySet[Application]:
    """Return the worker's applications, with their projects, newest first; not those of deleted projects."""
    rows = Application.objects.filter(worker=worker, project__deleted_at=None)
    return rows.select_related("project__organisation", "worker").order_by("-pk")


def application_of(*, worker: Actor, public_id: UUID) -> Application:
    """Return an application of the worker's own. Raises NotFound."""
    row = applications_of(worker=worker).filter(public_id=public_id).first()
    if row is None:
        raise NotFound
    return row


def applications_to(*, project: Project) -> QuerySet[Application]:
    """Return the applications to a project, newest first."""
    rows = Application.objects.filter(project=project).select_related("worker", "decided_by", "project__organisation")
    return rows.order_by("-pk")


def waiting_for(*, project: Project) -> QuerySet[Application]:
    """Return the applications that wait for an answer; those that have waited longest first."""
    return applications_to(project=project).filter(state=Application.State.WAITING).order_by("pk")


def decided_for(*, project: Project) -> QuerySet[Application]:
    """Return the applications that were decided or withdrawn, newest first."""
    return applications_to(project=project).exclude(state=Application.State.WAITING)


def has_applied(*, worker: Actor, project: Project) -> bool:
    """Whether an application of the worker to the project waits for an answer."""
    return Application.objects.filter(worker=worker, project=project, state=Application.State.WAITING).exists()


def application_to(*, project: Project, public_id: UUID) -> Application:
    """Return this application to the project. Raises NotFound."""
    row = applications_to(project=project).filter(public_id=public_id).first()
    if row is None:
        raise NotFound("This project has no such application. Reload the page.")
    return row


def count_waiting(*, project: Project) -> int:
    return Application.objects.filter(project=project, state=Application.State.WAITING).count()


def openings_for(*, worker: Actor) -> QuerySet[Project]:
    """Return the projects that list themselves to the worker and that they are not in, newest first.

    Not those that they were removed from: an application would be refused.
    """
    organisations = Membership.objects.filter(actor=worker, role=Role.WORKER).values("organisation_id")
    rows = Project.objects.filter(
        organisation__in=organisations, applications=Applications.LISTED, archived_at=None, deleted_at=None
    )
    mine = Standing.objects.filter(worker=worker).exclude(state=Standing.State.REMOVED, left_from__gt="")
    rows = rows.filter(state__in=(Project.State.OPEN, Project.State.PAUSED), schema__isnull=False)
    rows = rows.exclude(pk__in=mine.values("project_id"))
    return rows.select_related("organisation", "schema", "instructions").order_by("-pk")


def opening_for(*, worker: Actor, public_id: UUID) -> Project:
    """Return a project that the worker can apply for. Raises NotFound."""
    project = openings_for(worker=worker).filter(public_id=public_id).first()
    if project is None:
        raise NotFound("This project does not take applications any more. Choose another one under Work.")
    return project
