"""Fifty workers with two tabs each on three hundred images: no duplicate or surplus claim, and no false "no work"."""

import threading
from collections import Counter
from datetime import datetime

import pytest
from django.db import close_old_connections, connection

from accounts.models import Actor
from kernel.clock import database_now
from projects.models import Project
from tasks.assignment.models import Assignment, Hand
from tasks.assignment.services import claim_hand
from tasks.batching.models import Batch, Task
from tasks.pay.models import LedgerEntry
from tests import factories, worker_actions

pytestmark = pytest.mark.django_db(transaction=True)

WORKERS, TABS, TASKS, OVERLAP = 50, 2, 300, 3


class Crowd:
    """Claim, answer and settle sets in every tab until there is no work left for it."""

    def __init__(self, project: Project, workers: list[Actor]) -> None:
        self.project = project
        self.turned_away: list[tuple[Actor, datetime]] = []
        self.errors: list[BaseException] = []
        self._gate = threading.Barrier(len(workers) * TABS)
        self._tabs = [threading.Thread(target=self._tab, args=[worker]) for worker in workers for _ in range(TABS)]

    def work(self) -> None:
        for tab in self._tabs:
            tab.start()
        for tab in self._tabs:
            tab.join(timeout=240)

    def _tab(self, worker: Actor) -> None:
        try:
            close_old_connections()
            connection.ensure_connection()
            self._gate.wait(timeout=60)
            while (hand := claim_hand(worker=worker, project=self.project)) is not None:
                worker_actions.answer_all(hand)
                worker_actions.settle(hand)
            self.turned_away.append((worker, database_now()))
        except BaseException as error:
            self.errors.append(error)
        finally:
            connection.close()

    def wrongly_turned_away(self) -> list[tuple[Actor, datetime]]:
        """Return the workers told "no work" although a slot of a task new to them was claimed later.

        Slots are only claimed here, never freed, so such a slot was open to them at that moment.
        """
        leases = list(Assignment.objects.values_list("worker_id", "task_id", "leased_at"))
        seen: dict[int | None, set[int | None]] = {}
        for worker_id, task_id, _ in leases:
            seen.setdefault(worker_id, set()).add(task_id)
        last_claim: dict[int | None, datetime] = {}
        for _, task_id, leased_at in leases:
            last_claim[task_id] = max(leased_at, last_claim.get(task_id, leased_at))
        return [
            (worker, moment)
            for worker, moment in self.turned_away
            if any(
                claimed > moment for task_id, claimed in last_claim.items() if task_id not in seen.get(worker.pk, set())
            )
        ]


@pytest.mark.slow
@pytest.mark.parametrize("batches", [1, 6])
def test_every_slot_is_claimed_once_and_no_worker_is_turned_away_while_one_is_open(batches: int) -> None:
    workers = [factories.a_worker(f"w{number}") for number in range(WORKERS)]
    project = factories.a_project(workers=workers, hand_size=10, gold_rate=0, answers_min=OVERLAP)
    factories.some_tasks(project, TASKS, batches=batches)
    crowd = Crowd(project, workers)
    crowd.work()
    assert crowd.errors == []
    assert len(crowd.turned_away) == WORKERS * TABS
    assert crowd.wrongly_turned_away() == []
    assert Assignment.objects.count() == TASKS * OVERLAP
    pairs = Counter(Assignment.objects.values_list("task_id", "worker_id"))
    assert set(pairs.values()) == {1}
    assert set(Task.objects.values_list("taken", flat=True)) == {OVERLAP}
    assert sum(Batch.objects.values_list("taken", flat=True)) == TASKS * OVERLAP
    assert not Hand.objects.filter(state=Hand.State.LIVE).exists()
    assert LedgerEntry.objects.count() == TASKS * OVERLAP
    worker_actions.assert_invariants(project)
    worker_actions.assert_stream_matches_tables(project)
