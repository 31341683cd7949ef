"""Reading gold: for managers, and for a claim."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypedDict
from uuid import UUID

from django.db.models import Count, Q, QuerySet

from kernel.errors import NotFound
from kernel.prepared import run_prepared
from projects.models import Project
from tasks.gold.models import Gold

if TYPE_CHECKING:
    from django_stubs_ext import WithAnnotations

    class Figures(TypedDict):
        seen: int
        correct: int


# Ties in exposure are broken at random, or all workers would meet the same check images in the same order. The window
# keeps the sort small in a project with many; the largest set holds no more check images. It stands in the statement as
# a number, because with a parameter for it PostgreSQL found each new plan cheaper than the kept one and planned anew.
WINDOW = 50

# What the worker had is read once, from an index of check images alone. The tasks are looked up by subselects of one
# row at most, not NOT EXISTS: see tasks.assignment.claiming.
UNSEEN = f"""
SELECT w.id, w.image_id, i.width, i.height, i.rendition_id
FROM (
    SELECT g.id, g.image_id, g.exposure FROM tasks_gold g
    WHERE g.project_id = %(project)s AND g.state = 'active'
      AND g.id NOT IN (
          SELECT a.gold_id FROM tasks_assignment a WHERE a.worker_id = %(worker)s AND a.gold_id IS NOT NULL)
      AND (
          SELECT 1 FROM tasks_task t
          WHERE t.project_id = g.project_id AND t.image_id = g.image_id AND (
              t.state = 'open' AND t.taken < t.wanted
              OR EXISTS (SELECT 1 FROM tasks_assignment a WHERE a.task_id = t.id AND a.worker_id = %(worker)s))) IS NULL
    ORDER BY g.exposure
    LIMIT {WINDOW}
) w
JOIN tasks_image i ON i.id = w.image_id
ORDER BY w.exposure, random()
LIMIT %(count)s
"""  # noqa: S608


@dataclass(frozen=True, slots=True)
class UnseenGold:
    """A check image that the worker has met neither as gold nor as work; the upright frame in pixels."""

    id: int
    image_id: int
    width: int
    height: int
    rendition_id: int


def unseen_golds(*, project_id: int, worker_id: int, count: int) -> Sequence[UnseenGold]:
    """Up to `count` of the least exposed active golds that are new to this worker.

    One whose image is work with open places is left out: the same hand could give it as both.
    """
    params = {"project": project_id, "worker": worker_id, "count": count}
    return [UnseenGold(*row) for row in run_prepared(UNSEEN, params)]


def golds_of(*, project: Project, state: str | None = None) -> QuerySet[WithAnnotations[Gold, Figures]]:
    """The project's check images, newest first, each with `seen` and `correct`: settled answers, and the right ones."""
    golds = Gold.objects.filter(project=project).select_related("image").order_by("-id")
    if state is not None:
        golds = golds.filter(state=state)
    return golds.annotate(seen=Count("results"), correct=Count("results", filter=Q(results__correct=True)))


def gold_for(*, project: Project, public_id: UUID) -> Gold:
    gold = Gold.objects.filter(project=project, public_id=public_id).select_related("image").first()
    if gold is None:
        raise NotFound("There is no check image under that name in this project.")
    return gold
