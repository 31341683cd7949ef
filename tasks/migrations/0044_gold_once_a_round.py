"""A worker has gold once a round. The new index is built beside running work, and replaces a constraint that allowed one
round alone. Each step can run again."""

from django.db import migrations, models
from django.db.models import Q

ONE_GOLD = "tasks_assignment_gold_once_per_worker_and_round"
BEFORE = "tasks_assignment_gold_once_per_worker"


class Migration(migrations.Migration):
    atomic = False

    dependencies = [("tasks", "0043_corrections_and_review_stages")]

    operations = [
        migrations.SeparateDatabaseAndState(
            database_operations=[
                # One that was interrupted is not valid, and would be kept as it is.
                migrations.RunSQL(f"DROP INDEX CONCURRENTLY IF EXISTS {ONE_GOLD}", migrations.RunSQL.noop),
                migrations.RunSQL(
                    f"CREATE UNIQUE INDEX CONCURRENTLY {ONE_GOLD} ON tasks_assignment (gold_id, worker_id, round)"
                    " WHERE gold_id IS NOT NULL",
                    f"DROP INDEX IF EXISTS {ONE_GOLD}",
                ),
                migrations.RunSQL("SET lock_timeout = '5s'", migrations.RunSQL.noop),
                migrations.RunSQL(
                    f"ALTER TABLE tasks_assignment DROP CONSTRAINT IF EXISTS {BEFORE}",
                    f"ALTER TABLE tasks_assignment ADD CONSTRAINT {BEFORE} UNIQUE (gold_id, worker_id)",
                ),
                migrations.RunSQL("RESET lock_timeout", migrations.RunSQL.noop),
            ],
            state_operations=[
                migrations.RemoveConstraint("assignment", BEFORE),
                migrations.AddConstraint(
                    "assignment",
                    models.UniqueConstraint(
                        fields=["gold", "worker", "round"], condition=Q(gold__isnull=False), name=ONE_GOLD
                    ),
                ),
            ],
        ),
    ]
