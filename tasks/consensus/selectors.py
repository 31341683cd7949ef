"""What stands behind a label: the answers that count, what they weigh, how sure they make us."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.db.models import Count, F, QuerySet

from tasks.annotation.models import Annotation
from tasks.answers import Answer
from tasks.assignment.models import Assignment, Hand
from tasks.batching.models import Task
from tasks.consensus.models import ConsensusLabel, Posterior
from tasks.standing.models import Standing

#: What a worker weighs who has no standing in the project: the mean of the prior with which a standing begins.
PRIOR_TRUST = 2 / 3
_DIGITS = 6


@dataclass(frozen=True, slots=True)
class CountingAnswer:
    """A settled answer of a worker that uses a place in its task's present round.

    weight: trust in the worker now, 0 to 1.
    """

    worker_id: int
    worker: UUID
    annotation: UUID
    body: Mapping[str, Any]
    weight: float

    @property
    def answer(self) -> Answer:
        return Answer.from_json(self.body)


def settled_annotations(task_ids: Collection[int]) -> QuerySet[Annotation]:
    """Current answers whose set is over and which use a place in the present round of their task."""
    return Annotation.objects.filter(
        task_id__in=task_ids,
        is_current=True,
        source=Annotation.Source.WORKER,
        assignment__state=Assignment.State.SUBMITTED,
        assignment__counts=True,
        assignment__round=F("task__round"),
        assignment__hand__state=Hand.State.SETTLED,
    )


def counting_answers(*, project_id: int, task_ids: Collection[int]) -> dict[int, list[CountingAnswer]]:
    """The answers of each task of one project from which its label is made, by worker."""
    found = list(
        settled_annotations(task_ids)
        .order_by("task_id", "actor_id")
        .values_list("task_id", "actor_id", "actor__public_id", "public_id", "body")
    )
    trust = _trust(project_id, {row[1] for row in found})
    answers: dict[int, list[CountingAnswer]] = defaultdict(list)
    for task_id, worker_id, worker, annotation, body in found:
        weight = trust.get(worker_id, PRIOR_TRUST)
        answers[task_id].append(CountingAnswer(worker_id, worker, annotation, body, round(weight, _DIGITS)))
    return answers


def _trust(project_id: int, workers: Iterable[int]) -> dict[int, float]:
    standings = Standing.objects.filter(project_id=project_id, worker_id__in=list(workers))
    return {standing.worker_id: standing.trust for standing in standings}


def current_label(*, task: Task) -> ConsensusLabel | None:
    return ConsensusLabel.objects.filter(task=task, is_current=True).first()


def workers_left_to_ask(*, project_id: int, task_ids: Collection[int]) -> dict[int, int]:
    """For each task, how many admitted workers have not had it in its present round."""
    active = Standing.objects.filter(project_id=project_id, state=Standing.State.ACTIVE)
    everybody = active.count()
    had = dict(
        Assignment.objects.filter(task_id__in=task_ids, round=F("task__round"), worker__in=active.values("worker_id"))
        .values_list("task_id")
        .annotate(workers=Count("worker_id", distinct=True))
    )
    return {task_id: everybody - had.get(task_id, 0) for task_id in task_ids}


def full_but_open(*, task_ids: Collection[int]) -> list[Task]:
    """Open tasks that have all the answers they asked for: their answers disagree too much to be the last word."""
    tasks = Task.objects.filter(pk__in=task_ids, state=Task.State.OPEN, wanted__gt=0).order_by("pk")
    settled = dict(settled_annotations(task_ids).values_list("task_id").annotate(answers=Count("pk")))
    return [task for task in tasks if settled.get(task.pk, 0) >= task.wanted]


def label_evidence(*, task: Task) -> dict[str, Any]:
    """All that a task's label stands on, as plain JSON: the label, its earlier versions, each answer with what it
    weighs today, and the posterior. Workers appear by their pseudonyms."""
    answers = counting_answers(project_id=task.project_id, task_ids=[task.pk]).get(task.pk, [])
    versions = list(ConsensusLabel.objects.filter(task=task).order_by("-version"))
    label = next((version for version in versions if version.is_current), None)
    posterior = Posterior.objects.filter(task=task).first()
    return {
        "task": str(task.public_id),
        "state": task.state,
        "round": task.round,
        "wanted": task.wanted,
        "label": _label_json(label) | {"body": label.body, "evidence": label.evidence} if label else None,
        "versions": [_label_json(version) for version in versions],
        "answers": [
            {
                "worker": str(given.worker),
                "annotation": str(given.annotation),
                "weight": given.weight,
                "answer": given.body,
            }
            for given in answers
        ],
        "posterior": posterior.body if posterior else {},
    }


def _label_json(label: ConsensusLabel) -> dict[str, Any]:
    return {
        "id": str(label.public_id),
        "version": label.version,
        "content_hash": label.content_hash,
        "method": label.method,
        "confidence": label.confidence,
        "created_at": label.created_at.isoformat(),
    }
