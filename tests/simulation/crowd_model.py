"""What each verb of a worker, and of the sweep, must do to a project. Pure.

A verb returns the code of the error that refuses it, or None and applies its effect. Where the product chooses, as the
images of a set, the model is told the choice and checks that it was allowed.
"""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime

from tests.simulation.crowd_state import CrowdState, ModelHand, ModelLease, ShownImage


class CrowdModel(CrowdState):
    """A project whose workers work."""

    def refuse_claim(self, worker: int) -> str | None:
        standing = self.standings.get(worker)
        if standing is None:
            return "worker_not_admitted"
        if standing == "removed":
            return "worker_removed"
        if standing == "paused":
            return "worker_paused"
        return None if self.state == "open" else "project_not_open"

    def has_nothing(self, worker: int) -> bool:
        return not self.coming_back(worker) and not any(self.may_take(worker, pk) for pk in self.tasks)

    def claim(self, worker: int, hand: int, expires_at: datetime, images: Collection[ShownImage]) -> None:
        """Check a new set, image by image, and add it."""
        assert 0 < len(images) <= self.hand_size, f"a set of {len(images)} images"
        first = self.coming_back(worker)
        again = [image for image in images if image.id in self.leases]
        assert {image.id for image in again} <= set(first), "an image came back that had not been returned"
        assert len(again) == min(len(first), self.hand_size), "an image that was returned did not come back first"
        allowed = {image.id: self._counts(worker, image) for image in images}
        assert allowed == {image.id: image.counts for image in images}
        self.hands[hand] = ModelHand(worker, expires_at)
        for image in images:
            returned = image.id in self.leases
            lease = ModelLease(worker, image.task, image.gold, image.round, hand, image.counts, returned=returned)
            self.leases[image.id] = lease
        if len(images) < self.hand_size:
            left = [pk for pk in self.tasks if self.may_take(worker, pk)]
            assert not left, f"a set of {len(images)} images, though tasks {left} have open slots"

    def _counts(self, worker: int, image: ShownImage) -> bool:
        """Check that the worker may get this image; return whether it uses a slot."""
        if image.task is None:
            assert image.gold is not None
            assert image.id in self.leases or self._may_have_gold(worker, image.gold), f"gold {image.gold} is not new"
            return False
        task = self.tasks[image.task]
        assert image.round == task.round, f"task {image.task} is in round {task.round}"
        if image.id in self.leases:
            return task.state == "open" and self.taken(image.task) < task.wanted
        assert self.may_take(worker, image.task), f"task {image.task} has no open slot for worker {worker}"
        return True

    def _may_have_gold(self, worker: int, gold_id: int) -> bool:
        gold = self.golds[gold_id]
        had = any(row.worker == worker and row.gold == gold_id for row in self._all())
        tasks = {pk for pk, task in self.tasks.items() if task.image == gold.image}
        known = any(row.worker == worker and row.task in tasks for row in self._all())
        return gold.active and not had and not known

    def answer(self, lease_id: int, number: int) -> str | None:
        lease = self.leases[lease_id]
        if self.standings[lease.worker] == "removed":
            return "worker_removed"
        if lease.state in ("skipped", "released"):
            return "image_given_back"
        if lease.state == "submitted":
            return self._change(lease, number)
        if lease.state == "expired":
            lease.counts = self._may_count_late(lease)
            lease.late_job = not self.hands[lease.hand].live
        lease.state, lease.answer = "submitted", (1, number)
        return None

    def _change(self, lease: ModelLease, number: int) -> str | None:
        assert lease.answer is not None
        revision, before = lease.answer
        if number == before:
            return None
        if not self.hands[lease.hand].live:
            return "answers_final"
        lease.answer = (revision + 1, number)
        return None

    def _may_count_late(self, lease: ModelLease) -> bool:
        if lease.task is None:
            return False
        task = self.tasks[lease.task]
        return task.state == "open" and lease.round == task.round and self.taken(lease.task) < task.wanted

    def skip(self, lease_id: int) -> str | None:
        lease = self.leases[lease_id]
        if self.standings[lease.worker] == "removed":
            return "worker_removed"
        if lease.state == "leased":
            self._end(lease, "skipped")
        return "answered_already" if lease.state == "submitted" else None

    def release(self, hand_id: int, now: datetime) -> None:
        self._close(hand_id, now)
        if not any(lease.state == "submitted" for lease in self._of_hand(hand_id)):
            self.hands[hand_id].live = False

    def settle(self, hand_id: int, now: datetime) -> None:
        if self.hands[hand_id].live:
            self._close(hand_id, now)
            self.hands[hand_id].live = False
            self._pay(hand_id)

    def sweep(self, now: datetime) -> None:
        for pk, hand in self.hands.items():
            if hand.live and hand.expires_at <= now:
                self.settle(pk, now)

    def pay_late_answers(self) -> None:
        for lease in self._all():
            if lease.late_job and not self.hands[lease.hand].live:
                self._pay(lease.hand)
                lease.late_job = False

    def _pay(self, hand_id: int) -> None:
        for lease in self._of_hand(hand_id):
            lease.paid |= lease.state == "submitted"

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
