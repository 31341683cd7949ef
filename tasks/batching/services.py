"""Batches and their tasks: make, open, order, and how many answers they want.

Locks are taken in one order everywhere: project, batch, task; claims take batch and task in that order too.
"""

from collections.abc import Iterable, Sequence

from django.db import connection, transaction
from django.db.models import F, Max, Sum

from kernel.clock import ClockTimestamp
from kernel.errors import Refused, TransitionRefused
from kernel.events import record_event
from projects.models import Project
from tasks.batching.models import Batch, Task
from tasks.ingest.models import Image

PRIORITIES = (-1000, 1000)


class PriorityRefused(Refused):
    """A priority is a whole number from -1,000 to 1,000; higher comes first."""

    code = "priority_refused"


@transaction.atomic
def make_tasks(*, project: Project, images: Iterable[Image]) -> int:
    """Locks the project. Make a task of every image that is none yet, and return how many were made.

    They fill the last draft batch up to the project's batch size, then new draft batches; imports that run side by
    side take turns at the lock, so no batch is left half full by either.
    """
    wanted_ids = [image.pk for image in images]
    row = Project.objects.select_for_update(no_key=True).get(pk=project.pk)
    known = set(Task.objects.filter(project=row, image_id__in=wanted_ids).values_list("image_id", flat=True))
    left = [pk for pk in dict.fromkeys(wanted_ids) if pk not in known]
    made = len(left)
    batch, room = _draft_with_room(row)
    while left:
        if batch is None or room <= 0:
            batch, room = _next_batch(row), row.batch_size
        chunk, left = left[:room], left[room:]
        _fill(row, batch, chunk)
        room -= len(chunk)
    if made:
        record_event(project_id=row.pk, kind="tasks.made", tasks=made, places=made * row.answers_min)
    return made


@transaction.atomic
def open_batch(*, batch: Batch) -> Batch:
    """draft | paused -> open. Raises TransitionRefused."""
    sources = (Batch.State.DRAFT, Batch.State.PAUSED)
    moved = Batch.objects.filter(pk=batch.pk, state__in=sources).update(
        state=Batch.State.OPEN, opened_at=ClockTimestamp()
    )
    row = Batch.objects.get(pk=batch.pk)
    if not moved:
        raise TransitionRefused(f"Batch {row.number} is {row.get_state_display().lower()}; load the page again.")
    _tell_opened([row])
    return row


@transaction.atomic
def open_all_batches(*, project: Project) -> int:
    """Locks the project. Open every draft batch; returns how many. Paused ones stay paused."""
    Project.objects.select_for_update(no_key=True).get(pk=project.pk)
    drafts = list(
        Batch.objects.select_for_update(no_key=True).filter(project=project, state=Batch.State.DRAFT).order_by("id")
    )
    Batch.objects.filter(pk__in=[row.pk for row in drafts]).update(state=Batch.State.OPEN, opened_at=ClockTimestamp())
    _tell_opened(drafts)
    return len(drafts)


@transaction.atomic
def pause_batch(*, batch: Batch) -> Batch:
    """open -> paused: no more of it is given out; what is in hands may be finished. Raises TransitionRefused."""
    moved = Batch.objects.filter(pk=batch.pk, state=Batch.State.OPEN).update(state=Batch.State.PAUSED)
    row = Batch.objects.get(pk=batch.pk)
    if not moved:
        raise TransitionRefused(f"Batch {row.number} is {row.get_state_display().lower()}; only an open one pauses.")
    record_event(project_id=row.project_id, kind="batch.paused", data={"batch": str(row.public_id)})
    return row


def set_priority(*, batch: Batch, priority: int) -> Batch:
    """Batches with a higher priority are given out first. Raises PriorityRefused."""
    low, high = PRIORITIES
    if isinstance(priority, bool) or not isinstance(priority, int) or not low <= priority <= high:
        raise PriorityRefused
    Batch.objects.filter(pk=batch.pk).update(priority=priority)
    return Batch.objects.get(pk=batch.pk)


@transaction.atomic
def raise_wanted(*, task_id: int, to: int, priority: int | None = None) -> bool:
    """Locks the batch, then the task. Raise the answers wanted of an open task to `to`; False when it wants that many.

    The batch's generation rises too, so that workers who had all of it are asked again. `priority` says how soon the
    task is given out among those of its batch.
    """
    batch_id, task = _lock_with_batch(task_id)
    more = to - task.wanted
    if more <= 0 or task.state != Task.State.OPEN:
        return False
    _change_places(task, batch_id, more)
    if priority is not None:
        Task.objects.filter(pk=task.pk).update(priority=priority)
    return True


@transaction.atomic
def close_places(*, task: Task) -> int:
    """Locks the batch, then the task. Lower the answers wanted to the places taken; returns how many were closed."""
    batch_id, row = _lock_with_batch(task.pk)
    fewer = row.wanted - row.taken
    if fewer > 0:
        _change_places(row, batch_id, -fewer)
    return fewer


def close_answered_places(*, batch: Batch) -> int:
    """Needs the row locks of the batch and its tasks. As `close_places`, for all of its tasks that are not open.

    Live leases count as taken and keep their places. Returns how many places were closed.
    """
    spare = Task.objects.filter(batch=batch, taken__lt=F("wanted")).exclude(state=Task.State.OPEN)
    fewer: int = spare.aggregate(places=Sum(F("wanted") - F("taken"), default=0))["places"]
    if fewer:
        spare.update(wanted=F("taken"))
        Batch.objects.filter(pk=batch.pk).update(wanted=F("wanted") - fewer)
        data = {"batch": str(batch.public_id)}
        record_event(project_id=batch.project_id, kind="places.changed", data=data, places=-fewer)
    return fewer


def refresh_statistics() -> None:
    """After many rows came at once: tables that were analysed while small keep plans that scan them (measured)."""
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE tasks_task, tasks_batch, tasks_image, tasks_importitem")


def _draft_with_room(project: Project) -> tuple[Batch | None, int]:
    """Locks the batch. The last draft batch and how many tasks fit into it.

    An open one is left alone, since workers may be done with it; the lock keeps this one from being opened meanwhile.
    """
    drafts = Batch.objects.select_for_update(no_key=True).filter(project=project, state=Batch.State.DRAFT)
    batch = drafts.order_by("-number").first()
    return (None, 0) if batch is None else (batch, project.batch_size - batch.tasks.count())


def _next_batch(project: Project) -> Batch:
    last = Batch.objects.filter(project=project).aggregate(last=Max("number"))["last"] or 0
    return Batch.objects.create(project=project, number=last + 1)


def _fill(project: Project, batch: Batch, image_ids: Sequence[int]) -> None:
    wanted = project.answers_min
    Task.objects.bulk_create(
        Task(project=project, batch=batch, image_id=image_id, wanted=wanted) for image_id in image_ids
    )
    Batch.objects.filter(pk=batch.pk).update(
        wanted=F("wanted") + wanted * len(image_ids), generation=F("generation") + 1
    )


def _lock_with_batch(task_id: int) -> tuple[int, Task]:
    batch_id = Task.objects.values_list("batch_id", flat=True).get(pk=task_id)
    Batch.objects.select_for_update(no_key=True).get(pk=batch_id)
    return batch_id, Task.objects.select_for_update(no_key=True).get(pk=task_id)


def _change_places(task: Task, batch_id: int, by: int) -> None:
    Task.objects.filter(pk=task.pk).update(wanted=F("wanted") + by)
    raised = 1 if by > 0 else 0
    Batch.objects.filter(pk=batch_id).update(wanted=F("wanted") + by, generation=F("generation") + raised)
    record_event(project_id=task.project_id, kind="places.changed", data={"task": str(task.public_id)}, places=by)


def _tell_opened(batches: Iterable[Batch]) -> None:
    for row in batches:
        record_event(project_id=row.project_id, kind="batch.opened", data={"batch": str(row.public_id)})
