"""Why images are skipped, and images that are set aside because many workers skipped them.

The new columns have constant defaults, so no table is rewritten, however many rows it has.
"""

import django.db.models.deletion
from django.db import migrations, models
from django.db.models import Q

import kernel.ids

REASONS = [
    ("unclear_image", "The image is broken or too blurred"),
    ("unclear_task", "I am not sure what the instructions say"),
    ("not_for_me", "I would rather not see this"),
    ("other", "Another reason"),
]
STATES = [("open", "Open"), ("answered", "Answered"), ("approved", "Approved"), ("left_out", "Left Out")]
DECISIONS = [("undecided", "Undecided"), ("offered", "Offered"), ("left_out", "Left Out")]
IS_SET_ASIDE = models.BooleanField(db_default=False, default=False)


def set_aside(to: str) -> models.ForeignKey:
    cascade = django.db.models.deletion.CASCADE
    return models.ForeignKey(null=to != "projects.project", on_delete=cascade, related_name="set_aside", to=to)


class Migration(migrations.Migration):
    dependencies = [
        ("accounts", "0005_live_sets"),
        ("projects", "0006_skips_to_manager"),
        ("tasks", "0023_images_of_workers"),
    ]

    operations = [
        migrations.RunSQL("SET LOCAL lock_timeout = '5s'", migrations.RunSQL.noop),
        migrations.AddField(
            "assignment", "skip_note", models.CharField(blank=True, db_default="", default="", max_length=500)
        ),
        migrations.AddField(
            "assignment",
            "skip_reason",
            models.CharField(blank=True, choices=REASONS, db_default="", default="", max_length=20),
        ),
        migrations.AddField("gold", "is_set_aside", IS_SET_ASIDE),
        migrations.AddField("task", "is_set_aside", IS_SET_ASIDE.clone()),
        migrations.AlterField("task", "state", models.CharField(choices=STATES, default="open", max_length=10)),
        migrations.CreateModel(
            name="SetAside",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("public_id", models.UUIDField(default=kernel.ids.new_public_id, editable=False, unique=True)),
                ("workers", models.PositiveSmallIntegerField()),
                ("created_at", models.DateTimeField()),
                ("decision", models.CharField(choices=DECISIONS, default="undecided", max_length=10)),
                ("decided_at", models.DateTimeField(null=True)),
                (
                    "decided_by",
                    models.ForeignKey(
                        db_index=False,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="accounts.actor",
                    ),
                ),
                ("gold", set_aside("tasks.gold")),
                ("project", set_aside("projects.project")),
                ("task", set_aside("tasks.task")),
            ],
            options={
                "constraints": [
                    models.CheckConstraint(
                        condition=Q(task__isnull=True, gold__isnull=False) | Q(task__isnull=False, gold__isnull=True),
                        name="tasks_setaside_is_of_task_or_gold",
                    ),
                    models.CheckConstraint(
                        condition=Q(decision="undecided", decided_at__isnull=True)
                        | (~Q(decision="undecided") & Q(decided_at__isnull=False)),
                        name="tasks_setaside_decided_has_time",
                    ),
                    models.UniqueConstraint(
                        condition=Q(decision="undecided"),
                        fields=("task",),
                        name="tasks_setaside_one_undecided_per_task",
                    ),
                    models.UniqueConstraint(
                        condition=Q(decision="undecided"),
                        fields=("gold",),
                        name="tasks_setaside_one_undecided_per_gold",
                    ),
                ],
            },
        ),
    ]
