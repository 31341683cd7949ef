"""Notices: a new table."""

import django.db.models.deletion
import django.db.models.functions.datetime
from django.db import migrations, models

import kernel.ids


class Migration(migrations.Migration):
    dependencies = [
        ("accounts", "0009_notice_mail"),
        ("projects", "0012_worker_filter"),
        ("tasks", "0039_questions"),
    ]

    operations = [
        migrations.RunSQL("SET LOCAL lock_timeout = '5s'", migrations.RunSQL.noop),
        migrations.CreateModel(
            name="Notice",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("public_id", models.UUIDField(default=kernel.ids.new_public_id, editable=False, unique=True)),
                (
                    "kind",
                    models.CharField(
                        choices=[
                            ("work_opened", "Work Opened"),
                            ("money_approved", "Money Approved"),
                            ("money_paid", "Money Paid"),
                            ("question_answered", "Question Answered"),
                            ("appeal_decided", "Appeal Decided"),
                            ("question_asked", "Question Asked"),
                        ],
                        max_length=20,
                    ),
                ),
                ("key", models.CharField(max_length=80)),
                ("data", models.JSONField(default=dict)),
                ("created_at", models.DateTimeField(db_default=django.db.models.functions.datetime.Now())),
                ("read_at", models.DateTimeField(null=True)),
                ("mail_at", models.DateTimeField(null=True)),
                ("mailed_at", models.DateTimeField(null=True)),
                ("mail_lease_until", models.DateTimeField(null=True)),
                (
                    "organisation",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="+",
                        to="accounts.organisation",
                    ),
                ),
                (
                    "project",
                    models.ForeignKey(
                        null=True, on_delete=django.db.models.deletion.CASCADE, related_name="+", to="projects.project"
                    ),
                ),
                (
                    "recipient",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="notices",
                        to="accounts.actor",
                    ),
                ),
            ],
            options={
                "indexes": [
                    models.Index(fields=["recipient", "id"], name="tasks_notice_of_recipient"),
                    models.Index(
                        condition=models.Q(("read_at__isnull", True)), fields=["recipient"], name="tasks_notice_unread"
                    ),
                    models.Index(
                        condition=models.Q(("mail_at__isnull", False), ("mailed_at__isnull", True)),
                        fields=["mail_at"],
                        name="tasks_notice_mail",
                    ),
                ],
                "constraints": [
                    models.UniqueConstraint(fields=("recipient", "key"), name="tasks_notice_one_per_recipient_and_key"),
                    models.UniqueConstraint(
                        condition=models.Q(("kind__in", ["work_opened", "question_asked"]), ("read_at__isnull", True)),
                        fields=("recipient", "project", "kind"),
                        name="tasks_notice_one_unread_of_a_kind",
                    ),
                ],
            },
        ),
    ]
