"""The verbs of workers, the clock, the sweep and the jobs as rules: the model's prediction, then the call."""

from collections.abc import Collection, Iterator
from datetime import datetime
from functools import partial

from hypothesis import strategies as st
from hypothesis.stateful import rule

from accounts.models import Actor
from kernel.errors import AnnotaryError
from kernel.events import number_events
from tasks.assignment.leases import extend_hand
from tasks.assignment.models import Assignment, Hand
from tasks.assignment.services import release_hand, skip_assignment
from tasks.consensus.refit import queue_missed_tasks, refit
from tasks.flow.claim_next_hand import claim_next_hand
from tasks.flow.expiry import expire_leases
from tests import worker_actions
from tests.simulation.claim_model import NOTHING, SET
from tests.simulation.crowd_state import MOST_LEASES, ShownImage
from tests.simulation.project_machine import LEASE, WORKERS, ProjectMachine, Site
from tests.simulation.tables import SWEPT, broken_rules, seconds_of, units_of

#: The last worker is admitted only now and then.
who = st.sampled_from([0, 0, 1, 1, 2, 2, 3])
which = st.integers(0, 7)
label = st.sampled_from([1, 1, 1, 2])


class WorkerRules(ProjectMachine):
    _keys = 0

    @rule(who=who)
    def claim(self, who: int) -> None:
        self.claim_in(self.main, self.worker(who))

    @rule(who=who, which=which, label=label)
    def answer(self, who: int, which: int, label: int) -> None:
        self._answer(who, which, label, "leased")

    @rule(who=who)
    def answer_all(self, who: int) -> None:
        for pk in self.model.leases_of(self.worker(who).pk, "leased"):
            self.send(pk, 1)

    @rule(who=who, which=which, label=label)
    def change_answer(self, who: int, which: int, label: int) -> None:
        self._answer(who, which, label, "submitted")

    @rule(who=who, which=which, label=label)
    def answer_late(self, who: int, which: int, label: int) -> None:
        self._answer(who, which, label, "expired", "skipped", "released")

    @rule(who=who, which=which, reason=st.sampled_from(["", "unclear_image", "other"]))
    def skip(self, who: int, which: int, reason: str) -> None:
        pk = self.pick(self.model.leases_of(self.worker(who).pk, "leased", "leased", "submitted"), which)
        if pk is not None:
            self.skip_lease(pk, reason)

    @rule(who=who)
    def skip_what_another_has_looked_for(self, who: int) -> None:
        """One takes a set, then two others all that is left; the first skips everything, and the third looks again.

        The third has looked into a batch, and now slots open there of images that it never had.
        """
        first, second, third = (self.worker(who + number) for number in range(3))
        self.claim_in(self.main, first)
        self._take_all(second)
        self._take_all(third)
        for pk in self.model.leases_of(first.pk, "leased"):
            self.skip_lease(pk)
        self._take_all(third)

    @rule(who=who)
    def skip_what_others_skipped(self, who: int) -> None:
        """One skips a whole set, and the others what was skipped before them."""
        for number in range(WORKERS):
            worker = self.worker(who + number)
            self.claim_in(self.main, worker)
            for pk in self.model.leases_of(worker.pk, "leased"):
                lease = self.model.leases[pk]
                if number == 0 or self.model.skips_of(task=lease.task, gold=lease.gold):
                    self.skip_lease(pk)
            self.settle_in(self.main, worker)

    @rule(who=who, label=label)
    def finish_a_set(self, who: int, label: int) -> None:
        self.claim_in(self.main, self.worker(who))
        self.answer_and_settle(self.worker(who), label)

    @rule(label=label)
    def finish_what_there_is(self, label: int) -> None:
        for number in range(WORKERS):
            for _ in range(2):
                self.finish_a_set(number, label)
        self.update_labels()

    @rule(who=who)
    def release(self, who: int) -> None:
        pk = self.model.live_hand(self.worker(who).pk)
        if pk is not None:
            self.model.release(pk, self.clock.now())
            release_hand(worker=self.worker(who), hand_id=self.main.hand(pk).public_id)
            self.adopt_pauses()

    @rule(who=who)
    def settle(self, who: int) -> None:
        self.settle_in(self.main, self.worker(who))

    @rule(who=who)
    def ask_for_more_time(self, who: int) -> None:
        pk = self.pick([pk for pk, hand in self.model.hands.items() if hand.worker == self.worker(who).pk][-2:], who)
        if pk is not None:
            call = partial(extend_hand, worker=self.worker(who), hand_id=self.main.hand(pk).public_id)
            self.expect(self.model.extend(pk, self.clock.now()), call)

    @rule(who=st.integers(0, WORKERS - 2))
    def answer_slowly(self, who: int) -> None:
        """An answer is changed again and again, until the set is over for good."""
        for number in self._slowly(who):
            hand = self.model.live_hand(self.worker(who).pk)
            mine = [pk for pk in self.model.leases_of(self.worker(who).pk) if self.model.leases[pk].hand == hand]
            if mine:
                self.send(mine[0], 1 + number % 2)

    @rule(who=st.integers(0, WORKERS - 2))
    def ask_for_more_time_again_and_again(self, who: int) -> None:
        for _ in self._slowly(who):
            self.ask_for_more_time(who)

    @rule(share=st.sampled_from([0.6, 1.1]))
    def time_passes(self, share: float) -> None:
        self.clock.advance(share * LEASE)

    @rule()
    def a_day_passes(self) -> None:
        self.clock.advance(24 * 3600)

    @rule()
    def sweep(self) -> None:
        for site in self.sites:
            site.model.sweep(self.clock.now())
        expire_leases()
        self.adopt_pauses()
        assert not any(SWEPT in each for each in broken_rules())

    @rule()
    def pay_late_answers(self) -> None:
        for site in self.sites:
            site.model.pay_late_answers(self.clock.now())
        worker_actions.run_late_jobs()

    @rule()
    def update_labels(self) -> None:
        worker_actions.run_label_jobs()
        self.adopt_labels()

    @rule()
    def refit(self) -> None:
        refit(project_id=self.project.pk)
        queue_missed_tasks(project_id=self.project.pk)

    @rule()
    def number_events(self) -> None:
        number_events(project_id=self.project.pk)

    # What rules share

    def _slowly(self, who: int) -> Iterator[int]:
        """Claim a set, and let time pass between the steps of the loop until it is over, or for twice its limit."""
        worker = self.worker(who)
        self.claim_in(self.main, worker)
        for number in range(MOST_LEASES * 2):
            if self.model.hand_in_progress(worker.pk, self.clock.now()) is None:
                return
            yield number
            self.clock.advance(0.7 * LEASE)

    def claim_in(self, site: Site, worker: Actor) -> str:
        """Claim, and return what came of it."""
        model, now = site.model, self.clock.now()
        over = model.live_hand(worker.pk)
        if over is not None and model.hands[over].expires_at <= now:
            model.settle(over, now)
        live = model.live_hand(worker.pk)
        outcome, hand = NOTHING, None
        try:
            hand = claim_next_hand(worker=worker, project=site.project)
        except AnnotaryError as error:
            self.adopt_pauses()  # settling the set that was over may have paused the worker
            outcome = error.code
        else:
            outcome = NOTHING if hand is None else SET
        allowed = self.outcomes(site, worker)
        assert outcome in allowed, f"a claim came to {outcome}, not to {allowed}"
        if hand is not None and hand.pk != live:
            assert live is None, f"a second live set, {hand.pk} and {live}"
            self.add_hand(site, worker, hand, now)
        return outcome

    def answer_and_settle(self, worker: Actor, label: int = 1) -> None:
        for pk in self.model.leases_of(worker.pk, "leased"):
            self.send(pk, label)
        self.settle_in(self.main, worker)

    def outcomes(self, site: Site, worker: Actor) -> Collection[str]:
        now = self.clock.now()
        others = sum(each.model.hand_in_progress(worker.pk, now) is not None for each in self.sites if each is not site)
        return site.model.outcomes(worker.pk, now, most_sets=self.most_sets, other_sets=others)

    def add_hand(self, site: Site, worker: Actor, hand: Hand, now: datetime) -> None:
        seconds, units = seconds_of(site.project, worker), units_of(site.project)
        shown = self._shown(hand)
        site.model.claim(worker.pk, hand.pk, hand.expires_at, shown, now=now, seconds=seconds, units=units)

    def settle_in(self, site: Site, worker: Actor) -> None:
        pk = site.model.live_hand(worker.pk)
        if pk is not None:
            site.model.settle(pk, self.clock.now())
            worker_actions.settle(site.hand(pk))
            self.adopt_pauses()

    def skip_lease(self, pk: int, reason: str = "") -> None:
        lease, refusal = self.lease(pk), self.model.skip(pk)
        assert lease.worker is not None
        call = partial(skip_assignment, worker=lease.worker, assignment_id=lease.public_id, reason=reason, note="Why?")
        self.expect(refusal, call)
        self.adopt_rows()
        self.adopt_pauses()

    def send(self, pk: int, number: int, *, site: Site | None = None) -> None:
        """Send an answer twice with one key, as from a device that missed the first response."""
        self._keys += 1
        # Longer than it is said to take: see `pay_model`.
        self.clock.advance(30)
        model = (site or self.main).model
        call = partial(worker_actions.send, self.lease(pk), number, key=f"{self._keys}")
        refusal = model.answer(pk, number, self.clock.now())
        receipt = self.expect(refusal, call)
        assert self.expect(refusal, call) == receipt

    def _take_all(self, worker: Actor) -> None:
        while self.claim_in(self.main, worker) == SET:
            self.answer_and_settle(worker)

    def _answer(self, who: int, which: int, number: int, *states: str) -> None:
        pk = self.pick(self.model.leases_of(self.worker(who).pk, *states), which)
        if pk is not None:
            self.send(pk, number)

    def _shown(self, hand: Hand) -> list[ShownImage]:
        rows = Assignment.objects.filter(hand=hand).order_by("position")
        return [ShownImage(*row) for row in rows.values_list("pk", "task_id", "gold_id", "round", "counts")]
