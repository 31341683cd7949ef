"""What always holds of pay by time, top-ups, payouts and what appeals pay again. See `tests.invariants`."""

#: {forbidden state: query for rows in that state}. The first column of a row identifies it.
PAY = {
    "I4: a set is topped up without a floor, beyond it, or not up to it": """
        SELECT h.id, s.earned, s.top_up, s.seconds, h.pay_terms->>'hourly_floor' FROM tasks_hand h JOIN (
            SELECT hand_id, count(*) AS entries, coalesce(sum(amount) FILTER (WHERE kind = 'credit'), 0) AS earned,
                coalesce(sum(amount) FILTER (WHERE kind = 'top_up'), 0) AS top_up,
                coalesce(sum(seconds) FILTER (WHERE kind = 'credit'), 0) AS seconds
            FROM tasks_ledgerentry WHERE kind IN ('credit', 'top_up') GROUP BY 1) s ON s.hand_id = h.id
        CROSS JOIN LATERAL (SELECT coalesce((h.pay_terms->>'hourly_floor')::numeric, 0) * s.seconds / 3600 AS floor) f
        WHERE s.top_up > f.floor OR s.earned + s.top_up < f.floor - 0.000001""",
    "I4: the time that is paid of a set is not the time that was noted for it": """
        SELECT hand_id, c.seconds, w.seconds
        FROM (SELECT hand_id, sum(seconds) AS seconds FROM tasks_ledgerentry
              WHERE kind = 'credit' AND seconds IS NOT NULL GROUP BY 1) c
        FULL JOIN (SELECT hand_id, sum(extract(epoch FROM ended_at - started_at)) AS seconds
                   FROM tasks_workedtime GROUP BY 1) w USING (hand_id)
        WHERE coalesce(c.seconds, 0) <> coalesce(w.seconds, 0)""",
    "I4: what a payout paid is not what left the ledger": """
        SELECT p.id, p.amount, -sum(l.amount) FROM tasks_payout p
        LEFT JOIN tasks_ledgerentry l ON l.kind = 'payout' AND l.worker_id = p.worker_id AND l.currency = p.currency
            AND l.cause = 'payout ' || p.public_id
        GROUP BY p.id HAVING p.amount IS DISTINCT FROM -sum(l.amount)""",
    "I4: a payout leaves out what an earlier one left over, or adds it twice": """
        SELECT id, brought, before FROM (
            SELECT p.id, p.brought, coalesce(lag(p.carried) OVER (
                PARTITION BY r.organisation_id, p.worker_id, p.currency ORDER BY p.id), 0) AS before
            FROM tasks_payout p JOIN tasks_payoutrun r ON r.id = p.run_id) payouts
        WHERE brought <> before""",
    "I4: a payout has paid what was not approved then": """
        SELECT l.id, l.approved_at, r.until FROM tasks_payoutitem i JOIN tasks_ledgerentry l ON l.id = i.entry_id
        JOIN tasks_payout p ON p.id = i.payout_id JOIN tasks_payoutrun r ON r.id = p.run_id
        WHERE l.amount >= 0 AND l.approved_at > r.until""",
    "I4: an appeal has paid again what it does not say, or was not upheld": """
        SELECT r.id, r.state, r.amount, coalesce(sum(l.amount), 0) FROM tasks_rejectedanswer r
        LEFT JOIN tasks_ledgerentry l ON l.project_id = r.project_id AND l.kind = 'correction'
            AND l.cause = 'appeal ' || r.public_id
        GROUP BY r.id HAVING coalesce(sum(l.amount), 0) <> CASE WHEN r.state = 'upheld' THEN r.amount ELSE 0 END""",
    # What upheld appeals paid again meanwhile is not paid twice when the repair is undone.
    "I4: what a repair took back is not what the ledger says": """
        SELECT r.id, r.amount, coalesce(sum(l.amount), 0) FROM tasks_repair r
        LEFT JOIN tasks_ledgerentry l ON l.project_id = r.project_id AND l.kind = 'correction'
            AND l.cause IN ('repair ' || r.public_id, 'repair ' || r.public_id || ' undone')
        GROUP BY r.id HAVING coalesce(sum(l.amount), 0)
            <> CASE WHEN r.state IN ('voiding', 'voided') THEN -r.amount ELSE -(
                SELECT coalesce(sum(p.amount), 0) FROM tasks_rejectedanswer p
                JOIN tasks_assignment a ON a.id = p.assignment_id AND a.submitted_at < r.until
                    AND (r.since IS NULL OR a.submitted_at >= r.since)
                WHERE p.project_id = r.project_id AND p.worker_id = r.worker_id AND p.state = 'upheld'
                    AND p.decided_at BETWEEN r.created_at AND r.undone_at) END""",
    "I4: more was taken back of a worker's pay than was credited": """
        SELECT l.project_id, l.worker_id, sum(l.amount) FROM tasks_ledgerentry l WHERE l.kind <> 'payout'
          AND NOT EXISTS (
            SELECT FROM tasks_assignment a WHERE a.project_id = l.project_id AND a.worker_id = l.worker_id
                AND a.state = 'submitted' AND NOT EXISTS (
                    SELECT FROM tasks_ledgerentry c WHERE c.assignment_id = a.id AND c.kind = 'credit'))
        GROUP BY 1, 2 HAVING sum(l.amount) < 0""",
}
