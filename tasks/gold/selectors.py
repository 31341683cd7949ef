"""Queries on gold, for managers. What claims read is in `gold.sites`."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypedDict
from uuid import UUID

from django.db.models import Count, Q, QuerySet

from kernel.errors import NotFound
from projects.models import Project
from tasks.gold.models import Gold, GoldResult
from tasks.ingest.models import Image
from tasks.repair.selectors import is_repaired, void

if TYPE_CHECKING:
    from django_stubs_ext import WithAnnotations

    class GoldCounts(TypedDict):
        seen: int
        correct: int


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


def results_of(*, gold: Gold) -> QuerySet[GoldResult]:
    """Return the results of answers to this gold, newest first, with the worker."""
    return GoldResult.objects.filter(gold=gold).select_related("worker", "worker__user").order_by("-pk")


def suspended_golds(*, project: Project) -> QuerySet[Gold]:
    """Return the project's suspended gold, the latest first, with its image."""
    rows = Gold.objects.filter(project=project, state=Gold.State.SUSPENDED)
    return rows.select_related("image").order_by("-suspended_at", "-pk")
