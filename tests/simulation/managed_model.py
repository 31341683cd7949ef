"""What each verb of a manager, and of the label updates, must do to a project. Pure; see `crowd_model`."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import datetime

from tests.simulation.crowd_model import CrowdModel


class ManagedModel(CrowdModel):
    """A project whose workers work, and whose manager decides."""

    def remove_worker(self, worker: int, now: datetime) -> None:
        hand = self.live_hand(worker)
        if hand is not None:
            self.settle(hand, now)
        self.standings[worker] = "removed"

    def sign_out(self, worker: int) -> None:
        """The leases end as if their time were over, so that answers on a device still arrive."""
        hand = self.live_hand(worker)
        if hand is not None:
            self.settle(hand, self.hands[hand].expires_at)

    def move_project(self, to: str, *, sources: Collection[str]) -> str | None:
        if self.state not in sources:
            return "wrong_state"
        self.state = to
        return None

    def move_batch(self, batch_id: int, to: str, *, sources: Collection[str]) -> str | None:
        if self.state == "closed":
            return "project_closed"
        if self.batches[batch_id] not in sources:
            return "wrong_state"
        self.batches[batch_id] = to
        return None

    def move_worker(self, worker: int, to: str, *, sources: Collection[str]) -> str | None:
        """Pause or resume a worker; repeating it is harmless."""
        if self.standings[worker] == "removed":
            return "wrong_state"
        if self.standings[worker] in sources:
            self.standings[worker] = to
        return None

    def approve_batch(self, batch_id: int) -> str | None:
        tasks = [task for task in self.tasks.values() if task.batch == batch_id]
        if any(task.state == "open" for task in tasks):
            return "batch_unanswered"
        for task in tasks:
            task.state = "approved"
        self.batches[batch_id] = "approved"
        return None

    def make_gold(self, task_id: int) -> str | None:
        task = self.tasks[task_id]
        if self.taken(task_id) or (task.state != "open" and not task.owned):
            return "image_in_work"
        if any(gold.active and gold.image == task.image for gold in self.golds.values()):
            return "gold_exists"
        task.wanted, task.state, task.owned = 0, "approved", True
        return None

    def reject(self, task_id: int) -> str | None:
        """A new round: the answers stay paid and no longer count; sets lose the image, and late answers to it."""
        task = self.tasks[task_id]
        if task.owned and any(gold.active and gold.image == task.image for gold in self.golds.values()):
            return "is_check_image"
        for lease in self._all():
            if lease.task == task_id and lease.round == task.round:
                lease.counts = False
                if lease.state == "leased":
                    self._end(lease, "expired", returned=False)
        task.round, task.wanted, task.state, task.owned = task.round + 1, self.answers_min, "open", False
        if self.batches[task.batch] == "approved":
            self.batches[task.batch] = "open"
        return None

    def change_answers(self, to: int) -> None:
        """Open images follow: up to the new number, or down from at most the one before, never below what is taken."""
        before, self.answers_min = self.answers_min, to
        if self.state == "closed":
            return
        for pk, task in self.tasks.items():
            if task.state != "open" or not task.wanted or self.batches[task.batch] == "approved":
                continue
            if to >= before:
                task.wanted = max(task.wanted, to)
            elif task.wanted <= before:
                task.wanted = max(min(task.wanted, to), self.taken(pk))

    def adopt_labels(self, rows: Mapping[int, tuple[str, int, int]], *, may_requeue: bool = False) -> None:
        """Check what consensus decided, {task: (state, round, wanted)}, and take it over."""
        for pk, (state, round_number, wanted) in rows.items():
            task, taken = self.tasks[pk], self.taken(pk)
            new_round = round_number == task.round + 1 and may_requeue and task.state == "open" and not taken
            assert new_round or round_number == task.round, f"task {pk} is in round {round_number}"
            if task.state != "open":
                assert (state, wanted) in ((task.state, task.wanted), ("answered", task.wanted)), f"task {pk}: {state}"
            elif state == "answered":
                assert wanted == taken > 0, f"task {pk} is answered with {taken} of {wanted}"
            else:
                assert state == "open", f"task {pk} is {state}"
                assert task.wanted <= wanted <= max(task.wanted, self.answers_max), f"task {pk} wants {wanted}"
            task.state, task.round, task.wanted = state, round_number, wanted
