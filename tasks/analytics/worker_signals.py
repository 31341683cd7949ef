"""The workers of a project that need a look, with the evidence: read from the tables for `worker_flags`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, TypedDict

import numpy as np
from django.db import connection
from django.db.models import Sum

from projects.models import Project
from projects.selectors import schema_of
from tasks.analytics.worker_agreement import worker_agreements
from tasks.analytics.worker_flags import Crowd, FlagFigures, WorkerCounts, flag_workers
from tasks.analytics.worker_likeness import shared_flags
from tasks.consensus.evidence import rates_of
from tasks.consensus.worker_model import WorkerModel, load_worker_model
from tasks.pay.models import LedgerTotal
from tasks.standing.models import Standing
from tasks.workers.evidence import worker_records
from tasks.workers.pace import expected_set_size

#: The newest answers whose times and verdicts are read.
NEWEST = 100


class FlaggedWorker(TypedDict):
    """worker: public id."""

    worker: str
    flags: list[FlagFigures]


class FlagReport(TypedDict):
    """Worst first."""

    workers: list[FlaggedWorker]


# A verdict is about the worker's answer only if the label equals it: labels of several answers may differ from each.
NEWEST_ANSWERS = """
SELECT w.id, timed.timed, timed.seconds, timed.fast, judged.judged, judged.rejected
FROM unnest(%(workers)s::bigint[]) w(id)
CROSS JOIN LATERAL (
    SELECT count(seconds) AS timed, percentile_cont(0.5) WITHIN GROUP (ORDER BY seconds) AS seconds,
        percentile_cont(0.8) WITHIN GROUP (ORDER BY seconds) AS fast
    FROM (
        SELECT seconds FROM tasks_annotation
        WHERE actor_id = w.id AND project_id = %(project)s AND is_current AND source = 'worker'
        ORDER BY id DESC LIMIT %(newest)s
    ) newest
) timed
CROSS JOIN LATERAL (
    SELECT count(*) AS judged, count(*) FILTER (WHERE r.verdict = 'reject' AND u.id IS NULL) AS rejected
    FROM (
        SELECT task_id, body_sha256, assignment_id FROM tasks_annotation
        WHERE actor_id = w.id AND project_id = %(project)s AND is_current AND source = 'worker' AND task_id IS NOT NULL
        ORDER BY id DESC LIMIT %(newest)s
    ) newest
    JOIN tasks_review r ON r.task_id = newest.task_id AND r.label_hash = newest.body_sha256
        AND NOT r.by_policy AND r.annotation_id IS NULL AND r.verdict IN ('approve', 'reject')
    LEFT JOIN tasks_rejectedanswer u ON u.assignment_id = newest.assignment_id AND u.state = 'upheld'
) judged
"""


def flagged_workers(*, project: Project) -> FlagReport:
    """The workers who need a look, without those who were removed. The cost grows with the number of workers, not with
    what they have done."""
    standings = Standing.objects.filter(project=project).exclude(state=Standing.State.REMOVED).select_related("worker")
    rows = list(standings.order_by("pk"))
    flags = flag_workers(*_counts(project, rows), shared_flags(project=project, standings=rows))
    return {"workers": [{"worker": name, "flags": [flag.to_json() for flag in each]} for name, each in flags.items()]}


def _counts(project: Project, standings: Sequence[Standing]) -> tuple[dict[str, WorkerCounts], Crowd]:
    ids = [standing.worker_id for standing in standings]
    schema = schema_of(project=project)
    classes = [item.number for item in schema.classes]
    model = load_worker_model(project=project, workers=ids, classes=classes)
    accuracies = model.blend.accuracy_of(np.array(ids, np.int64)).tolist()
    agreements = worker_agreements(project=project, workers=ids)
    newest, records = _newest_answers(project, ids), worker_records(project_id=project.pk, worker_ids=ids)
    credited = dict(
        LedgerTotal.objects.filter(project=project).values_list("worker_id").annotate(answers=Sum("answers")).order_by()
    )
    limit = max(project.returns_per_day, 2 * expected_set_size(project).images)
    counts = {}
    for standing, accuracy in zip(standings, accuracies, strict=True):
        pk = standing.worker_id
        agreement, (timed, seconds, fast, judged, rejected) = agreements.get(pk), newest[pk]
        gold = records[pk].ever_gold
        counts[str(standing.worker.public_id)] = WorkerCounts(
            gold_correct=gold.correct,
            gold_seen=gold.seen,
            equal=agreement.equal if agreement else 0,
            compared=agreement.answers if agreement else 0,
            chance=agreement.chance if agreement else 0.0,
            repeats=agreement.repeats if agreement else 0,
            otherwise=agreement.otherwise if agreement else 0,
            streak=agreement.streak if agreement else 0,
            streak_share=agreement.streak_share if agreement else 1.0,
            rejected=rejected,
            judged=judged,
            accuracy=accuracy if schema.has_image_class and not model.blend.is_cold_start else None,
            detection=rates_of(model, pk)["detection"],
            answers=max(0, credited.get(pk, 0) - gold.seen),
            fast=fast,
            seconds=seconds,
            timed=timed,
            returns=standing.returns,
            returns_limit=limit,
        )
    return counts, _crowd(model, len(classes))


def _crowd(model: WorkerModel, classes: int) -> Crowd:
    detection = model.rates.pooled_detection if model.rates is not None else None
    return Crowd(classes=classes, accuracy=model.blend.pooled_accuracy, detection=detection)


def _newest_answers(project: Project, workers: Sequence[int]) -> dict[int, tuple[Any, ...]]:
    params: dict[str, Any] = {"project": project.pk, "workers": list(workers), "newest": NEWEST}
    with connection.cursor() as cursor:
        cursor.execute(NEWEST_ANSWERS, params)
        return {row[0]: row[1:] for row in cursor.fetchall()}
