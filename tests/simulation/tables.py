"""Reads from the database what the model predicts, and the rules that always hold."""

from collections.abc import Collection, Iterable, Iterator
from typing import Any

from django.db import connection
from django.db.models import Count, Model, QuerySet

from projects.models import Project
from tasks.annotation.models import Annotation
from tasks.assignment.models import Assignment, Hand
from tasks.batching.models import Batch, Task
from tasks.gold.models import Gold
from tasks.pay.models import LedgerEntry
from tasks.standing.models import Standing
from tests.invariants import FORBIDDEN, UNREADY
from tests.simulation.crowd_state import View

#: Two rules hold again after the next sweep, and after the job for a late answer. The model knows when they must.
SWEPT = "I5: a lease is live long after it expired"
PAID = "I4: a submission in a settled hand does not have exactly one credit at its price"


def view_of(project: Project) -> View:
    """The same as `CrowdState.view`."""
    credits = LedgerEntry.objects.filter(project=project, kind="credit").order_by()
    answers = Annotation.objects.filter(project=project, is_current=True, source="worker")
    numbers = answers.values_list("assignment_id", "revision", "body__image__class")
    return {
        "project": {0: Project.objects.values_list("state", flat=True).get(pk=project.pk)},
        "batches": dict(_rows(Batch, project).values_list("pk", "state")),
        "tasks": _by_id(_rows(Task, project).values_list("pk", "state", "round", "wanted", "taken")),
        "golds": {pk: state == "active" for pk, state in _rows(Gold, project).values_list("pk", "state")},
        "hands": {pk: (who, state == "live") for pk, who, state in _rows(Hand, project).values_list(*HAND)},
        "leases": _by_id(_rows(Assignment, project).values_list(*LEASE)),
        "answers": _by_id(numbers),
        "credits": dict(credits.values_list("assignment_id").annotate(Count("pk"))),
        "standings": dict(_rows(Standing, project).values_list("worker_id", "state")),
    }


HAND = ("pk", "worker_id", "state")
LEASE = ("pk", "worker_id", "task_id", "gold_id", "round", "hand_id", "state", "counts")


def differences(model: View, tables: View) -> Iterator[str]:
    """One line for each row that is not as the model predicts."""
    for part, expected in model.items():
        actual = tables[part]
        for pk in sorted(expected.keys() | actual.keys()):
            if expected.get(pk) != actual.get(pk):
                yield f"{part} {pk}: {actual.get(pk)} in the table, {expected.get(pk)} in the model"


def broken_rules(*, but: Collection[str] = ()) -> Iterator[str]:
    """The rules I1 to I6 that the tables break, as this connection sees them; see `tests.invariants`."""
    rules = {rule: query for rule, query in FORBIDDEN.items() if rule not in but}
    rules |= {f"I6: {what} refers to a file that is not ready": query for what, query in UNREADY.items()}
    with connection.cursor() as cursor:
        for rule, query in rules.items():
            cursor.execute(query)
            rows = cursor.fetchall()
            if rows:
                yield f"{rule}: {rows[:3]}"


def _rows(model: type[Model], project: Project) -> QuerySet[Any]:
    return model._default_manager.filter(project=project)


def _by_id(rows: Iterable[Any]) -> dict[int, object]:
    return {pk: tuple(rest) for pk, *rest in rows}
