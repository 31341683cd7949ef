"""Rejected answers with appeals: a new table, and the part of the image that a rejection is about."""

import django.db.models.deletion
import django.db.models.functions.datetime
from django.db import migrations, models

import kernel.ids


class Migration(migrations.Migration):
    dependencies = [
        ("accounts", "0007_blocks"),
        ("projects", "0010_appeal_days"),
        ("tasks", "0032_bonuses_and_waiting_pay"),
    ]

    operations = [
        migrations.RunSQL("SET LOCAL lock_timeout = '5s'", migrations.RunSQL.noop),
        migrations.AddField(
            model_name="review",
            name="region",
            field=models.JSONField(null=True),
        ),
        migrations.CreateModel(
            name="RejectedAnswer",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("public_id", models.UUIDField(default=kernel.ids.new_public_id, editable=False, unique=True)),
                (
                    "state",
                    models.CharField(
                        choices=[
                            ("draft", "Draft"),
                            ("dismissed", "Dismissed"),
                            ("rejected", "Rejected"),
                            ("appealed", "Appealed"),
                            ("upheld", "Upheld"),
                            ("denied", "Denied"),
                        ],
                        default="rejected",
                        max_length=10,
                    ),
                ),
                ("reason", models.CharField(blank=True, default="", max_length=500)),
                ("region", models.JSONField(null=True)),
                ("created_at", models.DateTimeField(db_default=django.db.models.functions.datetime.Now())),
                ("shown_from", models.DateTimeField(null=True)),
                ("appeal_until", models.DateTimeField(null=True)),
                ("statement", models.CharField(blank=True, default="", max_length=1000)),
                ("appealed_at", models.DateTimeField(null=True)),
                ("decided_at", models.DateTimeField(null=True)),
                ("decision", models.CharField(blank=True, default="", max_length=500)),
                ("amount", models.DecimalField(decimal_places=6, default=0, max_digits=14)),
                (
                    "assignment",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="rejected_answer",
                        to="tasks.assignment",
                    ),
                ),
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
                (
                    "project",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="rejected_answers",
                        to="projects.project",
                    ),
                ),
                (
                    "review",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="rejected_answers",
                        to="tasks.review",
                    ),
                ),
                (
                    "reviewer",
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
                        db_index=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="rejected_answers",
                        to="accounts.actor",
                    ),
                ),
            ],
            options={
                "indexes": [
                    models.Index(fields=["worker", "project", "shown_from"], name="tasks_rejectedanswer_of_worker"),
                    models.Index(fields=["project", "state", "id"], name="tasks_rejectedanswer_queue"),
                ],
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(
                            ("state__in", ["draft", "dismissed"]),
                            models.Q(models.Q(("reason", ""), _negated=True), ("reviewer__isnull", False)),
                            _connector="OR",
                        ),
                        name="tasks_rejectedanswer_has_reason_and_reviewer",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("appeal_until__isnull", True), ("shown_from__isnull", True)),
                            models.Q(("appeal_until__isnull", False), ("shown_from__isnull", False)),
                            _connector="OR",
                        ),
                        name="tasks_rejectedanswer_shown_has_end",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("appealed_at__isnull", True), ("state__in", ["draft", "dismissed", "rejected"])),
                            models.Q(
                                ("appealed_at__isnull", False),
                                ("shown_from__isnull", False),
                                ("state__in", ["appealed", "upheld", "denied"]),
                            ),
                            _connector="OR",
                        ),
                        name="tasks_rejectedanswer_appealed_has_time",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(
                                ("decided_at__isnull", False),
                                ("decided_by__isnull", False),
                                ("state__in", ["upheld", "denied"]),
                                models.Q(("decided_by", models.F("reviewer")), _negated=True),
                                models.Q(("decided_by", models.F("worker")), _negated=True),
                            ),
                            models.Q(("state__in", ["upheld", "denied"]), _negated=True),
                            _connector="OR",
                        ),
                        name="tasks_rejectedanswer_decided_by_a_second_person",
                    ),
                ],
            },
        ),
    ]
