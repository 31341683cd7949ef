"""What the model keeps of repairs, of changes of classes, and of images before them. Pure; see `repair_model`."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal

FINISHED = ("answered", "approved")


@dataclass(frozen=True, slots=True)
class Decided:
    """The row ids of a task's current label and verdict, and of those that people set; the label's class."""

    label: int | None
    verdict: int | None
    label_of_people: int | None
    verdict_of_people: int | None
    number: int | None


@dataclass(frozen=True, slots=True)
class Kept:
    """A task before a repair or a change of classes. counting: the answers that counted."""

    state: str
    round: int
    wanted: int
    asked_again: bool
    owned: bool
    fixed: bool
    counting: frozenset[int]
    label: int | None
    verdict: int | None
    batch_was_approved: bool


@dataclass(slots=True)
class ModelRepairedTask:
    repair: int
    task: int
    lease: int
    kept: Kept
    is_exact: bool = True
    is_done: bool = False


@dataclass(slots=True)
class ModelRepair:
    """Answers from `since` until before `until` are void. paid_again: of what was taken back, by upheld appeals."""

    worker: int
    since: datetime | None
    until: datetime
    takes_back: bool
    amount: Decimal = Decimal(0)
    paid_again: Decimal = Decimal(0)
    leases: frozenset[int] = frozenset()
    rows: list[ModelRepairedTask] = field(default_factory=list)
    is_in_force: bool = True


@dataclass(slots=True)
class ModelChangedTask:
    """written: the row ids of the label and the verdict that the change wrote. round: in which it is labeled again."""

    kept: Kept
    freed: set[int] = field(default_factory=set)
    round: int | None = None
    written: tuple[int | None, int | None] = (None, None)


@dataclass(slots=True)
class ModelChange:
    """A change of classes. mapping: {number: what it is read as, None for nothing}; before: the classes until then.
    repairs: how many there were."""

    mapping: dict[int, int | None]
    before: frozenset[int]
    repairs: int
    tasks: dict[int, ModelChangedTask] = field(default_factory=dict)
    is_in_force: bool = True

    @property
    def is_split(self) -> bool:
        return None in self.mapping.values()
