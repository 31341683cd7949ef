"""The state of a project in the model: who had which image, what a task wants and has, and who is paid. Pure.

Nothing here counts as the product does: `taken`, what is committed and who has used which cap are counted anew from the
leases, and a credit is a flag. Ids are those of the rows.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from decimal import Decimal

from tests.simulation.pay_model import ModelEntry, ModelTerms
from tests.simulation.people_model import PeopleModel

View = dict[str, dict[int, object]]

#: A set ends at the latest this many leases after its claim.
MOST_LEASES = 4


@dataclass(slots=True)
class ModelPolicy:
    """The policies of a project, by their names."""

    hand_size: int
    answers_min: int
    answers_max: int
    gold_rate: float = 0.25
    price: Decimal = Decimal("0.02")
    pay_by: str = "answer"
    hourly_floor: Decimal | None = None
    approval_days: int = 0
    budget: Decimal | None = None
    lease_seconds: int = 1800
    set_minutes: int = 0
    seconds_per_answer: int = 10
    returns_per_day: int = 50
    images_per_day: int = 0
    share_per_worker: float = 1.0
    skips_to_manager: int = 3
    priority: int = 0

    @property
    def lease(self) -> timedelta:
        return timedelta(seconds=self.lease_seconds)

    @property
    def terms(self) -> ModelTerms:
        return ModelTerms(self.pay_by, self.price, self.hourly_floor)


@dataclass(slots=True)
class ModelBatch:
    number: int
    state: str
    priority: int = 0
    deadline: datetime | None = None


@dataclass(slots=True)
class ModelTask:
    """`owned`: the owner's label, not the crowd's. `fixed`: a reviewer's."""

    batch: int
    image: int
    wanted: int
    round: int = 1
    state: str = "open"
    owned: bool = False
    fixed: bool = False
    set_aside: bool = False
    asked_again: bool = False

    @property
    def takes_answers(self) -> bool:
        return self.state == "open" or self.asked_again

    @property
    def is_finished(self) -> bool:
        """Whether the crowd has finished it, and nobody changed its label."""
        return self.state in ("answered", "approved") and self.wanted > 0 and not self.owned and not self.fixed


@dataclass(slots=True)
class ModelGold:
    image: int
    active: bool = True
    set_aside: bool = False


@dataclass(slots=True)
class ModelHand:
    worker: int
    created_at: datetime
    expires_at: datetime
    terms: ModelTerms
    live: bool = True


@dataclass(slots=True)
class ModelLease:
    """An assignment. `answer` is (revision, class); `late_job`: it was answered after its hand was settled.

    `skip_counts`: it was skipped, and no manager has decided on the image since. `day`: when the worker first got it.
    `classes`: those of the project when it was given. `repair`: the number of the repair by which the answer is void.
    """

    worker: int
    task: int | None
    gold: int | None
    round: int
    hand: int
    counts: bool
    price: Decimal
    day: date
    state: str = "leased"
    returned: bool = False
    answer: tuple[int, int] | None = None
    late_job: bool = False
    paid: bool = False
    skip_counts: bool = False
    classes: frozenset[int] = frozenset()
    submitted_at: datetime | None = None
    repair: int | None = None


@dataclass(slots=True)
class ModelSetAside:
    """That many skipped an image, and what a manager decided on it."""

    task: int | None
    gold: int | None
    decision: str = "undecided"


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

    policy: ModelPolicy
    state: str = "open"
    batches: dict[int, ModelBatch] = field(default_factory=dict)
    tasks: dict[int, ModelTask] = field(default_factory=dict)
    golds: dict[int, ModelGold] = field(default_factory=dict)
    hands: dict[int, ModelHand] = field(default_factory=dict)
    leases: dict[int, ModelLease] = field(default_factory=dict)
    standings: dict[int, str] = field(default_factory=dict)
    asides: dict[int, ModelSetAside] = field(default_factory=dict)
    #: The numbers of the classes that there are now.
    classes: set[int] = field(default_factory=set)
    #: What the ledger has apart from payouts.
    entries: list[ModelEntry] = field(default_factory=list)
    people: PeopleModel = field(default_factory=PeopleModel)

    def taken(self, task_id: int) -> int:
        task = self.tasks[task_id]
        return sum(
            lease.task == task_id and lease.counts and lease.round == task.round for lease in self.leases.values()
        )

    def committed(self) -> Decimal:
        """What is paid, owed, or will be owed if all live leases are answered."""
        leases = sum((row.price for row in self._all() if row.state in ("leased", "submitted")), Decimal(0))
        return leases + sum((row.amount for row in self.entries if row.kind != "credit"), Decimal(0))

    def next_round(self, task_id: int) -> int:
        """One that no lease has: the present one may be an earlier one again, after the undo of a split."""
        had = [row.round for row in self._all() if row.task == task_id]
        return max([self.tasks[task_id].round, *had]) + 1

    def live_hand(self, worker: int) -> int | None:
        return next((pk for pk, hand in self.hands.items() if hand.live and hand.worker == worker), None)

    def hand_in_progress(self, worker: int, now: datetime) -> int | None:
        pk = self.live_hand(worker)
        return pk if pk is not None and self.hands[pk].expires_at > now else None

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
        is_offered = self.batches[task.batch].state == "open" and task.takes_answers and not task.set_aside
        return is_offered and self.taken(task_id) < task.wanted and not had and not known

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
            "batches": {pk: (row.state, row.priority, row.deadline) for pk, row in self.batches.items()},
            "tasks": {
                pk: (t.state, t.round, t.wanted, self.taken(pk), t.set_aside, t.asked_again)
                for pk, t in self.tasks.items()
            },
            "golds": {pk: (gold.active, gold.set_aside) for pk, gold in self.golds.items()},
            "hands": {pk: (hand.worker, hand.live) for pk, hand in self.hands.items()},
            "leases": {
                pk: (row.worker, row.task, row.gold, row.round, row.hand, row.state, row.counts, row.price)
                for pk, row in self.leases.items()
            },
            "answers": {pk: row.answer for pk, row in self.leases.items() if row.answer is not None},
            "credits": {pk: (1, row.price) for pk, row in self.leases.items() if row.paid},
            "earned": {w: self._earned(w) for w in {row.worker for row in self.entries}},
            "standings": dict(self.standings),
            "images": {worker: self._images(worker) for worker in self.standings},
            "measured": {w: n for w in self.standings if (n := sum(r.worker == w and r.paid for r in self._all()))},
            "committed": {0: self.committed()},
            "set_aside": {pk: (row.task, row.gold, row.decision) for pk, row in self.asides.items()},
        }

    def _earned(self, worker: int) -> Decimal:
        return sum((row.amount for row in self.entries if row.worker == worker), Decimal(0))

    def _images(self, worker: int) -> tuple[int, int]:
        """How many images the worker ever got, and how many on the last day on which they got one."""
        days = [row.day for row in self._all() if row.worker == worker]
        return len(days), days.count(max(days)) if days else 0
