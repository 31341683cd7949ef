"""A project for hypothesis, and another one: a small crowd, their models, and what is checked after each verb."""

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, TypeVar

from django.db import connection, transaction
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant

from accounts.models import Actor
from kernel.errors import AnnotaryError
from projects.models import Project
from tasks.assignment.models import Assignment, Hand, SetAside
from tasks.batching.models import Batch, Task
from tasks.gold.models import Gold
from tasks.standing.models import Standing
from tests import factories, worker_actions
from tests.seeded import NAME, modules_that_draw
from tests.simulation.appeal_model import APPEAL_DAYS, AppealModel
from tests.simulation.crowd_state import ModelBatch, ModelGold, ModelPolicy, ModelSetAside, ModelTask
from tests.simulation.managed_model import LabeledTask
from tests.simulation.tables import PAID, SWEPT, broken_rules, differences, late_ends, view_of
from tests.virtual_clock import VirtualClock

T = TypeVar("T")

WORKERS = 4
#: A lease of the projects, in seconds of the virtual clock.
LEASE = 1800
POLICY: dict[str, Any] = {
    "hand_size": 3,
    "gold_rate": 0.25,
    "answers_min": 2,
    "answers_max": 3,
    "returns_per_day": 12,
    "lease_seconds": LEASE,
    "skips_to_manager": 2,
}
#: Not known to the model as a policy.
FIXED: dict[str, Any] = {"appeal_days": APPEAL_DAYS}


@dataclass(frozen=True)
class Site:
    """A project and its model."""

    project: Project
    model: AppealModel

    def hand(self, pk: int) -> Hand:
        return Hand.objects.select_related("worker").get(pk=pk)


class ProjectMachine(RuleBasedStateMachine):
    """Runs in the test's transaction, on the virtual clock; each example is rolled back.

    Managers and workers do everything in `project`. Workers take sets in `other`, too, from the same organization.
    """

    clock: ClassVar[VirtualClock]

    def __init__(self) -> None:
        super().__init__()
        self.example = transaction.atomic()
        self.example.__enter__()
        # Defaults of columns keep the real clock, which is behind from now on.
        self.clock.advance(3600)
        self.begin()

    @initialize(seed=st.integers(0, 99))
    def draw(self, seed: int) -> None:
        """Seed what the services and PostgreSQL draw at random."""
        for module in modules_that_draw():
            setattr(module, NAME, random.Random(seed))
        with connection.cursor() as cursor:
            cursor.execute("SELECT setseed(%s)", [seed / 100])

    def begin(self) -> None:
        self.draw(50)
        self.workers = [factories.a_worker(f"w{number}") for number in range(WORKERS)]
        self.manager = factories.ada()
        #: How many sets in progress a worker may have in the organization, 0 for any number.
        self.most_sets = 0
        # The last worker is a member of the organization who is not admitted to the project yet.
        self.main = self._site(factories.a_project(workers=self.workers[:-1], **POLICY, **FIXED), images=3)
        self.other = self._site(factories.a_project("Another", workers=self.workers, **POLICY), images=2)
        self.sites = (self.main, self.other)
        self.project, self.model = self.main.project, self.main.model
        for site in self.sites:
            self.adopt_rows(site)

    def _site(self, project: Project, *, images: int) -> Site:
        """A batch with this many images and two that come together, and a batch with one more."""
        pair = factories.some_tasks(project, images + 2)[-2:]
        Task.objects.filter(pk__in=[task.pk for task in pair]).update(order_key=0.5)
        factories.some_tasks(project, 1)
        for _ in range(3):
            factories.a_gold(project)
        project.refresh_from_db()
        model = AppealModel(ModelPolicy(price=project.price, **POLICY))
        model.classes = {row["number"] for row in project.schema.body["classes"]} if project.schema else set()
        standings = Standing.objects.filter(project=project)
        model.standings = dict(standings.values_list("worker_id", "state"))
        return Site(project, model)

    def teardown(self) -> None:
        try:
            for site in self.sites:
                worker_actions.assert_stream_matches_tables(site.project)
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

    def adopt_rows(self, site: Site | None = None) -> None:
        """Take over new rows: their ids are the database's, their values must be as they start."""
        site = site or self.main
        model, project = site.model, site.project
        for batch in Batch.objects.filter(project=project).exclude(pk__in=model.batches):
            model.batches[batch.pk] = ModelBatch(batch.number, batch.state)
        for task in Task.objects.filter(project=project).exclude(pk__in=model.tasks):
            model.tasks[task.pk] = ModelTask(task.batch_id, task.image_id, wanted=model.policy.answers_min)
        for gold in Gold.objects.filter(project=project).exclude(pk__in=model.golds):
            model.golds[gold.pk] = ModelGold(gold.image_id)
        for row in SetAside.objects.filter(project=project).exclude(pk__in=model.asides):
            assert self._is_set_aside(model, row), f"task {row.task_id} or gold {row.gold_id} was set aside"
            model.asides[row.pk] = ModelSetAside(row.task_id, row.gold_id)

    @staticmethod
    def _is_set_aside(model: AppealModel, row: SetAside) -> bool:
        if row.task_id is not None:
            return model.tasks[row.task_id].set_aside
        return row.gold_id is not None and model.golds[row.gold_id].set_aside

    def adopt_pauses(self) -> None:
        """Gold and returned images pause workers by themselves; after a verb that may, the models follow."""
        for site in self.sites:
            paused = Standing.objects.filter(project=site.project, state="paused").values_list("worker_id", flat=True)
            for worker in paused:
                if site.model.standings[worker] == "active":
                    site.model.standings[worker] = "paused"

    def adopt_lifted_pauses(self, worker: int) -> None:
        """An upheld appeal may end a pause by a rule."""
        active = Standing.objects.filter(project=self.project, worker=worker, state="active").exists()
        if active and self.model.standings[worker] == "paused":
            self.model.standings[worker] = "active"

    def adopt_labels(self, *, may_requeue: bool = False, may_reopen: bool = False) -> None:
        """Let the models check and follow what consensus decided. An approved batch with such a task opens again."""
        for site in self.sites:
            rows = Task.objects.filter(project=site.project)
            names = ("pk", "state", "round", "wanted", "asked_again")
            found = {pk: LabeledTask(*row) for pk, *row in rows.values_list(*names)}
            site.model.adopt_labels(found, may_requeue=may_requeue, may_reopen=may_reopen)
            states: dict[int, str] = dict(Batch.objects.filter(project=site.project).values_list("pk", "state"))
            for pk, state in states.items():
                if site.model.batches[pk].state == "approved" and state == "open":
                    tasks = site.model.tasks.values()
                    assert any(each.batch == pk and (each.state != "approved" or each.asked_again) for each in tasks)
                    site.model.batches[pk].state = "open"

    # What always holds

    @invariant()
    def the_tables_are_as_the_models_predict(self) -> None:
        for site in self.sites:
            ends = {pk: hand.expires_at for pk, hand in site.model.hands.items()}
            found = [*differences(site.model.view(), view_of(site.project)), *late_ends(site.project, ends)]
            assert not found, "\n".join(found)

    @invariant()
    def no_rule_is_broken(self) -> None:
        pending = any(lease.late_job for site in self.sites for lease in site.model.leases.values())
        found = list(broken_rules(but={SWEPT, PAID} if pending else {SWEPT}))
        assert not found, "\n".join(found)
