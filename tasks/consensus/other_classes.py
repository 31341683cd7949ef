"""What labels would be if classes were read otherwise: for the preview of a change, decided as label updates do."""

from collections.abc import Sequence
from copy import copy
from dataclasses import dataclass
from typing import Any

from annotary_core.labels.answer import Answer
from annotary_core.labels.canonical import content_hash
from annotary_core.labels.class_mapping import ClassMapping
from projects.models import LabelSchema, Project
from tasks.batching.models import Task
from tasks.consensus.label_methods import SET_BY_PEOPLE
from tasks.consensus.label_stability import Decision, decide
from tasks.consensus.label_task import aggregate_tasks, load_inputs
from tasks.consensus.models import ConsensusLabel


@dataclass(frozen=True, slots=True)
class OtherLabels:
    """How many of the tasks get a label of other content, and for how many approved ones one is proposed."""

    changed: int
    proposed: int


def labels_with_classes(
    *, project: Project, tasks: Sequence[Task], body: dict[str, Any], mapping: ClassMapping
) -> OtherLabels:
    """Return what a label update does to these tasks if the schema has this body and answers are read by this mapping.

    A label that only has the class which its own is read as is not another one.
    """
    then = copy(project)
    then.schema = LabelSchema(project=project, body=body, mapping=mapping.to_json())
    inputs = load_inputs(project=then, task_ids=[task.pk for task in tasks])
    rows = ConsensusLabel.objects.filter(task__in=tasks, is_current=True).exclude(method__in=SET_BY_PEOPLE)
    labels = {row.task_id: _as_read(row, mapping) for row in rows}
    by_id = {task.pk: task for task in tasks}
    found = []
    for pk, result in aggregate_tasks(tasks=[task for task in tasks if task.pk in labels], inputs=inputs).items():
        is_approved = by_id[pk].state == Task.State.APPROVED
        found.append(decide(result, labels[pk], is_approved=is_approved, has_new_answers=False))
    return OtherLabels(found.count(Decision.REPLACE), found.count(Decision.PROPOSE))


def _as_read(label: ConsensusLabel, mapping: ClassMapping) -> ConsensusLabel:
    """Return the label, which is not saved, with its classes as they are read."""
    answer = mapping.answer(Answer.from_json(label.body))
    if answer is not None:
        label.body, label.content_hash = answer.to_json(), content_hash(answer)
    return label
