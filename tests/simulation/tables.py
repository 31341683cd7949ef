"""Reads from the database what the model predicts, and the rules that always hold."""

import zlib
from collections.abc import Collection, Iterable, Iterator, Mapping
from datetime import datetime
from typing import Any

from django.db import connection
from django.db.backends.utils import CursorWrapper
from django.db.models import Count, F, Model, QuerySet, Sum

from accounts.models import Actor
from projects.models import Project
from tasks.annotation.models import Annotation
from tasks.assignment.budget import committed
from tasks.assignment.models import Assignment, Hand, SetAside
from tasks.batching.models import Batch, Task
from tasks.consensus.label_methods import SET_BY_PEOPLE
from tasks.consensus.models import ConsensusLabel
from tasks.gold.models import Gold
from tasks.pay.models import LedgerEntry, LedgerTotal
from tasks.qualification.models import Attempt, QualificationGrant
from tasks.qualification.skill_models import SkillValue
from tasks.repair.change_models import ClassChange
from tasks.repair.models import Repair
from tasks.review.models import RejectedAnswer, Review
from tasks.standing.models import Standing
from tasks.workers.models import WorkerPace
from tests.invariants import FORBIDDEN, UNREADY
from tests.simulation.crowd_state import View
from tests.simulation.repair_records import Decided

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
        "credits": _by_id(credits.values_list("assignment_id").annotate(Count("pk"), Sum("amount"))),
        "earned": dict(_rows(LedgerTotal, project).values_list("worker_id", "earned")),
        "standings": dict(_rows(Standing, project).values_list("worker_id", "state")),
        "images": _by_id(_rows(Standing, project).values_list("worker_id", "images", "images_today")),
        "measured": dict(_rows(WorkerPace, project).values_list("worker_id", "answers")),
        "committed": {0: committed(project=project)},
        "rejected": {
            pk: (state, at is not None) for pk, state, at in _rows(RejectedAnswer, project).values_list(*SHOWN)
        },
        "void": {pk: (amount, state == "voided") for pk, amount, state in _rows(Repair, project).values_list(*REPAIR)},
        "changes": {pk: s == "applied" for pk, s in _rows(ClassChange, project).values_list("pk", "state")},
        "classes": dict.fromkeys(classes_of(project), True),
        "set_aside": _by_id(_rows(SetAside, project).values_list("pk", "task_id", "gold_id", "decision")),
    }


def people_view(project: Project) -> View:
    """The same as `PeopleModel.view`."""
    confirmed = _rows(Standing, project).filter(confirmed_version__gt=0)
    holders = QualificationGrant.objects.filter(qualification__project=project, revoked_at=None)
    skills = SkillValue.objects.filter(skill__organisation=project.organisation, is_current=True)
    attempts = Attempt.objects.filter(qualification__project=project)
    return {
        "confirmed": dict(confirmed.values_list("worker_id", "confirmed_version")),
        "holders": dict.fromkeys(holders.values_list("worker_id", flat=True), True),
        "skills": dict(skills.values_list("worker_id", "value")),
        "attempts": _by_id(attempts.values_list("pk", "worker_id", "kind", "state", "correct")),
    }


def decided_about(project: Project) -> dict[int, Decided]:
    """{task: its label and verdict now}, which consensus and people decide."""
    labels = {row.task_id: row for row in ConsensusLabel.objects.filter(task__project=project, is_current=True)}
    verdicts = {row.task_id: row for row in Review.objects.filter(task__project=project, is_current=True)}
    found: dict[int, Decided] = {}
    for pk in _rows(Task, project).values_list("pk", flat=True):
        label, verdict = labels.get(pk), verdicts.get(pk)
        found[pk] = Decided(
            label.pk if label else None,
            verdict.pk if verdict else None,
            label.pk if label and label.method in SET_BY_PEOPLE else None,
            verdict.pk if verdict and not verdict.by_policy else None,
            label.body["image"]["class"] if label else None,
        )
    return found


def rejections_of(project: Project) -> dict[int, str]:
    """{assignment: the state of its rejection}."""
    return dict(_rows(RejectedAnswer, project).values_list("assignment_id", "state"))


def classes_of(project: Project) -> set[int]:
    """The numbers of the project's classes now."""
    body = Project.objects.values_list("schema__body", flat=True).get(pk=project.pk)
    return {row["number"] for row in body["classes"]}


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
SHOWN = ("assignment_id", "state", "shown_from")
REPAIR = ("pk", "amount", "state")
GOLD = ("pk", "state", "is_set_aside")


def differences(model: View, tables: View) -> Iterator[str]:
    """One line for each row that is not as the model predicts."""
    for part, expected in model.items():
        actual = tables[part]
        for pk in sorted(expected.keys() | actual.keys()):
            if expected.get(pk) != actual.get(pk):
                yield f"{part} {pk}: {actual.get(pk)} in the table, {expected.get(pk)} in the model"


def broken_rules(*, but: Collection[str] = ()) -> Iterator[str]:
    """The rules that the tables break, as this connection sees them; see `tests.invariants`."""
    rules = {rule: query for rule, query in FORBIDDEN.items() if rule not in but}
    rules |= {f"I6: {what} refers to a file that is not ready": query for what, query in UNREADY.items()}
    with connection.cursor() as cursor:
        for rule in _broken(cursor, rules):
            cursor.execute(rules[rule])
            yield f"{rule}: {cursor.fetchall()[:3]}"


def _broken(cursor: CursorWrapper, rules: Mapping[str, str]) -> list[str]:
    """The rules that are broken, asked of in one prepared statement: it takes longer to plan them than to run them."""
    name = f"rules_{zlib.crc32(repr(rules).encode())}"
    cursor.execute("SELECT count(*) FROM pg_prepared_statements WHERE name = %s", [name])
    if not cursor.fetchone()[0]:
        cursor.execute(f"PREPARE {name} AS SELECT {', '.join(f'EXISTS ({query})' for query in rules.values())}")
    cursor.execute(f"EXECUTE {name}")
    return [rule for rule, is_broken in zip(rules, cursor.fetchone(), strict=True) if is_broken]


def _rows(model: type[Model], project: Project) -> QuerySet[Any]:
    return model._default_manager.filter(project=project)


def _by_id(rows: Iterable[Any]) -> dict[int, object]:
    return {pk: tuple(rest) for pk, *rest in rows}
