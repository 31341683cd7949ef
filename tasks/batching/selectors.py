"""Queries on batches and tasks."""

import uuid
from collections.abc import Collection, Sequence
from typing import overload

from django.db.models import Count, Exists, F, Max, OuterRef, QuerySet, Subquery, Sum
from django.db.models.functions import Coalesce

from accounts.models import Team
from projects.models import Project
from tasks.batching.errors import BatchNotFound, TaskNotFound
from tasks.batching.models import Batch, Task
from tasks.ingest.models import Image

#: The approved images that the mean number of their answers is computed from.
NEWEST_APPROVED = 1_000
#: The order of claims, apart from batches that are nearly done: in a list these would move all the time.
IN_ORDER = ("-priority", F("deadline_at").asc(nulls_last=True), "number")


def batches_of(*, project: Project) -> QuerySet[Batch]:
    """Return the project's batches by urgency, each with `tasks_count`, `tasks_answered`, `tasks_approved`.

    Check images and images that are left out are not counted.
    """
    # Subqueries, which PostgreSQL runs for the batches of the page alone; joined, all tasks are counted for each page.
    tasks = Task.objects.filter(batch=OuterRef("pk"), wanted__gt=0).order_by().values("batch")
    states: dict[str, list[str]] = {
        "tasks_count": [Task.State.OPEN, Task.State.ANSWERED, Task.State.APPROVED],
        "tasks_answered": [Task.State.ANSWERED, Task.State.APPROVED],
        "tasks_approved": [Task.State.APPROVED],
    }
    counts = {
        name: Coalesce(Subquery(tasks.filter(state__in=each).values(count=Count("pk"))), 0)
        for name, each in states.items()
    }
    return Batch.objects.filter(project=project).select_related("team").annotate(**counts).order_by(*IN_ORDER)


class BatchList(Sequence[Batch]):
    """The batches of `batches_of`, for pages: tasks are counted for the batches of a slice, not for those before it."""

    def __init__(self, *, project: Project) -> None:
        self._batches = batches_of(project=project)
        self._ids = Batch.objects.filter(project=project).order_by(*IN_ORDER).values_list("pk", flat=True)

    def __len__(self) -> int:
        return self._ids.count()

    @overload
    def __getitem__(self, index: int) -> Batch: ...
    @overload
    def __getitem__(self, index: slice) -> list[Batch]: ...
    def __getitem__(self, index: int | slice) -> Batch | list[Batch]:
        if isinstance(index, slice):
            return list(self._batches.filter(pk__in=list(self._ids[index])))
        return self._batches.get(pk=self._ids[index])


def count_tasks(*, projects: Collection[Project]) -> dict[int, dict[str, int]]:
    """Return {project id: {state: number of tasks}}, read from indexes alone; states without tasks are left out.

    Check images are not counted: they are labeled by their owner, not by workers. Nor are images that are left out.
    """
    counts: dict[int, dict[str, int]] = {project.pk: {} for project in projects}
    tasks = Task.objects.filter(project__in=projects).order_by().values_list("project_id", "state")
    for project_id, state, number in tasks.annotate(tasks=Count("pk")):
        counts[project_id][state] = number
    for project in projects:
        counts[project.pk].pop(Task.State.LEFT_OUT, None)
    for project_id, state, number in tasks.filter(wanted=0).annotate(tasks=Count("pk")):
        # Between the two statements check images may have been made or redone.
        left = counts[project_id].pop(state, 0) - number
        if left > 0:
            counts[project_id][state] = left
    return counts


def count_check_tasks(*, project: Project) -> int:
    """Return how many tasks are those of check images, which `count_tasks` leaves out."""
    return Task.objects.filter(project=project, wanted=0).exclude(state=Task.State.LEFT_OUT).count()


def count_left_out(*, project: Project) -> int:
    """Return how many images a manager has left out: they need no label."""
    return Task.objects.filter(project=project, state=Task.State.LEFT_OUT).count()


def answers_per_approved(*, project: Project) -> float | None:
    """Return the mean number of answers of the newest approved images, check images left out; None without any."""
    approved = Task.objects.filter(project=project, state=Task.State.APPROVED).order_by("-image_id")
    newest = [(wanted, taken) for wanted, taken in approved.values_list("wanted", "taken")[:NEWEST_APPROVED]]
    work = [taken for wanted, taken in newest if wanted]
    return sum(work) / len(work) if work else None


def count_open_slots(*, project: Project) -> int:
    """Return how many answers the project's tasks still need, apart from live leases: open ones, and those asked again.

    Batches have the sums of their tasks, and few tasks that are answered have slots left.
    """
    left = Sum(F("wanted") - F("taken"), default=0)
    batches = Batch.objects.filter(project=project).aggregate(left=left)["left"]
    done = Task.objects.filter(project=project, taken__lt=F("wanted"), asked_again=False)
    done = done.exclude(state=Task.State.OPEN)
    return int(batches - done.aggregate(left=left)["left"])


def batch_by_number(*, project: Project, number: int) -> Batch | None:
    """Return the batch with this number, if there is one."""
    return Batch.objects.filter(project=project, number=number).first()


def last_batch_number(*, project: Project) -> int:
    """Return the number of the project's last batch, 0 without one."""
    last: int | None = Batch.objects.filter(project=project).aggregate(last=Max("number"))["last"]
    return last or 0


def batch_numbers(*, project: Project, public_ids: Collection[str]) -> dict[str, int]:
    """Return {public id: number} of those batches that are in the project."""
    rows = Batch.objects.filter(project=project, public_id__in=public_ids).values_list("public_id", "number")
    return {str(public_id): number for public_id, number in rows}


def kept_for(*, project_id: int) -> list[int]:
    """Return the row ids of the teams that open batches of the project are kept for."""
    open_batches = Batch.objects.filter(project_id=project_id, state=Batch.State.OPEN, team=OuterRef("pk"))
    teams = Team.objects.filter(organisation__projects=project_id, archived_at=None)
    return list(teams.filter(Exists(open_batches)).order_by("pk").values_list("pk", flat=True))


def batch_for(*, project: Project, public_id: uuid.UUID | str) -> Batch:
    """Return the batch with this id. Raises BatchNotFound."""
    try:
        return Batch.objects.get(project=project, public_id=uuid.UUID(str(public_id)))
    except (Batch.DoesNotExist, ValueError) as error:
        raise BatchNotFound from error


def tasks_of(*, project: Project) -> QuerySet[Task]:
    """Return the project's tasks in the order of upload of their images, with image and batch.

    `image_order` is the column of that order.
    """
    tasks = Task.objects.filter(project=project).select_related("image__thumb", "batch")
    return tasks.annotate(image_order=F("image_id")).order_by("image_id")


def task_of_image(*, project: Project, image: Image) -> Task | None:
    """Return the project's task for this image, with image and batch; None if it has none."""
    return Task.objects.select_related("image", "batch").filter(project=project, image=image).first()


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
