"""Records and reads the evidence about workers: since the last reset, which trust and fits start from, and of all time.

Writing and reading are few lines each and about the same counts, so they are in one file.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import datetime

from django.db import connection
from django.db.models import Sum

from projects.models import Project
from tasks.workers.models import WorkerEvidence

COUNT = """
INSERT INTO tasks_workerevidence AS evidence (project_id, worker_id, source, correct, incorrect)
VALUES (%(project)s, %(worker)s, %(source)s, %(correct)s, %(incorrect)s)
ON CONFLICT (project_id, worker_id, source) WHERE is_current DO UPDATE
SET correct = evidence.correct + excluded.correct, incorrect = evidence.incorrect + excluded.incorrect
RETURNING correct, incorrect
"""

REPLACE = """
INSERT INTO tasks_workerevidence AS evidence (project_id, worker_id, source, correct, incorrect)
VALUES (%(project)s, %(worker)s, %(source)s, %(correct)s, %(incorrect)s)
ON CONFLICT (project_id, worker_id, source) WHERE is_current DO UPDATE
SET correct = excluded.correct, incorrect = excluded.incorrect
"""

_SUMS = {"right": Sum("correct", default=0), "wrong": Sum("incorrect", default=0)}


@dataclass(frozen=True, slots=True)
class Counts:
    """How many answers were correct, and how many were not."""

    correct: int = 0
    incorrect: int = 0

    @property
    def seen(self) -> int:
        return self.correct + self.incorrect

    def __add__(self, other: Counts) -> Counts:
        return Counts(self.correct + other.correct, self.incorrect + other.incorrect)


@dataclass(frozen=True, slots=True)
class WorkerRecord:
    """The evidence about one worker in a project: since the last reset, and over all periods (`ever_...`)."""

    gold: Counts = field(default_factory=Counts)
    reviews: Counts = field(default_factory=Counts)
    agreement: Counts = field(default_factory=Counts)
    ever_gold: Counts = field(default_factory=Counts)
    ever_reviews: Counts = field(default_factory=Counts)


def record_gold(*, project_id: int, worker_id: int, correct: int, incorrect: int) -> Counts:
    """Locks the worker's evidence; lock the standing before. Count answers to gold, and return the counts since the
    last reset."""
    params = {"project": project_id, "worker": worker_id, "correct": correct, "incorrect": incorrect}
    with connection.cursor() as cursor:
        cursor.execute(COUNT, params | {"source": WorkerEvidence.Source.GOLD})
        return Counts(*cursor.fetchone())


def replace_agreement(*, project_id: int, worker_id: int, agreeing: int, disagreeing: int) -> None:
    """Locks the worker's evidence; lock the standing before. Set how many of the newest answers agree with others'."""
    params = {"project": project_id, "worker": worker_id, "correct": agreeing, "incorrect": disagreeing}
    with connection.cursor() as cursor:
        cursor.execute(REPLACE, params | {"source": WorkerEvidence.Source.AGREEMENT})


def period_start(*, project_id: int, worker_id: int) -> datetime | None:
    """Return when the worker's evidence was last reset, None if never."""
    rows = WorkerEvidence.objects.filter(project_id=project_id, worker_id=worker_id, is_current=True, period__gt=1)
    return rows.order_by("-started_at").values_list("started_at", flat=True).first()


def start_period(*, project_id: int, worker_id: int) -> None:
    """Locks the worker's evidence; lock the standing before. Count from zero; what was counted stays as history."""
    current = WorkerEvidence.objects.filter(project_id=project_id, worker_id=worker_id, is_current=True)
    periods = {row.source: row.period for row in current.select_for_update(no_key=True).order_by("pk")}
    current.update(is_current=False)
    # Agreement always gets a row, from which `period_start` knows since when answers count.
    periods.setdefault(WorkerEvidence.Source.AGREEMENT, 1)
    WorkerEvidence.objects.bulk_create(
        WorkerEvidence(project_id=project_id, worker_id=worker_id, source=source, period=period + 1)
        for source, period in periods.items()
    )


def worker_records(*, project_id: int, worker_ids: Collection[int]) -> dict[int, WorkerRecord]:
    """Return the record of each of these workers; it is empty for those without evidence."""
    rows = WorkerEvidence.objects.filter(project_id=project_id, worker_id__in=list(worker_ids))
    now: dict[tuple[int, str], Counts] = {}
    ever: dict[tuple[int, str], Counts] = {}
    columns = ("worker_id", "source", "is_current", "correct", "incorrect")
    for worker, source, is_current, correct, incorrect in rows.values_list(*columns):
        counts, key = Counts(correct, incorrect), (worker, source)
        ever[key] = ever.get(key, Counts()) + counts
        if is_current:
            now[key] = counts
    gold, review = WorkerEvidence.Source.GOLD, WorkerEvidence.Source.REVIEW
    return {
        worker: WorkerRecord(
            gold=now.get((worker, gold), Counts()),
            reviews=now.get((worker, review), Counts()),
            agreement=now.get((worker, WorkerEvidence.Source.AGREEMENT), Counts()),
            ever_gold=ever.get((worker, gold), Counts()),
            ever_reviews=ever.get((worker, review), Counts()),
        )
        for worker in worker_ids
    }


def gold_of_project(*, project_id: int) -> Counts:
    """Return the counts of all answers to the project's gold."""
    sums = WorkerEvidence.objects.filter(project_id=project_id, source=WorkerEvidence.Source.GOLD).aggregate(**_SUMS)
    return Counts(sums["right"], sums["wrong"])


def gold_in_other_projects(
    *, project: Project, worker_ids: Collection[int], same_type: bool = False
) -> dict[int, Counts]:
    """Return the workers' counts in the organization's other projects, over all periods, of those who have any.

    same_type: only in projects with the same tools (image classes, boxes, polygons ...), of which one says more about
    another. Those of other organizations must not be visible here.
    """
    elsewhere = WorkerEvidence.objects.filter(
        project__organisation_id=project.organisation_id,
        worker_id__in=list(worker_ids),
        source=WorkerEvidence.Source.GOLD,
    ).exclude(project=project)
    if same_type:
        tools = project.schema.body["tools"] if project.schema is not None else []
        elsewhere = elsewhere.filter(project__schema__body__tools=tools)
    sums = elsewhere.order_by().values_list("worker_id").annotate(**_SUMS)
    return {worker: Counts(right, wrong) for worker, right, wrong in sums if right + wrong}
