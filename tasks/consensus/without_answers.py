"""What labels would be without the answers of a worker: for the preview of a repair, decided as label updates do."""

from collections.abc import Sequence
from dataclasses import dataclass

from projects.models import Project
from tasks.batching.models import Task
from tasks.consensus.label_stability import Decision, decide
from tasks.consensus.label_task import aggregate_tasks, load_inputs
from tasks.consensus.models import ConsensusLabel
from tasks.consensus.next_steps import Asking, Candidate, decide_steps
from tasks.consensus.stopping_policy import AskOneMore, NextWorker, TaskProgress


@dataclass(frozen=True, slots=True)
class WithoutAnswers:
    """The finished tasks whose label would be replaced, and those that would get one more answer first."""

    changed: frozenset[int]
    asked: frozenset[int]


def labels_without(*, project: Project, tasks: Sequence[Task], worker_id: int, asking: Asking) -> WithoutAnswers:
    """Return what a label update does to these finished tasks if the worker's answers are void.

    tasks: as they are then; they need not be saved. None of their labels was set by a person.
    """
    inputs = load_inputs(project=project, task_ids=[task.pk for task in tasks], without=worker_id)
    labels = {row.task_id: row for row in ConsensusLabel.objects.filter(task__in=tasks, is_current=True)}
    by_id = {task.pk: task for task in tasks}
    candidates: list[Candidate] = []
    replaced: set[int] = set()
    for pk, result in aggregate_tasks(tasks=tasks, inputs=inputs).items():
        task, answers = by_id[pk], len(inputs.by_task[pk].people)
        progress = TaskProgress(result.posterior, result.confidence, answers, taken=task.taken, wanted=task.wanted)
        candidates.append(Candidate(task, progress))
        is_approved = task.state == Task.State.APPROVED
        decision = decide(result, labels.get(pk), is_approved=is_approved, has_new_answers=True)
        if decision is Decision.REPLACE and answers >= task.wanted:
            replaced.add(pk)
    worker = NextWorker.of(inputs.worker_model.blend, inputs.worker_model.rates)
    steps = decide_steps(candidates, project=project, worker=worker, asking=asking)
    asked = frozenset(pk for pk, step in steps.items() if isinstance(step, AskOneMore))
    return WithoutAnswers(frozenset(replaced) - asked, asked)
