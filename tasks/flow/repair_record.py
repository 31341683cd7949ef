"""What becomes of an image when one of its answers is void, and what is kept of it for the undo. Pure apart from the
names of states."""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from typing import Any

from tasks.batching.models import Task
from tasks.consensus.label_methods import SET_BY_PEOPLE
from tasks.repair.models import RepairedTask

FINISHED = (Task.State.ANSWERED, Task.State.APPROVED)
Effect = RepairedTask.Effect


@dataclass(frozen=True, slots=True)
class StoredPosterior:
    """The columns of a task's posterior."""

    answers: int
    body: dict[str, Any]
    confidence: float | None
    state_version: int


@dataclass(frozen=True, slots=True)
class Before:
    """A task before one of its answers was voided. label, review: the row ids of the current ones. counting: those of
    the assignments whose answers counted, the void one among them. approved_at: of its batch, if that was approved."""

    round: int
    state: str
    asked_again: bool
    wanted: int
    label: int | None
    review: int | None
    counting: list[int]
    approved_at: str | None = None
    posterior: StoredPosterior | None = None

    @classmethod
    def from_json(cls, stored: dict[str, Any]) -> Before:
        posterior = stored.get("posterior")
        return cls(**stored | {"posterior": posterior and StoredPosterior(**posterior)})

    def to_json(self) -> dict[str, Any]:
        return asdict(self)

    @property
    def was_finished(self) -> bool:
        return self.state in FINISHED and not self.asked_again


@dataclass(frozen=True, slots=True)
class Slots:
    """The columns of a task that a repair changes."""

    state: str
    asked_again: bool
    wanted: int
    taken: int

    @classmethod
    def of(cls, task: Task) -> Slots:
        return cls(task.state, task.asked_again, task.wanted, task.taken)

    @property
    def offered(self) -> int:
        """How many answers workers are asked for that nobody is about to give."""
        return self.wanted - self.taken if self.state == Task.State.OPEN or self.asked_again else 0

    def apply(self, task: Task) -> None:
        task.state, task.asked_again, task.wanted, task.taken = self.state, self.asked_again, self.wanted, self.taken


@dataclass(frozen=True, slots=True)
class CurrentLabel:
    """The method of a task's current label, and whether it was made in the task's present round."""

    method: str
    is_of_round: bool

    @property
    def is_by_people(self) -> bool:
        return self.method in SET_BY_PEOPLE


@dataclass(frozen=True, slots=True)
class Plan:
    """after: the task without the void answer. retires: whether its label and verdict stop being current."""

    after: Slots
    effect: Effect
    retires: bool = False


def plan_void(now: Slots, *, answers: int, label: CurrentLabel | None, answers_min: int) -> Plan:
    """Say what becomes of a task without one of its counting answers. answers: how many there were, this one included.

    A finished task stays finished as long as it keeps the project's minimum of answers, or a label that a person set.
    Otherwise it opens again, for as many answers as the minimum, or as it had if those were fewer. Its label rests on a
    void answer, so it is not current any more, and the next one is written as if there had been none.
    """
    free = replace(now, taken=now.taken - 1)
    is_by_people = label is not None and label.is_by_people
    if now.state == Task.State.LEFT_OUT:
        return Plan(replace(free, wanted=free.taken), Effect.KEPT)
    if now.state == Task.State.OPEN:
        return Plan(free, Effect.WAITING, retires=label is not None and label.is_of_round and not is_by_people)
    enough = max(1, min(answers_min, answers))
    if is_by_people:
        # With no slot at all, it would look like a check image.
        return Plan(replace(free, wanted=now.wanted if now.asked_again else max(free.taken, 1)), Effect.KEPT)
    if answers - 1 >= enough:
        return Plan(replace(free, wanted=now.wanted if now.asked_again else free.taken), Effect.KEPT)
    wanted = max(now.wanted if now.asked_again else enough, free.taken)
    return Plan(Slots(Task.State.OPEN, False, wanted, free.taken), Effect.REOPENED, retires=True)


def totals(before: Slots, after: Slots) -> dict[str, int]:
    """The change of the project's totals when a task becomes `after`."""
    return {
        "answered": (after.state in FINISHED) - (before.state in FINISHED),
        "approved": (after.state == Task.State.APPROVED) - (before.state == Task.State.APPROVED),
        "places": after.wanted - before.wanted,
    }
