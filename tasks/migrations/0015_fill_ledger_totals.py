"""Sums what the ledger held before it had totals: one worker of one project at a time, while work goes on."""

from typing import Any

from django.db import migrations, transaction

WORKERS = "SELECT DISTINCT project_id, worker_id, currency FROM tasks_ledgerentry ORDER BY 1, 2, 3"
ADD = """
INSERT INTO tasks_ledgertotal (project_id, worker_id, currency) VALUES (%s, %s, %s) ON CONFLICT DO NOTHING
"""
LOCK = """
SELECT FROM tasks_ledgertotal WHERE project_id = %s AND worker_id = %s AND currency = %s FOR NO KEY UPDATE
"""
# A statement of its own after the lock: it sees what committed until then, and the trigger of the rest waits.
FILL = """
UPDATE tasks_ledgertotal total SET answers = sums.answers, earned = sums.earned, paid = sums.paid
FROM (
    SELECT project_id, worker_id, currency, count(*) FILTER (WHERE kind = 'credit') AS answers,
        coalesce(sum(amount) FILTER (WHERE kind <> 'payout'), 0) AS earned,
        coalesce(-sum(amount) FILTER (WHERE kind = 'payout'), 0) AS paid
    FROM tasks_ledgerentry WHERE project_id = %s AND worker_id = %s AND currency = %s GROUP BY 1, 2, 3
) sums
WHERE total.project_id = sums.project_id AND total.worker_id = sums.worker_id AND total.currency = sums.currency
"""


def fill(apps: Any, schema_editor: Any) -> None:
    connection = schema_editor.connection
    with connection.cursor() as cursor:
        cursor.execute(WORKERS)
        for key in cursor.fetchall():
            with transaction.atomic(using=connection.alias):
                for statement in (ADD, LOCK, FILL):
                    cursor.execute(statement, key)


class Migration(migrations.Migration):
    # Each worker is summed in a transaction of its own; running it again has no effect.
    atomic = False

    dependencies = [("tasks", "0014_ledger_totals")]

    operations = [migrations.RunPython(fill, migrations.RunPython.noop, elidable=True)]
