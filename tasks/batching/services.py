"""Batches and their tasks: create, open, pause and prioritize them, and change the number of answers wanted.

Locks are taken in the same order everywhere: project, batch, task. Claims lock batch and task in that order too.
"""

import random
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.db import connection, transaction
from django.db.models import Count, F, Max, Sum

from accounts.teams import lock_team, team_for
from kernel.clock import ClockTimestamp, database_now, rfc3339
from kernel.errors import TransitionRefused
from kernel.events import record_event
from projects.lifecycle import announce_work
from projects.models import Project
from projects.selectors import lock_unless_closed
from tasks.batching.errors import DeadlineRefused, PriorityRefused
from tasks.batching.groups import MAX_RUN, Run
from tasks.batching.locks import lock_task_with_batch
from tasks.batching.models import Batch, Task
from tasks.ingest.models import Image

PRIORITIES = (-1000, 1000)
#: A deadline further ahead is a mistake in the year.
MAX_DEADLINE = timedelta(days=3650)

_rng = random.SystemRandom()


@dataclass(frozen=True, slots=True)
class _Place:
    """Where the tasks of a run go: their batch, and the order key that they share; None gives a single one its own."""

    batch_id: int
    order_key: float | None


def create_tasks(*, project: Project, images: Iterable[Image]) -> int:
    """Locks the project. Create a task for every image that has none yet, each by itself; return how many were created.

    See `create_runs`.
    """
    return create_runs(project=project, runs=[Run("", (image.pk,)) for image in images])


@transaction.atomic
def create_runs(*, project: Project, runs: Iterable[Run]) -> int:
    """Locks the project. Create a task for every image that has none yet; return how many were created.

    The tasks fill the last draft batch up to the project's batch size, then new draft batches. Concurrent imports
    take turns at the lock, so neither leaves a batch half full. The runs are distributed at random: in a batch cut
    from one folder, gold from the other folders would stand out. A run stays in one batch, which it may overfill; one
    of a group that is in a draft batch already joins it there, if both make up one run.
    """
    row = Project.objects.select_for_update(no_key=True).get(pk=project.pk)
    remaining = _without_tasks(row, list(runs))
    created = sum(len(run.image_ids) for run in remaining)
    places = _join_groups(row, remaining)
    others = [number for number in range(len(remaining)) if number not in places]
    places |= _distribute(row, {number: remaining[number] for number in _rng.sample(others, len(others))})
    Task.objects.bulk_create(
        _task(row, places[number], image_id) for number, run in enumerate(remaining) for image_id in run.image_ids
    )
    if created:
        Project.objects.filter(pk=row.pk).update(images_count=F("images_count") + created)
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


def set_priority(*, batch: Batch, priority: int) -> Batch:
    """Locks the project. Set a batch's priority; batches with a higher priority are claimed first.

    Raises PriorityRefused, ProjectClosed and ProjectArchived.
    """
    return change_batch(batch=batch, changes={"priority": priority})


def set_deadline(*, batch: Batch, deadline_at: datetime | None) -> Batch:
    """Locks the project. Set when the batch's answers should be in, or nothing with None.

    Among batches of one priority the earliest deadline is claimed first, those without one last. Raises
    DeadlineRefused, ProjectClosed and ProjectArchived.
    """
    return change_batch(batch=batch, changes={"deadline_at": deadline_at})


@transaction.atomic
def change_batch(*, batch: Batch, changes: Mapping[str, Any]) -> Batch:
    """Locks the project. Set `priority`, `deadline_at` and `team`, as far as they are among the changes, all or none.

    `team` is the public id of a team of the organization that the batch is kept for, or None. Its members alone get its
    images from now on; sets of others stay theirs. Raises like `set_priority` and `set_deadline`, and NotFound.
    """
    values: dict[str, Any] = {}
    if "priority" in changes:
        values["priority"] = _read_priority(changes["priority"])
    if "deadline_at" in changes:
        values["deadline_at"] = _read_deadline(changes["deadline_at"])
    if "team" in changes:
        values["team_id"] = _team_id(batch, changes["team"])
    lock_unless_closed(project_id=batch.project_id)
    row = Batch.objects.get(pk=batch.pk)
    if "team_id" in values and values["team_id"] != row.team_id:
        data = {"batch": str(row.public_id), "team": str(changes["team"]) if changes["team"] else None}
        record_event(project_id=row.project_id, kind="batch.kept", data=data)
        Batch.objects.filter(pk=row.pk).update(team=values["team_id"])
        row = Batch.objects.get(pk=row.pk)
    values.pop("team_id", None)
    if any(getattr(row, name) != value for name, value in values.items()):
        Batch.objects.filter(pk=row.pk).update(**values)
        row = Batch.objects.get(pk=row.pk)
        record_scheduled(row)
    return row


def _team_id(batch: Batch, public_id: str | UUID | None) -> int | None:
    """Locks the team, so that it is not archived meanwhile. Return its row id."""
    if not public_id:
        return None
    organisation = batch.project.organisation
    return lock_team(team_id=team_for(organisation=organisation, public_id=public_id).pk).pk


def record_scheduled(row: Batch | Project) -> None:
    """Record the priority and the deadline, which have changed, of a batch or of a project."""
    data = {"priority": row.priority, "deadline_at": rfc3339(row.deadline_at) if row.deadline_at else None}
    if isinstance(row, Batch):
        record_event(project_id=row.project_id, kind="batch.scheduled", data={"batch": str(row.public_id), **data})
    else:
        record_event(project_id=row.pk, kind="project.scheduled", data=data)


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


def _read_priority(priority: Any) -> int:
    low, high = PRIORITIES
    if isinstance(priority, bool) or not isinstance(priority, int) or not low <= priority <= high:
        raise PriorityRefused
    return priority


def _read_deadline(deadline_at: datetime | None) -> datetime | None:
    if deadline_at is not None:
        if deadline_at.tzinfo is None:
            raise DeadlineRefused("The deadline must say its time zone. Add Z for UTC, or an offset such as +02:00.")
        if not timedelta() < deadline_at - database_now() < MAX_DEADLINE:
            raise DeadlineRefused
    return deadline_at


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


def _without_tasks(project: Project, runs: Sequence[Run]) -> list[Run]:
    """Needs the project's lock. Return the runs without images that have a task, or that are in an earlier run."""
    image_ids = [image_id for run in runs for image_id in run.image_ids]
    seen = set(Task.objects.filter(project=project, image_id__in=image_ids).values_list("image_id", flat=True))
    remaining: list[Run] = []
    for run in runs:
        if new := tuple(image_id for image_id in dict.fromkeys(run.image_ids) if image_id not in seen):
            seen.update(new)
            remaining.append(Run(run.group, new))
    return remaining


def _task(project: Project, place: _Place, image_id: int) -> Task:
    shared = {} if place.order_key is None else {"order_key": place.order_key}
    return Task(project=project, batch_id=place.batch_id, image_id=image_id, wanted=project.answers_min, **shared)


def _join_groups(project: Project, runs: Sequence[Run]) -> dict[int, _Place]:
    """Needs the project's lock; locks draft batches by ascending id. Find places for runs of groups that are in a draft
    batch, by their number, and add their slots. No batch grows by more than one run above its size.
    """
    groups = {run.group for run in runs if run.group}
    if not groups:
        return {}
    drafts = Task.objects.filter(project=project, batch__state=Batch.State.DRAFT).order_by()
    members = drafts.filter(image__dataset=project.dataset_id, image__group_key__in=groups).exclude(image__group_key="")
    present = members.values_list("image__group_key", "batch_id", "order_key").annotate(tasks=Count("pk"))
    sizes = {(group, _Place(batch_id, order_key)): tasks for group, batch_id, order_key, tasks in present}
    batch_ids = {place.batch_id for _, place in sizes}
    totals = Counter(dict(drafts.filter(batch__in=batch_ids).values_list("batch_id").annotate(tasks=Count("pk"))))
    places: dict[int, _Place] = {}
    added: Counter[int] = Counter()
    for number, run in enumerate(runs):
        images = len(run.image_ids)
        for (group, place), tasks in sizes.items():
            total = totals[place.batch_id] + images
            if group == run.group and tasks + images <= MAX_RUN and total <= project.batch_size + MAX_RUN:
                places[number] = place
                sizes[group, place] += images
                totals[place.batch_id] += images
                added[place.batch_id] += images
                break
    _add_slots(project, added)
    return places


def _distribute(project: Project, runs: Mapping[int, Run]) -> dict[int, _Place]:
    """Needs the project's lock. Find places for these runs, by their number, and add their slots to draft batches."""
    places: dict[int, _Place] = {}
    added: Counter[int] = Counter()
    batch, room = _draft_with_room(project) if runs else (None, 0)
    for number, run in runs.items():
        if batch is None or room <= 0:
            batch, room = _next_batch(project), project.batch_size
        images = len(run.image_ids)
        places[number] = _Place(batch.pk, _rng.random() if images > 1 else None)
        added[batch.pk] += images
        room -= images
    _add_slots(project, added)
    return places


def _add_slots(project: Project, images: Mapping[int, int]) -> None:
    """Locks draft batches by ascending id. Add the slots of this many images to each, {batch id: images}."""
    for batch_id in sorted(images):
        wanted = F("wanted") + project.answers_min * images[batch_id]
        Batch.objects.filter(pk=batch_id).update(wanted=wanted, generation=F("generation") + 1)


def _record_opened(batches: Sequence[Batch]) -> None:
    for row in batches:
        record_event(project_id=row.project_id, kind="batch.opened", data={"batch": str(row.public_id)})
    for project_id in {row.project_id for row in batches}:
        announce_work(project_id=project_id)
