"""The workers of a project and what is measured of each."""

import json
from collections.abc import Collection, Sequence
from decimal import Decimal
from typing import Any, TypedDict, overload
from uuid import UUID

from django.db import connection

from kernel.clock import rfc3339
from projects.models import Project
from tasks.analytics.reports import FLAGS, get_report
from tasks.analytics.worker_agreement import worker_agreements
from tasks.analytics.worker_flags import FlagFigures
from tasks.analytics.worker_signals import FlagReport, flagged_workers
from tasks.pay.selectors import LEDGER_DIGITS
from tasks.standing.findings import Findings
from tasks.standing.models import Standing
from tasks.standing.trust import posterior_of
from tasks.workers.evidence import Counts, WorkerRecord, gold_in_other_projects, worker_records

#: The newest answers that the median time is computed from.
NEWEST_TIMED = 100
#: With more workers than this, their flags are computed by a job (`reports`) instead of in the request.
FLAGGED_IN_REQUEST = 40

# Credited answers from the ledger's totals, and those in sets that are not settled yet. A late answer counts once it is
# paid, which takes a moment.
WORKERS = """
SELECT s.worker_id, w.public_id, s.state, s.reason, coalesce(l.answers, 0) + coalesce(live.answers, 0) AS answers,
    coalesce(l.earned, 0), s.stage, s.awaits_decision, s.findings
FROM tasks_standing s
JOIN accounts_actor w ON w.id = s.worker_id
LEFT JOIN (
    SELECT worker_id, sum(answers)::int AS answers, sum(earned) AS earned FROM tasks_ledgertotal
    WHERE project_id = %(project)s GROUP BY worker_id
) l ON l.worker_id = s.worker_id
LEFT JOIN (
    SELECT h.worker_id, count(*) AS answers FROM tasks_hand h JOIN tasks_assignment a ON a.hand_id = h.id
    WHERE h.project_id = %(project)s AND h.state = 'live' AND a.state = 'submitted' GROUP BY h.worker_id
) live ON live.worker_id = s.worker_id
WHERE s.project_id = %(project)s AND (%(public_id)s::uuid IS NULL OR w.public_id = %(public_id)s::uuid)
    AND (%(workers)s::bigint[] IS NULL OR s.worker_id = ANY(%(workers)s::bigint[]))
ORDER BY s.state = 'paused' AND s.awaits_decision DESC,
    array_position(%(first)s::uuid[], w.public_id), s.state = 'paused' DESC, answers DESC, w.public_id
"""

DETAILS = """
SELECT w.id, returned.skipped, returned.expired, returned.reasons, timed.last_at, timed.seconds
FROM unnest(%(workers)s::bigint[]) w(id)
CROSS JOIN LATERAL (
    SELECT coalesce(sum(images) FILTER (WHERE state = 'skipped'), 0)::int AS skipped,
        coalesce(sum(images) FILTER (WHERE state = 'expired'), 0)::int AS expired,
        coalesce(
            jsonb_object_agg(skip_reason, images) FILTER (WHERE state = 'skipped' AND skip_reason <> ''), '{}'
        ) AS reasons
    FROM (
        SELECT state, skip_reason, count(*) AS images FROM tasks_assignment
        WHERE project_id = %(project)s AND worker_id = w.id AND state IN ('skipped', 'expired')
        GROUP BY state, skip_reason
    ) each
) returned
CROSS JOIN LATERAL (
    SELECT max(created_at) AS last_at, percentile_cont(0.5) WITHIN GROUP (ORDER BY seconds) AS seconds
    FROM (
        SELECT created_at, seconds FROM tasks_annotation
        WHERE actor_id = w.id AND project_id = %(project)s AND is_current AND source = 'worker'
        ORDER BY id DESC LIMIT %(newest)s
    ) newest
) timed
"""


class _Totals(TypedDict):
    worker: str
    state: str
    reason: str
    stage: str
    awaits_decision: bool
    findings: dict[str, Any] | None
    answers: int
    checks_seen: int
    checks_correct: int
    checks_share: float | None
    trust: float
    trust_low: float
    trust_high: float
    reviews_approved: int
    reviews_rejected: int
    earned: str


class WorkerRow(_Totals):
    """What is measured of a worker. last_at: time of the newest answer. seconds: the median time of the newest 100
    answers. skip_reasons: {reason: images}. agreement: the share of `agreement_answers` that match the agreed label."""

    skipped: int
    skip_reasons: dict[str, int]
    expired: int
    last_at: str | None
    agreement: float | None
    agreement_answers: int
    seconds: float | None


class FlaggedWorkerRow(WorkerRow):
    flags: list[FlagFigures]


class WorkerFigures(Sequence[WorkerRow]):
    """The workers ever admitted to a project, or those of them that are asked for: those in `first`, then those who
    are paused, then the others; each by their answers, most first.

    Gold counts like work, as it does for the worker and in the ledger. What is read from a worker's answers is computed
    only for the rows of a slice.
    """

    def __init__(
        self,
        *,
        project: Project,
        public_id: UUID | None = None,
        workers: Collection[int] | None = None,
        first: Sequence[str] = (),
    ) -> None:
        self._project = project
        chosen: dict[str, Any] = {"public_id": public_id, "workers": None if workers is None else list(workers)}
        with connection.cursor() as cursor:
            cursor.execute(WORKERS, {"project": project.pk, **chosen, "first": list(first)})
            self._rows = cursor.fetchall()

    def __len__(self) -> int:
        return len(self._rows)

    @overload
    def __getitem__(self, index: int) -> WorkerRow: ...
    @overload
    def __getitem__(self, index: slice) -> list[WorkerRow]: ...
    def __getitem__(self, index: int | slice) -> WorkerRow | list[WorkerRow]:
        if isinstance(index, slice):
            return self._with_details(self._rows[index])
        return self._with_details([self._rows[index]])[0]

    def _with_details(self, rows: Sequence[tuple[Any, ...]]) -> list[WorkerRow]:
        workers = [row[0] for row in rows]
        agreements = worker_agreements(project=self._project, workers=workers)
        records = worker_records(project_id=self._project.pk, worker_ids=workers)
        elsewhere = gold_in_other_projects(project=self._project, worker_ids=workers, same_type=True)
        params: dict[str, Any] = {"project": self._project.pk, "workers": workers, "newest": NEWEST_TIMED}
        with connection.cursor() as cursor:
            cursor.execute(DETAILS, params)
            details = {row[0]: row[1:] for row in cursor.fetchall()}
        shown: list[WorkerRow] = []
        for row in rows:
            skipped, expired, reasons, last_at, seconds = details[row[0]]
            agreement = agreements.get(row[0])
            shown.append(
                {
                    **_totals(row, records[row[0]], elsewhere.get(row[0])),
                    "skipped": skipped,
                    "skip_reasons": json.loads(reasons),
                    "expired": expired,
                    "last_at": rfc3339(last_at) if last_at else None,
                    "agreement": agreement.share if agreement else None,
                    "agreement_answers": agreement.answers if agreement else 0,
                    "seconds": seconds,
                }
            )
        return shown


def worker_flags(*, project: Project) -> dict[str, list[FlagFigures]]:
    """Return {public id: flags} of the workers who need a look, worst first.

    In a project with many workers they are those of a report, which may be some minutes old, or not there yet.
    """
    if Standing.objects.filter(project=project)[: FLAGGED_IN_REQUEST + 1].count() <= FLAGGED_IN_REQUEST:
        report: FlagReport | None = flagged_workers(project=project)
    else:
        report = get_report(FLAGS, project=project).body
    if report is None:
        return {}
    return {row["worker"]: row["flags"] for row in report["workers"]}


def workers_to_check(*, project: Project) -> dict[str, list[FlagFigures]]:
    """The same, of those who can still take sets."""
    flags = worker_flags(project=project)
    active = Standing.objects.filter(project=project, state=Standing.State.ACTIVE, worker__public_id__in=list(flags))
    names = {str(public_id) for public_id in active.values_list("worker__public_id", flat=True)}
    return {name: each for name, each in flags.items() if name in names}


def worker_figures(*, project: Project, standings: Sequence[Standing]) -> list[FlaggedWorkerRow]:
    """Return the figures of these workers of the project, in their order, with their "flags"."""
    workers = [standing.worker_id for standing in standings]
    flags = worker_flags(project=project)
    rows = {row["worker"]: row for row in WorkerFigures(project=project, workers=workers)[:]}
    names = [str(standing.worker.public_id) for standing in standings]
    return [{**rows[name], "flags": flags.get(name, [])} for name in names]


def _totals(row: Sequence[Any], record: WorkerRecord, elsewhere: Counts | None) -> _Totals:
    _, public_id, state, reason, answers, earned, stage, awaits_decision, findings = row
    gold, estimate = record.ever_gold, posterior_of(record, elsewhere)
    return {
        "worker": str(public_id),
        "state": state,
        "reason": reason,
        "stage": stage,
        "awaits_decision": awaits_decision,
        "findings": None if findings is None else Findings.from_json(json.loads(findings)).to_json(),
        "answers": answers,
        "checks_seen": gold.seen,
        "checks_correct": gold.correct,
        "checks_share": gold.correct / gold.seen if gold.seen else None,
        "trust": round(estimate.mean, 4),
        "trust_low": round(estimate.low, 4),
        "trust_high": round(estimate.high, 4),
        "reviews_approved": record.ever_reviews.correct,
        "reviews_rejected": record.ever_reviews.incorrect,
        "earned": str(Decimal(earned).quantize(LEDGER_DIGITS)),
    }
