"""Queries on gold, for managers and for claims."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypedDict
from uuid import UUID

from django.db.models import Count, Q, QuerySet

from kernel.errors import NotFound
from kernel.statements import run_prepared
from projects.models import Project
from tasks.gold.models import Gold
from tasks.ingest.models import Image
from tasks.repair.selectors import is_repaired, void

if TYPE_CHECKING:
    from django_stubs_ext import WithAnnotations

    class GoldCounts(TypedDict):
        seen: int
        correct: int


# Ties in exposure are broken at random, or all workers would get the same gold in the same order. The window is in
# random order too, and keeps the sort small in projects with much gold; the largest hand contains no more gold than
# this. It is a literal in the statement: with a parameter PostgreSQL found each custom plan cheaper than the generic
# one and replanned every time.
WINDOW = 50

# The worker's earlier gold is read once, from an index that covers gold only. Tasks are looked up by subselects of at
# most one row, not by NOT EXISTS: see tasks.assignment.claiming.
UNSEEN_GOLD = f"""
SELECT c.id, c.image_id, i.width, i.height, i.rendition_id
FROM (
    SELECT w.id, w.image_id FROM (
        SELECT g.id, g.image_id, g.exposure FROM tasks_gold g
        WHERE g.project_id = %(project)s AND g.state = 'active' AND NOT g.is_set_aside
          AND g.id NOT IN (
              SELECT a.gold_id FROM tasks_assignment a WHERE a.worker_id = %(worker)s AND a.gold_id IS NOT NULL)
          AND (
              SELECT 1 FROM tasks_task t
              WHERE t.project_id = g.project_id AND t.image_id = g.image_id AND (
                  (t.state = 'open' OR t.asked_again) AND t.taken < t.wanted
                  OR EXISTS (
                      SELECT 1 FROM tasks_assignment a WHERE a.task_id = t.id AND a.worker_id = %(worker)s))) IS NULL
        ORDER BY g.exposure, g.order_key
        LIMIT {WINDOW}
    ) w
    ORDER BY w.exposure, random()
    LIMIT %(count)s
) c
JOIN tasks_image i ON i.id = c.image_id
"""  # noqa: S608


@dataclass(frozen=True, slots=True)
class UnseenGold:
    """A gold image that the worker has had neither as gold nor as work; width and height of the upright frame."""

    id: int
    image_id: int
    width: int
    height: int
    rendition_id: int


def unseen_golds(*, project_id: int, worker_id: int, count: int) -> Sequence[UnseenGold]:
    """Return up to `count` of the least exposed active gold images that are new to this worker.

    Gold whose image is also a task with open slots is left out: the same hand could contain it as both.
    """
    params = {"project": project_id, "worker": worker_id, "count": count}
    return [UnseenGold(*row) for row in run_prepared(UNSEEN_GOLD, params)]


def golds_of(*, project: Project, state: str | None = None) -> QuerySet[WithAnnotations[Gold, GoldCounts]]:
    """Return the project's gold, newest first, each with `seen` (settled answers) and `correct` (the correct ones)."""
    golds = Gold.objects.filter(project=project).select_related("image").order_by("-id")
    if state is not None:
        golds = golds.filter(state=state)
    counts = Q(results__isnull=False)
    if is_repaired(project_id=project.pk):
        counts = Q(counts, ~void(assignment="results__assignment__"))
    return golds.annotate(
        seen=Count("results", filter=counts), correct=Count("results", filter=counts & Q(results__correct=True))
    )


def count_golds(*, project: Project, state: str) -> int:
    """Return the number of the project's gold images in this state."""
    return Gold.objects.filter(project=project, state=state).count()


def gold_of_image(*, project: Project, image: Image) -> Gold | None:
    """Return the active gold of an image, if it is gold."""
    return Gold.objects.filter(project=project, image=image, state=Gold.State.ACTIVE).first()


def gold_for(*, project: Project, public_id: UUID) -> Gold:
    gold = Gold.objects.filter(project=project, public_id=public_id).select_related("image").first()
    if gold is None:
        raise NotFound("This project has no such check image. Choose one from its list of check images.")
    return gold
