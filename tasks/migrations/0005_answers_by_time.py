"""The console asks for the answers of the last hours; without an index it read all that a project ever had."""

from django.contrib.postgres.operations import AddIndexConcurrently
from django.db import migrations, models


class Migration(migrations.Migration):
    # Built beside running work, which a transaction would not allow.
    atomic = False

    dependencies = [("tasks", "0004_fewer_indexes_on_claims")]

    operations = [
        AddIndexConcurrently(
            model_name="assignment",
            index=models.Index(
                fields=["project", "submitted_at"],
                condition=models.Q(submitted_at__isnull=False),
                name="tasks_assignment_by_submission",
            ),
        ),
    ]
