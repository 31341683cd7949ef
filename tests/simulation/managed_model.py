"""What each verb of a manager, and of the label updates, must do to a project. Pure; see `crowd_model`."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal

from tests.simulation.crowd_model import CrowdModel
from tests.simulation.crowd_state import ModelSetAside, ModelTask


@dataclass(frozen=True, slots=True)
class LabeledTask:
    """A task as it was found after label updates."""

    state: str
    round: int
    wanted: int
    asked_again: bool


class ManagedModel(CrowdModel):
    """A project whose workers work, and whose manager decides."""

    def remove_worker(self, worker: int, now: datetime) -> None:
        hand = self.live_hand(worker)
        if hand is not None:
            self.settle(hand, now)
        self.standings[worker] = "removed"

    def sign_out(self, worker: int, now: datetime) -> None:
        """The leases end as if their time were over, so that answers on a device still arrive."""
        hand = self.live_hand(worker)
        if hand is not None:
            self.hands[hand].expires_at = min(self.hands[hand].expires_at, now)
            self.settle(hand, now)

    def move_project(self, to: str, *, sources: Collection[str]) -> str | None:
        if self.state not in sources:
            return "wrong_state"
        self.state = to
        return None

    def move_batch(self, batch_id: int, to: str, *, sources: Collection[str]) -> str | None:
        if self.state == "closed":
            return "project_closed"
        if self.batches[batch_id].state not in sources:
            return "wrong_state"
        self.batches[batch_id].state = to
        return None

    def plan_batch(self, batch_id: int, *, priority: int, deadline: datetime | None) -> str | None:
        if self.state == "closed":
            return "project_closed"
        self.batches[batch_id].priority, self.batches[batch_id].deadline = priority, deadline
        return None

    def move_worker(self, worker: int, to: str, *, sources: Collection[str]) -> str | None:
        """Pause or resume a worker; repeating it is harmless."""
        if self.standings[worker] == "removed":
            return "wrong_state"
        if self.standings[worker] in sources:
            self.standings[worker] = to
        return None

    def approve_batch(self, batch_id: int) -> str | None:
        """What was asked again is closed with the answers it has, and what is left out stays left out."""
        tasks = {pk: task for pk, task in self.tasks.items() if task.batch == batch_id}
        if any(task.state == "open" for task in tasks.values()):
            return "batch_unanswered"
        for pk, task in tasks.items():
            task.state = "approved" if task.state == "answered" else task.state
            task.asked_again, task.wanted = False, self.taken(pk)
        self.batches[batch_id].state = "approved"
        return None

    def make_gold(self, task_id: int) -> str | None:
        task = self.tasks[task_id]
        if self.taken(task_id) or (task.state != "open" and not task.owned):
            return "image_in_work"
        if any(gold.active and gold.image == task.image for gold in self.golds.values()):
            return "gold_exists"
        task.wanted, task.state, task.owned = 0, "approved", True
        return None

    def retire_gold(self, gold_id: int) -> None:
        self.golds[gold_id].active = False
        self._decide_on_gold(gold_id, "left_out")

    def offer_gold(self, gold_id: int) -> None:
        self.golds[gold_id].set_aside = False
        self._decide_on_gold(gold_id, "offered")

    def _decide_on_gold(self, gold_id: int, decision: str) -> None:
        for row in self.asides.values():
            if row.gold == gold_id and row.decision == "undecided":
                self._decide(row, decision)

    def offer(self, aside_id: int) -> None:
        """Offer an image again, also one that was left out: it gets the answers that an image gets now."""
        row = self.asides[aside_id]
        task, batch = self._aside(row)
        was_left_out = task.state == "left_out"
        if row.decision != ("left_out" if was_left_out else "undecided"):
            return
        if was_left_out:
            assert row.task is not None
            task.state, task.wanted = "open", max(self.taken(row.task), self.policy.answers_min)
        elif task.state != "open" or not task.set_aside:
            return
        task.set_aside = False
        self._decide(row, "offered")
        self._reopen(batch)

    def leave_out(self, aside_id: int) -> None:
        """Those who still have the image may answer it; nobody else gets it."""
        row = self.asides[aside_id]
        task, _ = self._aside(row)
        if row.decision == "undecided" and task.state == "open" and task.set_aside:
            assert row.task is not None
            task.state, task.set_aside, task.wanted = "left_out", False, self.taken(row.task)
            self._decide(row, "left_out")

    def _aside(self, row: ModelSetAside) -> tuple[ModelTask, int]:
        assert row.task is not None
        return self.tasks[row.task], self.tasks[row.task].batch

    def _decide(self, row: ModelSetAside, decision: str) -> None:
        """Skips before a decision count no more."""
        row.decision = decision
        for lease in self.skips_of(task=row.task, gold=row.gold):
            lease.skip_counts = False

    def _reopen(self, batch_id: int) -> None:
        if self.batches[batch_id].state == "approved":
            self.batches[batch_id].state = "open"

    def refuse_rejection(self, task_id: int) -> str | None:
        task = self.tasks[task_id]
        is_gold = any(gold.active and gold.image == task.image for gold in self.golds.values())
        return "is_check_image" if task.owned and is_gold else None

    def reject(self, task_id: int) -> None:
        """A new round: the answers stay paid and no longer count; sets lose the image, and late answers to it."""
        task = self.tasks[task_id]
        for lease in self._all():
            if lease.task == task_id and lease.round == task.round:
                lease.counts = False
                if lease.state == "leased":
                    self._end(lease, "expired", returned=False)
        task.round, task.wanted, task.state = self.next_round(task_id), self.policy.answers_min, "open"
        task.owned = task.fixed = task.asked_again = False
        self._reopen(task.batch)

    def change_answers(self, to: int, *, reach: str) -> None:
        """Images in draft batches follow, open ones unless the change is for new ones alone."""
        before, self.policy.answers_min = self.policy.answers_min, to
        if reach == "new":
            if before != to:
                self._follow(before, ("draft",))
        else:
            self._follow(before, ("draft", "open", "paused"))

    def _follow(self, before: int, states: Collection[str]) -> None:
        """Up to the new number, or down from at most the one before, never below what is taken."""
        if self.state == "closed":
            return
        least, most = self.policy.answers_min, self.policy.answers_max
        for pk, task in self.tasks.items():
            if task.state == "open" and task.wanted and self.batches[task.batch].state in states:
                goal = least if task.wanted <= max(before, least) else min(task.wanted, most)
                task.wanted = max(goal, self.taken(pk))

    def ask_finished(self, least: int) -> None:
        """Finished images get as many answers as others, by the policy then and now, unless a person set the label."""
        if self.state == "closed":
            return
        least = min(least, self.policy.answers_min)
        for pk, task in self.tasks.items():
            if task.is_finished and (task.wanted if task.asked_again else self.taken(pk)) < least:
                task.wanted = max(least, self.taken(pk))
                task.asked_again = task.state == "approved"
                task.state = "approved" if task.asked_again else "open"
                self._reopen(task.batch)

    def change_money(self, *, price: Decimal, budget: Decimal | None) -> str | None:
        """A budget covers what is committed, and an answer. Images in drafts follow the policy by the way."""
        before = (self.policy.price, self.policy.budget)
        most = replace(self.policy.terms, rate=price).most
        if budget is not None and (budget < most or (budget < self.committed() and budget != before[1])):
            return "policy_refused"
        self.policy.price, self.policy.budget = price, budget
        if budget != before[1]:
            self._follow(self.policy.answers_min, ("draft",))
        return None

    def adopt_labels(
        self, rows: Mapping[int, LabeledTask], *, may_requeue: bool = False, may_reopen: bool = False
    ) -> None:
        """Check what consensus decided, and take it over. may_reopen: finished images were decided about again."""
        for pk, row in rows.items():
            task, taken = self.tasks[pk], self.taken(pk)
            new_round = row.round == self.next_round(pk) and may_requeue and task.state == "open" and not taken
            assert new_round or row.round == task.round, f"task {pk} is in round {row.round}"
            assert not (new_round and task.set_aside), f"task {pk} waits for a manager"
            found = f"task {pk}: {row}, with {taken} answers"
            if task.takes_answers:
                self._check_waiting(task, row, taken, found)
            elif may_reopen and task.is_finished and (row.state == "open" or row.asked_again):
                assert (row.state == "open") == (task.state == "answered"), found
                assert row.wanted == taken + 1 <= self.policy.answers_max, found
            else:
                assert row.state == task.state or (task.state, row.state) == ("approved", "answered"), found
                assert row.wanted == task.wanted and not row.asked_again, found
            task.state, task.round, task.wanted, task.asked_again = row.state, row.round, row.wanted, row.asked_again

    def _check_waiting(self, task: ModelTask, row: LabeledTask, taken: int, what: str) -> None:
        """A task that takes answers goes on, with as many or more, or is finished with those it has."""
        if (row.state, row.asked_again) == (task.state, task.asked_again):
            assert task.wanted <= row.wanted <= max(task.wanted, self.policy.answers_max), what
        else:
            assert row.state == "answered" or (task.asked_again and row.state == "approved"), what
            assert row.wanted == taken > 0 and not row.asked_again, what
