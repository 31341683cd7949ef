"""Batches and their tasks: create, open, pause and prioritize them, and change the number of answers wanted.

Locks are taken in the same order everywhere: project, batch, task. Claims lock batch and task in that order too.
"""

import random
from collections.abc import Iterable, Sequence
from typing import Any

from django.db import connection, transaction
from django.db.models import F, Max, Sum

from kernel.clock import ClockTimestamp
from kernel.errors import TransitionRefused
from kernel.events import record_event
from projects.models import Project
from projects.selectors import lock_unless_closed
from tasks.batching.errors import PriorityRefused
from tasks.batching.locks import lock_task_with_batch
from tasks.batching.models import Batch, Task
from tasks.ingest.models import Image

PRIORITIES = (-1000, 1000)

_rng = random.SystemRandom()


@transaction.atomic
def create_tasks(*, project: Project, images: Iterable[Image]) -> int:
    """Locks the project. Create a task for every image that has none yet; return how many were created.

    The tasks fill the last draft batch up to the project's batch size, then new draft batches. Concurrent imports
    take turns at the lock, so neither leaves a batch half full. The images are distributed at random: in a batch cut
    from one folder, gold from the other folders would stand out.
    """
    image_ids = [image.pk for image in images]
    row = Project.objects.select_for_update(no_key=True).get(pk=project.pk)
    existing = set(Task.objects.filter(project=row, image_id__in=image_ids).values_list("image_id", flat=True))
    remaining = [pk for pk in dict.fromkeys(image_ids) if pk not in existing]
    created = len(remaining)
    batches = _distribute(row, _rng.sample(remaining, created))
    Task.objects.bulk_create(
        Task(project=row, batch=batches[image_id], image_id=image_id, wanted=row.answers_min) for image_id in remaining
    )
    if created:
        record_event(project_id=row.pk, kind="tasks.made", tasks=created, places=created * row.answers_min)
    return created


@transaction.atomic
def open_batch(*, batch: Batch) -> Batch:
    """Locks the project. Open a batch: draft | paused -> open.

    Raises TransitionRefused, ProjectClosed and ProjectArchived.
    """
    lock_unless_closed(project_id=batch.project_id)
    sources = (Batch.State.DRAFT, Batch.State.PAUSED)
    moved = Batch.objects.filter(pk=batch.pk, state__in=sources).update(
        state=Batch.State.OPEN, opened_at=ClockTimestamp()
    )
    row = Batch.objects.get(pk=batch.pk)
    if not moved:
        raise TransitionRefused(f"Batch {row.number} is {row.get_state_display().lower()}. Reload the page.")
    _record_opened([row])
    return row


@transaction.atomic
def open_all_batches(*, project: Project) -> int:
    """Locks the project. Open every draft batch; return how many were opened. Paused batches stay paused.

    Raises ProjectClosed and ProjectArchived.
    """
    lock_unless_closed(project_id=project.pk)
    drafts = list(
        Batch.objects.select_for_update(no_key=True).filter(project=project, state=Batch.State.DRAFT).order_by("id")
    )
    Batch.objects.filter(pk__in=[row.pk for row in drafts]).update(state=Batch.State.OPEN, opened_at=ClockTimestamp())
    _record_opened(drafts)
    return len(drafts)


@transaction.atomic
def pause_batch(*, batch: Batch) -> Batch:
    """Locks the project. Pause a batch, open -> paused: no new claims, but live hands can be finished.

    Raises TransitionRefused, ProjectClosed and ProjectArchived.
    """
    lock_unless_closed(project_id=batch.project_id)
    moved = Batch.objects.filter(pk=batch.pk, state=Batch.State.OPEN).update(state=Batch.State.PAUSED)
    row = Batch.objects.get(pk=batch.pk)
    if not moved:
        raise TransitionRefused(
            f"Batch {row.number} is {row.get_state_display().lower()}. Only an open batch can be paused."
        )
    record_event(project_id=row.project_id, kind="batch.paused", data={"batch": str(row.public_id)})
    return row


@transaction.atomic
def set_priority(*, batch: Batch, priority: int) -> Batch:
    """Locks the project. Set a batch's priority; batches with a higher priority are claimed first.

    Raises PriorityRefused, ProjectClosed and ProjectArchived.
    """
    low, high = PRIORITIES
    if isinstance(priority, bool) or not isinstance(priority, int) or not low <= priority <= high:
        raise PriorityRefused
    lock_unless_closed(project_id=batch.project_id)
    Batch.objects.filter(pk=batch.pk).update(priority=priority)
    return Batch.objects.get(pk=batch.pk)


@transaction.atomic
def close_slots(*, task: Task) -> int:
    """Locks the batch, then the task. Close the task's open slots, lowering `wanted` to `taken`; return how many."""
    _, row = lock_task_with_batch(task_id=task.pk)
    change_wanted(task=row, to=row.taken)
    return row.wanted - row.taken


def change_wanted(*, task: Task, to: int, priority: int | None = None) -> None:
    """Needs the row locks of the batch and the task. Have the task get `to` answers, at least those it has.

    Raising it raises the generation of the batch too, so that workers who had exhausted the batch are offered it again.
    `priority` sets the task's position among those of its batch.
    """
    change = to - task.wanted
    if not change:
        return
    values: dict[str, Any] = {"wanted": to} if priority is None else {"wanted": to, "priority": priority}
    Task.objects.filter(pk=task.pk).update(**values)
    new_generation = 1 if change > 0 else 0
    Batch.objects.filter(pk=task.batch_id).update(
        wanted=F("wanted") + change, generation=F("generation") + new_generation
    )
    data = {"task": str(task.public_id)}
    record_event(project_id=task.project_id, kind="places.changed", data=data, places=change)


def close_answered_slots(*, batch: Batch) -> int:
    """Needs the row locks of the batch and its tasks. Close the open slots of all its tasks that are not open, also
    of approved ones that are asked again.

    Live leases count as taken and keep their slots. Returns how many slots were closed.
    """
    Task.objects.filter(batch=batch, asked_again=True).update(asked_again=False)
    with_open_slots = Task.objects.filter(batch=batch, taken__lt=F("wanted")).exclude(state=Task.State.OPEN)
    closed: int = with_open_slots.aggregate(slots=Sum(F("wanted") - F("taken"), default=0))["slots"]
    if closed:
        with_open_slots.update(wanted=F("taken"))
        Batch.objects.filter(pk=batch.pk).update(wanted=F("wanted") - closed)
        data = {"batch": str(batch.public_id)}
        record_event(project_id=batch.project_id, kind="places.changed", data=data, places=-closed)
    return closed


def refresh_statistics() -> None:
    """Run ANALYZE after bulk inserts: tables analyzed while small keep plans that scan them (measured)."""
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE tasks_task, tasks_batch, tasks_image, tasks_importitem")


def _draft_with_room(project: Project) -> tuple[Batch | None, int]:
    """Locks the batch. Return the last draft batch and how many more tasks fit into it.

    Open batches are left alone, since workers may have exhausted them; the lock prevents a concurrent opening.
    """
    drafts = Batch.objects.select_for_update(no_key=True).filter(project=project, state=Batch.State.DRAFT)
    batch = drafts.order_by("-number").first()
    return (None, 0) if batch is None else (batch, project.batch_size - batch.tasks.count())


def _next_batch(project: Project) -> Batch:
    last = Batch.objects.filter(project=project).aggregate(last=Max("number"))["last"] or 0
    return Batch.objects.create(project=project, number=last + 1)


def _distribute(project: Project, image_ids: Sequence[int]) -> dict[int, Batch]:
    """Needs the project's lock. Add slots for these images to the draft batches; return {image id: its batch}."""
    batches: dict[int, Batch] = {}
    batch, room = _draft_with_room(project)
    while len(batches) < len(image_ids):
        if batch is None or room <= 0:
            batch, room = _next_batch(project), project.batch_size
        chunk = image_ids[len(batches) : len(batches) + room]
        batches |= dict.fromkeys(chunk, batch)
        wanted = F("wanted") + project.answers_min * len(chunk)
        Batch.objects.filter(pk=batch.pk).update(wanted=wanted, generation=F("generation") + 1)
        room -= len(chunk)
    return batches


def _record_opened(batches: Iterable[Batch]) -> None:
    for row in batches:
        record_event(project_id=row.project_id, kind="batch.opened", data={"batch": str(row.public_id)})
