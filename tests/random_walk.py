"""Random walks over the actions of workers, the sweep and managers."""

import random
from collections.abc import Callable
from contextlib import suppress

from accounts.models import Actor
from kernel.errors import AnnotaryError
from projects.models import Project
from tasks.annotation.models import Annotation
from tasks.annotation.services import Submission
from tasks.assignment.models import Assignment, Hand
from tasks.assignment.services import claim_hand, release_hand, skip_assignment
from tasks.batching.models import Batch, Task
from tasks.batching.services import open_batch, pause_batch
from tasks.flow.expiry import expire_leases
from tests import factories, worker_actions


def a_busy_project(workers: int, *, name: str = "Strays", tasks: int = 24, batches: int = 3) -> Project:
    """Create a project with small sets, much gold and two answers per image, so that workers often contend."""
    people = [factories.a_worker(f"w{number}") for number in range(workers)]
    project = factories.a_project(name, workers=people, hand_size=4, gold_rate=0.25, answers_min=2)
    factories.some_tasks(project, tasks, batches=batches)
    for _ in range(8):
        factories.a_gold(project)
    return project


class RandomWalk:
    """Random actions of one worker, and sometimes of the sweep and the manager. Refused actions are expected.

    `acknowledged` holds the result of each accepted submission, by assignment: each must still be in the database.
    """

    def __init__(self, project: Project, worker: Actor, seed: int) -> None:
        self.project, self.worker = project, worker
        self.random = random.Random(seed)
        self.acknowledged: dict[int, Submission] = {}

    def step(self) -> None:
        actions: dict[Callable[[], None], int] = {
            self.claim: 4,
            self.answer: 8,
            self.answer_any_earlier: 3,
            self.skip: 1,
            self.settle: 2,
            self.release: 1,
            self.time_passes: 2,
            self.sweep: 2,
            self.manage: 1,
        }
        act = self.random.choices(list(actions), weights=list(actions.values()))[0]
        with suppress(AnnotaryError):
            act()

    def claim(self) -> None:
        claim_hand(worker=self.worker, project=self.project)

    def answer(self) -> None:
        self._answer(self._mine(state=Assignment.State.LEASED))

    def answer_any_earlier(self) -> None:
        self._answer(self._mine())

    def skip(self) -> None:
        lease = self._mine(state=Assignment.State.LEASED)
        if lease is not None:
            skip_assignment(worker=self.worker, assignment_id=lease.public_id)

    def settle(self) -> None:
        hand = self._hand()
        if hand is not None:
            worker_actions.settle(hand)

    def release(self) -> None:
        hand = self._hand()
        if hand is not None:
            release_hand(worker=self.worker, hand_id=hand.public_id)

    def time_passes(self) -> None:
        hand = self._hand()
        if hand is not None:
            worker_actions.expire_hand(hand)

    def sweep(self) -> None:
        expire_leases()

    def manage(self) -> None:
        batch = self.random.choice(list(Batch.objects.filter(project=self.project)))
        if self.random.random() < 0.5:
            task = self.random.choice(list(batch.tasks.filter(state=Task.State.OPEN)))
            worker_actions.raise_wanted(task, to=min(task.wanted + 1, 4))
        elif batch.state == Batch.State.PAUSED:
            open_batch(batch=batch)
        else:
            pause_batch(batch=batch)

    def assert_nothing_acknowledged_was_lost(self) -> None:
        """I3: the last accepted answer to each assignment is the current one."""
        for assignment_id, submission in self.acknowledged.items():
            current = Annotation.objects.get(assignment_id=assignment_id, is_current=True)
            assert (current.pk, current.body) == (submission.annotation.pk, submission.annotation.body)

    def _answer(self, lease: Assignment | None) -> None:
        if lease is not None:
            self.acknowledged[lease.pk] = worker_actions.answer(lease, self.random.choice([1, 1, 1, 2]))

    def _mine(self, **only: str) -> Assignment | None:
        mine = list(Assignment.objects.filter(project=self.project, worker=self.worker, **only).order_by("pk"))
        return self.random.choice(mine) if mine else None

    def _hand(self) -> Hand | None:
        return Hand.objects.filter(project=self.project, worker=self.worker, state=Hand.State.LIVE).first()
