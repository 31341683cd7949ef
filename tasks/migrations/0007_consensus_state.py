"""What a fit learnt of a project and its workers, in versions; how sure a posterior is; what models predict."""

import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("accounts", "0002_invitation_project"),
        ("projects", "0001_initial"),
        ("tasks", "0006_golds_had"),
    ]

    operations = [
        # New tables and a column without a default: an instant each, but it must not wait in front of running work.
        migrations.RunSQL("SET LOCAL lock_timeout = '5s'", migrations.RunSQL.noop),
        migrations.AddField(
            model_name="posterior",
            name="confidence",
            field=models.FloatField(null=True),
        ),
        migrations.CreateModel(
            name="ConsensusState",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("version", models.PositiveIntegerField()),
                ("is_current", models.BooleanField(default=True)),
                ("header", models.JSONField()),
                ("answers", models.PositiveBigIntegerField()),
                ("settled", models.BigIntegerField(default=0)),
                ("fingerprint", models.CharField(max_length=64)),
                ("seconds", models.FloatField(default=0.0)),
                ("created_at", models.DateTimeField(auto_now_add=True)),
                (
                    "project",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="+", to="projects.project"
                    ),
                ),
            ],
        ),
        migrations.CreateModel(
            name="Prediction",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("probabilities", models.JSONField()),
                (
                    "annotation",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.CASCADE, related_name="prediction", to="tasks.annotation"
                    ),
                ),
            ],
        ),
        migrations.CreateModel(
            name="WorkerReliability",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("body", models.JSONField()),
                (
                    "state",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="workers",
                        to="tasks.consensusstate",
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
        migrations.AddConstraint(
            model_name="consensusstate",
            constraint=models.UniqueConstraint(
                fields=("project", "version"), name="tasks_consensusstate_version_once_per_project"
            ),
        ),
        migrations.AddConstraint(
            model_name="consensusstate",
            constraint=models.UniqueConstraint(
                condition=models.Q(("is_current", True)),
                fields=("project",),
                name="tasks_consensusstate_one_current_per_project",
            ),
        ),
        migrations.AddConstraint(
            model_name="workerreliability",
            constraint=models.UniqueConstraint(
                fields=("state", "worker"), name="tasks_workerreliability_once_per_state_and_worker"
            ),
        ),
    ]
