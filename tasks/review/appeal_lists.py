"""Queries on rejected answers and appeals: what a worker sees, and what waits for reviewers."""

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db.models import Count, Min, QuerySet

from accounts.models import Actor
from kernel.clock import ClockTimestamp
from kernel.errors import NotFound
from projects.models import Project
from tasks.annotation.models import Annotation
from tasks.assignment.models import Assignment
from tasks.consensus.label_methods import GOLD
from tasks.ingest.models import Image
from tasks.review.models import RejectedAnswer, Review
from tasks.standing.models import Standing

State = RejectedAnswer.State
SHOWN = (State.REJECTED, State.APPEALED, State.UPHELD, State.DENIED)
#: Rejected answers of a page; a day is never cut.
AT_ONCE = 200


def rejected_answers_of(*, worker: Actor, project: Project | None = None) -> QuerySet[RejectedAnswer]:
    """Return what the worker sees of their rejected answers, the newest day first, in a random order within a day; of
    one project or of all.

    Not those in projects that were archived or deleted, or that the worker was removed from.
    """
    mine = Standing.objects.filter(worker=worker, project__archived_at=None, project__deleted_at=None)
    mine = mine.exclude(state=Standing.State.REMOVED)
    rows = RejectedAnswer.objects.filter(worker=worker, state__in=SHOWN, shown_from__lte=ClockTimestamp())
    mine = mine if project is None else mine.filter(project=project)
    rows = rows.filter(project__in=mine.values("project"))
    # Never by the row's id: gold is drafted at another time than work.
    related = ("project", "project__schema", "assignment", "correction")
    return rows.select_related(*related).order_by("-shown_from", "public_id")


def kept_until(row: RejectedAnswer) -> datetime | None:
    """Return until when the worker's next set has the image to correct; None if it was not sent back, was taken, or
    goes to others."""
    correction = row.correction
    waits = correction is not None and correction.state == Assignment.State.LEASED and correction.position == 0
    return row.kept_until if row.is_kept and waits else None


def rejected_answers_page(
    *, rows: QuerySet[RejectedAnswer], before: datetime | None = None
) -> tuple[list[RejectedAnswer], datetime | None]:
    """Return about `AT_ONCE` of the rows that are shown since an earlier time than `before`, in whole days; and the
    time before which there are more, None if there are not."""
    rows = rows if before is None else rows.filter(shown_from__lt=before)
    found = list(rows[: AT_ONCE + 1])
    if len(found) <= AT_ONCE:
        return found, None
    first, last = found[0].shown_from, found[-1].shown_from
    if first == last:
        found = list(rows.filter(shown_from=last))
        return found, last if rows.filter(shown_from__lt=last).exists() else None
    kept = [row for row in found if row.shown_from != last]
    return kept, kept[-1].shown_from


def appealable_by_project(*, worker: Actor) -> list[dict[str, Any]]:
    """Return {project (public id), name, count, until} of the rejected answers that the worker may still appeal
    against; the time of the first ends at `until`."""
    rows = rejected_answers_of(worker=worker).filter(state=State.REJECTED, appeal_until__gt=ClockTimestamp())
    counts = rows.order_by("project__name", "project_id").values_list("project__public_id", "project__name")
    found = counts.annotate(Count("pk"), Min("appeal_until"))
    return [{"project": pk, "name": name, "count": n, "until": until} for pk, name, n, until in found]


def count_rejected(*, worker: Actor) -> dict[int, int]:
    """Return {project id: how many rejected answers the worker sees}, without those of later days."""
    rows = rejected_answers_of(worker=worker).order_by().values_list("project_id")
    return dict(rows.annotate(Count("pk")))


def appeals_of(*, project: Project) -> QuerySet[RejectedAnswer]:
    """Return the project's appeals, oldest first, with the image of each."""
    rows = RejectedAnswer.objects.filter(project=project, state__in=(State.APPEALED, State.UPHELD, State.DENIED))
    return _with_image(rows)


def waiting_appeals(*, project: Project) -> QuerySet[RejectedAnswer]:
    """Return the appeals that wait for a decision, oldest first."""
    return appeals_of(project=project).filter(state=State.APPEALED)


def decided_appeals(*, project: Project) -> QuerySet[RejectedAnswer]:
    """Return the appeals that were decided, newest decision first."""
    return appeals_of(project=project).filter(state__in=(State.UPHELD, State.DENIED)).order_by("-decided_at", "-pk")


def gold_drafts_of(*, project: Project) -> QuerySet[RejectedAnswer]:
    """Return the wrong answers to gold that a reviewer should reject with a reason or dismiss, oldest first."""
    return _with_image(RejectedAnswer.objects.filter(project=project, state=State.DRAFT))


def count_appeals(*, project: Project) -> int:
    """Return how many appeals wait for a decision."""
    return RejectedAnswer.objects.filter(project=project, state=State.APPEALED).count()


def appeal_for(*, public_id: UUID) -> RejectedAnswer:
    """Return an appeal with project and image. Raises NotFound."""
    rows = RejectedAnswer.objects.filter(state__in=(State.APPEALED, State.UPHELD, State.DENIED))
    row = _with_image(rows).filter(public_id=public_id).first()
    if row is None:
        raise NotFound
    return row


def image_of(row: RejectedAnswer) -> Image:
    """Return the image of a row that came with it."""
    assignment = row.assignment
    if assignment.task is not None:
        return assignment.task.image
    assert assignment.gold is not None
    return assignment.gold.image


def who_may_not_decide(*, actor: Actor, rows: Sequence[RejectedAnswer]) -> set[int]:
    """Return the row ids of the appeals that the actor may not decide: who rejected the answer, gave it, answered the
    image in any project, or gave another verdict on the rejected label or on the label of the check image."""
    images = {row.pk: image_of(row).pk for row in rows}
    answered = _answered(actor, set(images.values()))
    judged = _judged(actor, rows)
    return {
        row.pk
        for row in rows
        if actor.pk in (row.reviewer_id, row.worker_id) or images[row.pk] in answered or row.pk in judged
    }


def bodies_of(*, rows: Collection[RejectedAnswer]) -> dict[int, dict[str, object]]:
    """Return {row id of the assignment: the worker's answer}."""
    answers = Annotation.objects.filter(assignment__in=[row.assignment_id for row in rows], is_current=True)
    return {pk: body for pk, body in answers.values_list("assignment_id", "body") if pk is not None}


def _with_image(rows: QuerySet[RejectedAnswer]) -> QuerySet[RejectedAnswer]:
    images = ("assignment__task__image", "assignment__gold__image")
    rows = rows.select_related("project", "review__label", "worker", "reviewer", "decided_by", *images)
    return rows.order_by("pk")


def _answered(actor: Actor, images: set[int]) -> set[int]:
    own = Annotation.objects.filter(actor=actor, source=Annotation.Source.WORKER)
    of_task = own.filter(task__image__in=images).values_list("task__image_id", flat=True)
    of_gold = own.filter(gold__image__in=images).values_list("gold__image_id", flat=True)
    return {pk for pk in [*of_task, *of_gold] if pk is not None}


def _judged(actor: Actor, rows: Sequence[RejectedAnswer]) -> set[int]:
    own = Review.objects.filter(reviewer=actor, by_policy=False, annotation__isnull=True)
    labels = {row.review.label_id for row in rows if row.review is not None}
    judged = set(own.filter(label__in=labels).values_list("label_id", flat=True))
    images = {image_of(row).pk for row in rows if row.review is None}
    of_gold = own.filter(task__image__in=images, label__method=GOLD, project__in={row.project_id for row in rows})
    owned = set(of_gold.values_list("task__image_id", flat=True))
    return {
        row.pk
        for row in rows
        if (row.review.label_id in judged if row.review is not None else image_of(row).pk in owned)
    }
