"""Reading projects, with who may."""

import uuid

from django.db.models import QuerySet

from accounts.models import Actor, Membership
from accounts.selectors import COVERS, require_role
from annotary_core.labels.schema import Schema
from kernel.errors import NotFound
from projects.models import Project


class ProjectUnknown(NotFound):
    """There is no such project, or it is not yours to see."""

    code = "project_unknown"


def project_for(*, actor: Actor, public_id: uuid.UUID | str, role: str) -> Project:
    """The project, if the actor's role in its organisation covers `role`.

    Raises NotFound to outsiders, who must not learn what exists, and Forbidden to members without the role.
    """
    try:
        wanted = uuid.UUID(str(public_id))
    except ValueError as error:
        raise ProjectUnknown from error
    rows = Project.objects.select_related("organisation", "dataset", "schema", "instructions")
    project = rows.filter(public_id=wanted).first()
    if project is None:
        raise ProjectUnknown
    try:
        require_role(actor=actor, organisation_id=project.organisation_id, role=role)
    except NotFound as error:
        raise ProjectUnknown from error
    return project


def projects_of(*, actor: Actor, role: str | None = None) -> QuerySet[Project]:
    """Projects of the organisations in which the actor's role covers `role` (any role when None), newest first."""
    memberships = Membership.objects.filter(actor=actor)
    if role is not None:
        memberships = memberships.filter(role__in=[own for own, covered in COVERS.items() if role in covered])
    rows = Project.objects.filter(organisation_id__in=memberships.values("organisation_id"))
    return rows.select_related("organisation", "dataset", "schema", "instructions").order_by("-created_at", "-id")


def schema_of(*, project: Project) -> Schema:
    """The project's present schema, as answers are parsed with it. Raises NotFound when it has none yet."""
    if project.schema is None:
        raise NotFound("This project has no classes yet; add them first.")
    return Schema.from_json(project.schema.body)
