"""Changes the policies of a project, and with the answers per image the images that are in.

Images in draft batches follow, because nobody has been asked yet. For open ones the manager decides, and is told how
many they are and what that costs.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Literal

from django.db import transaction

from kernel.errors import Conflict
from projects.models import Project
from projects.services import change_policy, rename_project
from tasks.assignment.caps import count_images
from tasks.batching.answers_wanted import WantedChange, count_wanted_change, set_wanted
from tasks.batching.models import Batch
from tasks.consensus.refit import queue_updates

#: Which images a new number of answers applies to: those added from now on, or also those that are open.
ApplyTo = Literal["new", "all"]

_OPEN = (Batch.State.OPEN, Batch.State.PAUSED)


@dataclass(frozen=True, slots=True)
class OverlapChange:
    """How many images get another number of answers, and how many answers that is more in total (negative if fewer).

    `cost` is what these cost at the price per answer, without check images, in `currency`.
    """

    images: int
    answers: int
    cost: Decimal
    currency: str

    @property
    def fewer(self) -> int:
        return -self.answers

    @property
    def saved(self) -> Decimal:
        return -self.cost


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
            f'{images} would change too: {effect}. Nothing was saved. Repeat the request with "apply_to": "all" to'
            ' change them, or with "apply_to": "new" to leave them as they are.',
            images=change.images,
            answers=change.answers,
            cost=cost,
            currency=change.currency,
        )


@transaction.atomic
def change_project_policy(
    *, project: Project, changes: Mapping[str, Any], apply_to: ApplyTo | None = None, name: str | None = None
) -> tuple[Project, OverlapChange]:
    """Locks the project, then its batches and tasks. Set policies by name, and with `name` the project's
    own; return the project and what has changed.

    A new number of answers per image reaches images in draft batches, and open ones with `apply_to="all"`. Answers that
    are in, and those that workers are about to send, always count. Raises OverlapUndecided, with nothing changed, if
    there are open images and `apply_to` is None; PolicyRefused and ProjectRefused.
    """
    row = Project.objects.select_for_update(no_key=True).get(pk=project.pk)
    if name is not None:
        rename_project(project=row, name=name)
    changed = change_policy(project=row, changes=changes)
    if changed.share_per_worker < 1:
        count_images(project=changed)
    before, to = row.answers_min, changed.answers_min
    if apply_to is None and before != to and changed.state in (Project.State.OPEN, Project.State.PAUSED):
        asked = count_wanted_change(project=changed, states=_OPEN, before=before, to=to)
        if asked.tasks:
            raise OverlapUndecided(_in_money(changed, asked))
    if before == to and apply_to != "all":
        return changed, _in_money(changed, WantedChange(0, 0))
    done = set_wanted(project=changed, states=_reached(changed, apply_to), before=before, to=to)
    # With the answers that they have, these are complete: their labels become final.
    queue_updates(project_id=changed.pk, tasks=done.full)
    return changed, _in_money(changed, done)


def _reached(project: Project, apply_to: ApplyTo | None) -> tuple[Batch.State, ...]:
    """The states of the batches whose images get the new number of answers."""
    if project.state == Project.State.CLOSED:
        return ()
    # Nobody can take images of a draft, in whichever state its batches are.
    if project.state == Project.State.DRAFT or apply_to == "all":
        return (Batch.State.DRAFT, *_OPEN)
    return (Batch.State.DRAFT,)


def _in_money(project: Project, change: WantedChange) -> OverlapChange:
    return OverlapChange(change.tasks, change.slots, change.slots * project.price, project.currency)
