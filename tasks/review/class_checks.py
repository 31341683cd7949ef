"""Bulk review by class: the objects of one class as crops, of which a person strikes those that are wrong.

A crop does not show what a label misses: whoever wants that looked at reviews labels one by one.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from uuid import UUID

from django.db import transaction
from django.db.models import Exists, OuterRef, Q

from accounts.models import Actor
from annotary_core.labels.answer import Answer, LabelObject
from kernel.events import record_event
from projects.models import Project
from tasks.annotation.models import Annotation
from tasks.batching.locks import lock_tasks
from tasks.batching.models import Task
from tasks.consensus.models import ConsensusLabel
from tasks.review.errors import StagesReviewEach
from tasks.review.models import ClassCheck, Review
from tasks.review.selectors import review_queue
from tasks.review.stages import stages_of

#: Crops of a page, at about which it ends: a label is never cut.
CROPS = 100
#: The least certain labels that a page looks through; labels with more objects of the class than a page has are left
#: to be reviewed one by one.
EXAMINED = 1000
MAX_LABELS = 100


class Outcome(StrEnum):
    """What became of a label: approved; passed, while others of its classes have not been looked at; struck; stale, as
    it changed or was decided in the meantime; own_work of the reviewer, who may not decide about it."""

    APPROVED = "approved"
    PASSED = "passed"
    STRUCK = "struck"
    STALE = "stale"
    OWN_WORK = "own_work"


@dataclass(frozen=True, slots=True)
class Crop:
    """A part of the label's image, in pixels of the upright image; the whole image if the class is the image's."""

    label: ConsensusLabel
    x: float
    y: float
    w: float
    h: float
    is_image: bool
    attributes: Mapping[str, object]


@dataclass(frozen=True, slots=True)
class CropPage:
    """`next_start`: where the next page begins, None at the end of the list."""

    crops: list[Crop]
    next_start: int | None


@dataclass(frozen=True, slots=True)
class Looked:
    """A label whose crops of a class somebody looked at; `label_hash` is what they saw."""

    task: UUID
    label_hash: str
    wrong: bool = False


def crops_to_check(*, project: Project, class_number: int, start: int = 0) -> CropPage:
    """Return what the labels to review have of a class and nobody has looked at, the least certain labels first.

    Reads at most `EXAMINED` labels from number `start` of the list on.
    """
    queue = review_queue(project=project)
    ids = list(queue.select_related(None).values_list("pk", flat=True)[start : start + EXAMINED + 1])
    looked_at = ClassCheck.objects.filter(label=OuterRef("pk"), class_number=class_number)
    labels = queue.filter(_has_class(class_number), ~Exists(looked_at), pk__in=ids[:EXAMINED])
    crops: list[Crop] = []
    for label in labels.iterator(chunk_size=CROPS):
        found = _crops_of(label, class_number)
        if crops and len(crops) + len(found) > CROPS:
            return CropPage(crops, start)
        if len(found) <= CROPS:
            crops += found
    return CropPage(crops, start + EXAMINED if len(ids) > EXAMINED else None)


@transaction.atomic
def check_class(
    *, reviewer: Actor, project: Project, class_number: int, labels: Sequence[Looked]
) -> dict[UUID, Outcome]:
    """Locks the tasks. Record what somebody saw of a class, and approve the labels that are right in all classes.

    All of it or nothing; a label that is not what was seen any more is left as it is. Repeating it has no effect.
    Raises StagesReviewEach in a project with stages of review.
    """
    if stages_of(project=project):
        raise StagesReviewEach
    rows = Task.objects.filter(project=project, public_id__in=[each.task for each in labels])
    tasks = {task.public_id: task for task in lock_tasks(rows)}
    pks = [task.pk for task in tasks.values()]
    current = {row.task_id: row for row in ConsensusLabel.objects.filter(task__in=pks, is_current=True)}
    own_answers = Annotation.objects.filter(task__in=pks, actor=reviewer, source=Annotation.Source.WORKER)
    own = set(own_answers.values_list("task_id", flat=True))
    outcomes: dict[UUID, Outcome] = {}
    seen: list[tuple[ConsensusLabel, bool]] = []
    for each in labels:
        task = tasks.get(each.task)
        label = current.get(task.pk) if task else None
        outcomes[each.task] = outcome = _outcome(task, label, each, class_number, own)
        if label is not None and outcome in (Outcome.PASSED, Outcome.STRUCK):
            seen.append((label, outcome == Outcome.STRUCK))
    right = _record(reviewer, class_number, seen)
    names = {task.pk: task.public_id for task in tasks.values()}
    for label, _ in seen:
        if label not in right:
            outcomes[names[label.task_id]] = Outcome.STRUCK
    approved = _approve_complete(reviewer, project, right)
    outcomes |= {task.public_id: Outcome.APPROVED for task in tasks.values() if task.pk in approved}
    return outcomes | _approved_before(reviewer, tasks, outcomes)


def _has_class(number: int) -> Q:
    return (
        Q(body__contains={"image": {"class": number}})
        | Q(body__contains={"image": {"tags": [number]}})
        | Q(body__contains={"objects": [{"class": number}]})
    )


def _crops_of(label: ConsensusLabel, number: int) -> list[Crop]:
    answer, image = Answer.from_json(label.body), label.task.image
    crops = []
    if number in (answer.image.class_number, *answer.image.tags):
        crops.append(Crop(label, 0, 0, image.width, image.height, is_image=True, attributes=answer.image.attrs))
    return crops + [_crop(label, each) for each in answer.objects if each.class_number == number]


def _crop(label: ConsensusLabel, item: LabelObject) -> Crop:
    x1, y1, x2, y2 = item.geom.bounds()
    return Crop(label, x1, y1, x2 - x1, y2 - y1, is_image=False, attributes=item.attrs)


def _outcome(
    task: Task | None, label: ConsensusLabel | None, looked: Looked, class_number: int, own: set[int]
) -> Outcome:
    if task is None or label is None or task.state != Task.State.ANSWERED or label.content_hash != looked.label_hash:
        return Outcome.STALE
    if class_number not in Answer.from_json(label.body).class_numbers():
        return Outcome.STALE
    if task.pk in own:
        return Outcome.OWN_WORK
    return Outcome.STRUCK if looked.wrong else Outcome.PASSED


def _record(reviewer: Actor, number: int, seen: Sequence[tuple[ConsensusLabel, bool]]) -> list[ConsensusLabel]:
    """Needs the tasks' row locks. Record which labels are wrong in a class; returns those of which nobody has ever said
    so, because who looks later does not take back what somebody struck."""
    struck, passed = (
        [
            ClassCheck(label=label, class_number=number, is_wrong=is_wrong, reviewer=reviewer)
            for label, is_wrong in seen
            if is_wrong == kind
        ]
        for kind in (True, False)
    )
    ClassCheck.objects.bulk_create(
        struck,
        update_conflicts=True,
        unique_fields=["label", "class_number"],
        update_fields=["is_wrong", "reviewer"],
    )
    ClassCheck.objects.bulk_create(passed, ignore_conflicts=True)
    labels = [label for label, _ in seen]
    wrong = set(ClassCheck.objects.filter(label__in=labels, is_wrong=True).values_list("label_id", flat=True))
    return [label for label in labels if label.pk not in wrong]


def _approve_complete(reviewer: Actor, project: Project, labels: Sequence[ConsensusLabel]) -> set[int]:
    """Needs the tasks' row locks. Approve those of the labels whose classes are all right; returns their tasks."""
    checked: dict[int, set[int]] = {}
    rows = ClassCheck.objects.filter(label__in=labels, is_wrong=False)
    for label_id, number in rows.values_list("label_id", "class_number"):
        checked.setdefault(label_id, set()).add(number)
    complete = [each for each in labels if Answer.from_json(each.body).class_numbers() <= checked.get(each.pk, set())]
    tasks = {label.task_id for label in complete}
    if not tasks:
        return tasks
    Review.objects.filter(task__in=tasks, is_current=True, annotation__isnull=True).update(is_current=False)
    Review.objects.bulk_create(
        Review(
            project=project,
            task_id=label.task_id,
            label=label,
            label_hash=label.content_hash,
            reviewer=reviewer,
            verdict=Review.Verdict.APPROVE,
        )
        for label in complete
    )
    Task.objects.filter(pk__in=tasks).update(state=Task.State.APPROVED)
    data = {"labels": len(tasks), "by_policy": False, "verdict": str(Review.Verdict.APPROVE)}
    record_event(project_id=project.pk, kind="label.approved", data=data, approved=len(tasks))
    return tasks


def _approved_before(
    reviewer: Actor, tasks: Mapping[UUID, Task], outcomes: Mapping[UUID, Outcome]
) -> dict[UUID, Outcome]:
    """Of the stale ones, those that the reviewer has approved: a repeated call says again what the first did."""
    stale = {tasks[each].pk: each for each, outcome in outcomes.items() if outcome == Outcome.STALE and each in tasks}
    own = Review.objects.filter(
        task__in=stale, reviewer=reviewer, is_current=True, by_policy=False, verdict=Review.Verdict.APPROVE
    )
    own = own.filter(annotation__isnull=True, label__is_current=True, label__class_checks__reviewer=reviewer)
    return {stale[pk]: Outcome.APPROVED for pk in own.values_list("task_id", flat=True).distinct()}
