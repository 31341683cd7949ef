"""Repairs: answers that are void, what their images were before, and the releases that they concern. Three new tables."""

import django.db.models.deletion
from django.db import migrations, models

import kernel.ids


class Migration(migrations.Migration):
    dependencies = [
        ("accounts", "0007_blocks"),
        ("projects", "0008_gold_when_out"),
        ("tasks", "0029_advice_after_sets"),
    ]

    operations = [
        migrations.RunSQL("SET LOCAL lock_timeout = '5s'", migrations.RunSQL.noop),
        migrations.CreateModel(
            name="Repair",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("public_id", models.UUIDField(default=kernel.ids.new_public_id, editable=False, unique=True)),
                ("since", models.DateTimeField(null=True)),
                ("until", models.DateTimeField()),
                (
                    "state",
                    models.CharField(
                        choices=[
                            ("voiding", "Voiding"),
                            ("voided", "Voided"),
                            ("restoring", "Restoring"),
                            ("restored", "Restored"),
                        ],
                        default="voiding",
                        max_length=10,
                    ),
                ),
                (
                    "pay",
                    models.CharField(
                        choices=[("keep", "Keep"), ("take_back", "Take Back")], default="keep", max_length=10
                    ),
                ),
                ("amount", models.DecimalField(decimal_places=6, default=0, max_digits=14)),
                ("answers", models.PositiveIntegerField(default=0)),
                ("images", models.PositiveIntegerField(default=0)),
                ("done", models.PositiveIntegerField(default=0)),
                ("reason", models.CharField(max_length=500)),
                ("created_at", models.DateTimeField()),
                ("finished_at", models.DateTimeField(null=True)),
                ("undo_reason", models.CharField(blank=True, default="", max_length=500)),
                ("undone_at", models.DateTimeField(null=True)),
                (
                    "created_by",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="accounts.actor",
                    ),
                ),
                (
                    "project",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="repairs",
                        to="projects.project",
                    ),
                ),
                (
                    "undone_by",
                    models.ForeignKey(
                        db_index=False,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="accounts.actor",
                    ),
                ),
                (
                    "worker",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="+", to="accounts.actor"
                    ),
                ),
            ],
        ),
        migrations.CreateModel(
            name="RepairedRelease",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("labels", models.PositiveIntegerField()),
                (
                    "repair",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="releases",
                        to="tasks.repair",
                    ),
                ),
                (
                    "snapshot",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="repairs", to="tasks.snapshot"
                    ),
                ),
            ],
        ),
        migrations.CreateModel(
            name="RepairedTask",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "state",
                    models.CharField(
                        choices=[
                            ("voided", "Voided"),
                            ("updated", "Updated"),
                            ("returned", "Returned"),
                            ("restored", "Restored"),
                        ],
                        default="voided",
                        max_length=10,
                    ),
                ),
                (
                    "effect",
                    models.CharField(
                        choices=[
                            ("kept", "Kept"),
                            ("changed", "Changed"),
                            ("reopened", "Reopened"),
                            ("waiting", "Waiting"),
                        ],
                        max_length=10,
                    ),
                ),
                ("is_exact", models.BooleanField(db_default=True, default=True)),
                ("before", models.JSONField()),
                (
                    "assignment",
                    models.ForeignKey(
                        db_constraint=False,
                        db_index=False,
                        on_delete=django.db.models.deletion.DO_NOTHING,
                        related_name="+",
                        to="tasks.assignment",
                    ),
                ),
                (
                    "batch",
                    models.ForeignKey(
                        db_constraint=False,
                        db_index=False,
                        on_delete=django.db.models.deletion.DO_NOTHING,
                        related_name="+",
                        to="tasks.batch",
                    ),
                ),
                (
                    "repair",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="tasks",
                        to="tasks.repair",
                    ),
                ),
                (
                    "task",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="repairs", to="tasks.task"
                    ),
                ),
            ],
        ),
        migrations.AddIndex(
            model_name="repair",
            index=models.Index(fields=["project", "worker"], name="tasks_repair_of_worker"),
        ),
        migrations.AddConstraint(
            model_name="repair",
            constraint=models.UniqueConstraint(
                condition=models.Q(("state__in", ["voiding", "restoring"])),
                fields=("project", "worker"),
                name="tasks_repair_one_unfinished_per_project_and_worker",
            ),
        ),
        migrations.AddConstraint(
            model_name="repair",
            constraint=models.CheckConstraint(
                condition=models.Q(("since__isnull", True), ("since__lt", models.F("until")), _connector="OR"),
                name="tasks_repair_since_is_before_until",
            ),
        ),
        migrations.AddConstraint(
            model_name="repair",
            constraint=models.CheckConstraint(
                condition=models.Q(("reason", ""), _negated=True), name="tasks_repair_has_reason"
            ),
        ),
        migrations.AddConstraint(
            model_name="repair",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("state__in", ["voiding", "voided"]), ("undone_at__isnull", True)),
                    models.Q(("state__in", ["restoring", "restored"]), ("undone_at__isnull", False)),
                    _connector="OR",
                ),
                name="tasks_repair_undone_has_time",
            ),
        ),
        migrations.AddConstraint(
            model_name="repairedrelease",
            constraint=models.UniqueConstraint(
                fields=("repair", "snapshot"), name="tasks_repairedrelease_once_per_repair"
            ),
        ),
        migrations.AddIndex(
            model_name="repairedtask",
            index=models.Index(fields=["repair", "state", "batch"], name="tasks_repairedtask_to_do"),
        ),
        migrations.AddConstraint(
            model_name="repairedtask",
            constraint=models.UniqueConstraint(
                fields=("repair", "assignment"), name="tasks_repairedtask_once_per_repair"
            ),
        ),
    ]
