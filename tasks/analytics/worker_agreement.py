"""How often answers equal the agreed label: for the console, and for feedback to workers."""

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field

from django.db.models import OuterRef, Subquery, Window
from django.db.models.functions import RowNumber

from annotary_core.labels.answer import Answer
from projects.models import Project
from tasks.annotation.models import Annotation
from tasks.assignment.models import Assignment, Hand
from tasks.batching.models import Task
from tasks.consensus.label_methods import SINGLE
from tasks.consensus.models import ConsensusLabel
from tasks.gold.compare import Tolerance, compare

#: The number of newest answers per figure: it describes the current state, and its cost must not grow forever.
NEWEST = 600
NEWEST_OF_A_WORKER = 30


@dataclass(slots=True)
class Agreement:
    """`equal` of `answers` match the agreed label: the same class, and boxes that match at the project's IoU."""

    answers: int = 0
    equal: int = 0

    def add(self, is_equal: bool) -> None:
        self.answers += 1
        self.equal += is_equal

    @property
    def share(self) -> float | None:
        return self.equal / self.answers if self.answers else None


@dataclass(slots=True)
class AgreementSummary:
    """Agreement over the newest answers of a project, in total and by worker (actor id)."""

    total: Agreement = field(default_factory=Agreement)
    by_worker: dict[int, Agreement] = field(default_factory=lambda: defaultdict(Agreement))


def agreements(*, project: Project, by_worker: bool = False) -> AgreementSummary:
    """Agreement over the newest answers of the project or, with `by_worker`, of each of its workers.

    Leaves out labels made from a single answer, which always agree; a reviewer's fix is what its answers are compared
    with.
    """
    result, tolerance = AgreementSummary(), Tolerance(iou=project.gold_iou)
    for worker_id, answer, label in _answers(project, by_worker):
        is_equal = compare(Answer.from_json(answer), [Answer.from_json(label)], tolerance).correct
        result.total.add(is_equal)
        result.by_worker[worker_id].add(is_equal)
    return result


def _answers(project: Project, by_worker: bool) -> Iterator[tuple[int, dict[str, object], dict[str, object]]]:
    label = ConsensusLabel.objects.filter(task=OuterRef("task"), is_current=True).exclude(method=SINGLE)
    answers = (
        Annotation.objects.filter(
            project=project,
            is_current=True,
            source=Annotation.Source.WORKER,
            assignment__state=Assignment.State.SUBMITTED,
            assignment__hand__state=Hand.State.SETTLED,
        )
        # The label of an open task was rejected and is to be replaced.
        .exclude(task__state=Task.State.OPEN)
        .annotate(agreed=Subquery(label.values("body")[:1]))
        .filter(task__isnull=False, agreed__isnull=False)
        .order_by("-pk")
    )
    if by_worker:
        recency = Window(RowNumber(), partition_by="actor_id", order_by="-pk")
        answers = answers.annotate(recency=recency).filter(recency__lte=NEWEST_OF_A_WORKER)
    rows = answers.values_list("actor_id", "body", "agreed")
    yield from rows if by_worker else rows[:NEWEST]
