"""Exports whose images are stored once: the file is composed of a frame and the release's images when it is read."""

import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("tasks", "0017_check_images_are_not_work"), ("storage", "0003_database_clock")]

    operations = [
        migrations.AddField(
            model_name="export",
            name="frame",
            field=models.ForeignKey(
                null=True, on_delete=django.db.models.deletion.PROTECT, related_name="+", to="storage.blob"
            ),
        ),
        migrations.RemoveConstraint(model_name="export", name="tasks_export_ready_has_blob"),
        migrations.AddConstraint(
            model_name="export",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("state", "ready"), _negated=True),
                    models.Q(("blob__isnull", False)) ^ models.Q(("frame__isnull", False)),
                    _connector="OR",
                ),
                name="tasks_export_ready_has_blob",
            ),
        ),
    ]
