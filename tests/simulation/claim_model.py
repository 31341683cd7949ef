"""What a claim may come to, and which images it may give. Pure; see `crowd_model`."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Hashable, Iterable, Mapping
from datetime import UTC, datetime
from math import ceil, floor

from tests.simulation.crowd_state import CrowdState, ModelBatch, ModelHand, ModelLease, ShownImage

#: What a claim comes to that is not refused: a set, or no work.
SET, NOTHING = "a set", "no work"
#: The most images of a set: 100 by policy, and the rest of a group.
MOST = 150


Units = Mapping[int, tuple[float, int]]


class ClaimModel(CrowdState):
    """A project from which workers claim sets.

    `seconds`: what a worker's paid answers took, as it was measured. `units`: {task: its order key and priority};
    images that share both come together, and those that share the key come back together.
    """

    def refuse_claim(self, worker: int) -> str | None:
        standing = self.standings.get(worker)
        if standing is None:
            return "worker_not_admitted"
        if standing == "removed":
            return "worker_removed"
        if standing == "paused":
            return "worker_paused"
        return None if self.state == "open" else "project_not_open"

    def outcomes(self, worker: int, now: datetime, *, most_sets: int = 0, other_sets: int = 0) -> Collection[str]:
        """What a claim may come to: SET, NOTHING or the code of an error. Several only if the worker's batch cursors
        or the gold that is drawn decide.

        most_sets: how many sets in progress the organization allows, 0 for any number; other_sets: how many there are.
        """
        if refusal := self.refuse_claim(worker):
            return {refusal}
        if self.live_hand(worker) is not None:
            return {SET}
        if refusal := self.people.refuse_set(worker):
            return {refusal}
        if most_sets and other_sets >= most_sets:
            return {"live_sets_reached"}
        returned, new = bool(self.coming_back(worker)), any(self.may_take(worker, pk) for pk in self.tasks)
        capped = self._cap_refusal(worker, now)
        if not self.affordable():
            return {"no_money_left"} if returned or new else {"no_money_left", capped or NOTHING}
        if returned:
            return {SET}
        if capped:
            return {capped}
        # Gold fills a set of one image by itself, while a batch has open slots.
        return {SET} if new else {NOTHING, SET} if self._has_open_slots() else {NOTHING}

    def claim(
        self,
        worker: int,
        hand: int,
        expires_at: datetime,
        images: Collection[ShownImage],
        *,
        now: datetime,
        seconds: float = 0,
        units: Units,
    ) -> None:
        """Check a new set, image by image, and add it."""
        most = min(self.affordable(), MOST)
        size = min(self.set_size(worker, seconds), most)
        assert 0 < len(images) <= most, f"a set of {len(images)} images"
        assert abs(now + self.policy.lease - expires_at).total_seconds() < 1, f"a set until {expires_at}"
        again = [image for image in images if image.id in self.leases]
        fresh = [image for image in images if image.id not in self.leases]
        self._check_returned(worker, again, size=size, most=most, units=units)
        room = self._room(worker, max(size - len(again), 0), now)
        allowed = {image.id: self._counts(worker, image) for image in images}
        assert allowed == {image.id: image.counts for image in images}
        self.hands[hand] = ModelHand(worker, now, expires_at, self.policy.terms)
        self._lease(worker, hand, again, now)
        order = {pk: self._urgency(pk, batch) for pk, batch in self.batches.items()}
        self._lease(worker, hand, fresh, now)
        self._check_fresh(worker, fresh, room=room, most=most - len(again), units=units)
        if len(fresh) < room:
            left = [pk for pk in self.tasks if self.may_take(worker, pk)]
            assert not left, f"a set of {len(images)} images, though tasks {left} have open slots"
        self._check_order(worker, fresh, order)
        limit = self.policy.budget
        assert limit is None or self.committed() <= limit, f"{self.committed()} of {limit} are committed"

    def set_size(self, worker: int, seconds: float) -> int:
        """How many images a set has by policy."""
        if not self.policy.set_minutes:
            return self.policy.hand_size
        answers = sum(row.worker == worker and row.paid for row in self._all())
        pace = (10 * self.policy.seconds_per_answer + seconds) / (10 + answers)
        return max(1, min(100, round(self.policy.set_minutes * 60 / pace)))

    def affordable(self) -> int:
        """How many images the budget covers."""
        most = self.policy.terms.most
        if self.policy.budget is None or not most:
            return MOST
        return max(int((self.policy.budget - self.committed()) // most), 0)

    def _room(self, worker: int, images: int, now: datetime) -> int:
        """How many of these images the caps allow."""
        return min([images, *self._left(worker, now).values()])

    def _left(self, worker: int, now: datetime) -> dict[str, int]:
        """How many new images each cap leaves, by the error that tells of it."""
        days = [row.day for row in self._all() if row.worker == worker]
        left: dict[str, int] = {}
        if self.policy.share_per_worker < 1:
            share = max(1, floor(round(self.policy.share_per_worker * len(self.tasks), 6)))
            left["share_reached"] = max(0, share - len(days))
        if self.policy.images_per_day:
            left["images_today_used"] = max(0, self.policy.images_per_day - days.count(now.astimezone(UTC).date()))
        return left

    def _cap_refusal(self, worker: int, now: datetime) -> str | None:
        return next((code for code, left in self._left(worker, now).items() if not left), None)

    def _has_open_slots(self) -> bool:
        """Whether an open batch has slots that nobody has taken, whoever may take them."""
        return any(
            self.taken(pk) < task.wanted and self.batches[task.batch].state == "open" for pk, task in self.tasks.items()
        )

    def _check_returned(
        self, worker: int, again: Collection[ShownImage], *, size: int, most: int, units: Units
    ) -> None:
        """What was returned comes back first, and groups whole."""
        first, ids = set(self.coming_back(worker)), {image.id for image in again}
        assert ids <= first, "an image came back that had not been returned"
        groups = {pk: key for pk, (key, _) in units.items()}
        shown = [groups[image.task] for image in again if image.task is not None]
        least = min(len(first), size)
        assert least <= len(ids) < max(size, least) + _largest(shown), f"{len(ids)} of {len(first)} images came back"
        left = [pk for pk in first - ids if (task := self.leases[pk].task) is not None and groups[task] in shown]
        assert not left or len(ids) == most, f"{left} did not come back with their group"

    def _check_fresh(self, worker: int, fresh: Collection[ShownImage], *, room: int, most: int, units: Units) -> None:
        """Nobody gets more than asked for but the rest of a group, and groups come whole."""
        work = [image.task for image in fresh if image.task is not None]
        shown = [units[pk] for pk in work]
        rest = _largest(shown) - 1
        gold = ceil(rest * self.policy.gold_rate / (1 - self.policy.gold_rate))
        assert len(fresh) <= (room + rest + gold if room else 0), f"{len(fresh)} new images where {room} are allowed"
        assert len(work) - rest <= room
        cut = [pk for pk in self.tasks if units[pk] in shown and self.may_take(worker, pk)]
        assert not cut or len(fresh) == most, f"tasks {cut} did not come with their group"

    def _check_order(self, worker: int, fresh: Collection[ShownImage], order: Mapping[int, tuple[object, ...]]) -> None:
        """No batch that has work for the worker was passed over for a less urgent one."""
        last = max((order[self.tasks[image.task].batch] for image in fresh if image.task is not None), default=None)
        if last is not None:
            left = {self.tasks[pk].batch for pk in self.tasks if self.may_take(worker, pk)}
            passed_over = [pk for pk in left if order[pk] < last]
            assert not passed_over, f"batches {passed_over} come first"

    def _urgency(self, pk: int, batch: ModelBatch) -> tuple[object, ...]:
        """Claims take batches in ascending order of this."""
        tasks = {task_id: task for task_id, task in self.tasks.items() if task.batch == pk}
        taken = sum(self.taken(task_id) for task_id in tasks)
        nearly_done = taken * 4 >= sum(task.wanted for task in tasks.values()) * 3
        deadline = batch.deadline or datetime.max.replace(tzinfo=UTC)
        return (-batch.priority, deadline, not nearly_done, batch.number)

    def _lease(self, worker: int, hand: int, images: Collection[ShownImage], now: datetime) -> None:
        for image in images:
            had = self.leases.get(image.id)
            self.leases[image.id] = ModelLease(
                worker,
                image.task,
                image.gold,
                image.round,
                hand,
                image.counts,
                price=self.policy.terms.most,
                classes=frozenset(self.classes),
                day=had.day if had else now.astimezone(UTC).date(),
                returned=had is not None,
            )

    def _counts(self, worker: int, image: ShownImage) -> bool:
        """Check that the worker may get this image; return whether it uses a slot."""
        if image.task is None:
            assert image.gold is not None
            assert image.id in self.leases or self._may_have_gold(worker, image.gold), f"gold {image.gold} is not new"
            return False
        task = self.tasks[image.task]
        assert image.round == task.round, f"task {image.task} is in round {task.round}"
        if image.id in self.leases:
            return task.takes_answers and self.taken(image.task) < task.wanted
        assert self.may_take(worker, image.task), f"task {image.task} has no open slot for worker {worker}"
        return True

    def _may_have_gold(self, worker: int, gold_id: int) -> bool:
        gold = self.golds[gold_id]
        had = any(row.worker == worker and row.gold == gold_id for row in self._all())
        tasks = {pk for pk, task in self.tasks.items() if task.image == gold.image}
        known = any(row.worker == worker and row.task in tasks for row in self._all())
        return gold.active and not gold.set_aside and not had and not known


def _largest(units: Iterable[Hashable]) -> int:
    """How many images one of these units has at most; 1 without any."""
    return max(Counter(units).values(), default=1)
