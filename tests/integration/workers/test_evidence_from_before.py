"""The record of evidence holds what standings held: after the upgrade, and while the version before still runs."""

import importlib
import random
from typing import Any

import pytest
from django.apps import apps
from django.db import connection, transaction

from accounts.models import Actor
from projects.models import Project
from tasks.consensus.worker_model import gold_record, other_projects_record
from tasks.standing.models import Standing
from tasks.standing.services import resume
from tasks.standing.trust import is_clearly_bad, trust
from tasks.workers.evidence import WorkerRecord, record_gold, worker_records
from tasks.workers.models import WorkerEvidence
from tests.concurrency_helpers import together
from tests.factories import a_project, a_worker, admitted, wren

pytestmark = pytest.mark.django_db

FILL = importlib.import_module("tasks.migrations.0021_fill_worker_evidence")
#: How the version before counted a settled hand, and resumed a paused worker.
OLD_GOLD = """
UPDATE tasks_standing SET trust_alpha = trust_alpha + %(correct)s, trust_beta = trust_beta + %(incorrect)s,
    gold_seen = gold_seen + %(correct)s + %(incorrect)s, gold_correct = gold_correct + %(correct)s
WHERE project_id = %(project)s AND worker_id = %(worker)s
"""
OLD_RESUME = """
UPDATE tasks_standing SET trust_alpha = 2, trust_beta = 1, state = 'active'
WHERE project_id = %(project)s AND worker_id = %(worker)s
"""
OLD_FIGURES = """
SELECT worker_id, trust_alpha, trust_beta, gold_seen, gold_correct FROM tasks_standing WHERE project_id = %s
"""


def execute(statement: str, params: Any = None) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(statement, params)
        return cursor.fetchall() if cursor.description else []


def forget() -> None:
    """Leave what the tables were before the upgrade, when no trigger copied the counts."""
    WorkerEvidence.objects.all().delete()


def fill() -> None:
    with connection.schema_editor(atomic=False) as editor:
        FILL.fill(apps, editor)


def a_random_history(project: Project, workers: list[Actor], *, seed: int, steps: int = 60) -> None:
    """Hands with gold, and managers who resume workers, as the version before wrote them."""
    chance = random.Random(seed)
    for _ in range(steps):
        params: dict[str, Any] = {"project": project.pk, "worker": chance.choice(workers).pk}
        if chance.random() < 0.15:
            execute(OLD_RESUME, params)
        else:
            execute(OLD_GOLD, params | {"correct": chance.randrange(4), "incorrect": chance.randrange(3)})


def assert_figures_are_those_of_before(project: Project, workers: list[Actor]) -> None:
    records = worker_records(project_id=project.pk, worker_ids=[worker.pk for worker in workers])
    gold = gold_record(project=project, workers=[worker.pk for worker in workers])
    earlier = other_projects_record(project=project, workers=[worker.pk for worker in workers])
    rows = execute(OLD_FIGURES, [project.pk])
    assert len(rows) == len(workers)
    for worker, alpha, beta, seen, correct in rows:
        record = records[worker]
        assert trust(correct=record.gold.correct, incorrect=record.gold.incorrect) == alpha / (alpha + beta)
        assert (record.ever_gold.seen, record.ever_gold.correct) == (seen, correct)
        base = earlier.get(worker, (0.0, 0.0))
        assert gold[worker] == (base[0] + (alpha - 2), base[1] + (beta - 1))


@pytest.fixture
def crowd() -> tuple[Project, list[Actor]]:
    workers = [a_worker(f"w{number}") for number in range(8)]
    return a_project(workers=workers), workers


@pytest.mark.parametrize("seed", range(5))
def test_the_upgrade_keeps_all_figures(crowd: tuple[Project, list[Actor]], seed: int) -> None:
    project, workers = crowd
    elsewhere = a_project("Elsewhere", workers=workers[:4])
    for each, members in ((project, workers), (elsewhere, workers[:4])):
        a_random_history(each, members, seed=seed)
    forget()

    fill()
    assert_figures_are_those_of_before(project, workers)
    rows = list(WorkerEvidence.objects.order_by("pk").values())
    fill()
    assert list(WorkerEvidence.objects.order_by("pk").values()) == rows, "filling it again changes nothing"


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("filled", [False, True], ids=["before it is filled", "after it is filled"])
def test_the_version_before_may_go_on_writing(crowd: tuple[Project, list[Actor]], seed: int, filled: bool) -> None:
    project, workers = crowd
    a_random_history(project, workers, seed=seed)
    forget()
    if filled:
        fill()
    a_random_history(project, workers, seed=seed + 100)
    fill()
    assert_figures_are_those_of_before(project, workers)


def test_both_versions_count_and_neither_counts_twice(crowd: tuple[Project, list[Actor]]) -> None:
    project, workers = crowd
    params = {"project": project.pk, "worker": workers[0].pk, "correct": 2, "incorrect": 1}
    execute(OLD_GOLD, params)
    record_gold(project_id=project.pk, worker_id=workers[0].pk, correct=1, incorrect=1)
    execute(OLD_GOLD, params)
    assert ever(project, workers[0]).ever_gold.seen == 8
    assert ever(project, workers[0]).gold.correct == 5


def test_a_worker_who_joins_after_the_upgrade_is_a_row_that_the_version_before_can_read() -> None:
    project = a_project(workers=[wren()])
    assert execute(OLD_FIGURES, [project.pk]) == [(wren().pk, 2.0, 1.0, 0, 0)]


def ever(project: Project, worker: Actor) -> WorkerRecord:
    return worker_records(project_id=project.pk, worker_ids=[worker.pk])[worker.pk]


@pytest.mark.django_db(transaction=True)
def test_hands_settled_at_once_and_a_manager_who_resumes_lose_no_count() -> None:
    project = a_project()
    admitted(project, wren(), state="paused")
    worker = wren().pk

    @transaction.atomic
    def settle() -> None:
        """As a settlement does, which holds the standing before it counts."""
        Standing.objects.select_for_update(no_key=True).get(project=project, worker=worker)
        record_gold(project_id=project.pk, worker_id=worker, correct=1, incorrect=1)

    calls = [settle] * 6

    results = together(*calls[:3], lambda: resume(project=project, worker=wren()), *calls[3:])

    assert not [each for each in results if isinstance(each, Exception)]
    assert (ever(project, wren()).ever_gold.correct, ever(project, wren()).ever_gold.incorrect) == (6, 6)
    assert WorkerEvidence.objects.filter(is_current=True, source="gold").count() == 1
    assert not is_clearly_bad(correct=6, incorrect=6)
