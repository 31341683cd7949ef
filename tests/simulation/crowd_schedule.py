"""A small project whose workers, manager and sweeps contend for it under a schedule, and what must hold afterward."""

import random
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from typing import Any

import pytest

from kernel.events import number_events
from kernel.models import Event
from projects.models import Project
from tasks.assignment import choosing
from tasks.batching import services as batching_services
from tasks.flow.expiry import expire_leases
from tests import factories, worker_actions
from tests.concurrency_helpers import database_url
from tests.invariants import violations
from tests.manager_walk import ManagerWalk, extra_workers
from tests.random_walk import BeatWalk, Call, RandomWalk, Verb, Walk
from tests.simulation.schedule import Actor, RandomOfThread, Schedule
from tests.virtual_clock import VirtualClock

WORKERS = 3
LEASE = 1800
#: Calls of each actor.
CALLS = 6


class Timed(Walk):
    """Time passes for everybody, on the virtual clock."""

    clock: VirtualClock

    def time_passes(self) -> Call:
        return partial(self.clock.advance, LEASE * 0.6)


class TimedWorker(Timed, RandomWalk):
    """A tab of a worker."""


class TimedBeat(Timed, BeatWalk):
    """The sweeps and jobs, and the time between them."""

    def verbs(self) -> Mapping[Verb, int]:
        return {**super().verbs(), self.time_passes: 3}


class CrowdSchedule:
    """What one seed does. Some workers have two tabs, and sweeps run twice."""

    def __init__(self, seed: int, clock: VirtualClock, numbers: RandomOfThread) -> None:
        self.seed, self.clock = seed, clock
        self.random = random.Random(seed)
        self.project = self._a_project()
        self.walks = list(self._walks())
        for walk in self.walks:
            if isinstance(walk, Timed):
                walk.clock = clock
        actors = [
            Actor(f"{type(walk).__name__} {number}", walk.seed, partial(self._work, walk), numbers)
            for number, walk in enumerate(self.walks)
        ]
        self.schedule = Schedule(seed, clock, actors)

    def run(self) -> None:
        """Run the schedule, let the time pass until everything is settled, and check it. Raises AssertionError."""
        try:
            self.schedule.run()
            self._settle_everything()
            self._check()
        except Exception as error:
            last = "\n".join(self.schedule.trace[-60:])
            raise AssertionError(f"Schedule {self.seed}: {type(error).__name__}: {error}\n{last}") from error

    def _a_project(self) -> Project:
        workers = [factories.a_worker(f"w{number}") for number in range(WORKERS)]
        policy: dict[str, Any] = {
            "hand_size": 2,
            "gold_rate": 0.25,
            "answers_min": 2,
            "answers_max": 3,
            "returns_per_day": 20,
        }
        project = factories.a_project(f"Schedule {self.seed}", workers=workers, lease_seconds=LEASE, **policy)
        factories.some_tasks(project, 4, batches=2)
        factories.a_gold(project)
        extra_workers(project)
        return project

    def _walks(self) -> Iterator[Walk]:
        tabs = self.random.choices(range(WORKERS), k=self.random.randint(2, 4))
        for number, worker in enumerate(tabs):
            yield TimedWorker(self.project, factories.a_worker(f"w{worker}"), self.seed * 100 + number)
        if self.random.random() < 0.7:
            yield ManagerWalk(self.project, self.seed * 100 + 10)
        for number in range(self.random.randint(1, 2)):
            yield TimedBeat(self.project, self.seed * 100 + 20 + number)

    @staticmethod
    def _work(walk: Walk, actor: Actor) -> None:
        for _ in range(CALLS):
            name, call = walk.choose()
            if call is not None:
                walk.make(name, partial(actor.call, call))

    def _settle_everything(self) -> None:
        self.clock.advance(2 * LEASE)
        expire_leases()
        worker_actions.run_late_jobs()
        worker_actions.run_label_jobs()
        # Of all projects: the sweeps compare what earlier schedules have left. A killed connection may hold a stream
        # for a moment longer; the relay comes back, too.
        deadline = time.monotonic() + 10
        while event := Event.objects.filter(number__isnull=True).first():
            assert number_events(project_id=event.project_id) or time.monotonic() < deadline

    def _check(self) -> None:
        receipts = [receipt for walk in self.walks if isinstance(walk, RandomWalk) for receipt in walk.receipts]
        found = violations(database_url(), receipts=receipts)
        assert not found, "\n".join(found)
        worker_actions.assert_invariants(self.project)
        worker_actions.assert_stream_matches_tables(self.project)


@contextmanager
def seeded_services(monkeypatch: pytest.MonkeyPatch) -> Iterator[RandomOfThread]:
    """Let the services draw the random numbers of the actor that calls them."""
    numbers = RandomOfThread()
    numbers.seed_thread(0)
    for module in (choosing, batching_services):
        monkeypatch.setattr(module, "_rng", numbers)
    yield numbers
