"""The objects that workers drew, in columns."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.db.models import Q

from annotary_core.aggregation.objects.clustering import ObjectAnswers
from annotary_core.labels.class_mapping import ClassMapping
from annotary_core.labels.shapes.objects import ObjectColumn
from projects.selectors import class_mapping
from tasks.batching.models import Task
from tasks.consensus.answer_shards import answers_to_gold
from tasks.consensus.label_methods import SET_BY_PEOPLE
from tasks.consensus.models import ConsensusLabel
from tasks.consensus.selectors import settled_answers
from tasks.gold.models import Gold

AnswerRow = tuple[int, int, Mapping[str, Any]]

#: Images from which worker rates are estimated, sampled by their random public id; more would add nothing.
MAX_IMAGES = 20_000
_CHUNK = 2_000


@dataclass(frozen=True, slots=True)
class ObjectSample:
    """answers: of every task (gold under its negated key). known: task -> all of its true objects."""

    answers: ObjectAnswers[ObjectColumn]
    known: Mapping[int, ObjectColumn]


def sample_objects(*, project_id: int, most: int = MAX_IMAGES) -> ObjectSample:
    """Sample the project's images by their random public id; adds all gold, and the ground truth known for either."""
    answered = Task.objects.filter(project_id=project_id, posterior__answers__gt=0).order_by("public_id")
    ids = sorted(answered.values_list("pk", flat=True)[:most])
    mapping = class_mapping(project_id=project_id)
    rows = [*answer_rows(task_ids=ids, mapping=mapping), *gold_rows(project_id=project_id, mapping=mapping)]
    labels = ConsensusLabel.objects.filter(task_id__in=ids, is_current=True, method__in=SET_BY_PEOPLE)
    known = {task_id: objects_of(body) for task_id, body in labels.values_list("task_id", "body")}
    golds = Gold.objects.filter(project_id=project_id, state=Gold.State.ACTIVE).values_list("pk", "accepted")
    known |= {-pk: objects_of(accepted[0]) for pk, accepted in golds if len(accepted) == 1}
    return ObjectSample(object_answers(rows), known)


def answer_rows(*, task_ids: Sequence[int], mapping: ClassMapping) -> list[AnswerRow]:
    """(task, worker, body) of the counting answers, ordered by task, then worker, with classes as `mapping` reads
    them."""
    rows: list[AnswerRow] = []
    for at in range(0, len(task_ids), _CHUNK):
        chunk = settled_answers().filter(Q(task_id__in=task_ids[at : at + _CHUNK]))
        rows += _read(chunk.order_by("task_id", "actor_id").values_list("task_id", "actor_id", "body"), mapping)
    return rows


def _read(rows: Iterable[AnswerRow], mapping: ClassMapping) -> list[AnswerRow]:
    read = ((task, worker, mapping.body(body)) for task, worker, body in rows)
    return [(task, worker, body) for task, worker, body in read if body is not None]


def object_answers(rows: Iterable[tuple[int, int, Mapping[str, Any]]]) -> ObjectAnswers[ObjectColumn]:
    """The objects in the answers; a worker who answered "cannot tell" is not counted as having seen the image."""
    seen = [(task, worker, body) for task, worker, body in rows if body["verdict"] != "cannot_tell"]
    drawn = [(task, worker, item) for task, worker, body in seen for item in body["objects"]]
    return ObjectAnswers.of(
        [task for task, _, _ in drawn],
        [worker for _, worker, _ in drawn],
        [item["class"] for _, _, item in drawn],
        ObjectColumn.of([(item["tool"], item["geom"]) for _, _, item in drawn]),
        seen=[(task, worker) for task, worker, _ in seen],
    )


def gold_rows(*, project_id: int, mapping: ClassMapping) -> list[AnswerRow]:
    """(negated gold, worker, body) of the answers to active gold, ordered by gold, then worker, with classes as
    `mapping` reads them."""
    rows = answers_to_gold(project_id=project_id).order_by("gold_id", "actor_id")
    return [
        (-gold, actor, body) for gold, actor, body in _read(rows.values_list("gold_id", "actor_id", "body"), mapping)
    ]


def objects_of(body: Mapping[str, Any]) -> ObjectColumn:
    """The objects of an answer."""
    return ObjectColumn.of([(item["tool"], item["geom"]) for item in body["objects"]])
