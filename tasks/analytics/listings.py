"""Queries that the managers' pages share. Read-only."""

import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from functools import reduce
from operator import or_
from typing import Any, overload
from uuid import UUID

from django.db.models import Count, Exists, OuterRef, Q, QuerySet

from accounts.models import Actor, Membership, Role
from accounts.selectors import COVERS
from projects.models import Project
from tasks.analytics.reports import QUALITY, cached_report
from tasks.annotation.models import Annotation
from tasks.batching.models import Batch, Task
from tasks.batching.selectors import count_tasks
from tasks.consensus.models import ConsensusLabel
from tasks.gold.models import Gold
from tasks.ingest.models import Image
from tasks.ingest.selectors import images_of
from tasks.pay.selectors import earned_by_project
from tasks.review.models import Review
from tasks.review.selectors import review_queue
from tasks.standing.models import Standing

IMAGE_STATES = {
    "": "All",
    "open": "Waiting",
    "answered": "Answered",
    "approved": "Approved",
    "check": "Check images",
    "left_out": "Left out",
}


@dataclass(frozen=True, slots=True)
class ProjectRow:
    """A row of the list of projects. `role` is the signed-in person's; `spent` is in the project's currency."""

    project: Project
    role: str
    images: int
    answered: int
    approved: int
    workers: int
    spent: Decimal

    @property
    def is_manager(self) -> bool:
        return Role.MANAGER in COVERS[self.role]


def project_rows(*, actor: Actor, projects: Sequence[Project]) -> list[ProjectRow]:
    """Return the rows with a fixed number of queries, however many projects are on the page."""
    roles = dict(Membership.objects.filter(actor=actor).values_list("organisation_id", "role"))
    tasks = count_tasks(projects=projects)
    standings = Standing.objects.filter(project__in=projects).exclude(state=Standing.State.REMOVED)
    workers = dict(standings.order_by().values_list("project_id").annotate(Count("pk")))
    spent = earned_by_project(projects=projects)
    rows = []
    for project in projects:
        states = tasks[project.pk]
        images = sum(states.values())
        rows.append(
            ProjectRow(
                project=project,
                role=roles[project.organisation_id],
                images=images,
                answered=images - states.get(Task.State.OPEN, 0),
                approved=states.get(Task.State.APPROVED, 0),
                workers=workers.get(project.pk, 0),
                spent=spent.get(project.pk, Decimal(0)),
            )
        )
    return rows


class ImageList(Sequence[Image]):
    """The dataset's images in order of arrival, filtered by the task's `state` (a key of IMAGE_STATES), its batch and
    a part of the image's name; or the images that a worker has answered, newest answer first, without check images.

    The ids of a slice are read first, from an index alone, so that a page deep in the list costs little more than the
    first; only then are its rows.
    """

    def __init__(
        self, *, project: Project, state: str, name: str, batch: Batch | None = None, worker: UUID | None = None
    ) -> None:
        images = images_of(project=project)
        ids: QuerySet[Any, int] = images.values_list("pk", flat=True)
        if worker is not None:
            answers = Annotation.objects.filter(
                project=project, actor__public_id=worker, task__isnull=False, is_current=True, source="worker"
            )
            ids = answers.order_by("-pk").values_list("task__image_id", flat=True)
        elif state == "check":
            golds = Gold.objects.filter(project=project, state=Gold.State.ACTIVE)
            ids = golds.order_by("image_id").values_list("image_id", flat=True)
        elif state or batch:
            tasks = Task.objects.filter(project=project)
            if state:
                check = Task.objects.filter(project=project, wanted=0).exclude(state=Task.State.LEFT_OUT)
                tasks = tasks.filter(state=state).exclude(pk__in=check.values("pk"))
            ids = tasks.order_by("image_id").values_list("image_id", flat=True)
        if worker is not None and batch is not None:
            ids = ids.filter(task__batch=batch)
        elif batch is not None and state == "check":
            ids = ids.filter(image__in=Task.objects.filter(batch=batch).values("image_id"))
        elif batch is not None:
            ids = ids.filter(batch=batch)
        if name:
            image = "task__image__" if worker else "image__" if state or batch else ""
            ids = ids.filter(_has_name(f"{image}source_key", name))
        self._ids, self._images = ids, images

    def __len__(self) -> int:
        return self._ids.count()

    @overload
    def __getitem__(self, index: int) -> Image: ...
    @overload
    def __getitem__(self, index: slice) -> list[Image]: ...
    def __getitem__(self, index: int | slice) -> Image | list[Image]:
        if isinstance(index, slice):
            order = {pk: place for place, pk in enumerate(self._ids[index])}
            return sorted(self._images.filter(pk__in=list(order)), key=lambda image: order[image.pk])
        return self._images.get(pk=self._ids[index])


def _has_name(field: str, part: str) -> Q:
    """Names of older imports may not be in NFC, so both forms are searched for."""
    forms = {unicodedata.normalize(form, part) for form in ("NFC", "NFD")}
    return reduce(or_, (Q(**{f"{field}__icontains": form}) for form in sorted(forms)))


def image_cards(*, project: Project, images: Sequence[Image]) -> list[dict[str, Any]]:
    """Return each image with its task and whether it is a gold image."""
    tasks = {task.image_id: task for task in Task.objects.filter(project=project, image__in=images)}
    active = Gold.objects.filter(project=project, image__in=images, state=Gold.State.ACTIVE)
    gold_images = set(active.values_list("image_id", flat=True))
    return [{"image": image, "task": tasks.get(image.pk), "is_check": image.pk in gold_images} for image in images]


def doubtful_labels(*, project: Project, batch: Batch | None = None) -> list[ConsensusLabel]:
    """Return the labels that the quality report finds most likely wrong, except those decided by a person since.

    Like the report's list they are few, lowest confidence first.
    """
    body = cached_report(QUALITY, project=project)
    task_ids = [row["task"] for row in body.get("doubtful", [])] if body else []
    decided = Review.objects.filter(label=OuterRef("pk"), is_current=True, by_policy=False)
    labels = review_queue(project=project, batch=batch, state="all").filter(task__public_id__in=task_ids)
    return list(labels.exclude(task__state__in=[Task.State.OPEN, Task.State.LEFT_OUT]).exclude(Exists(decided)))
