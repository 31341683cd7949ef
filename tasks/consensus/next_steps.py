"""Which tasks get one more answer, for label updates and for the preview of a policy alike.

`stopping_policy.next_step` decides about each of them; here it learns who is left to answer, and what the budget
covers: the answers that help most come first.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import Enum, auto

from projects.models import Project
from tasks.batching.models import Task
from tasks.consensus.selectors import remaining_workers
from tasks.consensus.stopping_policy import (
    AskOneMore,
    NextWorker,
    Step,
    StoppingPolicy,
    TaskProgress,
    may_be_decided,
    next_step,
)
from tasks.pay.budget import answers_affordable


class Asking(Enum):
    """What a label update may do. CLOSE: tasks are closed with the answers they have. REOPEN: finished ones are
    decided again, too."""

    CLOSE = auto()
    DECIDE = auto()
    REOPEN = auto()


@dataclass(frozen=True, slots=True)
class Candidate:
    """A task to decide about, and what is known of it."""

    task: Task
    progress: TaskProgress

    @property
    def is_open(self) -> bool:
        return takes_answers(self.task)


def takes_answers(task: Task) -> bool:
    """Whether workers can still be given the task: it is open, or approved and asked again."""
    return task.state == Task.State.OPEN or task.asked_again


def only_waits(task: Task, answers: int, policy: StoppingPolicy) -> bool:
    """Whether nothing can happen to an open task that has this many answers, whatever they say."""
    is_open = task.state == Task.State.OPEN
    return is_open and not may_be_decided(answers=answers, taken=task.taken, wanted=task.wanted, policy=policy)


def policy_of(project: Project, asking: Asking = Asking.DECIDE) -> StoppingPolicy:
    if asking is Asking.CLOSE:
        return StoppingPolicy.closing()
    return StoppingPolicy(project.answers_min, project.answers_max, project.confidence_target)


def decide_steps(
    candidates: Sequence[Candidate],
    *,
    project: Project,
    worker: NextWorker,
    asking: Asking,
    affordable: int | None = -1,
) -> dict[int, Step]:
    """Return {task id: what happens to it}; of finished tasks only those that get one more answer.

    affordable: how many more answers the budget covers, None without a limit, -1 to find out.
    """
    policy = policy_of(project, asking)
    steps: dict[int, Step] = {}
    wanting: list[tuple[int, Candidate]] = []
    for each in candidates:
        step = _step(each, policy, worker, asking)
        if isinstance(step, AskOneMore):
            wanting.append((step.priority, each))
        elif step is not None:
            steps[each.task.pk] = step
    if not wanting:
        return steps
    remaining = remaining_workers(project_id=project.pk, task_ids=[each.task.pk for _, each in wanting])
    room = answers_affordable(project=project) if affordable == -1 else affordable
    # By id among equals, so that the same tasks are chosen whatever their order here.
    for _, each in sorted(wanting, key=lambda row: (-row[0], row[1].task.pk)):
        has_worker, has_money = remaining[each.task.pk] > 0, room is None or room > 0
        step = _step(each, policy, worker, asking, worker_remains=has_worker, money_remains=has_money)
        if isinstance(step, AskOneMore) and room is not None:
            room -= 1
        if step is not None:
            steps[each.task.pk] = step
    return steps


def _step(
    candidate: Candidate,
    policy: StoppingPolicy,
    worker: NextWorker,
    asking: Asking,
    *,
    worker_remains: bool = True,
    money_remains: bool = True,
) -> Step | None:
    progress = candidate.progress
    if not candidate.is_open:
        if asking is not Asking.REOPEN:
            return None
        # Slots that stayed open when the task was finished are not wanted any more.
        progress = replace(progress, wanted=progress.taken)
    step = next_step(progress, policy=policy, worker=worker, worker_remains=worker_remains, money_remains=money_remains)
    return step if candidate.is_open or isinstance(step, AskOneMore) else None
