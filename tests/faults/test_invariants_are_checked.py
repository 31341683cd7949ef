"""The invariant checker that the fault tests rely on detects violations."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.db import connection

from annotary.demo.worker import Receipt
from tasks.annotation.models import Annotation
from tests import factories
from tests.concurrency_helpers import database_url
from tests.invariants import violations

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


BREAKS: dict[str, Callable[[], None]] = {
    "I2: more answers": lambda: run("UPDATE tasks_task SET taken = taken - 1"),
    "I2: a batch's counters": lambda: run("UPDATE tasks_batch SET wanted = wanted + 1"),
    "I3: a submitted": lambda: run("UPDATE tasks_annotation SET is_current = false"),
    "I4: a submission": lambda: run("UPDATE tasks_assignment SET price = price + 1"),
    "I5: a finished set": lambda: run(
        "UPDATE tasks_assignment SET state = 'leased', expires_at = now() + interval '1 hour'"
    ),
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
