"""A claim asks which check images the worker had; this index holds those alone."""

from django.contrib.postgres.operations import AddIndexConcurrently
from django.db import migrations, models


class Migration(migrations.Migration):
    # Built beside running work, which a transaction would not allow.
    atomic = False

    dependencies = [("tasks", "0005_answers_by_time")]

    operations = [
        AddIndexConcurrently(
            model_name="assignment",
            index=models.Index(
                fields=["worker", "gold"],
                condition=models.Q(gold__isnull=False),
                name="tasks_assignment_golds_had",
            ),
        ),
    ]
