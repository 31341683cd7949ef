"""Deletes batch cursors that no claim reads any more.

A claim reads a worker's cursor of an open batch with open slots. No claim reads that of a batch that is approved, or
whose slots are all taken, and once such a batch has a slot again its generation has risen: the cursor is of an older
one. A cursor that is missing costs a claim one more look into the batch, so deleting one is never wrong.
"""

from kernel.statements import run_prepared

#: Cursors that are read in one transaction, by ascending id.
WINDOW = 10_000

# A claim that writes one of them at this moment holds its batch, so the sweep passes over it instead of waiting.
DELETE_UNREAD = """
WITH looked_at AS MATERIALIZED (
    SELECT e.id, b.state = 'approved' OR b.taken >= b.wanted AS is_unread
    FROM (SELECT id, batch_id FROM tasks_exhaustion WHERE id > %(after)s ORDER BY id LIMIT %(window)s) e
    JOIN tasks_batch b ON b.id = e.batch_id
), held AS MATERIALIZED (
    SELECT e.id FROM tasks_exhaustion e
    WHERE e.id = ANY(ARRAY(SELECT id FROM looked_at WHERE is_unread)) FOR UPDATE SKIP LOCKED
), gone AS (
    DELETE FROM tasks_exhaustion e USING held WHERE e.id = held.id RETURNING e.id
)
SELECT (SELECT max(id) FROM looked_at), (SELECT count(*) FROM gone)
"""


def delete_unread_cursors() -> int:
    """Delete the cursors of finished batches, in steps that commit on their own; returns their number."""
    after: int | None = 0
    deleted = 0
    while after is not None:
        (last, gone), *_ = run_prepared(DELETE_UNREAD, {"after": after, "window": WINDOW})
        deleted += gone
        after = last
    return deleted
