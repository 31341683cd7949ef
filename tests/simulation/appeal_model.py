"""What rejections, appeals and their decisions must do. Pure; see `repair_model`."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from tests.simulation.crowd_state import View
from tests.simulation.repair_model import RepairModel

#: Of the projects of the simulation.
APPEAL_DAYS = 7
#: The class that all of their gold has.
GOLD_NUMBER = 1


@dataclass(slots=True)
class ModelRejection:
    """A rejected answer. shown_from, until: when its worker sees it, and may appeal. by: the actor who decided."""

    state: str
    shown_from: datetime | None = None
    until: datetime | None = None
    statement: str = ""
    by: int | None = None


@dataclass
class AppealModel(RepairModel):
    """A project whose workers appeal against rejections."""

    #: {lease: the rejection of its answer}
    rejections: dict[int, ModelRejection] = field(default_factory=dict)

    def show_rejected(self, task_id: int, number: int | None, now: datetime) -> set[int]:
        """Workers whose settled answers equal a rejected label are shown so from the next day on, and with it what was
        rejected of gold. Return these workers."""
        chosen = [
            pk
            for pk, row in self.leases.items()
            if row.task == task_id
            and row.state == "submitted"
            and self._number(pk) == number
            and not self.hands[row.hand].live
            and pk not in self.rejections
        ]
        midnight = now.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0) + timedelta(days=1)
        until = midnight + timedelta(days=APPEAL_DAYS)
        for pk in chosen:
            self.rejections[pk] = ModelRejection("rejected", midnight, until)
        if chosen:
            for row in self.rejections.values():
                if row.state == "rejected" and row.shown_from is None:
                    row.shown_from, row.until = midnight, until
        return {self.leases[pk].worker for pk in chosen}

    def adopt_drafts(self, states: Mapping[int, str], workers: Collection[int]) -> None:
        """Wrong answers to gold are drafted by chance, one for each of these workers at most."""
        new = [pk for pk in states if pk not in self.rejections]
        for pk in new:
            assert states[pk] == "draft"
            assert self._is_wrong_gold(pk), f"lease {pk} is no wrong answer to gold"
            self.rejections[pk] = ModelRejection("draft")
        drafted = [self.leases[pk].worker for pk in new]
        assert not Counter(drafted) - Counter(workers), f"drafts of {drafted}, not of {workers}"

    def reject_draft(self, lease_id: int) -> str | None:
        if self.rejections[lease_id].state != "draft":
            return "appeal_decided"
        gold, number = self.leases[lease_id].gold, self._number(lease_id)
        for pk, row in self.rejections.items():
            same = (self.leases[pk].gold, self._number(pk)) == (gold, number)
            if row.state == "draft" and same:
                row.state = "rejected"
        return None

    def adopt_rejected(self, lease_id: int, states: Mapping[int, str]) -> None:
        """Others who gave the same answer to the gold, and whose answers were compared, are rejected with it."""
        for pk in states.keys() - self.rejections.keys():
            assert states[pk] == "rejected"
            assert self.leases[pk].gold == self.leases[lease_id].gold
            assert self._number(pk) == self._number(lease_id)
            self.rejections[pk] = ModelRejection("rejected")

    def dismiss_draft(self, lease_id: int) -> str | None:
        if self.rejections[lease_id].state != "draft":
            return "appeal_decided"
        self.rejections[lease_id].state = "dismissed"
        return None

    def appeal(self, lease_id: int, statement: str, now: datetime) -> str | None:
        row = self.rejections[lease_id]
        if row.shown_from is None or row.until is None or row.shown_from > now:
            return "not_found"
        if self.standings[self.leases[lease_id].worker] == "removed":
            return "worker_removed"
        if row.state != "rejected":
            return None if row.statement == statement else "already_appealed"
        if row.until <= now:
            return "appeal_too_late"
        row.state, row.statement = "appealed", statement
        return None

    def decide(self, lease_id: int, by: int, *, upholds: bool, is_second: bool) -> str | None:
        """Once, by a second reviewer. What a repair took back is paid again, and gold is retired."""
        row, after = self.rejections[lease_id], "upheld" if upholds else "denied"
        if row.state not in ("appealed", "upheld", "denied"):
            return "not_found"
        if row.state != "appealed":
            return None if (row.by, row.state) == (by, after) else "appeal_decided"
        if not is_second:
            return "not_second_reviewer"
        row.state, row.by = after, by
        if upholds:
            self._make_good(lease_id)
        return None

    def _make_good(self, lease_id: int) -> None:
        lease = self.leases[lease_id]
        repair = None if lease.repair is None else self.repairs[lease.repair]
        if repair is not None and repair.takes_back:
            terms = self.hands[lease.hand].terms
            assert lease.answer is not None
            is_known = lease.paid or not terms.is_measured
            amount = lease.price if is_known else terms.amount(lease.answer[0])
            repair.paid_again += amount
            self._correct(lease.worker, amount)
        if lease.gold is not None:
            self.retire_gold(lease.gold)

    def _is_wrong_gold(self, lease_id: int) -> bool:
        lease = self.leases[lease_id]
        return lease.gold is not None and lease.state == "submitted" and self._number(lease_id) != GOLD_NUMBER

    def view(self) -> View:
        return {
            **super().view(),
            "rejected": {pk: (row.state, row.shown_from is not None) for pk, row in self.rejections.items()},
            "void": {pk: (row.amount, row.is_in_force) for pk, row in self.repairs.items()},
            "changes": {pk: row.is_in_force for pk, row in self.changes.items()},
            "classes": dict.fromkeys(self.classes, True),
        }
