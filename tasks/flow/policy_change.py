"""Changes the policies of a project, and with the answers per image the images that are in.

Images in draft batches follow, because nobody has been asked yet. For open and finished ones the manager decides, and
is told how many they are and what that costs. Finished ones are asked again by a job, batch by batch.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Literal

from django.db import transaction

from kernel.errors import Conflict
from kernel.events import record_event
from kernel.jobs import enqueue
from kernel.locks import lock_money
from projects.errors import PolicyRefused
from projects.models import Project
from projects.services import change_policy, rename_project
from tasks.assignment.budget import committed
from tasks.assignment.caps import count_images
from tasks.batching.answers_wanted import WantedChange, count_wanted_change, set_wanted
from tasks.batching.services import record_scheduled
from tasks.consensus.asking_again import decidable
from tasks.consensus.refit import queue_updates
from tasks.flow.finished_images import ASK_FINISHED, FinishedImages
from tasks.flow.policy_preview import OPEN, ApplyTo, Change

#: `all` is what `open` was called before.
Sent = ApplyTo | Literal["all"]


@dataclass(frozen=True, slots=True)
class OverlapChange:
    """How many images get another number of answers, and how many answers that is more in total (negative if fewer).

    `cost` is what these cost at the price per answer, without check images, in `currency`. `asks_finished`: a job has
    finished images answered again.
    """

    images: int
    answers: int
    cost: Decimal
    currency: str
    asks_finished: bool = False


class OverlapUndecided(Conflict):
    """Some images are open already. Decide whether the new number of answers applies to them too."""

    code = "overlap_undecided"

    def __init__(self, change: OverlapChange) -> None:
        self.change = change
        images = "1 open image" if change.images == 1 else f"{change.images:,} open images"
        answers = "1 answer" if abs(change.answers) == 1 else f"{abs(change.answers):,} answers"
        cost = f"{change.cost.normalize():f}"
        effect = f"{answers} more, {cost} {change.currency}"
        if change.answers < 0:
            effect = f"{answers} fewer, {cost.removeprefix('-')} {change.currency} less"
        super().__init__(
            f'{images} would change too: {effect}. Nothing was saved. Repeat the request with "apply_to": "open" to'
            ' change them, with "finished" to have finished images answered again as well, or with "new" to leave all'
            " of them as they are.",
            images=change.images,
            answers=change.answers,
            cost=cost,
            currency=change.currency,
        )


@transaction.atomic
def change_project_policy(
    *, project: Project, changes: Mapping[str, Any], apply_to: Sent | None = None, name: str | None = None
) -> tuple[Project, OverlapChange]:
    """Locks the project, its money if the price or the budget changes, then its batches and tasks. Set policies by
    name, and with `name` the project's own; return the project and what has changed.

    Another number of answers per image reaches images in draft batches, open ones with `apply_to="open"`, and also
    finished ones with `"finished"`. Answers that are in, and those that workers are about to send, always count.
    Raises OverlapUndecided, with nothing changed, if there are open images and `apply_to` is None; PolicyRefused and
    ProjectRefused.
    """
    row = Project.objects.select_for_update(no_key=True).get(pk=project.pk)
    if name is not None:
        rename_project(project=row, name=name)
    change = Change(row, change_policy(project=row, changes=changes))
    if change.after.share_per_worker < 1:
        count_images(project=change.after)
    _check_budget(change)
    if (change.before.priority, change.before.deadline_at) != (change.after.priority, change.after.deadline_at):
        record_scheduled(change.after)
    decided: ApplyTo | None = "open" if apply_to == "all" else apply_to
    if decided is None and change.is_about_answers and change.is_running:
        asked = count_wanted_change(project=change.after, states=OPEN, answers=change.answers)
        if asked.tasks:
            raise OverlapUndecided(_in_money(change.after, asked))
    if not change.is_about_answers and decided in (None, "new"):
        return change.after, _in_money(change.after, WantedChange(0, 0))
    return change.after, _apply(change, decided or "new")


def _apply(change: Change, apply_to: ApplyTo) -> OverlapChange:
    """Needs the project's lock; locks batches and tasks."""
    project, is_running = change.after, change.is_running
    states = (*change.draft_states, *OPEN) if is_running and apply_to != "new" else change.draft_states
    reaches_open = is_running and apply_to != "new"
    due = decidable(project=project, answers=change.answers) if reaches_open and change.closes_earlier else []
    done = set_wanted(project=project, states=states, answers=change.answers)
    # With the answers that they have, these may be complete: their labels become final.
    queue_updates(project_id=project.pk, tasks=sorted({*done.full, *due}))
    asks_finished = is_running and apply_to == "finished"
    if asks_finished:
        args = FinishedImages(project.answers_min, decide_again=change.decides_again)
        enqueue(ASK_FINISHED, args, project_id=project.pk)
    return _in_money(project, done, asks_finished=asks_finished)


def _check_budget(change: Change) -> None:
    """Waits for the project's claims, so that none of them goes by another price or budget. Raises PolicyRefused."""
    before, after = change.before, change.after
    if (before.budget, before.pay_terms) == (after.budget, after.pay_terms):
        return
    lock_money(project_id=after.pk)
    if before.budget == after.budget:
        return
    promised = committed(project=after)
    if after.budget is not None and after.budget < promised:
        raise PolicyRefused(
            f"{promised.normalize():f} {after.currency} are already paid or promised to workers. Set the budget to at"
            " least that, or pause the project to have no more images taken."
        )
    budget = None if after.budget is None else f"{after.budget.normalize():f}"
    record_event(project_id=after.pk, kind="budget.changed", data={"budget": budget})


def _in_money(project: Project, change: WantedChange, *, asks_finished: bool = False) -> OverlapChange:
    cost = change.slots * project.pay_terms.expected_per_answer(project.seconds_per_answer)
    return OverlapChange(change.tasks, change.slots, cost, project.currency, asks_finished)
