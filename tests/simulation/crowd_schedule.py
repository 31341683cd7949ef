"""A small project whose workers, manager and sweeps contend for it under a schedule, and what must hold afterward."""

import random
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from decimal import Decimal
from functools import partial
from typing import Any

import pytest
from django.db import connection
from django.db.models import Min

from accounts.memberships import change_organisation
from accounts.models import Membership, Organisation
from kernel.events import number_events
from kernel.models import Event
from projects.models import Project
from tasks.assignment.models import Hand
from tasks.batching.models import Task
from tasks.flow.expiry import expire_leases
from tests import factories, worker_actions
from tests.concurrency_helpers import database_url
from tests.decision_walk import OPTIONS, ConcernedWorker, DecisionWalk, something_to_decide
from tests.invariants import violations
from tests.manager_walk import ManagerWalk, extra_workers
from tests.random_walk import BeatWalk, Call, RandomWalk, Verb, Walk
from tests.seeded import seed_services
from tests.simulation.schedule import Actor, RandomOfThread, Schedule
from tests.virtual_clock import VirtualClock

WORKERS = 3
LEASE = 1800
#: Calls of each actor.
CALLS = 6
#: What every other project may pay: some sets, but not all answers.
BUDGET = Decimal("0.20")


class Timed(Walk):
    """Time passes for everybody, on the virtual clock."""

    clock: VirtualClock

    def time_passes(self) -> Call:
        return partial(self.clock.advance, LEASE * 0.6)


class TimedWorker(Timed, ConcernedWorker):
    """A tab of a worker."""


class BusyWorker(Timed, RandomWalk):
    """A tab of a worker who does nothing but take sets, answer, and give back."""


class TimedBeat(Timed, BeatWalk):
    """The sweeps and jobs, and the time between them."""

    def verbs(self) -> Mapping[Verb, int]:
        """Without the sweep that judges gold: it would find what earlier schedules have left."""
        own = {verb: weight for verb, weight in super().verbs().items() if verb != self.judge_gold}
        return {**own, self.time_passes: 3}


class CrowdSchedule:
    """What one seed does. Some workers have two tabs, and sweeps run twice. Unless it `decides`, nobody decides about
    people, money and classes: workers contend for images more often then."""

    def __init__(self, seed: int, clock: VirtualClock, numbers: RandomOfThread, *, decides: bool = True) -> None:
        self.seed, self.clock, self.decides = seed, clock, decides
        self.random = random.Random(seed)
        # The order of the images, and so where gold is, is drawn when they are inserted.
        with connection.cursor() as cursor:
            cursor.execute("SELECT setseed(%s)", [seed % 1000 / 1000])
        numbers.seed_thread(seed)
        # Any work is not that of earlier schedules.
        Project.objects.update(state=Project.State.CLOSED)
        self.project = self._a_project()
        self.other = self._another_project()
        self._move_to_an_organisation(self.project, self.other)
        something_to_decide(self.project)
        if decides:
            self._a_past()
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
            "skips_to_manager": 2,
            **OPTIONS,
        }
        if self.seed % 2:
            policy["budget"] = BUDGET
        project = factories.a_project(f"Schedule {self.seed}", workers=workers, lease_seconds=LEASE, **policy)
        factories.some_tasks(project, 2, batches=2)
        pair = [task.pk for task in factories.some_tasks(project, 2)]
        Task.objects.filter(pk__in=pair).update(order_key=0.5)
        factories.a_gold(project)
        extra_workers(project)
        return project

    def _another_project(self) -> Project:
        """Where workers take sets, too. It never is as urgent as the first: the draw among equals depends on ids."""
        workers = [factories.a_worker(f"w{number}") for number in range(WORKERS)]
        policy: dict[str, Any] = {"hand_size": 2, "gold_rate": 0, "answers_min": 1, "answers_max": 1}
        name, priority = f"Schedule {self.seed}, too", self.random.choice([-1, 1])
        other = factories.a_project(name, workers=workers, lease_seconds=LEASE, priority=priority, **policy)
        factories.some_tasks(other, 3)
        self.most_sets = self.random.choice([0, 1])
        return other

    def _move_to_an_organisation(self, *projects: Project) -> None:
        """One of their own: payouts and skills are not those of earlier schedules."""
        organisation = Organisation.objects.create(name=f"Schedule {self.seed}")
        members = Membership.objects.filter(organisation=projects[0].organisation).order_by("pk")
        Membership.objects.bulk_create(
            Membership(organisation=organisation, actor_id=row.actor_id, role=row.role) for row in members
        )
        for project in projects:
            project.organisation = project.dataset.organisation = organisation
            project.dataset.save()
            project.save()
        change_organisation(organisation=organisation, live_sets=self.most_sets)

    def _a_past(self) -> None:
        """Paid answers, a label, and one that was rejected yesterday: a few calls lead nowhere without."""
        for number in range(2):
            hand = worker_actions.take(factories.a_worker(f"w{number}"), self.project)
            worker_actions.answer_all(hand)
            worker_actions.settle(hand)
        worker_actions.run_label_jobs()
        walk = DecisionWalk(self.project, self.seed)
        for verb in (walk.reject_with_region, walk.a_day_passes):
            if (call := verb()) is not None:
                call()

    def _walks(self) -> Iterator[Walk]:
        tabs = self.random.choices(range(WORKERS), k=self.random.randint(2, 4))
        for number, worker in enumerate(tabs):
            tab = TimedWorker if self.decides else BusyWorker
            yield tab(self.project, factories.a_worker(f"w{worker}"), self.seed * 100 + number, other=self.other)
        if self.random.random() < 0.7:
            yield ManagerWalk(self.project, self.seed * 100 + 10)
        if self.decides and self.random.random() < 0.6:
            yield DecisionWalk(self.project, self.seed * 100 + 11)
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
        worker_actions.run_all_jobs()
        # Of all projects: the sweeps compare what earlier schedules have left. A killed connection may hold a stream
        # for a moment longer; the relay comes back, too.
        deadline = time.monotonic() + 10
        while event := Event.objects.filter(number__isnull=True).first():
            assert number_events(project_id=event.project_id) or time.monotonic() < deadline

    def _check(self) -> None:
        receipts = [receipt for walk in self.walks if isinstance(walk, RandomWalk) for receipt in walk.receipts]
        found = violations(database_url(), receipts=receipts)
        assert not found, "\n".join(found)
        for project in (self.project, self.other):
            worker_actions.assert_invariants(project)
            worker_actions.assert_stream_matches_tables(project)
        if self.most_sets:
            assert not two_sets_at_once(self.project, self.other)


def two_sets_at_once(*projects: Project) -> list[tuple[int, int]]:
    """Return pairs of sets, of one worker in different projects, of which the second was given during the first.

    An image that came back is in a later set, so a set without any left is not compared.
    """
    hands = Hand.objects.filter(project__in=projects).annotate(given=Min("assignments__leased_at"))
    rows = list(hands.filter(given__isnull=False))
    return [
        (first.pk, second.pk)
        for first in rows
        for second in rows
        if first.worker_id == second.worker_id
        and first.project_id != second.project_id
        and first.given < second.given < min(first.expires_at, first.settled_at or first.expires_at)
    ]


@contextmanager
def seeded_services(monkeypatch: pytest.MonkeyPatch) -> Iterator[RandomOfThread]:
    """Let the services draw the random numbers of the actor that calls them."""
    numbers = RandomOfThread()
    numbers.seed_thread(0)
    seed_services(monkeypatch, numbers)
    yield numbers
