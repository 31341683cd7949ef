"""What the price is for, the floor an hour, what of an answer is paid at most, and when pay is approved.

Constant defaults: no row is written, and projects that exist pay as before.
"""

from django.db import migrations, models
from django.db.models import Q


class Migration(migrations.Migration):
    dependencies = [("projects", "0008_gold_when_out")]

    operations = [
        migrations.RunSQL("SET LOCAL lock_timeout = '5s'", migrations.RunSQL.noop),
        migrations.AddField(
            "project",
            "pay_by",
            models.CharField(
                max_length=10,
                choices=[("answer", "Answer"), ("object", "Object"), ("hour", "Hour")],
                default="answer",
                db_default="answer",
            ),
        ),
        migrations.AddField("project", "hourly_floor", models.DecimalField(decimal_places=6, max_digits=14, null=True)),
        migrations.AddField("project", "paid_seconds", models.PositiveSmallIntegerField(default=60, db_default=60)),
        migrations.AddField("project", "paid_objects", models.PositiveSmallIntegerField(default=50, db_default=50)),
        migrations.AddField("project", "approval_days", models.PositiveSmallIntegerField(default=0, db_default=0)),
        migrations.AddConstraint(
            "project",
            models.CheckConstraint(
                condition=Q(pay_by__in=["answer", "object"], paid_seconds__gte=1, paid_objects__gte=1)
                | Q(pay_by="hour", hourly_floor__isnull=True, paid_seconds__gte=1, paid_objects__gte=1),
                name="projects_project_pay_terms_make_sense",
            ),
        ),
    ]
