"""The invariant checker that the fault tests rely on detects violations."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.db import connection

from annotary.demo.worker import Receipt
from projects.models import Project
from tasks.annotation.models import Annotation
from tasks.batching.models import Task
from tasks.flow.relabel import relabel
from tests import factories
from tests.concurrency_helpers import database_url
from tests.invariants import violations
from tests.qualifications import a_qualification, take_exam

pytestmark = pytest.mark.django_db(transaction=True)


def run(sql: str, *values: Any) -> None:
    with connection.cursor() as cursor:
        cursor.execute(sql, values)


@pytest.fixture
def answer() -> Annotation:
    """A settled answer by wren, credited correctly."""
    project = factories.a_project(workers=[factories.wren()])
    annotation = factories.an_answer(factories.a_task(project), factories.wren(), factories.class_answer(1))
    run(
        "INSERT INTO tasks_ledgerentry (public_id, project_id, worker_id, kind, assignment_id, hand_id, amount,"
        " currency, cause, created_at) SELECT gen_random_uuid(), project_id, worker_id, 'credit', id, hand_id, price,"
        " 'USD', '', now() FROM tasks_assignment"
    )
    run("UPDATE tasks_task t SET taken = (SELECT count(*) FROM tasks_assignment a WHERE a.task_id = t.id)")
    run("UPDATE tasks_batch SET taken = (SELECT sum(taken) FROM tasks_task)")
    return annotation


def receipt_of(answer: Annotation) -> Receipt:
    assert answer.assignment is not None
    return Receipt(str(answer.assignment.public_id), answer.revision, answer.raw_sha256)


def test_a_consistent_record_has_no_violation(answer: Annotation) -> None:
    assert violations(database_url(), receipts=[receipt_of(answer)]) == []


def test_an_acknowledged_answer_with_other_bytes_is_detected(answer: Annotation) -> None:
    held = receipt_of(answer)
    result = violations(database_url(), receipts=[Receipt(held.assignment, held.revision, "f" * 64)])
    assert len(result) == 1
    assert result[0].startswith("I3: the acknowledged answer")


def an_exam() -> None:
    """Passed by wren, with one wrong answer."""
    project = Project.objects.get()
    take_exam(factories.wren(), a_qualification(project), wrong=1)


def a_label() -> None:
    """Of the image, which then needs no answer besides the one that it has."""
    run("UPDATE tasks_task SET wanted = 1")
    run("UPDATE tasks_batch SET wanted = 1")
    relabel(task_ids=list(Task.objects.values_list("pk", flat=True)))


def broken(*steps: Callable[[], None] | str) -> Callable[[], None]:
    def run_steps() -> None:
        for step in steps:
            run(step) if isinstance(step, str) else step()

    return run_steps


BREAKS: dict[str, Callable[[], None]] = {
    "I2: more answers": lambda: run("UPDATE tasks_task SET taken = taken - 1"),
    "I2: a batch's counters": lambda: run("UPDATE tasks_batch SET wanted = wanted + 1"),
    "I3: a submitted": lambda: run("UPDATE tasks_annotation SET is_current = false"),
    "I4: a submission": lambda: run("UPDATE tasks_assignment SET price = price + 1"),
    "I5: a finished set": lambda: run(
        "UPDATE tasks_assignment SET state = 'leased', expires_at = now() + interval '1 hour'"
    ),
    "I4: a set is topped up": broken(
        "INSERT INTO tasks_ledgerentry (public_id, project_id, worker_id, kind, hand_id, amount, currency, cause,"
        " created_at) SELECT gen_random_uuid(), project_id, worker_id, 'top_up', hand_id, 0.1, 'USD', '', now()"
        " FROM tasks_assignment"
    ),
    "I4: the time that is paid": broken(
        "INSERT INTO tasks_workedtime (project_id, worker_id, hand_id, started_at, ended_at)"
        " SELECT project_id, worker_id, hand_id, now() - interval '1 minute', now() FROM tasks_assignment"
    ),
    "I4: more was taken back": broken(
        "INSERT INTO tasks_ledgerentry (public_id, project_id, worker_id, kind, amount, currency, cause, created_at)"
        " SELECT gen_random_uuid(), project_id, worker_id, 'correction', -9, 'USD', 'x', now() FROM tasks_assignment"
    ),
    "A label has a class": broken(a_label, """UPDATE projects_labelschema SET mapping = '{"1": 2}'"""),
    "An exam says": broken(an_exam, "UPDATE tasks_attemptitem SET correct = NOT correct"),
    "A passed exam": broken(an_exam, "DELETE FROM tasks_qualificationgrant"),
    "An image of a qualification": broken(
        an_exam, "UPDATE tasks_task SET image_id = (SELECT max(image_id) FROM tasks_qualificationimage)"
    ),
    "A worker who is not paused": broken("UPDATE tasks_standing SET awaits_decision = true"),
    "I6: an image": lambda: run("UPDATE storage_blob SET state = 'writing'"),
    "A job failed": lambda: run(
        "INSERT INTO kernel_job (public_id, kind, args, state, attempts, max_attempts, progress_done, progress_total,"
        " error, created_at) VALUES (gen_random_uuid(), 'x', '{}', 'failed', 1, 1, 0, 0, 'why', now())"
    ),
}


@pytest.mark.parametrize("rule", BREAKS)
def test_each_broken_rule_is_named(rule: str, answer: Annotation) -> None:
    BREAKS[rule]()
    assert any(line.startswith(rule) for line in violations(database_url())), violations(database_url())


def test_a_missing_ready_file_is_detected(answer: Annotation, tmp_path: Path) -> None:
    assert all(line.startswith("I6: the ready blob") for line in violations(database_url(), files=tmp_path))
    assert violations(database_url(), files=tmp_path)
