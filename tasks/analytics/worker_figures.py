"""The workers of a project and what is measured of each."""

from collections.abc import Collection, Sequence
from decimal import Decimal
from typing import Any, overload
from uuid import UUID

from django.db import connection

from kernel.clock import rfc3339
from projects.models import Project
from tasks.analytics.worker_agreement import worker_agreements
from tasks.pay.selectors import LEDGER_DIGITS
from tasks.standing.models import Standing

Json = dict[str, Any]

#: The newest answers that the median time is computed from.
NEWEST_TIMED = 100

# Credited answers from the ledger's totals, and those in sets that are not settled yet. A late answer counts once it is
# paid, which takes a moment.
WORKERS = """
SELECT s.worker_id, w.public_id, s.state, s.reason, s.gold_seen, s.gold_correct,
    s.trust_alpha / (s.trust_alpha + s.trust_beta), coalesce(l.answers, 0) + coalesce(live.answers, 0) AS answers,
    coalesce(l.earned, 0)
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
ORDER BY answers DESC, w.public_id
"""

DETAILS = """
SELECT w.id, returned.skipped, returned.expired, timed.last_at, timed.seconds
FROM unnest(%(workers)s::bigint[]) w(id)
CROSS JOIN LATERAL (
    SELECT count(*) FILTER (WHERE state = 'skipped') AS skipped, count(*) FILTER (WHERE state = 'expired') AS expired
    FROM tasks_assignment
    WHERE project_id = %(project)s AND worker_id = w.id AND state IN ('skipped', 'expired')
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


class WorkerFigures(Sequence[Json]):
    """The workers ever admitted to a project, or those of them that are asked for: most answers first.

    Gold counts like work, as it does for the worker and in the ledger. What is read from a worker's answers is computed
    only for the rows of a slice: {"skipped", "expired", "last_at": the newest answer, "seconds": the median time of the
    newest 100 answers, "agreement", "agreement_answers"}.
    """

    def __init__(
        self, *, project: Project, public_id: UUID | None = None, workers: Collection[int] | None = None
    ) -> None:
        self._project = project
        chosen: dict[str, Any] = {"public_id": public_id, "workers": None if workers is None else list(workers)}
        with connection.cursor() as cursor:
            cursor.execute(WORKERS, {"project": project.pk, **chosen})
            self._rows = cursor.fetchall()

    def __len__(self) -> int:
        return len(self._rows)

    @overload
    def __getitem__(self, index: int) -> Json: ...
    @overload
    def __getitem__(self, index: slice) -> list[Json]: ...
    def __getitem__(self, index: int | slice) -> Json | list[Json]:
        if isinstance(index, slice):
            return self._with_details(self._rows[index])
        return self._with_details([self._rows[index]])[0]

    def _with_details(self, rows: Sequence[tuple[Any, ...]]) -> list[Json]:
        workers = [row[0] for row in rows]
        agreements = worker_agreements(project=self._project, workers=workers)
        params: dict[str, Any] = {"project": self._project.pk, "workers": workers, "newest": NEWEST_TIMED}
        with connection.cursor() as cursor:
            cursor.execute(DETAILS, params)
            details = {row[0]: row[1:] for row in cursor.fetchall()}
        shown = []
        for row in rows:
            skipped, expired, last_at, seconds = details[row[0]]
            agreement = agreements.get(row[0])
            shown.append(
                {
                    **_totals(row),
                    "skipped": skipped,
                    "expired": expired,
                    "last_at": rfc3339(last_at) if last_at else None,
                    "agreement": agreement.share if agreement else None,
                    "agreement_answers": agreement.answers if agreement else 0,
                    "seconds": seconds,
                }
            )
        return shown


def worker_figures(*, project: Project, standings: Sequence[Standing]) -> list[Json]:
    """Return the figures of these workers of the project, in their order."""
    workers = [standing.worker_id for standing in standings]
    rows = {row["worker"]: row for row in WorkerFigures(project=project, workers=workers)[:]}
    return [rows[str(standing.worker.public_id)] for standing in standings]


def _totals(row: Sequence[Any]) -> Json:
    _, public_id, state, reason, seen, correct, trust, answers, earned = row
    return {
        "worker": str(public_id),
        "state": state,
        "reason": reason,
        "answers": answers,
        "checks_seen": seen,
        "checks_correct": correct,
        "checks_share": correct / seen if seen else None,
        "trust": round(trust, 4),
        "earned": str(Decimal(earned).quantize(LEDGER_DIGITS)),
    }
