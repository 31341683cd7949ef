"""What each verb of a worker, and of the sweep, must do to a project. Pure.

A verb returns the code of the error that refuses it, or None and applies its effect. Where the product chooses, as the
images of a set, the model is told the choice and checks that it was allowed: see `claim_model`.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from decimal import Decimal

from tests.simulation.claim_model import ClaimModel
from tests.simulation.crowd_state import MOST_LEASES, ModelHand, ModelLease
from tests.simulation.pay_model import ModelEntry


class CrowdModel(ClaimModel):
    """A project whose workers work."""

    def answer(self, lease_id: int, number: int, now: datetime) -> str | None:
        lease = self.leases[lease_id]
        if number not in lease.classes:
            return "answer_refused"
        if self.standings[lease.worker] == "removed":
            return "worker_removed"
        if lease.state in ("skipped", "released"):
            return "image_given_back"
        if lease.state == "submitted":
            return self._change(lease, number, now)
        if lease.state == "expired":
            lease.counts = self._may_count_late(lease)
            lease.late_job = not self.hands[lease.hand].live
        else:
            self._renew(lease.hand, now)
        lease.state, lease.answer, lease.submitted_at = "submitted", (1, number), now
        return None

    def _change(self, lease: ModelLease, number: int, now: datetime) -> str | None:
        assert lease.answer is not None
        revision, before = lease.answer
        if number == before:
            return None
        if not self.hands[lease.hand].live:
            return "answers_final"
        lease.answer = (revision + 1, number)
        self._renew(lease.hand, now)
        return None

    def _may_count_late(self, lease: ModelLease) -> bool:
        if lease.task is None:
            return False
        task = self.tasks[lease.task]
        return task.takes_answers and lease.round == task.round and self.taken(lease.task) < task.wanted

    def _renew(self, hand_id: int, now: datetime) -> None:
        """An answer in the second half of the lease renews it; one after its end does not."""
        hand = self.hands[hand_id]
        if hand.live and now < hand.expires_at < now + self.policy.lease / 2:
            hand.expires_at = max(hand.expires_at, self._longest(hand, now))

    def _longest(self, hand: ModelHand, now: datetime) -> datetime:
        return min(now + self.policy.lease, hand.created_at + MOST_LEASES * self.policy.lease)

    def extend(self, hand_id: int, now: datetime) -> str | None:
        """More time: a whole lease from now, up to the limit; what is over stays over."""
        hand = self.hands[hand_id]
        if not hand.live or hand.expires_at <= now:
            return "set_over"
        if hand.expires_at >= hand.created_at + MOST_LEASES * self.policy.lease:
            return "time_limit_reached"
        hand.expires_at = max(hand.expires_at, self._longest(hand, now))
        return None

    def skip(self, lease_id: int) -> str | None:
        lease = self.leases[lease_id]
        if self.standings[lease.worker] == "removed":
            return "worker_removed"
        if lease.state == "leased":
            self._end(lease, "skipped")
            lease.skip_counts = True
            self._set_aside_if_many_skipped(lease)
        return "answered_already" if lease.state == "submitted" else None

    def skips_of(self, *, task: int | None, gold: int | None) -> list[ModelLease]:
        """The skips of an image since a manager decided on it."""
        return [row for row in self._all() if row.skip_counts and (row.task, row.gold) == (task, gold)]

    def _set_aside_if_many_skipped(self, lease: ModelLease) -> None:
        workers = {row.worker for row in self.skips_of(task=lease.task, gold=lease.gold)}
        if not 0 < self.policy.skips_to_manager <= len(workers):
            return
        if lease.task is not None and self.tasks[lease.task].state == "open":
            self.tasks[lease.task].set_aside = True
        if lease.gold is not None and self.golds[lease.gold].active:
            self.golds[lease.gold].set_aside = True

    def release(self, hand_id: int, now: datetime) -> None:
        self._close(hand_id, now)
        if not any(lease.state == "submitted" for lease in self._of_hand(hand_id)):
            self.hands[hand_id].live = False

    def settle(self, hand_id: int, now: datetime) -> None:
        if self.hands[hand_id].live:
            self._close(hand_id, now)
            self.hands[hand_id].live = False
            self._pay(hand_id, now)

    def sweep(self, now: datetime) -> None:
        for pk, hand in self.hands.items():
            if hand.live and hand.expires_at <= now:
                self.settle(pk, now)

    def pay_late_answers(self, now: datetime) -> None:
        for lease in self._all():
            if lease.late_job and not self.hands[lease.hand].live:
                self._pay(lease.hand, now)
                lease.late_job = False

    def _pay(self, hand_id: int, now: datetime) -> None:
        """Each answer once: what was set aside for it, or what its time earns; then what the set is short of its floor.

        Time passes before each answer of the simulation, more than it is said to take.
        """
        hand, approved_at = self.hands[hand_id], self.approval_time(now)
        due = [lease for lease in self._of_hand(hand_id) if lease.state == "submitted" and not lease.paid]
        for lease in due:
            assert lease.answer is not None
            lease.paid, lease.price = (
                True,
                hand.terms.amount(lease.answer[0]) if hand.terms.is_measured else lease.price,
            )
            self.entries.append(ModelEntry(lease.worker, "credit", lease.price, approved_at))
        answers = [lease for lease in self._of_hand(hand_id) if lease.paid]
        revisions = [lease.answer[0] for lease in answers if lease.answer is not None]
        before = sum((row.amount for row in self.entries if row.hand == hand_id), Decimal(0))
        missing = hand.terms.missing(revisions, before + sum((lease.price for lease in answers), Decimal(0)))
        if due and missing:
            self.entries.append(ModelEntry(hand.worker, "top_up", missing, approved_at, hand=hand_id))

    def approval_time(self, now: datetime) -> datetime | None:
        return now + timedelta(days=self.policy.approval_days) if self.policy.approval_days else None

    def _close(self, hand_id: int, now: datetime) -> None:
        state = "expired" if self.hands[hand_id].expires_at <= now else "released"
        for lease in self._of_hand(hand_id):
            if lease.state == "leased":
                self._end(lease, state)

    def _of_hand(self, hand_id: int) -> list[ModelLease]:
        return [lease for lease in self._all() if lease.hand == hand_id]

    @staticmethod
    def _end(lease: ModelLease, state: str, *, returned: bool = True) -> None:
        lease.state, lease.counts, lease.returned = state, False, lease.returned or returned
