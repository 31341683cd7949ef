"""Claims take tasks and gold in a random order. Existing tasks get their key in small steps, each in its own transaction.

A column with a random default would rewrite the table under a lock; so it is added empty, filled while work goes on
(old code inserts rows with the default), and only then required.
"""

from typing import Any

import django.db.models.functions
from django.contrib.postgres.operations import AddIndexConcurrently, RemoveIndexConcurrently
from django.db import migrations, models

ROWS_PER_STEP = 20_000

ADD = """
ALTER TABLE tasks_task ADD COLUMN IF NOT EXISTS order_key double precision;
ALTER TABLE tasks_task ALTER COLUMN order_key SET DEFAULT random();
"""
FILL = "UPDATE tasks_task SET order_key = random() WHERE id >= %s AND id < %s AND order_key IS NULL"

# A valid CHECK spares SET NOT NULL the scan under an exclusive lock.
REQUIRE = [
    "ALTER TABLE tasks_task DROP CONSTRAINT IF EXISTS tasks_task_has_order_key",
    "ALTER TABLE tasks_task ADD CONSTRAINT tasks_task_has_order_key CHECK (order_key IS NOT NULL) NOT VALID",
    "ALTER TABLE tasks_task VALIDATE CONSTRAINT tasks_task_has_order_key",
    "ALTER TABLE tasks_task ALTER COLUMN order_key SET NOT NULL",
    "ALTER TABLE tasks_task DROP CONSTRAINT tasks_task_has_order_key",
]


def fill(apps: Any, schema_editor: Any) -> None:
    with schema_editor.connection.cursor() as cursor:
        cursor.execute("SELECT min(id), max(id) FROM tasks_task WHERE order_key IS NULL")
        first, last = cursor.fetchone()
        for start in range(first or 0, (last or -1) + 1, ROWS_PER_STEP):
            cursor.execute(FILL, [start, start + ROWS_PER_STEP])


class Migration(migrations.Migration):
    # Each step commits by itself, and the index is built beside running work.
    atomic = False

    dependencies = [("tasks", "0008_batch_cursor")]

    operations = [
        migrations.SeparateDatabaseAndState(
            database_operations=[migrations.RunSQL(ADD, "ALTER TABLE tasks_task DROP COLUMN order_key")],
            state_operations=[
                migrations.AddField(
                    model_name="task",
                    name="order_key",
                    field=models.FloatField(db_default=django.db.models.functions.Random(), editable=False),
                )
            ],
        ),
        migrations.RunPython(fill, migrations.RunPython.noop, elidable=True),
        migrations.RunSQL(REQUIRE, migrations.RunSQL.noop),
        AddIndexConcurrently(
            model_name="task",
            index=models.Index(
                fields=["batch", "-priority", "order_key"],
                condition=models.Q(taken__lt=models.F("wanted")),
                name="tasks_task_by_order_key",
            ),
        ),
        RemoveIndexConcurrently(model_name="task", name="tasks_task_with_places"),
        # Gold is little, so its table can be rewritten.
        migrations.SeparateDatabaseAndState(
            database_operations=[
                migrations.RunSQL(
                    "ALTER TABLE tasks_gold ADD COLUMN IF NOT EXISTS order_key double precision DEFAULT random() NOT NULL",
                    "ALTER TABLE tasks_gold DROP COLUMN order_key",
                )
            ],
            state_operations=[
                migrations.AddField(
                    model_name="gold",
                    name="order_key",
                    field=models.FloatField(db_default=django.db.models.functions.Random(), editable=False),
                )
            ],
        ),
        AddIndexConcurrently(
            model_name="gold",
            index=models.Index(
                fields=["project", "exposure", "order_key"],
                condition=models.Q(state="active"),
                name="tasks_gold_by_exposure",
            ),
        ),
        RemoveIndexConcurrently(model_name="gold", name="tasks_gold_least_exposed"),
    ]
