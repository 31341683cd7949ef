"""Queries on changes of classes."""

from collections.abc import Sequence
from uuid import UUID

from django.db.models import QuerySet

from kernel.errors import NotFound
from projects.models import Project
from tasks.repair.change_models import ChangedRelease, ClassChange

IN_FORCE = (ClassChange.State.APPLYING, ClassChange.State.APPLIED)
UNFINISHED = (ClassChange.State.APPLYING, ClassChange.State.RESTORING)


def changes_of(*, project: Project) -> QuerySet[ClassChange]:
    """Return the project's changes of classes, newest first."""
    rows = ClassChange.objects.filter(project=project)
    return rows.select_related("project", "created_by", "undone_by", "before", "after").order_by("-pk")


def project_change(*, project: Project, public_id: UUID) -> ClassChange:
    """Return this change of the project. Raises NotFound."""
    change = changes_of(project=project).filter(public_id=public_id).first()
    if change is None:
        raise NotFound
    return change


def unfinished_change(*, project_id: int) -> ClassChange | None:
    """Return the change of the project's classes that is going on."""
    return ClassChange.objects.filter(project_id=project_id, state__in=UNFINISHED).first()


def last_in_force(*, project_id: int) -> ClassChange | None:
    """Return the newest change of the project's classes that is not undone: the only one that can be."""
    return ClassChange.objects.filter(project_id=project_id, state__in=IN_FORCE).order_by("-pk").first()


def changes_state(*, project_id: int) -> dict[int, str]:
    """Return {row id: state} of all changes of the project's classes."""
    return dict(ClassChange.objects.filter(project_id=project_id).values_list("pk", "state"))


def changes_of_releases(*, snapshot_ids: Sequence[int]) -> dict[int, list[ChangedRelease]]:
    """Return, by the row id of the release, the changes in force of classes that its labels have, oldest first."""
    marks: dict[int, list[ChangedRelease]] = {pk: [] for pk in snapshot_ids}
    rows = ChangedRelease.objects.filter(snapshot__in=snapshot_ids, change__state__in=IN_FORCE, labels__gt=0)
    for row in rows.select_related("change__before", "change__after").order_by("change_id"):
        marks[row.snapshot_id].append(row)
    return marks
