"""What another number of answers per image would do, and cost, before it is done.

Images are in four groups: those of batches that are not open yet, open ones, answered ones and approved ones. The
number of answers that a policy asks for is exact. Whether workers are asked once more about a finished image is decided
image by image; with many images it is estimated from a random sample of them, so that a preview takes a bounded time.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Literal

from projects.models import Project
from projects.selectors import schema_of
from projects.services import with_policy
from tasks.batching.answers_wanted import AnswersPerImage, count_wanted_change
from tasks.batching.models import Batch, Task
from tasks.consensus.asking_again import (
    SAMPLE,
    count_decidable,
    count_too_few,
    decidable_sample,
    undecided_sample,
)
from tasks.consensus.next_steps import Asking, Candidate, decide_steps
from tasks.consensus.selectors import answering_workers
from tasks.consensus.stopping_policy import Answered, AskOneMore, NextWorker, Step
from tasks.consensus.worker_model import load_worker_model
from tasks.pay.budget import BudgetFigures, answer_cost, answers_affordable, budget_figures

#: Which images a change applies to: those of batches that are not open yet and those added from now on; also open
#: ones; also those that are answered or approved.
ApplyTo = Literal["new", "open", "finished"]
GROUPS = ("draft", "open", "answered", "approved")
GROUPS_OF: Mapping[ApplyTo, tuple[str, ...]] = {"new": GROUPS[:1], "open": GROUPS[:2], "finished": GROUPS}
OPEN = (Batch.State.OPEN, Batch.State.PAUSED)


@dataclass(frozen=True, slots=True)
class Effect:
    """How many images of a group change, and how many answers more that is in total (fewer if negative)."""

    images: int = 0
    answers: int = 0

    def __add__(self, other: Effect) -> Effect:
        return Effect(self.images + other.images, self.answers + other.answers)

    @property
    def fewer(self) -> int:
        return -self.answers


@dataclass(frozen=True, slots=True)
class PolicyPreview:
    """What a change does by group.

    answer_cost: of one more answer, with the expected share of check images. is_estimate: whether answers to finished
    or open images are estimated from a sample. least, most: an image whose workers still disagree gets further answers,
    up to `most`. budget: as it is after the change, if it applies to new images alone.
    """

    groups: Mapping[str, Effect]
    answer_cost: Decimal
    currency: str
    is_estimate: bool
    least: int
    most: int
    budget: BudgetFigures

    def effect(self, apply_to: ApplyTo) -> Effect:
        return sum((self.groups[name] for name in GROUPS_OF[apply_to]), Effect())

    def cost(self, answers: int) -> Decimal:
        """Return what this many answers cost; negative if they are saved."""
        return (answers * self.answer_cost).quantize(Decimal("0.000001"))

    def forecast(self, apply_to: ApplyTo) -> Decimal:
        """Return what the project will have cost in the end, as far as answers are wanted by then."""
        return self.budget.forecast + self.cost(self.effect(apply_to).answers)

    def missing(self, apply_to: ApplyTo) -> Decimal:
        """Return by how much that exceeds the budget; 0 if it does not."""
        limit = self.budget.budget
        return Decimal(0) if limit is None else max(self.forecast(apply_to) - limit, Decimal(0))


@dataclass(frozen=True, slots=True)
class Change:
    """A project before and after a change of its policies; `after` need not be saved."""

    before: Project
    after: Project

    @property
    def answers(self) -> AnswersPerImage:
        return AnswersPerImage(self.before.answers_min, self.after.answers_min, self.after.answers_max)

    @property
    def is_about_answers(self) -> bool:
        names = ("answers_min", "answers_max", "confidence_target", "budget")
        return any(getattr(self.before, name) != getattr(self.after, name) for name in names)

    @property
    def decides_again(self) -> bool:
        """Whether finished images may get one more answer: the policy allows more, or it is applied once more."""
        before, after = self.before, self.after
        if after.answers_max == after.answers_min:
            return False
        has_more_money = before.budget is not None and (after.budget is None or after.budget > before.budget)
        return (
            not self.is_about_answers
            or after.answers_max > before.answers_max
            or after.confidence_target > before.confidence_target
            or has_more_money
        )

    @property
    def closes_earlier(self) -> bool:
        """Whether open images may have enough answers by now."""
        names = ("answers_min", "answers_max", "confidence_target")
        return any(getattr(self.after, name) < getattr(self.before, name) for name in names)

    @property
    def draft_states(self) -> tuple[Batch.State, ...]:
        """The states of batches whose images follow the policy at once, because nobody has been asked yet."""
        if self.after.state == Project.State.CLOSED:
            return ()
        # Nobody can take images of a draft, in whichever state its batches are.
        return (Batch.State.DRAFT, *OPEN) if self.after.state == Project.State.DRAFT else (Batch.State.DRAFT,)

    @property
    def is_running(self) -> bool:
        return self.after.state in (Project.State.OPEN, Project.State.PAUSED)


def preview_policy(*, project: Project, changes: Mapping[str, Any]) -> PolicyPreview:
    """Return what these policies would do. Raises PolicyRefused."""
    return preview(Change(project, with_policy(project=project, changes=changes)))


def preview(change: Change) -> PolicyPreview:
    project, answers = change.after, change.answers
    groups = {name: Effect() for name in GROUPS}
    drafts = count_wanted_change(project=project, states=change.draft_states, answers=answers)
    groups["draft"] = Effect(drafts.tasks, drafts.slots)
    is_estimate = False
    if change.is_running:
        opened = count_wanted_change(project=project, states=OPEN, answers=answers)
        groups["open"] = Effect(opened.tasks, opened.slots)
        if change.closes_earlier:
            decided, is_estimate = _decided_now(change)
            groups["open"] += decided
        for state, reopened in count_too_few(project=project, least=answers.least).items():
            groups[state] = Effect(reopened.images, reopened.answers)
        if change.decides_again:
            asked, estimated = _asked_again(change, wanted=sum(each.answers for each in groups.values()))
            is_estimate |= estimated
            groups |= {state: groups[state] + effect for state, effect in asked.items()}
    return PolicyPreview(
        groups,
        answer_cost(project),
        project.currency,
        is_estimate,
        answers.least,
        answers.most,
        budget_figures(project=project),
    )


def _asked_again(change: Change, *, wanted: int) -> tuple[dict[str, Effect], bool]:
    """Return the finished images that get one more answer by state, and whether that is an estimate.

    wanted: how many answers the change asks for before that.
    """
    project, answers = change.after, change.answers
    count, sample = undecided_sample(project=project, least=answers.least, most=answers.most)
    if not count:
        return {}, False
    steps, factor = _decide(sample, change, Asking.REOPEN), _factor(count, sample)
    states = [each.task.state for each in sample if isinstance(steps.get(each.task.pk), AskOneMore)]
    room = answers_affordable(project=project, more_answers=wanted)
    effects: dict[str, Effect] = {}
    for state in (Task.State.ANSWERED, Task.State.APPROVED):
        number = round(factor * states.count(state))
        number = number if room is None else min(number, room)
        room = None if room is None else room - number
        effects[state] = Effect(number, number)
    return effects, factor > 1


def _decided_now(change: Change) -> tuple[Effect, bool]:
    """Return what happens to open images that have the new minimum of answers, and whether that is an estimate: they
    are closed if their labels are certain enough by now, or get one more if they are not."""
    count = count_decidable(project=change.after, answers=change.answers)
    sample = decidable_sample(project=change.after, answers=change.answers) if count else []
    steps, factor = _decide(sample, change, Asking.DECIDE), _factor(count, sample)
    images = answers = 0
    for each in sample:
        step, goal, before = steps.get(each.task.pk), each.progress.wanted, each.task.wanted
        wanted = step.wanted if isinstance(step, Answered | AskOneMore) else goal
        answers += wanted - goal
        images += (wanted != before) - (goal != before)  # the others are counted with the policy
    return Effect(round(factor * images), round(factor * answers)), factor > 1


def _decide(candidates: Sequence[Candidate], change: Change, asking: Asking) -> dict[int, Step]:
    """Decide as label updates do, apart from the budget, from the posteriors that they stored."""
    if not candidates:
        return {}
    project = change.after
    workers = answering_workers(task_ids=[each.task.pk for each in candidates])
    classes = [item.number for item in schema_of(project=project).classes]
    model = load_worker_model(project=project, workers=workers, classes=classes)
    worker = NextWorker.of(model.blend, model.rates)
    return decide_steps(candidates, project=project, worker=worker, asking=asking, affordable=None)


def _factor(count: int, sample: Sequence[Candidate]) -> float:
    """By how much the sample is smaller than what it stands for; 1 if it is all of it."""
    return count / len(sample) if sample and count > SAMPLE else 1.0
