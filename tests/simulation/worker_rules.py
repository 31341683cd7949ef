"""The verbs of workers, the clock, the sweep and the jobs as rules: the model's prediction, then the call."""

from functools import partial

from hypothesis import strategies as st
from hypothesis.stateful import rule

from kernel.errors import AnnotaryError
from kernel.events import number_events
from tasks.assignment.models import Assignment, Hand
from tasks.assignment.services import release_hand, skip_assignment
from tasks.consensus.refit import queue_missed_tasks, refit
from tasks.flow.claim_next_hand import claim_next_hand
from tasks.flow.expiry import expire_leases
from tests import worker_actions
from tests.simulation.crowd_state import ShownImage
from tests.simulation.project_machine import LEASE, WORKERS, ProjectMachine
from tests.simulation.tables import SWEPT, broken_rules

who = st.integers(0, WORKERS - 1)
which = st.integers(0, 7)
label = st.sampled_from([1, 1, 1, 2])


class WorkerRules(ProjectMachine):
    _keys = 0

    @rule(who=who)
    def claim(self, who: int) -> None:
        worker = self.worker(who)
        over = self.model.live_hand(worker.pk)
        if over is not None and self.model.hands[over].expires_at <= self.clock.now():
            self.model.settle(over, self.clock.now())
        live = self.model.live_hand(worker.pk)
        try:
            hand = claim_next_hand(worker=worker, project=self.project)
        except AnnotaryError as error:
            self.adopt_pauses()  # settling the set that was over may have paused the worker
            assert error.code == self.model.refuse_claim(worker.pk)
            return
        assert self.model.refuse_claim(worker.pk) is None
        if hand is None:
            assert live is None
            assert self.model.has_nothing(worker.pk), "no work was found, though there is some"
        elif hand.pk != live:
            assert live is None, f"a second live set, {hand.pk} and {live}"
            self.model.claim(worker.pk, hand.pk, hand.expires_at, self._shown(hand))

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

    @rule(who=who, which=which)
    def skip(self, who: int, which: int) -> None:
        pk = self.pick(self.model.leases_of(self.worker(who).pk, "leased", "leased", "submitted"), which)
        if pk is not None:
            worker, lease = self.worker(who), self.lease(pk)
            call = partial(skip_assignment, worker=worker, assignment_id=lease.public_id)
            self.expect(self.model.skip(pk), call)
            self.adopt_pauses()

    @rule(who=who)
    def release(self, who: int) -> None:
        pk = self.model.live_hand(self.worker(who).pk)
        if pk is not None:
            self.model.release(pk, self.clock.now())
            release_hand(worker=self.worker(who), hand_id=Hand.objects.get(pk=pk).public_id)
            self.adopt_pauses()

    @rule(who=who)
    def settle(self, who: int) -> None:
        pk = self.model.live_hand(self.worker(who).pk)
        if pk is not None:
            self.model.settle(pk, self.clock.now())
            worker_actions.settle(Hand.objects.select_related("worker").get(pk=pk))
            self.adopt_pauses()

    @rule(share=st.sampled_from([0.6, 1.1]))
    def time_passes(self, share: float) -> None:
        self.clock.advance(share * LEASE)

    @rule()
    def sweep(self) -> None:
        self.model.sweep(self.clock.now())
        expire_leases()
        self.adopt_pauses()
        assert not any(SWEPT in each for each in broken_rules())

    @rule()
    def pay_late_answers(self) -> None:
        self.model.pay_late_answers()
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

    def send(self, pk: int, number: int) -> None:
        """Send an answer twice with one key, as from a device that missed the first response."""
        self._keys += 1
        call = partial(worker_actions.send, self.lease(pk), number, key=f"{self._keys}")
        refusal = self.model.answer(pk, number)
        receipt = self.expect(refusal, call)
        assert self.expect(refusal, call) == receipt

    def _answer(self, who: int, which: int, number: int, *states: str) -> None:
        pk = self.pick(self.model.leases_of(self.worker(who).pk, *states), which)
        if pk is not None:
            self.send(pk, number)

    def _shown(self, hand: Hand) -> list[ShownImage]:
        rows = Assignment.objects.filter(hand=hand).order_by("position")
        return [ShownImage(*row) for row in rows.values_list("pk", "task_id", "gold_id", "round", "counts")]
