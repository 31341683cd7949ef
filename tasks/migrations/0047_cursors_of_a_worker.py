"""A claim reads all of the worker's cursors in the project: the index of the worker gets the project besides."""

from django.contrib.postgres.operations import AddIndexConcurrently
from django.db import migrations, models
from django.db.models import CASCADE

OLD_INDEX = "tasks_exhaustion_worker_id_7033f992"


class Migration(migrations.Migration):
    # Built beside running work, which a transaction would not allow.
    atomic = False

    dependencies = [("accounts", "0008_profiles"), ("tasks", "0045_early_approvals")]

    operations = [
        AddIndexConcurrently(
            "batchcursor", models.Index(fields=["worker", "project"], name="tasks_exhaustion_of_worker")
        ),
        # AlterField would also drop the foreign key and check all rows again under a lock.
        migrations.SeparateDatabaseAndState(
            database_operations=[
                migrations.RunSQL(
                    f"DROP INDEX CONCURRENTLY IF EXISTS {OLD_INDEX}",
                    f"CREATE INDEX CONCURRENTLY IF NOT EXISTS {OLD_INDEX} ON tasks_exhaustion (worker_id)",
                )
            ],
            state_operations=[
                migrations.AlterField(
                    "batchcursor",
                    "worker",
                    models.ForeignKey(to="accounts.actor", related_name="+", on_delete=CASCADE, db_index=False),
                )
            ],
        ),
    ]
