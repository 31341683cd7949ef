"""What the work of a project is like, from what happened in it: computed by a job, and the same for all its workers.

Workers read these figures before they take a set. They count check images like work, or are too coarse to count
anything: see docs/decisions/0041-what-workers-see-of-work-and-standing.md.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any, TypedDict

from django.db import connection
from django.db.models import F, Sum

from projects.models import Project
from projects.pay_terms import PayTerms
from tasks.batching.models import Batch

#: The newest answers of a project whose sets are looked at, and the newest images whose files are.
NEWEST_ANSWERS, NEWEST_IMAGES = 5_000, 20_000
#: A worker with fewer measured answers is not counted; with fewer workers, nothing is said about what they earn. Each
#: end of the range is then a mean over at least eight people, at most five of whom pool what they know.
LEAST_ANSWERS, LEAST_WORKERS = 20, 20
#: Of the workers, as a divisor, who are left out at each end: a device's clock may lie.
TRIMMED = 10

# The sets that the newest answers are in, each with what it paid and how long it took, as `workers.pace` measures it.
SETS = """
SELECT h.worker_id, h.pay_terms, t.answers, t.seconds, t.lowest, t.highest, (
    SELECT coalesce(sum(l.amount), 0) FROM tasks_ledgerentry l
    WHERE l.hand_id = h.id AND l.kind IN ('credit', 'top_up'))
FROM (
    SELECT DISTINCT newest.hand_id FROM (
        SELECT a.hand_id FROM tasks_assignment a
        WHERE a.project_id = %(project)s AND a.submitted_at IS NOT NULL
        ORDER BY a.submitted_at DESC LIMIT %(newest)s
    ) newest
) found
JOIN tasks_hand h ON h.id = found.hand_id AND h.state = 'settled'
JOIN tasks_standing s ON s.project_id = h.project_id AND s.worker_id = h.worker_id AND s.state = 'active'
CROSS JOIN LATERAL (
    SELECT count(*) AS answers, min(each.price) AS lowest, max(each.price) AS highest,
        bool_and(each.seconds IS NOT NULL) AS is_timed,
        sum(greatest(1, least(each.seconds, each.since_lease, 20 * %(expected)s))) AS seconds
    FROM (
        SELECT a.price, extract(epoch FROM a.submitted_at - a.leased_at)::float8 AS since_lease, (
            SELECT sum(n.seconds) FROM tasks_annotation n WHERE n.assignment_id = a.id) AS seconds
        FROM tasks_assignment a WHERE a.hand_id = h.id AND a.state = 'submitted'
    ) each
) t
WHERE t.is_timed
"""

IMAGE_BYTES = """
SELECT avg(b.size)::float8 FROM (
    SELECT rendition_id FROM tasks_image WHERE dataset_id = %(dataset)s ORDER BY id DESC LIMIT %(newest)s
) newest JOIN storage_blob b ON b.id = newest.rendition_id
"""


class OfferFigures(TypedDict):
    """image_bytes: the mean size of the images that workers load; None without images. hourly: the range of what
    workers earned in an hour of measured time, as text in the project's currency; None while too few have worked.
    answers_left: at least this many answers are wanted in open batches: 0, 100, 200, 500, 1,000 ...
    """

    image_bytes: int | None
    hourly: tuple[str, str] | None
    answers_left: int


def offer_figures(*, project: Project, terms: Mapping[str, Any]) -> OfferFigures:
    """Return the figures of a project; of what was earned, only sets with these terms of pay count."""
    with connection.cursor() as cursor:
        cursor.execute(IMAGE_BYTES, {"dataset": project.dataset_id, "newest": NEWEST_IMAGES})
        row = cursor.fetchone()
    assert row is not None
    slots = Batch.objects.filter(project=project, state=Batch.State.OPEN).aggregate(
        left=Sum(F("wanted") - F("taken"), default=0)
    )
    return {
        "image_bytes": None if row[0] is None else round(row[0]),
        "hourly": hourly_range(_rates(project, PayTerms.from_json(terms))),
        "answers_left": coarse(slots["left"]),
    }


def coarse(count: int) -> int:
    """Return the largest of 0, 100, 200, 500, 1,000, 2,000, 5,000 ... that is not above the number."""
    step, best = 100, 0
    while step <= count:
        best = max(factor * step for factor in (1, 2, 5) if factor * step <= count)
        step *= 10
    return best


def hourly_range(rates: Sequence[Decimal]) -> tuple[str, str] | None:
    """Return the mean of the lower and of the upper half of what workers earn, with two significant digits, after a
    tenth at each end was left out; None for too few."""
    if len(rates) < LEAST_WORKERS:
        return None
    left_out = len(rates) // TRIMMED
    kept = sorted(rates)[left_out : len(rates) - left_out]
    half = len(kept) // 2
    low, high = (sum(part, Decimal(0)) / half for part in (kept[:half], kept[-half:]))
    return f"{Decimal(f'{low:.2g}'):f}", f"{Decimal(f'{high:.2g}'):f}"


def _rates(project: Project, terms: PayTerms) -> list[Decimal]:
    """Return what each worker with enough answers earned in an hour under these terms."""
    params = {"project": project.pk, "newest": NEWEST_ANSWERS, "expected": project.seconds_per_answer}
    with connection.cursor() as cursor:
        cursor.execute(SETS, params)
        rows = cursor.fetchall()
    sums: dict[int, tuple[int, Decimal, Decimal]] = {}
    for worker, pinned, answers, seconds, lowest, highest, earned in rows:
        if not _has_terms(terms, pinned, lowest, highest):
            continue
        so_far = sums.get(worker, (0, Decimal(0), Decimal(0)))
        sums[worker] = (so_far[0] + answers, so_far[1] + Decimal(str(seconds)), so_far[2] + earned)
    return [earned * 3600 / seconds for answers, seconds, earned in sums.values() if answers >= LEAST_ANSWERS]


def _has_terms(terms: PayTerms, pinned: str | None, lowest: Decimal, highest: Decimal) -> bool:
    if pinned is None:
        return terms.is_fixed and lowest == highest == terms.rate
    return PayTerms.from_json(json.loads(pinned)) == terms
