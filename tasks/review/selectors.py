"""The review queue, lowest confidence first."""

from collections.abc import Iterable, Sequence
from typing import overload
from uuid import UUID

from django.db.models import BooleanField, Case, Count, Exists, OuterRef, Q, QuerySet, Value, When

from accounts.models import Actor
from kernel.errors import Refused
from projects.models import Project
from tasks.batching.models import Batch, Task
from tasks.consensus.label_methods import SINGLE
from tasks.consensus.models import ConsensusLabel
from tasks.review.models import ClassCheck, RejectedAnswer, Review, ReviewStage
from tasks.review.stages import for_reviewer, stages_of, waiting_in_any

#: The lists of the review queue.
REVIEW_LISTS = ("to_review", "unseen", "waiting", "struck", "approved", "rejected", "all")
_ALL_IDS = 2**128


def current_verdict(*, task: Task) -> Review | None:
    return Review.objects.filter(task=task, is_current=True, annotation__isnull=True).first()


def chosen_for_review(*, project: Project, prefix: str = "") -> Q:
    """The filter for labels that a person should review; `prefix` is the lookup from the filtered rows to the label.

    Tasks are sampled by their random public id: a task stays chosen, and a higher share only adds to the chosen ones.
    Labels from several workers with a confidence below the project's target are always chosen. In a project with stages
    of review, those that wait in one.
    """
    if stages := stages_of(project=project):
        return waiting_in_any(stages, prefix=prefix)
    unsure = Q(**{f"{prefix}confidence__lt": project.confidence_target}) & ~Q(**{f"{prefix}method": SINGLE})
    if _all_are_chosen(project):
        return Q(**{f"{prefix}pk__isnull": False})
    limit = round(project.share_reviewed * _ALL_IDS)
    return unsure | Q(**{f"{prefix}task__public_id__lt": UUID(int=limit)})


def review_queue(
    *, project: Project, batch: Batch | None = None, task: Task | None = None, state: str = "to_review"
) -> QuerySet[ConsensusLabel]:
    """Current labels with their task and image, lowest confidence first.

    to_review: answered and chosen for review. unseen: answered and not chosen, to be approved with their batch.
    waiting: both. struck: of which somebody struck a crop. approved, rejected: by their verdict; a rejected label waits
    for its redo. Labels carry `is_chosen`.
    Check images, which only their owner labels, are in `all` alone.
    """
    chosen = chosen_for_review(project=project)
    labels = ConsensusLabel.objects.filter(project=project, is_current=True)
    labels = labels.select_related("task", "task__image", "task__batch").annotate(
        is_chosen=Case(When(chosen, then=Value(True)), default=Value(False), output_field=BooleanField())
    )
    if batch is not None:
        labels = labels.filter(task__batch=batch)
    if task is not None:
        labels = labels.filter(task=task)
    return labels.filter(review_list(project=project, name=state)).order_by("confidence", "pk")


def review_list(*, project: Project, name: str) -> Q:
    """The filter for the labels of one of REVIEW_LISTS. Raises Refused for another name."""
    if name not in REVIEW_LISTS:
        raise Refused(f"Unknown list of labels. Choose one of {', '.join(REVIEW_LISTS)}.")
    chosen = chosen_for_review(project=project)
    answered = Q(task__state=Task.State.ANSWERED)
    rejected = Review.objects.filter(project=project, is_current=True, verdict=Review.Verdict.REJECT)
    filters: dict[str, Q] = {
        "to_review": answered & chosen,
        "unseen": answered & ~chosen,
        "waiting": answered,
        "struck": answered & Q(Exists(ClassCheck.objects.filter(label=OuterRef("pk"), is_wrong=True))),
        "approved": Q(task__state=Task.State.APPROVED, task__wanted__gt=0),
        "rejected": Q(pk__in=rejected.values("label")),
        "all": Q(),
    }
    return filters[name]


class ReviewList(Sequence[ConsensusLabel]):
    """A list of the review queue, whose length is known, for pages of it.

    The ids of a slice are found in the index alone, so that the many labels before them that are in another list cost
    little.
    """

    def __init__(self, *, project: Project, batch: Batch | None, state: str, length: int) -> None:
        self._queue = review_queue(project=project, batch=batch, state=state)
        self._all = review_queue(project=project, state="all")
        self._length = length

    def __len__(self) -> int:
        return self._length

    @overload
    def __getitem__(self, index: int) -> ConsensusLabel: ...
    @overload
    def __getitem__(self, index: slice) -> list[ConsensusLabel]: ...
    def __getitem__(self, index: int | slice) -> ConsensusLabel | list[ConsensusLabel]:
        if isinstance(index, int):
            return self._queue[index]
        ids = list(self._queue.select_related(None).values_list("pk", flat=True)[index])
        return list(self._all.filter(pk__in=ids))


class OwnQueue(Sequence[ConsensusLabel]):
    """What waits for somebody in the stages in which they review, for pages of it."""

    def __init__(
        self,
        *,
        project: Project,
        batch: Batch | None,
        actor: Actor,
        own: Sequence[ReviewStage],
        stages: Sequence[ReviewStage],
    ) -> None:
        labels = ConsensusLabel.objects.filter(project=project, is_current=True)
        labels = labels.select_related("task", "task__image", "task__batch").order_by("confidence", "pk")
        labels = labels if batch is None else labels.filter(task__batch=batch)
        self._queue = for_reviewer(labels, actor=actor, own=own, stages=stages)
        self._length = self._queue.count()

    def __len__(self) -> int:
        return self._length

    @overload
    def __getitem__(self, index: int) -> ConsensusLabel: ...
    @overload
    def __getitem__(self, index: slice) -> list[ConsensusLabel]: ...
    def __getitem__(self, index: int | slice) -> ConsensusLabel | list[ConsensusLabel]:
        return self._queue[index] if isinstance(index, int) else list(self._queue[index])


def count_to_review(*, project: Project, batch: Batch | None = None) -> int:
    """Return the number of answered labels that a person should review, read from indexes alone."""
    if _all_are_chosen(project) and not stages_of(project=project):
        return _tasks(project, batch).filter(state=Task.State.ANSWERED).count()
    labels = ConsensusLabel.objects.filter(
        project=project, is_current=True, task__project=project, task__state=Task.State.ANSWERED
    )
    labels = labels if batch is None else labels.filter(task__batch=batch)
    return labels.filter(chosen_for_review(project=project)).count()


def review_counts(*, project: Project, states: Iterable[str], batch: Batch | None = None) -> dict[str, int]:
    """Return {state: number of labels} for these states of the review queue, read from indexes alone."""
    by_state = _count_states(_tasks(project, batch))
    rejected = Review.objects.filter(project=project, is_current=True, verdict=Review.Verdict.REJECT)
    rejected = rejected if batch is None else rejected.filter(task__batch=batch)
    to_review = count_to_review(project=project, batch=batch)
    counts = {
        "to_review": to_review,
        "unseen": by_state.get(Task.State.ANSWERED, 0) - to_review,
        "approved": by_state.get(Task.State.APPROVED, 0),
        "rejected": rejected.filter(label__is_current=True).count(),
    }
    return {state: counts[state] for state in states}


def review_progress(*, batch: Batch) -> dict[str, int]:
    """The review progress of a batch: images, those without all answers, labels to review, unseen and approved ones."""
    counts = review_counts(project=batch.project, batch=batch, states=("to_review", "unseen", "approved"))
    images = Task.objects.filter(batch=batch, wanted__gt=0).exclude(state=Task.State.LEFT_OUT).count()
    return {"images": images, "unanswered": images - sum(counts.values()), **counts}


def verdicts_of(*, task: Task) -> QuerySet[Review]:
    """All verdicts on a task's labels, newest first."""
    return Review.objects.filter(task=task).select_related("label", "reviewer").order_by("-pk")


def sent_back_by(*, task: Task) -> set[int]:
    """Return the row ids of the rejections with which the task's image was sent back to its workers."""
    rows = RejectedAnswer.objects.filter(review__task=task, is_sent_back=True).values_list("review_id", flat=True)
    return {pk for pk in rows if pk is not None}


def _all_are_chosen(project: Project) -> bool:
    return round(project.share_reviewed * _ALL_IDS) >= _ALL_IDS


def _count_states(tasks: QuerySet[Task]) -> dict[str, int]:
    """Count the tasks by state, check images left out, from indexes alone."""
    states = tasks.order_by().values_list("state")
    check = dict(states.filter(wanted=0).annotate(Count("pk")))
    return {state: number - check.get(state, 0) for state, number in states.annotate(Count("pk"))}


def _tasks(project: Project, batch: Batch | None) -> QuerySet[Task]:
    tasks = Task.objects.filter(project=project)
    return tasks if batch is None else tasks.filter(batch=batch)
