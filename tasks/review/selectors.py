"""The review queue, lowest confidence first."""

from collections.abc import Iterable
from uuid import UUID

from django.db.models import BooleanField, Case, Count, Exists, OuterRef, Q, QuerySet, Value, When

from kernel.errors import Refused
from projects.models import Project
from tasks.batching.models import Batch, Task
from tasks.consensus.label_methods import SINGLE
from tasks.consensus.models import ConsensusLabel
from tasks.review.models import Review

_ALL_IDS = 2**128


def current_verdict(*, task: Task) -> Review | None:
    return Review.objects.filter(task=task, is_current=True, annotation__isnull=True).first()


def chosen_for_review(*, project: Project, prefix: str = "") -> Q:
    """The filter for labels that a person should review; `prefix` is the lookup from the filtered rows to the label.

    Tasks are sampled by their random public id: a task stays chosen, and a higher share only adds to the chosen ones.
    Labels from several workers with a confidence below the project's target are always chosen.
    """
    unsure = Q(**{f"{prefix}confidence__lt": project.confidence_target}) & ~Q(**{f"{prefix}method": SINGLE})
    limit = round(project.share_reviewed * _ALL_IDS)
    if limit >= _ALL_IDS:
        return Q(**{f"{prefix}pk__isnull": False})
    return unsure | Q(**{f"{prefix}task__public_id__lt": UUID(int=limit)})


def review_queue(
    *, project: Project, batch: Batch | None = None, task: Task | None = None, state: str = "to_review"
) -> QuerySet[ConsensusLabel]:
    """Current labels with their task and image, lowest confidence first.

    to_review: answered and chosen for review. unseen: answered and not chosen, to be approved with their batch.
    waiting: both. approved, rejected: by their verdict; a rejected label waits for its redo. Labels carry `is_chosen`.
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
    answered = Q(task__state=Task.State.ANSWERED)
    rejected = Review.objects.filter(label=OuterRef("pk"), is_current=True, verdict=Review.Verdict.REJECT)
    filters = {
        "to_review": answered & chosen,
        "unseen": answered & ~chosen,
        "waiting": answered,
        "approved": Q(task__state=Task.State.APPROVED),
        "rejected": Q(Exists(rejected)),
        "all": Q(),
    }
    if state not in filters:
        raise Refused(f"Unknown list of labels. Choose one of {', '.join(filters)}.")
    return labels.filter(filters[state]).order_by("confidence", "pk")


def review_counts(*, project: Project, states: Iterable[str], batch: Batch | None = None) -> dict[str, int]:
    """Return {state: number of labels} for these states of the review queue."""
    return {state: review_queue(project=project, batch=batch, state=state).count() for state in states}


def review_progress(*, batch: Batch) -> dict[str, int]:
    """The review progress of a batch: images, those without all answers, labels to review, unseen and approved ones."""
    states = dict(Task.objects.filter(batch=batch).values_list("state").annotate(tasks=Count("pk")))
    to_review = review_queue(project=batch.project, batch=batch, state="to_review").count()
    answered = states.get(Task.State.ANSWERED, 0)
    return {
        "images": sum(states.values()),
        "unanswered": states.get(Task.State.OPEN, 0),
        "to_review": to_review,
        "unseen": answered - to_review,
        "approved": states.get(Task.State.APPROVED, 0),
    }


def verdicts_of(*, task: Task) -> QuerySet[Review]:
    """All verdicts on a task's labels, newest first."""
    return Review.objects.filter(task=task).select_related("label", "reviewer").order_by("-pk")
