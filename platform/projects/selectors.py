"""Queries for projects, with access checks."""

import uuid

from django.db.models import QuerySet
from structlog.contextvars import bind_contextvars

from accounts.models import Actor, Membership
from accounts.selectors import COVERS, require_role, staff_memberships
from annotary_core.labels.schema import Schema
from kernel.errors import NotFound
from kernel.prepared_statements import run_prepared
from projects.errors import ProjectClosed
from projects.models import LabelClass, Project

PROJECT_TO_CLAIM = """
SELECT id, public_id, organisation_id, currency FROM projects_project WHERE public_id = %(id)s
"""


class ProjectUnknown(NotFound):
    """There is no such project, or you do not have access to it."""

    code = "project_unknown"


def project_for(*, actor: Actor, public_id: uuid.UUID | str, role: str) -> Project:
    """Return the project if the actor's role in its organization covers `role`.

    Raises NotFound for outsiders, who must not learn what exists, and Forbidden for members without the role.
    """
    try:
        key = uuid.UUID(str(public_id))
    except ValueError as error:
        raise ProjectUnknown from error
    rows = Project.objects.select_related("organisation", "dataset", "schema", "instructions")
    project = rows.filter(public_id=key).first()
    if project is None:
        raise ProjectUnknown
    try:
        require_role(actor=actor, organisation_id=project.organisation_id, role=role)
    except NotFound as error:
        raise ProjectUnknown from error
    # Log lines of a request carry both ids, so that one search finds those of jobs, which know the row id alone.
    bind_contextvars(project=str(project.public_id), project_id=project.pk)
    return project


def project_to_claim(*, public_id: uuid.UUID) -> Project:
    """Return the project with what a claim shows of it; other fields are read when used. Raises NotFound."""
    rows = run_prepared(PROJECT_TO_CLAIM, {"id": public_id})
    if not rows:
        raise NotFound
    return Project.from_db("default", ["id", "public_id", "organisation_id", "currency"], rows[0])


def projects_of(*, actor: Actor, role: str | None = None) -> QuerySet[Project]:
    """Return projects of organizations where the actor's role covers `role` (or any role), newest first."""
    memberships = Membership.objects.filter(actor=actor)
    if role is not None:
        memberships = memberships.filter(role__in=[own for own, covered in COVERS.items() if role in covered])
    rows = Project.objects.filter(organisation_id__in=memberships.values("organisation_id"))
    return rows.select_related("organisation", "dataset", "schema", "instructions").order_by("-created_at", "-id")


def staff_projects_of(*, actor: Actor) -> QuerySet[Project]:
    """Return projects of organizations where the actor has any role other than worker, newest first."""
    own = staff_memberships(actor=actor)
    return projects_of(actor=actor).filter(organisation_id__in=own.values("organisation_id"))


def require_not_closed(*, project_id: int | None) -> None:
    """Raises ProjectClosed if the project is closed: nothing is added to it any more."""
    closed = Project.objects.filter(state=Project.State.CLOSED)
    if project_id is not None and closed.filter(pk=project_id).exists():
        raise ProjectClosed


def class_names(*, project: Project) -> dict[int, str]:
    """Return {number: name} of all classes, including retired ones, so that labels that use them stay readable."""
    return dict(LabelClass.objects.filter(project=project).values_list("number", "name"))


def retired_classes(*, project: Project) -> QuerySet[LabelClass]:
    """Return the classes that new answers can no longer use, by number."""
    return LabelClass.objects.filter(project=project, retired_at__isnull=False).order_by("number")


def schema_of(*, project: Project) -> Schema:
    """Return the project's current schema, for parsing answers. Raises NotFound if it has none yet."""
    if project.schema is None:
        raise NotFound("This project has no classes yet. Add them first.")
    return Schema.from_json(project.schema.body)
