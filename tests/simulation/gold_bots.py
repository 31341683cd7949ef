"""Bots that do something with their sets that may keep their answers to gold from being judged.

The worst is assumed: those that avoid gold know which images are gold, as if friends had told them.
"""

import random
from collections.abc import Sequence

from accounts.models import Actor
from projects.models import Project
from tasks.assignment.errors import WorkerPaused
from tasks.assignment.models import Assignment, Hand
from tasks.assignment.services import claim_hand, release_hand
from tasks.flow.claim_any import claim_any
from tasks.flow.expiry import expire_leases
from tasks.gold.models import GoldResult
from tasks.pay.models import LedgerEntry
from tasks.standing.models import Standing
from tests import factories, worker_actions
from tests.simulation.gold_projects import CLASSES

Leases = Sequence[Assignment]


def class_of(lease: Assignment) -> int:
    """The class that an image has, as `class_of_image` has it."""
    part = lease.gold or lease.task
    assert part is not None
    return class_of_image(part.image_id)


def class_of_image(image_id: int) -> int:
    return 1 + image_id % len(CLASSES)


class Bot:
    """One person with some accounts in some projects, whose answers are right as often as `accuracy` says.

    Each turn takes a set and does with it what the bot does.
    """

    accounts_each = 1

    def __init__(self, projects: Sequence[Project], accuracy: float, seed: int) -> None:
        self.projects, self.accuracy, self.random = projects, accuracy, random.Random(seed)
        self.accounts = [factories.a_worker(f"bot{seed}-{number}") for number in range(self.accounts_each)]
        for worker in self.accounts:
            for project in projects:
                factories.admitted(project, worker)
        self._turns = 0

    def turn(self) -> bool:
        """Take a set and work on it; False if there is none, or all accounts are paused."""
        for _ in self.accounts:
            self._turns += 1
            worker = self.accounts[self._turns % len(self.accounts)]
            hand = self.claim(worker)
            if hand is not None:
                self.work(hand, worker_actions.leases_of(hand))
                return True
        return False

    def claim(self, worker: Actor) -> Hand | None:
        try:
            return claim_hand(worker=worker, project=self.projects[0])
        except WorkerPaused:
            return None

    def work(self, hand: Hand, leases: Leases) -> None:
        self.answer(leases)
        worker_actions.settle(hand)

    def answer(self, leases: Leases) -> None:
        for lease in leases:
            right = class_of(lease)
            others = [number for number in range(1, len(CLASSES) + 1) if number != right]
            worker_actions.answer(lease, right if self.random.random() < self.accuracy else self.random.choice(others))
        worker_actions.run_late_jobs()

    @property
    def paid(self) -> int:
        return LedgerEntry.objects.filter(worker__in=self.accounts, kind=LedgerEntry.Kind.CREDIT).count()

    @property
    def judged(self) -> int:
        return GoldResult.objects.filter(worker__in=self.accounts).count()

    @property
    def is_stopped(self) -> bool:
        return not Standing.objects.filter(worker__in=self.accounts, state=Standing.State.ACTIVE).exists()


def _gold(leases: Leases) -> list[Assignment]:
    return [lease for lease in leases if lease.gold_id is not None]


def _work(leases: Leases) -> list[Assignment]:
    return [lease for lease in leases if lease.gold_id is None]


def _let_expire(hand: Hand) -> None:
    worker_actions.expire_hand(hand)
    expire_leases()


class AlwaysLate(Bot):
    """Answers after the end of the set."""

    def work(self, hand: Hand, leases: Leases) -> None:
        _let_expire(hand)
        self.answer(leases)


class LateForGold(Bot):
    """Answers work in time, and gold after the end of the set."""

    def work(self, hand: Hand, leases: Leases) -> None:
        self.answer(_work(leases))
        _let_expire(hand)
        self.answer(_gold(leases))


class GivesBackSetsWithGold(Bot):
    """Gives back what has much gold in it."""

    def work(self, hand: Hand, leases: Leases) -> None:
        if len(_gold(leases)) > 1 and self.random.random() < 0.8:
            release_hand(worker=hand.worker, hand_id=hand.public_id)
        else:
            super().work(hand, leases)


class LeavesGold(Bot):
    """Hands in a set without the gold."""

    def work(self, hand: Hand, leases: Leases) -> None:
        super().work(hand, _work(leases))


class LetsGoldExpire(Bot):
    """Answers work, and waits until the rest is over."""

    def work(self, hand: Hand, leases: Leases) -> None:
        self.answer(_work(leases))
        _let_expire(hand)


class AlternatesAccounts(Bot):
    """Takes turns with three accounts."""

    accounts_each = 3


class AsksAnyProject(Bot):
    """Takes whatever there is, in three projects, so that each sees little of it."""

    def claim(self, worker: Actor) -> Hand | None:
        claimed = claim_any(worker=worker)
        return claimed.hand if claimed is not None else None


TRICKS: dict[str, type[Bot]] = {
    "answers late": AlwaysLate,
    "answers gold late": LateForGold,
    "gives back sets with gold": GivesBackSetsWithGold,
    "hands in sets without the gold": LeavesGold,
    "lets gold expire": LetsGoldExpire,
    "alternates between accounts": AlternatesAccounts,
    "asks any project": AsksAnyProject,
}
