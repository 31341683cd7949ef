"""The state of a project in the model: who had which image, what a task wants and has, and who is paid. Pure.

Nothing here counts as the product does: `taken` is counted anew from the leases, and a credit is a flag. Ids are those
of the rows.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime

View = dict[str, dict[int, object]]


@dataclass(slots=True)
class ModelTask:
    """`owned`: the owner's label, not the crowd's."""

    batch: int
    image: int
    wanted: int
    round: int = 1
    state: str = "open"
    owned: bool = False


@dataclass(slots=True)
class ModelGold:
    image: int
    active: bool = True


@dataclass(slots=True)
class ModelHand:
    worker: int
    expires_at: datetime
    live: bool = True


@dataclass(slots=True)
class ModelLease:
    """An assignment. `answer` is (revision, class); `late_job`: it was answered after its hand was settled."""

    worker: int
    task: int | None
    gold: int | None
    round: int
    hand: int
    counts: bool
    state: str = "leased"
    returned: bool = False
    answer: tuple[int, int] | None = None
    late_job: bool = False
    paid: bool = False


@dataclass(frozen=True, slots=True)
class ShownImage:
    """A row of a set, as it was found after the claim."""

    id: int
    task: int | None
    gold: int | None
    round: int
    counts: bool


@dataclass
class CrowdState:
    """One project, and what follows from its rows."""

    hand_size: int
    answers_min: int
    answers_max: int
    state: str = "open"
    batches: dict[int, str] = field(default_factory=dict)
    tasks: dict[int, ModelTask] = field(default_factory=dict)
    golds: dict[int, ModelGold] = field(default_factory=dict)
    hands: dict[int, ModelHand] = field(default_factory=dict)
    leases: dict[int, ModelLease] = field(default_factory=dict)
    standings: dict[int, str] = field(default_factory=dict)

    def taken(self, task_id: int) -> int:
        task = self.tasks[task_id]
        return sum(
            lease.task == task_id and lease.counts and lease.round == task.round for lease in self.leases.values()
        )

    def live_hand(self, worker: int) -> int | None:
        return next((pk for pk, hand in self.hands.items() if hand.live and hand.worker == worker), None)

    def leases_of(self, worker: int, *states: str) -> list[int]:
        return sorted(
            pk for pk, lease in self.leases.items() if lease.worker == worker and (not states or lease.state in states)
        )

    def may_take(self, worker: int, task_id: int) -> bool:
        """Whether an open slot of the task is for this worker."""
        task = self.tasks[task_id]
        had = any(row.worker == worker and row.task == task_id and row.round == task.round for row in self._all())
        known = any(
            row.worker == worker and row.gold is not None and self.golds[row.gold].image == task.image
            for row in self._all()
        )
        is_open = self.batches[task.batch] == "open" and task.state == "open" and self.taken(task_id) < task.wanted
        return is_open and not had and not known

    def coming_back(self, worker: int) -> list[int]:
        """The worker's images that were released or have expired, and come before anything new."""
        return [pk for pk in self.leases_of(worker, "released", "expired") if self._comes_back(self.leases[pk])]

    def _comes_back(self, lease: ModelLease) -> bool:
        if lease.gold is not None and not self.golds[lease.gold].active:
            return False
        later = any(
            row.task == lease.task and row.worker == lease.worker and row.round > lease.round
            for row in self._all()
            if lease.task is not None
        )
        return lease.returned and not later

    def _all(self) -> Iterable[ModelLease]:
        return self.leases.values()

    def view(self) -> View:
        """The same as `tables.view_of` reads from the database."""
        return {
            "project": {0: self.state},
            "batches": dict(self.batches),
            "tasks": {pk: (t.state, t.round, t.wanted, self.taken(pk)) for pk, t in self.tasks.items()},
            "golds": {pk: gold.active for pk, gold in self.golds.items()},
            "hands": {pk: (hand.worker, hand.live) for pk, hand in self.hands.items()},
            "leases": {
                pk: (row.worker, row.task, row.gold, row.round, row.hand, row.state, row.counts)
                for pk, row in self.leases.items()
            },
            "answers": {pk: row.answer for pk, row in self.leases.items() if row.answer is not None},
            "credits": {pk: 1 for pk, row in self.leases.items() if row.paid},
            "standings": dict(self.standings),
        }
