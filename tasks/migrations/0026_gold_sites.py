"""Where gold stands among the work, and how many workers may see it; gold that is suspended, or promoted from labels.

Gold that exists has no limit of views. The table is small: its indexes are built in the migration.
"""

import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("tasks", "0025_budget_and_finished_images")]

    operations = [
        migrations.RunSQL("SET LOCAL lock_timeout = '5s'", migrations.RunSQL.noop),
        migrations.AddField("gold", "views_wanted", models.PositiveSmallIntegerField(null=True)),
        migrations.AddField("gold", "views_before", models.PositiveSmallIntegerField(default=0, db_default=0)),
        migrations.AddField(
            "gold",
            "site",
            models.ForeignKey(
                null=True,
                db_index=False,
                on_delete=django.db.models.deletion.SET_NULL,
                related_name="+",
                to="tasks.task",
            ),
        ),
        migrations.AddField(
            "gold",
            "batch",
            models.ForeignKey(
                null=True,
                db_index=False,
                on_delete=django.db.models.deletion.SET_NULL,
                related_name="+",
                to="tasks.batch",
            ),
        ),
        migrations.AddField("gold", "in_group", models.BooleanField(default=False, db_default=False)),
        migrations.AddField("gold", "suspended_at", models.DateTimeField(null=True)),
        migrations.AddField("gold", "vetted_at", models.DateTimeField(null=True)),
        migrations.AlterField(
            "gold",
            "state",
            models.CharField(
                max_length=10,
                choices=[("active", "Active"), ("suspended", "Suspended"), ("retired", "Retired")],
                default="active",
            ),
        ),
        migrations.AlterField(
            "gold",
            "source",
            models.CharField(
                max_length=10, choices=[("manager", "Manager"), ("truth", "Truth"), ("consensus", "Consensus")]
            ),
        ),
        migrations.AddIndex(
            "gold",
            models.Index(
                fields=["project", "exposure", "order_key"],
                condition=models.Q(state="active", views_wanted__isnull=True),
                name="tasks_gold_without_limit",
            ),
        ),
        migrations.AddIndex(
            "gold",
            models.Index(
                fields=["project", "batch", "image"],
                condition=models.Q(state="active", views_wanted__isnull=False, site__isnull=True, in_group=False),
                name="tasks_gold_without_place",
            ),
        ),
        migrations.AddIndex(
            "gold",
            models.Index(fields=["site"], condition=models.Q(site__isnull=False), name="tasks_gold_at_site"),
        ),
        migrations.AddIndex(
            "gold",
            models.Index(fields=["batch", "order_key"], condition=models.Q(in_group=True), name="tasks_gold_in_group"),
        ),
        migrations.RemoveIndex("gold", "tasks_gold_by_exposure"),
    ]
