"""Two indexes on the ledger, which have no entries yet, and a constraint: built without blocking work.

Each step can run again.
"""

from django.contrib.postgres.operations import AddConstraintNotValid, AddIndexConcurrently, ValidateConstraint
from django.db import migrations, models
from django.db.models import Q

ONE_BONUS = "tasks_ledgerentry_one_bonus_per_cause"
BONUS_HAS_REASON = "tasks_ledgerentry_bonus_has_amount_cause_reason"


class Migration(migrations.Migration):
    atomic = False

    dependencies = [("tasks", "0031_pay_by_time_and_payouts")]

    operations = [
        migrations.SeparateDatabaseAndState(
            database_operations=[
                # One that was interrupted is not valid, and would be kept as it is.
                migrations.RunSQL(f"DROP INDEX CONCURRENTLY IF EXISTS {ONE_BONUS}", migrations.RunSQL.noop),
                migrations.RunSQL(
                    f"CREATE UNIQUE INDEX CONCURRENTLY {ONE_BONUS} ON tasks_ledgerentry (project_id, cause)"
                    " WHERE kind = 'bonus'",
                    f"DROP INDEX IF EXISTS {ONE_BONUS}",
                ),
            ],
            state_operations=[
                migrations.AddConstraint(
                    "ledgerentry",
                    models.UniqueConstraint(fields=["project", "cause"], condition=Q(kind="bonus"), name=ONE_BONUS),
                )
            ],
        ),
        migrations.RunSQL("DROP INDEX CONCURRENTLY IF EXISTS tasks_ledgerentry_waiting", migrations.RunSQL.noop),
        AddIndexConcurrently(
            "ledgerentry",
            models.Index(
                fields=["worker", "approved_at"],
                condition=Q(approved_at__isnull=False),
                name="tasks_ledgerentry_waiting",
            ),
        ),
        migrations.RunSQL(
            f"ALTER TABLE tasks_ledgerentry DROP CONSTRAINT IF EXISTS {BONUS_HAS_REASON}", migrations.RunSQL.noop
        ),
        AddConstraintNotValid(
            model_name="ledgerentry",
            constraint=models.CheckConstraint(
                condition=~Q(kind="bonus") | (Q(amount__gt=0) & ~Q(cause="") & ~Q(reason="")), name=BONUS_HAS_REASON
            ),
        ),
        ValidateConstraint(model_name="ledgerentry", name=BONUS_HAS_REASON),
    ]
