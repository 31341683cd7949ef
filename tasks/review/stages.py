"""Stages of review: where a label waits, who may decide on it there, and what that pays.

A label waits in the first stage that it belongs to behind the last one that it has passed. Passes are of a label
version, so a label that changes begins again at the first stage, and one that a reviewer fixes has passed the stages up
to that. A project without stages is reviewed as ever: see `selectors.chosen_for_review`.
"""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

from django.db.models import Case, Exists, IntegerField, OuterRef, Q, QuerySet, Value, When

from accounts.models import Actor, Role
from accounts.selectors import COVERS, role_in
from kernel.errors import Forbidden
from projects.models import Project
from tasks.annotation.models import Annotation
from tasks.batching.models import Task
from tasks.consensus.label_methods import SINGLE
from tasks.consensus.models import ConsensusLabel
from tasks.pay.models import LedgerEntry
from tasks.pay.services import post_correction
from tasks.qualification.worker_filters import is_let_in
from tasks.review.errors import NotYourStage, ReviewedInOtherStage
from tasks.review.models import ReviewStage, StagePass

_ALL_IDS = 2**128
Labels = ReviewStage.Labels


def stages_of(*, project: Project) -> list[ReviewStage]:
    """Return the project's stages, in order; none in most projects."""
    return list(ReviewStage.objects.filter(project=project, is_current=True).order_by("position"))


def waiting_in(stage: ReviewStage, stages: Sequence[ReviewStage], *, prefix: str = "") -> Q:
    """The filter for answered labels that wait in a stage; `prefix` is the lookup from the filtered rows to labels."""
    has_passed = StagePass.objects.filter(label=OuterRef(f"{prefix}pk"), stage__in=stages).exclude(verdict="reject")
    waits = _belongs_to(stage, stages, prefix) & ~Q(Exists(has_passed.filter(stage__position__gte=stage.position)))
    for earlier in stages:
        if earlier.position < stage.position:
            is_behind = Q(Exists(has_passed.filter(stage__position__gte=earlier.position)))
            waits &= ~_belongs_to(earlier, stages, prefix) | is_behind
    return waits


def waiting_in_any(stages: Sequence[ReviewStage], *, prefix: str = "") -> Q:
    """The filter for answered labels that wait in any of the stages; these must not be empty."""
    found = Q(pk__in=[])
    for stage in stages:
        found |= waiting_in(stage, stages, prefix=prefix)
    return found


def stage_of(*, label: ConsensusLabel, stages: Sequence[ReviewStage]) -> ReviewStage | None:
    """Return the stage in which a current label waits, None if it belongs to none any more."""
    for stage in stages:
        if ConsensusLabel.objects.filter(waiting_in(stage, stages), pk=label.pk).exists():
            return stage
    return None


def is_in_crowd(*, actor: Actor, stage: ReviewStage, project: Project) -> bool:
    """Whether somebody may review in a stage."""
    role = role_in(actor=actor, organisation_id=project.organisation_id)
    if role is None or role == Role.WORKER:
        return False
    is_named = str(actor.public_id) in stage.members if stage.members else stage.role in COVERS[role]
    return is_named and is_let_in(project_id=project.pk, worker_id=actor.pk, text=stage.people_filter)


def own_stages(*, actor: Actor, project: Project, stages: Sequence[ReviewStage]) -> list[ReviewStage]:
    """Return the stages in which somebody may review."""
    return [stage for stage in stages if is_in_crowd(actor=actor, stage=stage, project=project)]


def for_reviewer(
    rows: QuerySet[ConsensusLabel], *, actor: Actor, own: Sequence[ReviewStage], stages: Sequence[ReviewStage]
) -> QuerySet[ConsensusLabel]:
    """Of these labels, those that wait for somebody, whose stages are `own`: not their own work, nor an image that they
    have reviewed in another stage. Each carries `waits_in`, the position of its stage."""
    found, places = Q(pk__in=[]), []
    for stage in own:
        elsewhere = StagePass.objects.filter(task=OuterRef("task_id"), reviewer=actor).exclude(stage=stage)
        waits = waiting_in(stage, stages) & ~Q(Exists(elsewhere))
        found |= waits
        places.append(When(waits, then=Value(stage.position)))
    answers = Annotation.objects.filter(task=OuterRef("task_id"), actor=actor, source=Annotation.Source.WORKER)
    rows = rows.filter(~Q(Exists(answers)), task__state=Task.State.ANSWERED).filter(found)
    return rows.annotate(waits_in=Case(*places, output_field=IntegerField())) if places else rows


def stage_for_verdict(*, reviewer: Actor, task: Task, label: ConsensusLabel) -> ReviewStage | None:
    """Needs the task's row lock. Return the stage in which the reviewer decides on the label, None if it is in none.

    A label in no stage, or one that is approved, is decided on by those with the role of a reviewer. Raises
    NotYourStage, ReviewedInOtherStage, and Forbidden.
    """
    stages = stages_of(project=task.project)
    stage = stage_of(label=label, stages=stages) if stages and task.state == Task.State.ANSWERED else None
    if stage is None:
        if stages and role_in(actor=reviewer, organisation_id=task.project.organisation_id) == Role.CLIENT:
            raise Forbidden
        return None
    if not is_in_crowd(actor=reviewer, stage=stage, project=task.project):
        raise NotYourStage(f"This label waits for the stage “{stage.name}”, which other people do.")
    if StagePass.objects.filter(task=task, reviewer=reviewer).exclude(stage=stage).exists():
        raise ReviewedInOtherStage
    return stage


def record_pass(*, stage: ReviewStage, task: Task, label: ConsensusLabel, reviewer: Actor, verdict: str) -> StagePass:
    """Needs the task's row lock; locks the reviewer's total. Record what a reviewer decided in a stage, and pay for it.

    An image is paid once for each person and stage: who rejects it again and again earns nothing more by that.
    """
    made = StagePass.objects.create(stage=stage, task=task, label=label, reviewer=reviewer, verdict=verdict)
    cause = f"review {stage.public_id} {task.public_id} {reviewer.public_id}"
    paid = LedgerEntry.objects.filter(project=task.project, kind=LedgerEntry.Kind.CORRECTION, cause=cause)
    if stage.price and not paid.exists():
        reason = f"Review: {stage.name}"
        post_correction(project=task.project, worker=reviewer, amount=stage.price, cause=cause, reason=reason)
    return made


def passes_of(*, task: Task) -> QuerySet[StagePass]:
    """Return what was decided on a task's labels in stages, newest first."""
    return StagePass.objects.filter(task=task).select_related("stage", "label", "reviewer").order_by("-pk")


def count_waiting(*, project: Project, stages: Sequence[ReviewStage]) -> dict[UUID, int]:
    """Return how many labels wait in each stage, by its public id."""
    labels = ConsensusLabel.objects.filter(project=project, is_current=True, task__state=Task.State.ANSWERED)
    return {stage.public_id: labels.filter(waiting_in(stage, stages)).count() for stage in stages}


def _belongs_to(stage: ReviewStage, stages: Sequence[ReviewStage], prefix: str) -> Q:
    everything = Q(**{f"{prefix}pk__isnull": False})
    if stage.labels == Labels.SHARE:
        limit = round(stage.share * _ALL_IDS)
        return everything if limit >= _ALL_IDS else Q(**{f"{prefix}task__public_id__lt": UUID(int=limit)})
    if stage.labels == Labels.DOUBTFUL:
        return Q(**{f"{prefix}confidence__lt": stage.share}) & ~Q(**{f"{prefix}method": SINGLE})
    if stage.labels == Labels.REJECTED:
        before = [each for each in stages if each.position < stage.position][-1:]
        rejected = StagePass.objects.filter(task=OuterRef(f"{prefix}task_id"), stage__in=before, verdict="reject")
        return Q(Exists(rejected))
    return everything
