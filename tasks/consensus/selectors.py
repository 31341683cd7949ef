"""The answers behind a label, of people and of models, and the workers who could still add to it.

A model is an additional annotator whose reliability is estimated like a person's. Its prediction takes no slot and
earns nothing; it counts as one vote, split by its class probabilities.
"""

from collections import defaultdict
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.db.models import Count, F, Max, QuerySet

from accounts.models import TeamMember
from annotary_core.labels.answer import Answer
from annotary_core.labels.class_mapping import AS_THEY_ARE, ClassMapping
from projects.models import Project
from tasks.annotation.models import Annotation
from tasks.assignment.models import Assignment, Hand
from tasks.batching.models import Task
from tasks.consensus.models import ConsensusLabel, Prediction
from tasks.repair.selectors import void
from tasks.standing.models import Standing


@dataclass(frozen=True, slots=True)
class CountingAnswer:
    """A worker's settled answer that occupies a slot in its task's current round."""

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
    """Current answers from settled hands that occupy a slot in their task's current round, and are not void."""
    return Annotation.objects.filter(
        ~void(assignment="assignment__"),
        is_current=True,
        source=Annotation.Source.WORKER,
        assignment__state=Assignment.State.SUBMITTED,
        assignment__counts=True,
        assignment__round=F("task__round"),
        assignment__hand__state=Hand.State.SETTLED,
    )


def counting_answers(
    *, task_ids: Collection[int], mapping: ClassMapping = AS_THEY_ARE
) -> dict[int, list[CountingAnswer]]:
    """The answers that each task's label is computed from, ordered by worker, with their classes as `mapping` reads
    them."""
    rows = list(
        settled_annotations(task_ids)
        .order_by("task_id", "actor_id")
        .values_list("task_id", "actor_id", "actor__public_id", "public_id", "body")
    )
    answers: dict[int, list[CountingAnswer]] = defaultdict(list)
    for task_id, worker_id, worker, annotation, stored in rows:
        if (body := mapping.body(stored)) is not None:
            answers[task_id].append(CountingAnswer(worker_id, worker, annotation, body))
    return answers


def answering_workers(*, task_ids: Collection[int]) -> set[int]:
    """The people whose settled answers the labels of these tasks are computed from, and the models that predicted."""
    people = set(settled_annotations(task_ids).values_list("actor_id", flat=True))
    models = current_predictions().filter(annotation__task_id__in=task_ids)
    return people | set(models.values_list("annotation__actor_id", flat=True))


@dataclass(frozen=True, slots=True)
class ModelPrediction:
    """A model's current prediction for a task. probabilities: class number -> p, summing to 1."""

    actor_id: int
    actor: UUID
    name: str
    annotation: UUID
    body: Mapping[str, Any]
    probabilities: dict[int, float]

    @property
    def answer(self) -> Answer:
        return Answer.from_json(self.body)


def current_predictions() -> QuerySet[Prediction]:
    return Prediction.objects.filter(annotation__is_current=True, annotation__source=Annotation.Source.MODEL)


def predictions_by_task(
    *, task_ids: Collection[int], mapping: ClassMapping = AS_THEY_ARE
) -> dict[int, list[ModelPrediction]]:
    """The predictions for each of these tasks, ordered by model, with their classes as `mapping` reads them."""
    rows = (
        current_predictions()
        .filter(annotation__task_id__in=task_ids)
        .select_related("annotation__actor")
        .order_by("annotation__task_id", "annotation__actor_id")
    )
    predictions: dict[int, list[ModelPrediction]] = defaultdict(list)
    for row in rows:
        annotation = row.annotation
        assert annotation.task_id is not None
        body, shares = mapping.body(annotation.body), mapping.probabilities(probabilities_of(row.probabilities))
        if body is None or (row.probabilities and not shares):
            continue
        predictions[annotation.task_id].append(
            ModelPrediction(
                annotation.actor_id,
                annotation.actor.public_id,
                annotation.actor.label,
                annotation.public_id,
                body,
                shares,
            )
        )
    return predictions


def probabilities_of(stored: dict[str, float]) -> dict[int, float]:
    return {int(number): float(p) for number, p in stored.items()}


def current_label(*, task: Task) -> ConsensusLabel | None:
    return ConsensusLabel.objects.filter(task=task, is_current=True).first()


def latest_versions(*, task_ids: Collection[int]) -> dict[int, int]:
    """Return {task id: its highest label version}. The current one may be lower, after the undo of a repair."""
    rows = ConsensusLabel.objects.filter(task_id__in=task_ids).order_by()
    return dict(rows.values_list("task_id").annotate(Max("version")))


def current_labels(*, project: Project) -> QuerySet[ConsensusLabel]:
    """Return the project's agreed labels with their images, and `image_order` to list them in the order of the images.

    That order is in an index of the tasks, for all of them and for those in one state. The order of the labels' ids is
    in none, and changes with every new version.
    """
    labels = ConsensusLabel.objects.filter(task__project=project, is_current=True).select_related("task__image")
    return labels.annotate(image_order=F("task__image_id"))


def label_versions(*, task: Task) -> QuerySet[ConsensusLabel]:
    """Return all versions of the task's label, newest first."""
    return ConsensusLabel.objects.filter(task=task).order_by("-version")


def remaining_workers(*, project_id: int, task_ids: Collection[int]) -> dict[int, int]:
    """For each task, the number of active workers who may get it and have not been assigned it in its current round."""
    active = Standing.objects.filter(project_id=project_id, state=Standing.State.ACTIVE)
    teams = dict(Task.objects.filter(pk__in=task_ids, batch__team__isnull=False).values_list("pk", "batch__team_id"))
    had = Assignment.objects.filter(task_id__in=task_ids, round=F("task__round"), worker__in=active.values("worker_id"))
    total = active.count()
    remaining = {task_id: total - count for task_id, count in _workers_by_task(had, task_ids).items()}
    for team_id in set(teams.values()):
        kept = [task_id for task_id, team in teams.items() if team == team_id]
        members = TeamMember.objects.filter(team_id=team_id).values("worker_id")
        total = active.filter(worker_id__in=members).count()
        assigned = _workers_by_task(had.filter(task_id__in=kept, worker_id__in=members), kept)
        remaining |= {task_id: total - count for task_id, count in assigned.items()}
    return remaining


def _workers_by_task(rows: QuerySet[Assignment], task_ids: Collection[int]) -> dict[int, int]:
    """Return {task id: how many workers the assignments are of}, 0 for tasks without any."""
    counts = dict(rows.values_list("task_id").annotate(workers=Count("worker_id", distinct=True)))
    return {task_id: counts.get(task_id, 0) for task_id in task_ids}
