"""What stands behind a label: the answers that count, what they weigh, how sure they make us."""

from collections import defaultdict
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.db.models import Count, F, QuerySet

from annotary_core.labels.answer import Answer
from tasks.annotation.models import Annotation
from tasks.assignment.models import Assignment, Hand
from tasks.batching.models import Task
from tasks.consensus.models import ConsensusLabel
from tasks.standing.models import Standing


@dataclass(frozen=True, slots=True)
class CountingAnswer:
    """A settled answer of a worker that uses a place in its task's present round."""

    worker_id: int
    worker: UUID
    annotation: UUID
    body: Mapping[str, Any]

    @property
    def answer(self) -> Answer:
        return Answer.from_json(self.body)


def settled_annotations(task_ids: Collection[int]) -> QuerySet[Annotation]:
    return settled_answers().filter(task_id__in=task_ids)


def settled_answers() -> QuerySet[Annotation]:
    """Current answers whose set is over and which use a place in the present round of their task."""
    return Annotation.objects.filter(
        is_current=True,
        source=Annotation.Source.WORKER,
        assignment__state=Assignment.State.SUBMITTED,
        assignment__counts=True,
        assignment__round=F("task__round"),
        assignment__hand__state=Hand.State.SETTLED,
    )


def counting_answers(*, task_ids: Collection[int]) -> dict[int, list[CountingAnswer]]:
    """The answers of each task from which its label is made, by worker."""
    found = list(
        settled_annotations(task_ids)
        .order_by("task_id", "actor_id")
        .values_list("task_id", "actor_id", "actor__public_id", "public_id", "body")
    )
    answers: dict[int, list[CountingAnswer]] = defaultdict(list)
    for task_id, worker_id, worker, annotation, body in found:
        answers[task_id].append(CountingAnswer(worker_id, worker, annotation, body))
    return answers


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
