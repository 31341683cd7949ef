"""Queries for projects, with access checks."""

import uuid
from collections.abc import Collection

from django.db.models import QuerySet
from structlog.contextvars import bind_contextvars

from accounts.models import Actor, Membership
from accounts.selectors import COVERS, require_role, staff_memberships
from annotary_core.labels.class_mapping import AS_THEY_ARE, ClassMapping
from annotary_core.labels.schema import Schema
from annotary_core.labels.shapes import SHAPES
from kernel.errors import NotFound
from kernel.statements import run_prepared
from projects.differences import Paragraph, differences
from projects.errors import ProjectArchived, ProjectClosed, ProjectUnknown
from projects.models import Instructions, LabelClass, LabelSchema, Project

#: What a claim reads of its project.
CLAIMED_PROJECT = ("id", "public_id", "organisation_id", "currency", "lease_seconds")
PROJECT_TO_CLAIM = """
SELECT id, public_id, organisation_id, currency, lease_seconds FROM projects_project
WHERE public_id = %(id)s AND deleted_at IS NULL
"""


def project_for(*, actor: Actor, public_id: uuid.UUID | str, role: str) -> Project:
    """Return the project if it is not deleted and the actor's role in its organization covers `role`.

    Raises NotFound for outsiders, who must not learn what exists, and Forbidden for members without the role.
    """
    try:
        key = uuid.UUID(str(public_id))
    except ValueError as error:
        raise ProjectUnknown from error
    rows = Project.objects.select_related("organisation", "dataset", "schema", "instructions")
    project = rows.filter(public_id=key, deleted_at__isnull=True).first()
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
    return Project.from_db("default", CLAIMED_PROJECT, rows[0])


def projects_of(*, actor: Actor, role: str | None = None) -> QuerySet[Project]:
    """Return projects of organizations where the actor's role covers `role` (or any role), newest first.

    Archived ones are among them; deleted ones are not.
    """
    memberships = Membership.objects.filter(actor=actor)
    if role is not None:
        memberships = memberships.filter(role__in=[own for own, covered in COVERS.items() if role in covered])
    rows = Project.objects.filter(organisation_id__in=memberships.values("organisation_id"), deleted_at__isnull=True)
    return rows.select_related("organisation", "dataset", "schema", "instructions").order_by("-created_at", "-id")


def staff_projects_of(*, actor: Actor, archived: bool) -> QuerySet[Project]:
    """Return projects of organizations where the actor has any role other than worker, newest first.

    Only those that are archived, or only the others.
    """
    own = staff_memberships(actor=actor)
    rows = projects_of(actor=actor).filter(organisation_id__in=own.values("organisation_id"))
    return rows.filter(archived_at__isnull=not archived)


def has_archived_projects(*, actor: Actor) -> bool:
    return staff_projects_of(actor=actor, archived=True).exists()


def require_not_closed(*, project_id: int | None) -> None:
    """Raises ProjectArchived, ProjectClosed, or ProjectUnknown of a deleted one, if nothing can be added to it."""
    if project_id is None:
        return
    row = Project.objects.only("state", "archived_at", "deleted_at").filter(pk=project_id).first()
    if row is not None:
        _refuse_ended(row, ProjectClosed())


def lock_unless_closed(*, project_id: int) -> Project:
    """Locks the project. Return it; raises as `require_not_closed` if it takes no more work."""
    row = Project.objects.select_for_update(no_key=True).get(pk=project_id)
    _refuse_ended(row, ProjectClosed("This project is closed, so its batches stay as they are. Reopen it first."))
    return row


def _refuse_ended(project: Project, closed: ProjectClosed) -> None:
    if project.deleted_at is not None:
        raise ProjectUnknown
    require_not_archived(project=project)
    if project.state == Project.State.CLOSED:
        raise closed


def require_not_archived(*, project: Project) -> None:
    """Raises ProjectArchived."""
    if project.archived_at is not None:
        raise ProjectArchived


def deleted_projects(*, project_ids: Collection[int]) -> set[int]:
    """Return the ids of those that are deleted."""
    rows = Project.objects.filter(pk__in=project_ids, deleted_at__isnull=False)
    return set(rows.values_list("pk", flat=True))


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


def last_change_of_instructions(*, project: Project) -> list[Paragraph]:
    """Return how the project's newest instructions differ from the version before; nothing without one."""
    versions = Instructions.objects.filter(project=project).order_by("-version")
    bodies = list(versions.values_list("body", flat=True)[:2])
    return differences(bodies[1], bodies[0]) if len(bodies) == 2 else []


def class_mapping(*, project_id: int) -> ClassMapping:
    """Return how the classes of answers are read now."""
    rows = Project.objects.filter(pk=project_id).values_list("schema__mapping", flat=True)
    return ClassMapping.from_json(rows.first() or {})


def mapping_of(schema: LabelSchema | None) -> ClassMapping:
    """Return how the classes of answers are read with this version of the schema."""
    return AS_THEY_ARE if schema is None else ClassMapping.from_json(schema.mapping)


def object_tools_of(*, project: Project) -> tuple[str, ...]:
    """Return the tools that draw objects in the project; none if it has no schema yet."""
    return tuple(name for name in project.schema.body["tools"] if name in SHAPES) if project.schema else ()
