"""Queries on batches and tasks."""

import uuid

from django.db.models import Count, Q, QuerySet

from kernel.errors import NotFound
from projects.models import Project
from tasks.batching.models import Batch, Task


class BatchNotFound(NotFound):
    """This project has no such batch; choose one from the project's list of batches."""

    code = "batch_unknown"


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


def batch_for(*, project: Project, public_id: uuid.UUID | str) -> Batch:
    """Return the batch with this id. Raises BatchNotFound."""
    try:
        return Batch.objects.get(project=project, public_id=uuid.UUID(str(public_id)))
    except (Batch.DoesNotExist, ValueError) as error:
        raise BatchNotFound from error


def tasks_of(*, project: Project) -> QuerySet[Task]:
    """Return the project's tasks in order of creation, with image and batch."""
    return Task.objects.filter(project=project).select_related("image__thumb", "batch").order_by("id")
