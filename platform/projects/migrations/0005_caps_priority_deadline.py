"""Caps a worker, the priority and the deadline of a project, and how many images it has.

Images of existing projects are counted when a share per worker is first set, not here.
"""

from django.db import migrations, models
from django.db.models import Q


class Migration(migrations.Migration):
    dependencies = [("projects", "0004_set_minutes")]

    operations = [
        migrations.RunSQL("SET LOCAL lock_timeout = '5s'", migrations.RunSQL.noop),
        migrations.AddField(
            model_name="project",
            name="images_per_day",
            field=models.PositiveIntegerField(db_default=0, default=0),
        ),
        migrations.AddField(
            model_name="project", name="share_per_worker", field=models.FloatField(db_default=1.0, default=1.0)
        ),
        migrations.AddField(model_name="project", name="priority", field=models.IntegerField(db_default=0, default=0)),
        migrations.AddField(model_name="project", name="deadline_at", field=models.DateTimeField(null=True)),
        # Without its default, which Django would write into the existing rows.
        migrations.AddField(model_name="project", name="images_count", field=models.PositiveIntegerField(null=True)),
        migrations.AlterField(
            model_name="project",
            name="images_count",
            field=models.PositiveIntegerField(default=0, null=True),
        ),
        migrations.AddConstraint(
            model_name="project",
            constraint=models.CheckConstraint(
                condition=Q(share_per_worker__gt=0, share_per_worker__lte=1),
                name="projects_project_share_per_worker_above_0_to_1",
            ),
        ),
    ]
