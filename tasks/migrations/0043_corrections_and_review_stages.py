"""Images that reviewers send back to their workers, and stages of review. Nullable columns, constant defaults and new
tables: no row is written. The index is on a table with a row for each rejected answer."""

import django.db.models.deletion
from django.db import migrations, models
from django.db.models import Q
from django.db.models.functions import Now

import kernel.ids

ID = models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")
VERDICTS = [("approve", "Approve"), ("fix", "Fix"), ("reject", "Reject")]
LABELS = [("all", "All"), ("share", "Share"), ("doubtful", "Doubtful"), ("rejected", "Rejected")]


class Migration(migrations.Migration):
    dependencies = [
        ("accounts", "0008_profiles"),
        ("projects", "0014_send_back_days"),
        ("tasks", "0042_teams_and_applications"),
    ]

    operations = [
        migrations.RunSQL("SET LOCAL lock_timeout = '5s'", migrations.RunSQL.noop),
        migrations.AddField("assignment", "is_correction", models.BooleanField(db_default=False, default=False)),
        migrations.AddField("rejectedanswer", "is_sent_back", models.BooleanField(db_default=False, default=False)),
        migrations.AddField(
            "rejectedanswer",
            "correction",
            models.OneToOneField(
                null=True,
                on_delete=django.db.models.deletion.SET_NULL,
                related_name="corrects",
                to="tasks.assignment",
            ),
        ),
        migrations.AddField("rejectedanswer", "kept_until", models.DateTimeField(null=True)),
        migrations.AddField("rejectedanswer", "is_kept", models.BooleanField(db_default=False, default=False)),
        migrations.AddField("rejectedanswer", "is_corrected", models.BooleanField(null=True)),
        migrations.AddIndex(
            "rejectedanswer",
            models.Index(fields=["worker", "project"], condition=Q(is_kept=True), name="tasks_rejectedanswer_kept"),
        ),
        migrations.CreateModel(
            name="ReviewStage",
            fields=[
                ("id", ID),
                ("public_id", models.UUIDField(default=kernel.ids.new_public_id, editable=False, unique=True)),
                ("position", models.PositiveSmallIntegerField()),
                ("name", models.CharField(max_length=40)),
                (
                    "role",
                    models.CharField(
                        choices=[("reviewer", "Reviewer"), ("client", "Client")], default="reviewer", max_length=10
                    ),
                ),
                ("members", models.JSONField(default=list)),
                ("people_filter", models.TextField(blank=True, default="")),
                ("labels", models.CharField(choices=LABELS, default="all", max_length=10)),
                ("share", models.FloatField(default=1.0)),
                ("price", models.DecimalField(decimal_places=6, default=0, max_digits=14)),
                ("is_current", models.BooleanField(default=True)),
                ("created_at", models.DateTimeField(db_default=Now())),
                (
                    "project",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="review_stages",
                        to="projects.project",
                    ),
                ),
            ],
        ),
        migrations.CreateModel(
            name="StagePass",
            fields=[
                ("id", ID),
                ("public_id", models.UUIDField(default=kernel.ids.new_public_id, editable=False, unique=True)),
                ("verdict", models.CharField(choices=VERDICTS, max_length=10)),
                ("created_at", models.DateTimeField(db_default=Now())),
                (
                    "label",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="stage_passes",
                        to="tasks.consensuslabel",
                    ),
                ),
                (
                    "reviewer",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="+", to="accounts.actor"
                    ),
                ),
                (
                    "stage",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="passes",
                        to="tasks.reviewstage",
                    ),
                ),
                (
                    "task",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="stage_passes", to="tasks.task"
                    ),
                ),
            ],
            options={
                "constraints": [
                    models.UniqueConstraint(
                        condition=~Q(verdict="reject"),
                        fields=("label", "stage"),
                        name="tasks_stagepass_one_per_label_and_stage",
                    )
                ]
            },
        ),
    ]
