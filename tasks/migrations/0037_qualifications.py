"""Qualifications: their images, attempts, who passed, and the projects that require them. Six new tables."""

import django.db.models.deletion
from django.db import migrations, models

import kernel.ids


class Migration(migrations.Migration):
    dependencies = [
        ("accounts", "0007_blocks"),
        ("projects", "0012_worker_filter"),
        ("tasks", "0036_changes_of_classes"),
    ]

    operations = [
        migrations.RunSQL("SET LOCAL lock_timeout = '5s'", migrations.RunSQL.noop),
        migrations.CreateModel(
            name="Qualification",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("public_id", models.UUIDField(default=kernel.ids.new_public_id, editable=False, unique=True)),
                ("name", models.CharField(max_length=120)),
                (
                    "state",
                    models.CharField(
                        choices=[("draft", "Draft"), ("open", "Open"), ("closed", "Closed")],
                        default="draft",
                        max_length=10,
                    ),
                ),
                ("pass_mark", models.FloatField(default=0.8)),
                ("exam_images", models.PositiveSmallIntegerField(default=10)),
                ("practice_images", models.PositiveSmallIntegerField(default=10)),
                ("exam_minutes", models.PositiveSmallIntegerField(default=30)),
                ("attempts", models.PositiveSmallIntegerField(default=3)),
                ("wait_hours", models.PositiveSmallIntegerField(default=24)),
                ("created_at", models.DateTimeField(auto_now_add=True)),
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
                    "organisation",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="qualifications",
                        to="accounts.organisation",
                    ),
                ),
                (
                    "project",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="qualifications",
                        to="projects.project",
                    ),
                ),
            ],
        ),
        migrations.CreateModel(
            name="Attempt",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("public_id", models.UUIDField(default=kernel.ids.new_public_id, editable=False, unique=True)),
                ("kind", models.CharField(choices=[("practice", "Practice"), ("exam", "Exam")], max_length=10)),
                (
                    "state",
                    models.CharField(
                        choices=[("live", "Live"), ("done", "Done"), ("passed", "Passed"), ("failed", "Failed")],
                        default="live",
                        max_length=10,
                    ),
                ),
                ("number", models.PositiveIntegerField(null=True)),
                ("pass_mark", models.FloatField()),
                ("correct", models.PositiveSmallIntegerField(null=True)),
                ("images", models.PositiveSmallIntegerField()),
                ("created_at", models.DateTimeField()),
                ("expires_at", models.DateTimeField(null=True)),
                ("ended_at", models.DateTimeField(null=True)),
                (
                    "schema",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="+", to="projects.labelschema"
                    ),
                ),
                (
                    "worker",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="+", to="accounts.actor"
                    ),
                ),
                (
                    "qualification",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="attempts_made",
                        to="tasks.qualification",
                    ),
                ),
            ],
        ),
        migrations.CreateModel(
            name="QualificationGrant",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("source", models.CharField(choices=[("exam", "Exam"), ("manager", "Manager")], max_length=10)),
                ("score", models.FloatField(null=True)),
                ("granted_at", models.DateTimeField()),
                ("revoked_at", models.DateTimeField(null=True)),
                (
                    "granted_by",
                    models.ForeignKey(
                        db_index=False,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="accounts.actor",
                    ),
                ),
                (
                    "qualification",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="grants",
                        to="tasks.qualification",
                    ),
                ),
                (
                    "revoked_by",
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
            name="QualificationImage",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("public_id", models.UUIDField(default=kernel.ids.new_public_id, editable=False, unique=True)),
                ("use", models.CharField(choices=[("practice", "Practice"), ("exam", "Exam")], max_length=10)),
                ("accepted", models.JSONField()),
                ("tolerance", models.JSONField(default=dict)),
                ("explanation", models.CharField(blank=True, default="", max_length=1000)),
                ("created_at", models.DateTimeField(auto_now_add=True)),
                ("retired_at", models.DateTimeField(null=True)),
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
                    "image",
                    models.ForeignKey(
                        db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name="+", to="tasks.image"
                    ),
                ),
                (
                    "qualification",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="images", to="tasks.qualification"
                    ),
                ),
            ],
        ),
        migrations.CreateModel(
            name="AttemptItem",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("public_id", models.UUIDField(default=kernel.ids.new_public_id, editable=False, unique=True)),
                ("position", models.PositiveSmallIntegerField()),
                ("body", models.JSONField(null=True)),
                ("seconds", models.FloatField(null=True)),
                ("answered_at", models.DateTimeField(null=True)),
                ("correct", models.BooleanField(null=True)),
                ("score", models.FloatField(null=True)),
                ("why", models.CharField(blank=True, default="", max_length=300)),
                (
                    "attempt",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="items",
                        to="tasks.attempt",
                    ),
                ),
                (
                    "source",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="+", to="tasks.qualificationimage"
                    ),
                ),
            ],
        ),
        migrations.CreateModel(
            name="Requirement",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("created_at", models.DateTimeField(auto_now_add=True)),
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
                        related_name="requirements",
                        to="projects.project",
                    ),
                ),
                (
                    "qualification",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="requirements",
                        to="tasks.qualification",
                    ),
                ),
            ],
        ),
        migrations.AddConstraint(
            model_name="qualification",
            constraint=models.UniqueConstraint(
                fields=("organisation", "name"), name="tasks_qualification_one_name_per_organisation"
            ),
        ),
        migrations.AddConstraint(
            model_name="qualification",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("attempts__range", (1, 100)),
                    ("exam_images__range", (1, 100)),
                    ("exam_minutes__range", (1, 1440)),
                    ("pass_mark__gt", 0),
                    ("pass_mark__lte", 1),
                    ("practice_images__range", (1, 100)),
                    ("wait_hours__lte", 8760),
                ),
                name="tasks_qualification_sizes_in_range",
            ),
        ),
        migrations.AddIndex(
            model_name="attempt",
            index=models.Index(fields=["qualification", "worker", "kind"], name="tasks_attempt_of_worker"),
        ),
        migrations.AddConstraint(
            model_name="attempt",
            constraint=models.UniqueConstraint(
                condition=models.Q(("state", "live")),
                fields=("qualification", "worker", "kind"),
                name="tasks_attempt_one_live_per_kind",
            ),
        ),
        migrations.AddConstraint(
            model_name="attempt",
            constraint=models.UniqueConstraint(
                condition=models.Q(("kind", "exam")),
                fields=("qualification", "worker", "number"),
                name="tasks_attempt_one_number_per_exam",
            ),
        ),
        migrations.AddIndex(
            model_name="qualificationgrant",
            index=models.Index(fields=["qualification", "id"], name="tasks_grant_of_qualification"),
        ),
        migrations.AddConstraint(
            model_name="qualificationgrant",
            constraint=models.UniqueConstraint(
                condition=models.Q(("revoked_at__isnull", True)),
                fields=("qualification", "worker"),
                name="tasks_qualificationgrant_one_per_worker",
            ),
        ),
        migrations.AddConstraint(
            model_name="qualificationimage",
            constraint=models.UniqueConstraint(fields=("image",), name="tasks_qualificationimage_one_per_image"),
        ),
        migrations.AddConstraint(
            model_name="attemptitem",
            constraint=models.UniqueConstraint(
                fields=("attempt", "position"), name="tasks_attemptitem_one_per_position"
            ),
        ),
        migrations.AddConstraint(
            model_name="attemptitem",
            constraint=models.UniqueConstraint(fields=("attempt", "source"), name="tasks_attemptitem_one_per_image"),
        ),
        migrations.AddConstraint(
            model_name="requirement",
            constraint=models.UniqueConstraint(
                fields=("project", "qualification"), name="tasks_requirement_one_per_project_and_qualification"
            ),
        ),
    ]
