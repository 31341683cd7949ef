"""Random walks over the verbs of workers and of the sweeps and jobs; `tests/manager_walk.py` has those of managers.

A verb is a method that chooses its target and returns the call to make, or None if there is nothing to choose from. A
new one is a method and a line in `verbs`. Tests decide how the calls are made: one after another, at once, or
interleaved statement by statement and interrupted.
"""

import random
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any, TypeVar

from accounts.models import Actor
from annotary.demo.worker import Receipt
from kernel.errors import AnnotaryError
from kernel.events import number_events
from projects.models import Project
from tasks.annotation.models import Annotation
from tasks.assignment.leases import extend_hand
from tasks.assignment.models import Assignment, Hand, SkipReason
from tasks.assignment.services import release_hand, skip_assignment
from tasks.batching.models import Batch, Task
from tasks.batching.services import open_batch, pause_batch
from tasks.consensus.refit import queue_missed_tasks, refit
from tasks.flow.claim_any import claim_any
from tasks.flow.claim_next_hand import claim_next_hand
from tasks.flow.expiry import expire_leases
from tasks.flow.gold_comparison import compare_late_answers
from tasks.flow.gold_judgement import suspend_contested_gold
from tasks.flow.revocation import end_hands_without_access
from tests import factories, worker_actions

Call = Callable[[], object]
Verb = Callable[[], Call | None]
T = TypeVar("T")


def a_busy_project(workers: int, *, name: str = "Strays", tasks: int = 24, batches: int = 3, **options: Any) -> Project:
    """Create a project with small sets, much gold and two answers per image, so that workers often contend."""
    people = [factories.a_worker(f"w{number}") for number in range(workers)]
    project = factories.a_project(name, workers=people, hand_size=4, gold_rate=0.25, answers_min=2, **options)
    factories.some_tasks(project, tasks, batches=batches)
    for _ in range(8):
        factories.a_gold(project)
    return project


class Walk:
    """Random verbs of one person or process. Refused calls are expected, and counted by the error's code."""

    def __init__(self, project: Project, seed: int) -> None:
        self.project, self.seed = project, seed
        self.random = random.Random(seed)
        self.done: Counter[str] = Counter()
        self.refused: Counter[str] = Counter()

    def verbs(self) -> Mapping[Verb, int]:
        """The verbs with their weights."""
        raise NotImplementedError

    def choose(self) -> tuple[str, Call | None]:
        """Return the name of a verb, and the call that it makes."""
        verbs = self.verbs()
        verb = self.random.choices(list(verbs), weights=list(verbs.values()))[0]
        return verb.__name__, verb()

    def step(self) -> None:
        name, call = self.choose()
        if call is not None:
            self.make(name, call)

    def step_to_another_verb(self) -> None:
        """Make a verb that was not made before, or any if none of them has a chance at this moment."""
        made = {name.partition(":")[0] for name in (*self.done, *self.refused)}
        for verb in self.verbs():
            if verb.__name__ not in made and (call := verb()) is not None:
                self.make(verb.__name__, call)
                return
        self.step()

    def make(self, name: str, call: Call) -> None:
        try:
            call()
        except AnnotaryError as error:
            self.refused[f"{name}: {error.code}"] += 1
        else:
            self.done[name] += 1

    def pick(self, rows: Sequence[T]) -> T | None:
        return self.random.choice(rows) if rows else None


class RandomWalk(Walk):
    """A worker, of another project of the organization, too. `acknowledged` holds the last receipt for each assignment,
    `receipts` all of them."""

    def __init__(self, project: Project, worker: Actor, seed: int, *, other: Project | None = None) -> None:
        super().__init__(project, seed)
        self.worker, self.other = worker, other
        self.acknowledged: dict[int, Receipt] = {}
        self.receipts: list[Receipt] = []
        self._sent = 0

    def verbs(self) -> Mapping[Verb, int]:
        return {
            self.claim: 4,
            self.answer: 8,
            self.answer_any_earlier: 3,
            self.skip: 2,
            self.ask_for_more_time: 1,
            self.settle: 2,
            self.release: 1,
            self.time_passes: 2,
            self.sweep: 2,
            self.manage: 1,
            **({self.claim_any: 2, self.claim_elsewhere: 2} if self.other else {}),
        }

    def claim(self) -> Call:
        return partial(claim_next_hand, worker=self.worker, project=self.project)

    def claim_any(self) -> Call:
        return partial(claim_any, worker=self.worker)

    def claim_elsewhere(self) -> Call:
        assert self.other is not None
        return partial(claim_next_hand, worker=self.worker, project=self.other)

    def answer(self) -> Call | None:
        return self._answer(self._mine(state=Assignment.State.LEASED))

    def answer_any_earlier(self) -> Call | None:
        return self._answer(self._mine())

    def skip(self) -> Call | None:
        lease = self._mine(state=Assignment.State.LEASED)
        if lease is None:
            return None
        reason = self.random.choice(["", *SkipReason.values])
        return partial(skip_assignment, worker=self.worker, assignment_id=lease.public_id, reason=reason, note="Why?")

    def ask_for_more_time(self) -> Call | None:
        hand = self._hand()
        return None if hand is None else partial(extend_hand, worker=self.worker, hand_id=hand.public_id)

    def settle(self) -> Call | None:
        hand = self._hand()
        return None if hand is None else partial(worker_actions.settle, hand)

    def release(self) -> Call | None:
        hand = self._hand()
        return None if hand is None else partial(release_hand, worker=self.worker, hand_id=hand.public_id)

    def time_passes(self) -> Call | None:
        hand = self._hand()
        return None if hand is None else partial(worker_actions.expire_hand, hand)

    def sweep(self) -> Call:
        return expire_leases

    def manage(self) -> Call:
        batch = self.random.choice(list(Batch.objects.filter(project=self.project).order_by("number")))
        if self.random.random() < 0.5:
            task = self.pick(list(batch.tasks.filter(state=Task.State.OPEN).order_by("pk")))
            if task is not None:
                return partial(worker_actions.raise_wanted, task, to=min(task.wanted + 1, 4))
        return partial(open_batch if batch.state == Batch.State.PAUSED else pause_batch, batch=batch)

    def assert_nothing_acknowledged_was_lost(self) -> None:
        """I3: the last accepted answer to each assignment is the current one. Only if nobody else answers for them."""
        for assignment_id, receipt in self.acknowledged.items():
            current = Annotation.objects.get(assignment_id=assignment_id, is_current=True)
            assert (current.revision, current.raw_sha256) == (receipt.revision, receipt.sha256)

    def _answer(self, lease: Assignment | None) -> Call | None:
        if lease is None:
            return None
        self._sent += 1
        return partial(self._send, lease, self.random.choice([1, 1, 1, 2]), key=f"{self.seed}-{self._sent}")

    def _send(self, lease: Assignment, number: int, *, key: str) -> None:
        receipt = worker_actions.send(lease, number, key=key)
        self.acknowledged[lease.pk] = receipt
        self.receipts.append(receipt)

    def _mine(self, **only: str) -> Assignment | None:
        mine = Assignment.objects.filter(project__in=self._projects(), worker=self.worker, **only)
        return self.pick(list(mine.select_related("worker").order_by("pk")))

    def _hand(self) -> Hand | None:
        live = Hand.objects.filter(project__in=self._projects(), worker=self.worker, state=Hand.State.LIVE)
        return self.pick(list(live.select_related("worker").order_by("pk")))

    def _projects(self) -> list[Project]:
        return [self.project] if self.other is None else [self.project, self.other]


class BeatWalk(Walk):
    """What runs without people: sweeps, jobs and the relay. Any number of them may run, and run twice."""

    def verbs(self) -> Mapping[Verb, int]:
        return {
            self.sweep: 4,
            self.pay_late_answers: 2,
            self.update_labels: 3,
            self.ask_finished_images: 1,
            self.refit: 1,
            self.number_events: 2,
            self.end_hands_without_access: 1,
            self.run_repairs_and_class_changes: 4,
            self.judge_gold: 1,
        }

    def sweep(self) -> Call:
        return expire_leases

    def pay_late_answers(self) -> Call:
        return worker_actions.run_late_jobs

    def update_labels(self) -> Call:
        return worker_actions.run_label_jobs

    def ask_finished_images(self) -> Call:
        return worker_actions.run_asks

    def refit(self) -> Call:
        return self._refit

    def number_events(self) -> Call:
        return partial(number_events, project_id=self.project.pk)

    def end_hands_without_access(self) -> Call:
        return end_hands_without_access

    def run_repairs_and_class_changes(self) -> Call:
        return worker_actions.run_repairs_and_class_changes

    def judge_gold(self) -> Call:
        return self._judge_gold

    @staticmethod
    def _judge_gold() -> None:
        compare_late_answers()
        suspend_contested_gold()

    def _refit(self) -> None:
        refit(project_id=self.project.pk)
        queue_missed_tasks(project_id=self.project.pk)
