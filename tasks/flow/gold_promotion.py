"""Promotes labels to gold: images whose label the crowd is sure of, and which a person approved.

The workers who labeled an image do not get it again; they count as its views, so that in total no more people see it
than see an image that workers disagree on. So only images that had fewer answers than the maximum can be promoted.
"""

import random
from collections import defaultdict
from collections.abc import Hashable
from dataclasses import dataclass

from django.db import transaction
from django.db.models import Exists, F, OuterRef, QuerySet

from accounts.models import Actor
from annotary_core.labels.answer import Answer
from annotary_core.wording import format_count
from kernel.events import record_event
from projects.models import AnswersMode, Project
from projects.selectors import require_not_closed
from tasks.batching.locks import lock_task_with_batch
from tasks.batching.models import Task
from tasks.consensus.label_methods import GOLD, REVIEW
from tasks.consensus.models import ConsensusLabel
from tasks.flow.errors import NothingToPromote
from tasks.gold.models import Gold
from tasks.gold.services import create_gold
from tasks.review.models import Review

#: Labels below are not promoted, and those below the project's target; a reviewer's own version is sure.
MIN_CONFIDENCE = 0.95
#: The newest approved labels that are considered, and the finished images whose views are drawn from.
CONSIDERED, FINISHED = 2_000, 1_000
MAX_PROMOTED = 500

_rng = random.SystemRandom()


@dataclass(frozen=True, slots=True)
class Candidates:
    """How many labels can be promoted; if none, `why` says what keeps the approved ones, for a manager."""

    count: int
    why: str


def promotion_candidates(*, project: Project) -> Candidates:
    """Count the labels that `promote_labels` chooses from, up to `CONSIDERED`."""
    count = len(_candidates(project))
    return Candidates(count, "" if count else _why_none(project))


def promote_labels(*, project: Project, count: int, by: Actor) -> list[Gold]:
    """Locks each image's batch and task in turn. Make up to `count` labels gold, spread over their classes.

    Raises NothingToPromote if there is no candidate, and ProjectClosed.
    """
    require_not_closed(project_id=project.pk)
    candidates = _candidates(project)
    if not candidates:
        raise NothingToPromote(_why_none(project))
    golds: list[Gold] = []
    views = _views_of_finished(project)
    for label in _spread(candidates):
        if len(golds) >= min(count, MAX_PROMOTED):
            break
        gold = _promote(label, views, by)
        if gold is not None:
            golds.append(gold)
    return golds


def _approved(project: Project) -> QuerySet[ConsensusLabel]:
    verdicts = Review.objects.filter(label=OuterRef("pk"), is_current=True, by_policy=False, annotation=None)
    verdicts = verdicts.exclude(verdict=Review.Verdict.REJECT)
    labels = ConsensusLabel.objects.filter(project=project, is_current=True, task__state=Task.State.APPROVED)
    return labels.filter(Exists(verdicts)).exclude(method=GOLD)


def _sure(project: Project) -> QuerySet[ConsensusLabel]:
    least = max(MIN_CONFIDENCE, project.confidence_target)
    golds = Gold.objects.filter(project=project, image=OuterRef("task__image"))
    sure = _approved(project).filter(task__taken__gte=F("task__wanted"), task__wanted__gt=0, task__image__group_key="")
    sure = sure.exclude(body__verdict="cannot_tell").exclude(Exists(golds))
    return sure.filter(confidence__gte=least) | sure.filter(method=REVIEW)


def _candidates(project: Project) -> list[ConsensusLabel]:
    labels = _sure(project).filter(task__taken__lt=project.answers_max).select_related("task")
    return list(labels.order_by("-confidence", "-pk")[:CONSIDERED])


def _why_none(project: Project) -> str:
    if not _approved(project).exists():
        return "No label has been approved by a person yet. Review some labels first."
    if not _sure(project).exists():
        least = max(MIN_CONFIDENCE, project.confidence_target)
        return (
            f"Of the labels that a person approved, none has a confidence of {least:.0%}"
            " and is not a check image yet. Images in groups are left out."
        )
    fixed = project.answers_mode == AnswersMode.FIXED
    remedy = "With dynamic answers, images that workers agree on leave some" if fixed else "Raise the maximum"
    return (
        f"Every image that could be used has been seen by {format_count(project.answers_max, 'worker')} already, and"
        f" more may not see an image: as a check image it would stand out. {remedy}; or label new images yourself."
    )


def _spread(labels: list[ConsensusLabel]) -> list[ConsensusLabel]:
    """Return the labels in an order that takes one of each class in turn, at random among those of a class."""
    by_class: dict[Hashable, list[ConsensusLabel]] = defaultdict(list)
    for label in _rng.sample(labels, len(labels)):
        by_class[tuple(sorted(Answer.from_json(label.body).class_numbers()))].append(label)
    turns = [(number, _rng.random(), label) for group in by_class.values() for number, label in enumerate(group)]
    return [label for _, _, label in sorted(turns, key=lambda turn: turn[:2])]


def _views_of_finished(project: Project) -> list[int]:
    finished = Task.objects.filter(project=project, state=Task.State.APPROVED, wanted__gt=0).order_by("-image_id")
    return list(finished.values_list("taken", flat=True)[:FINISHED])


@transaction.atomic
def _promote(label: ConsensusLabel, views: list[int], by: Actor) -> Gold | None:
    """Locks the batch, then the task. Return None if the label is no candidate any more."""
    _, task = lock_task_with_batch(task_id=label.task_id)
    is_current = ConsensusLabel.objects.filter(pk=label.pk, is_current=True).exists()
    if not is_current or task.state != Task.State.APPROVED or task.asked_again or task.taken < task.wanted:
        return None
    if task.taken >= task.project.answers_max or Gold.objects.filter(project=task.project, image=task.image).exists():
        return None
    more = [seen for seen in views if task.taken < seen <= task.project.answers_max]
    gold = create_gold(
        project=task.project,
        task=task,
        accepted=[Answer.from_json(label.body)],
        source=Gold.Source.CONSENSUS,
        views_wanted=_rng.choice(more) if more else task.project.answers_max,
        views_before=task.taken,
    )
    data = {"gold": str(gold.public_id), "by": str(by.public_id)}
    record_event(project_id=task.project_id, kind="gold.promoted", data=data)
    return gold
