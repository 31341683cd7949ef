"""What a worker returned comes back, its number is limited, and late answers to gold wait for a comparison."""

from django.contrib.postgres.operations import AddConstraintNotValid, AddIndexConcurrently, ValidateConstraint
from django.db import migrations, models
from django.db.models import Q

LIVE_COUNTS = "tasks_assignment_live_lease_of_task_counts"


class Migration(migrations.Migration):
    # The indexes are built, and the constraint is validated, beside running work.
    atomic = False

    dependencies = [("tasks", "0009_random_order"), ("projects", "0002_returns_per_day")]

    operations = [
        migrations.AddField(
            model_name="assignment",
            name="returned",
            field=models.BooleanField(db_default=False, default=False),
        ),
        migrations.AddField(
            model_name="assignment",
            name="awaits_comparison",
            field=models.BooleanField(db_default=False, default=False),
        ),
        migrations.AddField(
            model_name="standing",
            name="returns",
            field=models.PositiveIntegerField(db_default=0, default=0),
        ),
        migrations.AddField(
            model_name="standing",
            name="returns_since",
            field=models.DateTimeField(null=True),
        ),
        migrations.RemoveConstraint(model_name="assignment", name=LIVE_COUNTS),
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
