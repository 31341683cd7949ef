"""One project for hypothesis: a small crowd, its model, and what is checked after each verb."""

import random
from collections.abc import Callable, Sequence
from typing import Any, ClassVar, TypeVar

from django.db import connection, transaction
from hypothesis.stateful import RuleBasedStateMachine, invariant

from accounts.models import Actor
from kernel.errors import AnnotaryError
from tasks.assignment import choosing
from tasks.assignment.models import Assignment
from tasks.batching import services as batching_services
from tasks.batching.models import Batch, Task
from tasks.gold.models import Gold
from tasks.standing.models import Standing
from tests import factories, worker_actions
from tests.simulation.crowd_state import ModelGold, ModelTask
from tests.simulation.managed_model import ManagedModel
from tests.simulation.tables import PAID, SWEPT, broken_rules, differences, view_of
from tests.virtual_clock import VirtualClock

T = TypeVar("T")

WORKERS = 4
#: A lease of the project, in seconds of the virtual clock.
LEASE = 1800


class ProjectMachine(RuleBasedStateMachine):
    """Runs in the test's transaction, on the virtual clock; each example is rolled back."""

    clock: ClassVar[VirtualClock]

    def __init__(self) -> None:
        super().__init__()
        self.example = transaction.atomic()
        self.example.__enter__()
        self.begin()

    def begin(self) -> None:
        modules: list[Any] = [choosing, batching_services]
        for module in modules:
            module._rng = random.Random(0)
        with connection.cursor() as cursor:
            cursor.execute("SELECT setseed(0.5)")
        self.workers = [factories.a_worker(f"w{number}") for number in range(WORKERS)]
        self.manager = factories.ada()
        policy: dict[str, Any] = {
            "hand_size": 3,
            "gold_rate": 0.25,
            "answers_min": 2,
            "answers_max": 3,
            "returns_per_day": 12,
        }
        self.project = factories.a_project(workers=self.workers[:-1], lease_seconds=LEASE, **policy)
        factories.admitted(factories.a_project("Another"), self.workers[-1])  # a member who is not admitted yet
        factories.some_tasks(self.project, 4, batches=2)
        for _ in range(3):
            factories.a_gold(self.project)
        self.model = ManagedModel(hand_size=3, answers_min=2, answers_max=3)
        self.model.standings = dict.fromkeys((worker.pk for worker in self.workers[:-1]), "active")
        self.adopt_rows()

    def teardown(self) -> None:
        try:
            worker_actions.assert_stream_matches_tables(self.project)
        finally:
            transaction.set_rollback(True)
            self.example.__exit__(None, None, None)

    # What rules need

    def worker(self, number: int) -> Actor:
        return self.workers[number % WORKERS]

    def pick(self, rows: Sequence[T], number: int) -> T | None:
        return rows[number % len(rows)] if rows else None

    def lease(self, pk: int) -> Assignment:
        return Assignment.objects.select_related("worker").get(pk=pk)

    def expect(self, refusal: str | None, call: Callable[[], T]) -> T | None:
        """Make the call; it must be refused with this code, or succeed if it is None."""
        try:
            result = call()
        except AnnotaryError as error:
            assert error.code == refusal, f"refused with {error.code}, not {refusal}"
            return None
        assert refusal is None, f"not refused with {refusal}"
        return result

    def adopt_rows(self) -> None:
        """Take over new batches, tasks and gold: their ids are the database's, their values must be as they start."""
        for batch in Batch.objects.filter(project=self.project).exclude(pk__in=self.model.batches):
            self.model.batches[batch.pk] = batch.state
        for task in Task.objects.filter(project=self.project).exclude(pk__in=self.model.tasks):
            self.model.tasks[task.pk] = ModelTask(task.batch_id, task.image_id, wanted=self.model.answers_min)
        for gold in Gold.objects.filter(project=self.project).exclude(pk__in=self.model.golds):
            self.model.golds[gold.pk] = ModelGold(gold.image_id)

    def adopt_pauses(self) -> None:
        """Gold and returned images pause workers by themselves; after a verb that may, the model follows."""
        paused = Standing.objects.filter(project=self.project, state="paused").values_list("worker_id", flat=True)
        for worker in paused:
            if self.model.standings[worker] == "active":
                self.model.standings[worker] = "paused"

    def adopt_labels(self, *, may_requeue: bool = False) -> None:
        """Let the model check and follow what consensus decided. An approved batch with such a task opens again."""
        rows = Task.objects.filter(project=self.project).values_list("pk", "state", "round", "wanted")
        self.model.adopt_labels({pk: (state, n, wanted) for pk, state, n, wanted in rows}, may_requeue=may_requeue)
        states: dict[int, Any] = dict(Batch.objects.filter(project=self.project).values_list("pk", "state"))
        for pk, state in states.items():
            if self.model.batches[pk] == "approved" and state == "open":
                assert any(task.batch == pk and task.state != "approved" for task in self.model.tasks.values())
                self.model.batches[pk] = "open"

    # What always holds

    @invariant()
    def the_tables_are_as_the_model_predicts(self) -> None:
        found = list(differences(self.model.view(), view_of(self.project)))
        assert not found, "\n".join(found)

    @invariant()
    def no_rule_is_broken(self) -> None:
        pending = any(lease.late_job for lease in self.model.leases.values())
        found = list(broken_rules(but={SWEPT, PAID} if pending else {SWEPT}))
        assert not found, "\n".join(found)
