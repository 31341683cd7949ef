"""Reads from the database what the model predicts, and the rules that always hold."""

from collections.abc import Collection, Iterable, Iterator, Mapping
from datetime import datetime
from typing import Any

from django.db import connection
from django.db.models import Count, F, Model, QuerySet

from accounts.models import Actor
from projects.models import Project
from tasks.annotation.models import Annotation
from tasks.assignment.budget import committed
from tasks.assignment.models import Assignment, Hand, SetAside
from tasks.batching.models import Batch, Task
from tasks.gold.models import Gold
from tasks.pay.models import LedgerEntry
from tasks.standing.models import Standing
from tasks.workers.models import WorkerPace
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
        "batches": _by_id(_rows(Batch, project).values_list("pk", "state", "priority", "deadline_at")),
        "tasks": _by_id(_rows(Task, project).values_list(*TASK)),
        "golds": {pk: (state == "active", aside) for pk, state, aside in _rows(Gold, project).values_list(*GOLD)},
        "hands": {pk: (who, state == "live") for pk, who, state in _rows(Hand, project).values_list(*HAND)},
        "leases": _by_id(_rows(Assignment, project).values_list(*LEASE)),
        "answers": _by_id(numbers),
        "credits": dict(credits.values_list("assignment_id").annotate(Count("pk"))),
        "standings": dict(_rows(Standing, project).values_list("worker_id", "state")),
        "images": _by_id(_rows(Standing, project).values_list("worker_id", "images", "images_today")),
        "measured": dict(_rows(WorkerPace, project).values_list("worker_id", "answers")),
        "committed": {0: committed(project=project)},
        "set_aside": _by_id(_rows(SetAside, project).values_list("pk", "task_id", "gold_id", "decision")),
    }


def seconds_of(project: Project, worker: Actor) -> float:
    """What the worker's paid answers took, as it was measured."""
    return float(sum(_rows(WorkerPace, project).filter(worker=worker).values_list("seconds", flat=True)))


def units_of(project: Project) -> dict[int, tuple[float, int]]:
    """{task: its order key and priority}; see `claim_model`."""
    return {
        pk: (key, priority) for pk, key, priority in _rows(Task, project).values_list("pk", "order_key", "priority")
    }


def late_ends(project: Project, ends: Mapping[int, datetime]) -> Iterator[str]:
    """One line for each live set, {hand: when it ends}, that ends at another time, and each lease that does."""
    for pk, at in _rows(Hand, project).filter(state="live").values_list("pk", "expires_at"):
        if abs(at - ends[pk]).total_seconds() > 1:
            yield f"set {pk} ends at {at}, and in the model at {ends[pk]}"
    leases = _rows(Assignment, project).filter(state="leased").exclude(expires_at=F("hand__expires_at"))
    for pk, at in leases.values_list("pk", "expires_at"):
        yield f"lease {pk} ends at {at}, and its set at another time"


HAND = ("pk", "worker_id", "state")
LEASE = ("pk", "worker_id", "task_id", "gold_id", "round", "hand_id", "state", "counts", "price")
TASK = ("pk", "state", "round", "wanted", "taken", "is_set_aside", "asked_again")
GOLD = ("pk", "state", "is_set_aside")


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
