"""Verdicts: approve, fix and approve, reject; and the approval of a batch, which covers labels that nobody reviewed.

A verdict pins the content of the label that the reviewer saw. The task's row is the lock: of two concurrent reviewers,
the second sees the verdict of the first.
"""

from collections.abc import Sequence

from django.db import transaction
from django.db.models import QuerySet

from accounts.models import Actor
from annotary_core.labels.answer import Answer
from annotary_core.labels.canonical import content_hash
from annotary_core.labels.errors import AnswerError
from annotary_core.labels.parse import parse_answer
from kernel.clock import ClockTimestamp
from kernel.events import record_event
from projects.models import Project
from projects.selectors import schema_of
from tasks.annotation.models import Annotation
from tasks.batching.locks import lock_batch, lock_task, lock_tasks
from tasks.batching.models import Batch, Task
from tasks.batching.services import close_answered_slots
from tasks.consensus.label_evidence import LabelEvidence, ReplacedLabel
from tasks.consensus.label_methods import GOLD, REVIEW
from tasks.consensus.models import ConsensusLabel
from tasks.consensus.refit import request_refit
from tasks.consensus.selectors import current_label
from tasks.consensus.services import write_version
from tasks.gold.models import Gold
from tasks.qualification.errors import ImageInQualification
from tasks.qualification.models import QualificationImage
from tasks.review.errors import (
    AlreadyReviewed,
    BatchUnanswered,
    FixRefused,
    ImageLeftOut,
    IsGold,
    LabelChanged,
    NotAnswered,
    OwnWork,
    StagesUnfinished,
)
from tasks.review.models import Review, ReviewStage, StagePass
from tasks.review.rejection_text import read_reason, read_region
from tasks.review.selectors import current_verdict
from tasks.review.stages import record_pass, stage_for_verdict, stage_of, stages_of, waiting_in_any


@transaction.atomic
def approve_label(*, reviewer: Actor, task: Task, label_hash: str, again: bool = False) -> Review | StagePass:
    """Locks the task. Approve the label that the reviewer saw; repeating the approval has no effect.

    In a project with stages it passes the one in which it waits, and is approved by the last. `again` allows overriding
    a person's verdict, which otherwise raises AlreadyReviewed; a label approved by policy alone needs no `again`.
    Raises LabelChanged if the current label does not have the hash `label_hash`, OwnWork, NotYourStage and
    ReviewedInOtherStage.
    """
    task, label = _lock_for_verdict(reviewer, task, label_hash)
    earlier = current_verdict(task=task)
    if _is_repeat(earlier, reviewer, label, Review.Verdict.APPROVE):
        assert earlier is not None
        return earlier
    before = StagePass.objects.filter(label=label, reviewer=reviewer, verdict=Review.Verdict.APPROVE).first()
    if before is not None and task.state == Task.State.ANSWERED:
        return before
    stage = stage_for_verdict(reviewer=reviewer, task=task, label=label)
    _check_may_decide(earlier, label, again)
    return _pass(stage, task=task, label=label, reviewer=reviewer, verdict=Review.Verdict.APPROVE)


@transaction.atomic
def fix_label(*, reviewer: Actor, task: Task, label_hash: str, raw: object, again: bool = False) -> Review | StagePass:
    """Locks the task. Replace the label with the reviewer's version and approve it; later answers do not overwrite it.

    A fix that changes nothing is an approval. Raises FixRefused with the error and its path in the submitted label, and
    like `approve_label`.
    """
    task, label = _lock_for_verdict(reviewer, task, label_hash)
    answer = read_answer(project=task.project, task=task, raw=raw)
    if content_hash(answer) == label.content_hash:
        return approve_label(reviewer=reviewer, task=task, label_hash=label_hash, again=again)
    stage = stage_for_verdict(reviewer=reviewer, task=task, label=label)
    _check_may_decide(current_verdict(task=task), label, again)
    _refuse_check_image(task, label)
    before = LabelEvidence.from_json(label.evidence)
    replaced = ReplacedLabel(str(label.public_id), label.version, label.content_hash, label.method, label.confidence)
    evidence = LabelEvidence(
        reviewer=str(reviewer.public_id), replaced=replaced, n=before.n or 0, answers=before.answers or ()
    )
    fixed = write_version(task=task, answer=answer, method=REVIEW, evidence=evidence)
    verdict = _pass(stage, task=task, label=fixed, reviewer=reviewer, verdict=Review.Verdict.FIX)
    request_refit(project_id=task.project_id)
    return verdict


def record_rejection(
    *, reviewer: Actor, task: Task, label_hash: str, reason: str, again: bool = False, region: object = None
) -> Review:
    """Needs a transaction; locks the task. Records the verdict alone: `flow.rejection` also reopens the task."""
    reason = read_reason(reason, is_shown=bool(task.project.appeal_days))
    task, label = _lock_for_verdict(reviewer, task, label_hash)
    part = read_region(region, width=task.image.width, height=task.image.height)
    stage = stage_for_verdict(reviewer=reviewer, task=task, label=label)
    _check_may_decide(current_verdict(task=task), label, again)
    _refuse_check_image(task, label)
    if stage is not None:
        record_pass(stage=stage, task=task, label=label, reviewer=reviewer, verdict=Review.Verdict.REJECT)
    verdict = _record(
        task=task, label=label, reviewer=reviewer, verdict=Review.Verdict.REJECT, reason=reason, region=part
    )
    record_event(project_id=task.project_id, kind="label.rejected", data={"task": str(task.public_id)}, rejected=1)
    return verdict


def approve_owner_label(*, owner: Actor, task: Task, label: ConsensusLabel) -> Review:
    """Needs the task's row lock. Approve the owner's own label of a gold image, which is not counted as work."""
    Task.objects.filter(pk=task.pk).update(state=Task.State.APPROVED)
    return _record(task=task, label=label, reviewer=owner, verdict=Review.Verdict.APPROVE)


@transaction.atomic
def approve_batch(*, reviewer: Actor, batch: Batch) -> int:
    """Locks the batch, then its tasks. Approve the batch and, by policy, its undecided labels; returns their number.

    Raises BatchUnanswered while an image has no agreed label, and StagesUnfinished while one waits for a stage of
    review. Approving an approved batch has no effect.
    """
    batch = lock_batch(batch_id=batch.pk)
    tasks = lock_tasks(Task.objects.filter(batch=batch))
    _refuse_unanswered(tasks)
    _refuse_unfinished_stages(batch)
    waiting = [task for task in tasks if task.state == Task.State.ANSWERED]
    labels = list(ConsensusLabel.objects.filter(task__in=waiting, is_current=True).order_by("task_id"))
    Review.objects.filter(task__in=waiting, is_current=True, annotation__isnull=True).update(is_current=False)
    Review.objects.bulk_create(
        Review(
            project_id=batch.project_id,
            task_id=label.task_id,
            label=label,
            label_hash=label.content_hash,
            reviewer=reviewer,
            verdict=Review.Verdict.APPROVE,
            by_policy=True,
        )
        for label in labels
    )
    approved = Task.objects.filter(pk__in=[label.task_id for label in labels]).update(state=Task.State.APPROVED)
    if approved:
        data = {"batch": str(batch.public_id), "by_policy": True}
        record_event(project_id=batch.project_id, kind="label.approved", data=data, approved=approved)
    closed = Batch.objects.filter(pk=batch.pk).exclude(state=Batch.State.APPROVED)
    close_answered_slots(batch=batch)
    if closed.update(state=Batch.State.APPROVED, approved_at=ClockTimestamp()):
        record_event(project_id=batch.project_id, kind="batch.approved", data={"batch": str(batch.public_id)})
    return approved


def drop_stale_verdicts(*, task_ids: Sequence[int]) -> int:
    """Locks tasks, one at a time. Return labels that changed after their verdict to the queue; returns their number.

    A claim that takes tasks of a batch twice may hold a later one while it waits for an earlier one, so whoever has not
    locked the batch holds one task at most. A verdict that is not stale now gets stale by a later label update alone,
    which calls this again.
    """
    stale = _stale_verdicts(task_ids).order_by("task_id").values_list("task_id", flat=True)
    return sum(_drop_stale(task_id) for task_id in list(stale))


def _stale_verdicts(task_ids: Sequence[int]) -> QuerySet[Review]:
    return Review.objects.filter(
        task_id__in=task_ids, is_current=True, annotation__isnull=True, label__is_current=False
    )


@transaction.atomic
def _drop_stale(task_id: int) -> bool:
    task = lock_task(task_id=task_id)
    dropped = _stale_verdicts([task_id]).values_list("pk", flat=True)
    if not Review.objects.filter(pk__in=list(dropped)).update(is_current=False):
        return False
    if task.state != Task.State.APPROVED:
        return False
    Task.objects.filter(pk=task_id).update(state=Task.State.ANSWERED, asked_again=False)
    record_event(project_id=task.project_id, kind="label.changed", data={"labels": 1}, approved=-1)
    return True


def read_answer(*, project: Project, task: Task, raw: object) -> Answer:
    """Parse a label submitted by a person against the project's schema and the task's image; raises FixRefused."""
    try:
        return parse_answer(raw, schema=schema_of(project=project), width=task.image.width, height=task.image.height)
    except AnswerError as error:
        raise FixRefused(error.sentence, path=error.path, reason=error.code) from error


def _lock_for_verdict(reviewer: Actor, task: Task, label_hash: str) -> tuple[Task, ConsensusLabel]:
    locked = lock_task(task_id=task.pk)
    if locked.annotations.filter(actor=reviewer, source=Annotation.Source.WORKER).exists():
        raise OwnWork
    label = current_label(task=locked)
    if label is None or locked.state == Task.State.OPEN:
        raise NotAnswered
    if locked.state == Task.State.LEFT_OUT:
        raise ImageLeftOut
    if label.content_hash != label_hash:
        raise LabelChanged
    return locked, label


def _is_repeat(earlier: Review | None, reviewer: Actor, label: ConsensusLabel, verdict: str) -> bool:
    return (
        earlier is not None
        and not earlier.by_policy
        and (earlier.reviewer_id, earlier.label_id, earlier.verdict) == (reviewer.pk, label.pk, verdict)
    )


def _check_may_decide(earlier: Review | None, label: ConsensusLabel, again: bool) -> None:
    if earlier is None or earlier.by_policy or earlier.label_id != label.pk or again:
        return
    raise AlreadyReviewed


def _refuse_check_image(task: Task, label: ConsensusLabel) -> None:
    """Refuse gold, whose answer is stored twice: changing only one copy would measure workers by a different answer.

    Likewise an image of a qualification, which must not become work either.
    """
    active = Gold.objects.filter(project_id=task.project_id, image_id=task.image_id, state=Gold.State.ACTIVE)
    if label.method == GOLD and active.exists():
        raise IsGold
    if QualificationImage.objects.filter(image_id=task.image_id).exists():
        raise ImageInQualification("This image is in a qualification, which goes by its label. It stays as it is.")


def _refuse_unanswered(tasks: Sequence[Task]) -> None:
    missing = sum(task.state == Task.State.OPEN for task in tasks)
    if missing:
        image = "1 image of this batch has" if missing == 1 else f"{missing} images of this batch have"
        aside = sum(task.state == Task.State.OPEN and task.is_set_aside for task in tasks)
        which = "one" if aside == 1 else f"{aside:,}"
        advice = f"Decide on the {which} that many workers skipped." if aside else "Wait for the answers."
        raise BatchUnanswered(f"{image} no agreed label yet. {advice}", unanswered=missing)


def _refuse_unfinished_stages(batch: Batch) -> None:
    stages = stages_of(project=batch.project)
    if not stages:
        return
    labels = ConsensusLabel.objects.filter(task__batch=batch, task__state=Task.State.ANSWERED, is_current=True)
    if labels.filter(waiting_in_any(stages)).exists():
        raise StagesUnfinished


def _pass(
    stage: ReviewStage | None, *, task: Task, label: ConsensusLabel, reviewer: Actor, verdict: str
) -> Review | StagePass:
    """Needs the task's row lock. The label passes the stage, and is approved by the last one, or if it is in none."""
    if stage is not None:
        made = record_pass(stage=stage, task=task, label=label, reviewer=reviewer, verdict=verdict)
        if stage_of(label=label, stages=stages_of(project=task.project)) is not None:
            record_event(project_id=task.project_id, kind="label.passed", data={"task": str(task.public_id)})
            return made
    return _approve(task=task, label=label, reviewer=reviewer, verdict=verdict)


def _approve(*, task: Task, label: ConsensusLabel, reviewer: Actor, verdict: str) -> Review:
    review = _record(task=task, label=label, reviewer=reviewer, verdict=verdict)
    approved = Task.objects.filter(pk=task.pk).exclude(state=Task.State.APPROVED).update(state=Task.State.APPROVED)
    if approved:
        data = {"task": str(task.public_id), "by_policy": False, "verdict": verdict}
        record_event(project_id=task.project_id, kind="label.approved", data=data, approved=1)
    return review


def _record(
    *,
    task: Task,
    label: ConsensusLabel,
    reviewer: Actor,
    verdict: str,
    reason: str = "",
    region: dict[str, float] | None = None,
) -> Review:
    Review.objects.filter(task=task, is_current=True, annotation__isnull=True).update(is_current=False)
    return Review.objects.create(
        project_id=task.project_id,
        task=task,
        label=label,
        label_hash=label.content_hash,
        reviewer=reviewer,
        verdict=verdict,
        reason=reason,
        region=region,
    )
