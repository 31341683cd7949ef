"""Checks the invariants I1 to I6 of the design in a database with plain SQL, for fault-injection tests.

Imports nothing from the application except the type of a receipt, so that its bugs cannot mask a violation.
"""

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import psycopg

from annotary.demo.worker import Receipt
from tests.invariants_of_decisions import DECISIONS
from tests.invariants_of_pay import PAY

# {forbidden state: query for rows in that state}. The first column of a row identifies it.
FORBIDDEN = {
    "I1: a worker has been assigned a task twice in one round": """
        SELECT task_id FROM tasks_assignment WHERE task_id IS NOT NULL
        GROUP BY task_id, worker_id, round HAVING count(*) > 1""",
    "I1: a worker has been assigned a gold image twice, other than to correct the answer": """
        SELECT gold_id FROM tasks_assignment WHERE gold_id IS NOT NULL AND NOT is_correction
        GROUP BY gold_id, worker_id HAVING count(*) > 1""",
    "I2: more answers count than a task wants, or its counter is wrong": """
        SELECT t.id, t.wanted, t.taken, count(a.id) FROM tasks_task t
        LEFT JOIN tasks_assignment a
            ON a.task_id = t.id AND a.round = t.round AND a.counts AND a.state IN ('leased', 'submitted')
        GROUP BY t.id HAVING count(a.id) > t.wanted OR count(a.id) <> t.taken""",
    "I2: a batch's counters are not the sums of its tasks": """
        SELECT b.id, b.wanted, b.taken, sum(t.wanted), sum(t.taken)
        FROM tasks_batch b JOIN tasks_task t ON t.batch_id = b.id
        GROUP BY b.id HAVING b.wanted <> sum(t.wanted) OR b.taken <> sum(t.taken)""",
    "I3: a submitted assignment has no answer, or several current ones": """
        SELECT a.id, count(n.id) FROM tasks_assignment a
        LEFT JOIN tasks_annotation n ON n.assignment_id = a.id AND n.is_current
        WHERE a.state = 'submitted' GROUP BY a.id HAVING count(n.id) <> 1""",
    "I3: an answer belongs to an assignment that is not submitted": """
        SELECT n.id FROM tasks_annotation n JOIN tasks_assignment a ON a.id = n.assignment_id
        WHERE a.state <> 'submitted'""",
    "I4: a submission in a settled hand does not have exactly one credit at its price": """
        SELECT a.id, count(l.id) FROM tasks_assignment a JOIN tasks_hand h ON h.id = a.hand_id AND h.state = 'settled'
        LEFT JOIN tasks_ledgerentry l ON l.assignment_id = a.id AND l.kind = 'credit'
        WHERE a.state = 'submitted' GROUP BY a.id, a.price HAVING count(l.id) <> 1 OR max(l.amount) <> a.price""",
    "I4: a credit exists for an assignment that was not submitted": """
        SELECT l.id FROM tasks_ledgerentry l JOIN tasks_assignment a ON a.id = l.assignment_id
        WHERE l.kind = 'credit' AND a.state <> 'submitted'""",
    "I4: the totals of the ledger are not the sums of its entries": """
        WITH sums AS (
            SELECT project_id, worker_id, currency, count(*) FILTER (WHERE kind = 'credit') AS answers,
                coalesce(sum(amount) FILTER (WHERE kind <> 'payout'), 0) AS earned,
                coalesce(-sum(amount) FILTER (WHERE kind = 'payout'), 0) AS paid
            FROM tasks_ledgerentry GROUP BY 1, 2, 3)
        SELECT coalesce(t.worker_id, s.worker_id), t.answers, s.answers, t.earned, s.earned, t.paid, s.paid
        FROM sums s FULL JOIN tasks_ledgertotal t USING (project_id, worker_id, currency)
        WHERE (t.answers, t.earned, t.paid) IS DISTINCT FROM (s.answers, s.earned, s.paid)""",
    "A project's commitments are not the sums of its live leases, its answers, corrections, top-ups and bonuses": """
        WITH actual AS (
            SELECT project_id, sum(amount) AS amount FROM (
                SELECT project_id, price AS amount FROM tasks_assignment WHERE state IN ('leased', 'submitted')
                UNION ALL
                SELECT project_id, amount FROM tasks_ledgerentry WHERE kind IN ('correction', 'top_up', 'bonus')) parts
            GROUP BY 1), noted AS (SELECT project_id, sum(amount) AS amount FROM tasks_commitment GROUP BY 1)
        SELECT project_id, a.amount, n.amount FROM actual a FULL JOIN noted n USING (project_id)
        JOIN projects_project p ON p.id = project_id AND p.deleted_at IS NULL
        WHERE coalesce(a.amount, 0) <> coalesce(n.amount, 0)""",
    "I4: a payout's items, or what it left over, are not what the ledger says": """
        SELECT p.id, p.earned, sum(l.amount) FROM tasks_payout p JOIN tasks_payoutitem i ON i.payout_id = p.id
        JOIN tasks_ledgerentry l ON l.id = i.entry_id
        GROUP BY p.id HAVING p.earned <> sum(l.amount) OR p.entries <> count(*)""",
    "An answer counts although it is void": """
        SELECT a.id FROM tasks_assignment a JOIN tasks_repair r ON r.project_id = a.project_id
            AND r.worker_id = a.worker_id AND r.state = 'voided'
            AND a.submitted_at < r.until AND (r.since IS NULL OR a.submitted_at >= r.since)
        JOIN tasks_hand h ON h.id = a.hand_id AND h.state = 'settled'
        WHERE a.state = 'submitted' AND a.counts""",
    "A finished image has a label of the workers that rests on void answers alone": """
        SELECT t.id FROM tasks_task t JOIN tasks_consensuslabel l ON l.task_id = t.id AND l.is_current
            AND l.method NOT IN ('review', 'gold')
        WHERE t.state IN ('answered', 'approved') AND jsonb_array_length(l.evidence->'answers') > 0 AND NOT EXISTS (
            SELECT FROM jsonb_array_elements(l.evidence->'answers') e
            JOIN tasks_annotation n ON n.public_id = (e->>'annotation')::uuid
            JOIN tasks_assignment a ON a.id = n.assignment_id
            WHERE NOT EXISTS (
                SELECT FROM tasks_repair r WHERE r.project_id = a.project_id AND r.worker_id = a.worker_id
                    AND r.state = 'voided' AND a.submitted_at < r.until
                    AND (r.since IS NULL OR a.submitted_at >= r.since)))""",
    "More is committed than the budget, apart from late answers and corrections": """
        SELECT p.id, p.budget, c.amount FROM projects_project p
        JOIN (SELECT project_id, sum(amount) AS amount FROM tasks_commitment GROUP BY 1) c ON c.project_id = p.id
        WHERE p.budget IS NOT NULL AND p.deleted_at IS NULL AND c.amount > p.budget
            + (SELECT coalesce(sum(a.price), 0) FROM tasks_assignment a WHERE a.project_id = p.id AND a.late)
            + (SELECT coalesce(sum(l.amount), 0) FROM tasks_ledgerentry l
               WHERE l.project_id = p.id AND l.kind = 'correction' AND l.amount > 0)""",
    "I5: a lease is live long after it expired": """
        SELECT id FROM tasks_assignment
        WHERE state = 'leased' AND expires_at < clock_timestamp() - interval '2 minutes'""",
    "I4: a correction is paid again": """
        SELECT id FROM tasks_assignment WHERE is_correction AND price <> 0""",
    "I5: a finished set has a live lease, other than an image that was sent back and waits": """
        SELECT a.id FROM tasks_assignment a JOIN tasks_hand h ON h.id = a.hand_id
        WHERE a.state = 'leased' AND h.state = 'settled' AND NOT (a.is_correction AND a.position = 0)""",
    "A task has several current labels, or an approved task has none": """
        SELECT t.id, count(c.id) FROM tasks_task t LEFT JOIN tasks_consensuslabel c ON c.task_id = t.id AND c.is_current
        GROUP BY t.id HAVING count(c.id) > 1 OR (t.state = 'approved' AND count(c.id) = 0)""",
    "A job failed": "SELECT id, kind, error FROM kernel_job WHERE state = 'failed'",
    **PAY,
    **DECISIONS,
}

READY_BLOBS = "SELECT sha256, size FROM storage_blob WHERE state = 'ready'"
UNREADY = {
    "an image": """
        SELECT i.id FROM tasks_image i
        JOIN storage_blob b ON b.id IN (i.original_id, i.release_id, i.rendition_id, i.thumb_id)
        WHERE b.state <> 'ready'""",
    "a ready export": """
        SELECT e.id FROM tasks_export e JOIN storage_blob b ON b.id IN (e.blob_id, e.frame_id)
        WHERE e.state = 'ready' AND b.state <> 'ready'""",
}

RECORDED = """
SELECT a.public_id::text, n.revision, n.raw_sha256, count(*)
FROM tasks_annotation n JOIN tasks_assignment a ON a.id = n.assignment_id
WHERE a.public_id = ANY(%s::uuid[])
GROUP BY 1, 2, 3
"""

# The console's totals must equal the sum over all events, with none counted twice or omitted.
TOTALS = """
SELECT s.project_id, s.totals, (
    SELECT jsonb_object_agg(name, amount) FROM (
        SELECT d.key AS name, sum(d.value::bigint) AS amount
        FROM kernel_event e, jsonb_each_text(e.delta) d WHERE e.project_id = s.project_id GROUP BY d.key) sums),
    (SELECT count(*) FROM kernel_event e WHERE e.project_id = s.project_id AND e.number IS NULL)
FROM kernel_stream s
"""


def violations(database_url: str, *, receipts: Iterable[Receipt] = (), files: Path | None = None) -> list[str]:
    """One line for each violated rule, with the first offending rows. `files` is the root of the local storage.

    Call it after the jobs have run and the relay has caught up; the rules themselves hold at every moment.
    """
    with psycopg.connect(database_url) as connection:
        found = [*_forbidden(connection), *_lost(connection, list(receipts)), *_torn_totals(connection)]
        if files is not None:
            found += _without_file(connection, files)
    return found


def _forbidden(connection: psycopg.Connection[Any]) -> Iterator[str]:
    unready = {f"I6: {what} refers to a file that is not ready": query for what, query in UNREADY.items()}
    for rule, query in (FORBIDDEN | unready).items():
        rows = connection.execute(query).fetchall()
        if rows:
            yield f"{rule}: {len(rows)} rows, such as {rows[:3]}"


def _lost(connection: psycopg.Connection[Any], receipts: list[Receipt]) -> Iterator[str]:
    """I3 for acknowledged answers: each is recorded exactly once, with the bytes that were sent."""
    rows = connection.execute(RECORDED, [[receipt.assignment for receipt in receipts]]).fetchall()
    recorded = {(row[0], row[1], row[2]): row[3] for row in rows}
    for receipt in receipts:
        count = recorded.get((receipt.assignment, receipt.revision, receipt.sha256), 0)
        if count != 1:
            yield f"I3: the acknowledged answer {receipt} is recorded {count} times"


def _torn_totals(connection: psycopg.Connection[Any]) -> Iterator[str]:
    for project, totals, sums, unnumbered in connection.execute(TOTALS).fetchall():
        if unnumbered or {k: v for k, v in totals.items() if v} != {k: v for k, v in (sums or {}).items() if v}:
            yield f"The console of project {project} shows {totals}; its events sum to {sums}, {unnumbered} unnumbered"


def _without_file(connection: psycopg.Connection[Any], files: Path) -> Iterator[str]:
    for sha256, size in connection.execute(READY_BLOBS).fetchall():
        file = files / "blobs" / sha256[:2] / sha256
        if not file.is_file() or file.stat().st_size != size:
            yield f"I6: the ready blob {sha256} has no complete file"
