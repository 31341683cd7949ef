"""A crowd works on a project through the API. Some of it compares notes: five and two in step, five out of step."""

import random
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

from django.db import connection

from accounts.models import Actor
from projects.models import Project
from tasks.assignment.models import Hand
from tasks.flow.expiry import expire_leases
from tests import factories, worker_actions
from tests.simulation.gold_projects import CLASSES, GoldProject
from tests.simulation.gold_watcher import Shown, Watcher

WORKERS = 14
#: Accounts by number. Those in step claim at the same moment, the five on connections of their own.
FIVE_IN_STEP, FIVE_APART, TWO_IN_STEP = (0, 1, 2, 3, 4), (5, 6, 7, 8, 9), (10, 11)
#: Images that an account skips, gives back or lets expire: below the limit of a day.
RETURNS = 40
ACCURACY = 0.9
SWEEP_EVERY = 10


#: How many have just joined; the others have answered this much gold before, (right, wrong), and so many images.
NEW, GOLD_BEFORE, IMAGES_BEFORE = 4, (28, 2), 200


def some_workers(seed: int) -> list[Actor]:
    return [factories.a_worker(f"worker{seed}-{number}") for number in range(WORKERS)]


def admit(workers: list[Actor], project: Project) -> None:
    """Admit the workers, most of them as if they had worked before: a newcomer gets the most gold."""
    for number, worker in enumerate(workers):
        if number % (WORKERS // NEW) == 0 and number // (WORKERS // NEW) < NEW:
            factories.admitted(project, worker)
        else:
            factories.admitted(project, worker, gold=GOLD_BEFORE, images=IMAGES_BEFORE)


class Crowd:
    """Work until nothing is left, in an order that the seed decides."""

    def __init__(self, made: GoldProject, workers: list[Actor], seed: int) -> None:
        self.made, self.random = made, random.Random(seed)
        self.watchers = [Watcher(worker, made.project.public_id) for worker in workers]
        self.moment, self._claimed = 0, 0
        self._live: dict[int, list[Shown]] = {}
        self._returns = [0] * len(workers)
        self._classes = {image.sha256: made.class_of(image.pk) for image in made.project.dataset.images.all()}

    def work(self) -> None:
        together = set(FIVE_IN_STEP) | set(TWO_IN_STEP)
        units = [FIVE_IN_STEP, TWO_IN_STEP, *((n,) for n in range(len(self.watchers)) if n not in together)]
        for watcher in self.watchers:
            # Also, middleware is set up by the first request, which must not be made in several threads at once.
            watcher.call("get", "/api/v1/work/")
        with _threads(len(FIVE_IN_STEP)) as at_once:
            while units:
                self.moment += 1
                unit = self.random.choices(units, [len(unit) for unit in units])[0]
                turn = self._turn_together if len(unit) > 1 else self._turn
                if not turn(unit, at_once):
                    units.remove(unit)
                self._beat()
        self._beat(now=True)
        for watcher in self.watchers:
            watcher.look_around()

    def _turn_together(self, unit: tuple[int, ...], at_once: Callable[..., list[Any]]) -> bool:
        """All take a set at once and then finish it."""
        calls = [(self.watchers[number].claim, self.moment) for number in unit]
        sets = at_once(calls)
        for number, images in zip(unit, sets, strict=True):
            self._claimed += 1
            if images:
                self._finish(number, images)
        return any(sets)

    def _turn(self, unit: tuple[int, ...], _: Any) -> bool:
        """Take a set, or finish it: meanwhile others have taken theirs."""
        (number,) = unit
        images = self._live.pop(number, None)
        if images is not None:
            self._finish(number, images)
            return True
        images = self.watchers[number].claim(self.moment, anywhere=self.random.random() < 0.2)
        self._claimed += 1
        if images:
            self._live[number] = images
        return bool(images)

    def _finish(self, number: int, images: list[Shown]) -> None:
        may_return = self._returns[number] + len(images) <= RETURNS and number not in FIVE_IN_STEP[:3]
        ways = {self._answer_all: 70, self._answer_together: 15, self._change_an_answer: 4}
        if may_return:
            ways |= {self._skip_some: 12, self._give_back: 8, self._leave_some: 8, self._be_late: 8, self._extend: 4}
        way = self.random.choices(list(ways), list(ways.values()))[0]
        way(number, [image for image in images if self._is_open(image)])

    @staticmethod
    def _is_open(image: Shown) -> bool:
        return not image.answers and "skip" not in image.replies

    def _answer_all(self, number: int, images: list[Shown]) -> None:
        for image in images:
            self.watchers[number].answer(image, self._class_of(number, image), self.moment)
        self.watchers[number].settle()

    def _answer_together(self, number: int, images: list[Shown]) -> None:
        numbers = [self._class_of(number, image) for image in images]
        self.watchers[number].answer_together(images, numbers, self.moment)
        self.watchers[number].settle()

    def _change_an_answer(self, number: int, images: list[Shown]) -> None:
        for image in images:
            self.watchers[number].answer(image, self._class_of(number, image), self.moment)
        self.watchers[number].answer(images[0], 1, self.moment, call="changed")
        self.watchers[number].settle()

    def _skip_some(self, number: int, images: list[Shown]) -> None:
        skipped = self.random.sample(images, min(2, len(images)))
        for image in skipped:
            self.watchers[number].skip(image)
        self._returns[number] += len(skipped)
        self._answer_all(number, [image for image in images if image not in skipped])

    def _give_back(self, number: int, images: list[Shown]) -> None:
        self.watchers[number].give_back()
        self._returns[number] += len(images)

    def _leave_some(self, number: int, images: list[Shown]) -> None:
        kept = self.random.sample(images, len(images) // 2)
        self._returns[number] += len(images) - len(kept)
        self._answer_all(number, kept)

    def _be_late(self, number: int, images: list[Shown]) -> None:
        """Let the set expire and answer half of it late; the other half comes back."""
        hand = Hand.objects.get(public_id=self.watchers[number].sets[-1])
        worker_actions.expire_hand(hand)
        expire_leases()
        for image in self.random.sample(images, len(images) // 2):
            self.watchers[number].answer(image, self._class_of(number, image), self.moment, call="late")
        self._returns[number] += len(images)

    def _extend(self, number: int, images: list[Shown]) -> None:
        self.watchers[number].more_time()
        self._answer_all(number, images)

    def _class_of(self, number: int, image: Shown) -> int:
        """Honest people err now and then. Those who provoke contradict each other, to see what is asked again."""
        right = self._classes[image.picture]
        if self.made.kind.provokes and number in FIVE_IN_STEP + FIVE_APART:
            return 1 + (right + number) % len(CLASSES)
        return right if self.random.random() < ACCURACY else self.random.randint(1, len(CLASSES))

    def _beat(self, *, now: bool = False) -> None:
        """What runs in the background, and a manager who makes gold in the middle of the work."""
        if now or self.moment % SWEEP_EVERY == 0:
            expire_leases()
            worker_actions.run_late_jobs()
            worker_actions.run_label_jobs()
        if self.made.kind.later and self._claimed >= 40:
            self.made.make_later_gold(self.random)
            self._claimed = -(10**9)


@contextmanager
def _threads(count: int) -> Iterator[Callable[..., list[Any]]]:
    """Provide a function that runs calls at once, each in a thread with a connection of its own."""
    gate = threading.Barrier(count)
    with ThreadPoolExecutor(count) as pool:

        def run(call: tuple[Callable[..., Any], Any], among: threading.Barrier) -> Any:
            among.wait(timeout=30)
            function, *arguments = call
            return function(*arguments)

        def at_once(calls: list[tuple[Callable[..., Any], Any]]) -> list[Any]:
            among = threading.Barrier(len(calls))
            return list(pool.map(lambda call: run(call, among), calls))

        def close(_: int) -> None:
            gate.wait(timeout=30)
            connection.close()

        try:
            yield at_once
        finally:
            list(pool.map(close, range(count)))
