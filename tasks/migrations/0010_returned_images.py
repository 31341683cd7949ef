"""What a worker returned comes back, its number is limited, and late answers to gold wait for a comparison."""

from django.contrib.postgres.operations import AddConstraintNotValid, AddIndexConcurrently, ValidateConstraint
from django.db import migrations, models
from django.db.models import Q

LIVE_COUNTS = "tasks_assignment_live_lease_of_task_counts"

# Each step can run again, if it was killed before the migration was recorded.
ADD = """
ALTER TABLE tasks_assignment ADD COLUMN IF NOT EXISTS returned boolean DEFAULT false NOT NULL,
    ADD COLUMN IF NOT EXISTS awaits_comparison boolean DEFAULT false NOT NULL;
ALTER TABLE tasks_standing ADD COLUMN IF NOT EXISTS returns integer DEFAULT 0 NOT NULL CHECK (returns >= 0),
    ADD COLUMN IF NOT EXISTS returns_since timestamptz;
"""
DROP = """
ALTER TABLE tasks_assignment DROP COLUMN returned, DROP COLUMN awaits_comparison;
ALTER TABLE tasks_standing DROP COLUMN returns, DROP COLUMN returns_since;
"""


class Migration(migrations.Migration):
    # The indexes are built, and the constraint is validated, beside running work.
    atomic = False

    dependencies = [("tasks", "0009_random_order"), ("projects", "0002_returns_per_day")]

    operations = [
        migrations.SeparateDatabaseAndState(
            database_operations=[migrations.RunSQL(ADD, DROP)],
            state_operations=[
                migrations.AddField("assignment", "returned", models.BooleanField(db_default=False, default=False)),
                migrations.AddField(
                    "assignment", "awaits_comparison", models.BooleanField(db_default=False, default=False)
                ),
                migrations.AddField("standing", "returns", models.PositiveIntegerField(db_default=0, default=0)),
                migrations.AddField("standing", "returns_since", models.DateTimeField(null=True)),
            ],
        ),
        migrations.SeparateDatabaseAndState(
            database_operations=[
                migrations.RunSQL(
                    f"ALTER TABLE tasks_assignment DROP CONSTRAINT IF EXISTS {LIVE_COUNTS}", migrations.RunSQL.noop
                )
            ],
            state_operations=[migrations.RemoveConstraint(model_name="assignment", name=LIVE_COUNTS)],
        ),
        AddConstraintNotValid(
            model_name="assignment",
            constraint=models.CheckConstraint(
                condition=~Q(state="leased") | Q(gold__isnull=False) | Q(counts=True) | Q(returned=True),
                name=LIVE_COUNTS,
            ),
        ),
        ValidateConstraint(model_name="assignment", name=LIVE_COUNTS),
        AddIndexConcurrently(
            model_name="assignment",
            index=models.Index(
                fields=["worker", "project"],
                condition=Q(returned=True, state__in=["released", "expired"]),
                name="tasks_assignment_returned",
            ),
        ),
        AddIndexConcurrently(
            model_name="assignment",
            index=models.Index(
                fields=["worker", "project"],
                condition=Q(awaits_comparison=True),
                name="tasks_assignment_to_compare",
            ),
        ),
    ]
