"""Queries on batches and tasks."""

import uuid
from collections.abc import Collection

from django.db.models import Count, Q, QuerySet

from kernel.errors import NotFound
from projects.models import Project
from tasks.batching.models import Batch, Task


class BatchNotFound(NotFound):
    """This project has no such batch. Choose one from the project's list of batches."""

    code = "batch_unknown"


class TaskNotFound(NotFound):
    """This image is not in this project, or it was removed."""

    code = "task_unknown"


def batches_of(*, project: Project) -> QuerySet[Batch]:
    """Return the project's batches in claim order, each with `tasks_count`, `tasks_answered`, `tasks_approved`."""
    answered = Q(tasks__state__in=(Task.State.ANSWERED, Task.State.APPROVED))
    return (
        Batch.objects.filter(project=project)
        .annotate(
            tasks_count=Count("tasks"),
            tasks_answered=Count("tasks", filter=answered),
            tasks_approved=Count("tasks", filter=Q(tasks__state=Task.State.APPROVED)),
        )
        .order_by("-priority", "number")
    )


def batches_by_number(*, project: Project) -> QuerySet[Batch]:
    """Return the project's batches in the order in which they were created."""
    return Batch.objects.filter(project=project).order_by("number")


def batch_numbers(*, project: Project, public_ids: Collection[str]) -> dict[str, int]:
    """Return {public id: number} of those batches that are in the project."""
    rows = Batch.objects.filter(project=project, public_id__in=public_ids).values_list("public_id", "number")
    return {str(public_id): number for public_id, number in rows}


def batch_for(*, project: Project, public_id: uuid.UUID | str) -> Batch:
    """Return the batch with this id. Raises BatchNotFound."""
    try:
        return Batch.objects.get(project=project, public_id=uuid.UUID(str(public_id)))
    except (Batch.DoesNotExist, ValueError) as error:
        raise BatchNotFound from error


def tasks_of(*, project: Project) -> QuerySet[Task]:
    """Return the project's tasks in the order of upload of their images, with image and batch."""
    return Task.objects.filter(project=project).select_related("image__thumb", "batch").order_by("image_id")


def task_for(*, project: Project, public_id: uuid.UUID | str) -> Task:
    """Return the task with this id, with image and batch. Raises TaskNotFound."""
    rows = Task.objects.select_related("image", "batch", "project")
    try:
        return rows.get(project=project, public_id=uuid.UUID(str(public_id)))
    except (Task.DoesNotExist, ValueError) as error:
        raise TaskNotFound from error


def tasks_with_images(*, project: Project, public_ids: Collection[str]) -> dict[str, Task]:
    """Return {public id: task with its image} for those tasks that are in the project."""
    rows = Task.objects.filter(project=project, public_id__in=[uuid.UUID(key) for key in public_ids])
    return {str(row.public_id): row for row in rows.select_related("image")}
