"""Changes of classes, what their images were before, and verdicts that they carry to labels with other classes.

Three new tables, and a column that may be null. Carried verdicts are not counted as further reviews of workers.
"""

import django.db.models.deletion
from django.db import migrations, models

import kernel.ids

TRIGGER = """
DROP TRIGGER tasks_review_evidence ON tasks_review;
CREATE CONSTRAINT TRIGGER tasks_review_evidence AFTER INSERT ON tasks_review DEFERRABLE INITIALLY DEFERRED
    FOR EACH ROW WHEN (NOT NEW.by_policy AND NEW.annotation_id IS NULL AND NEW.verdict IN ('approve', 'reject')%s)
    EXECUTE FUNCTION tasks_count_review();
"""


class Migration(migrations.Migration):
    dependencies = [
        ("accounts", "0007_blocks"),
        ("projects", "0011_changes_of_classes_and_instructions"),
        ("tasks", "0035_confirmed_instructions"),
    ]

    operations = [
        migrations.RunSQL("SET LOCAL lock_timeout = '5s'", migrations.RunSQL.noop),
        migrations.AddField(
            model_name="review",
            name="carried_from",
            field=models.ForeignKey(
                db_constraint=False,
                db_index=False,
                null=True,
                on_delete=django.db.models.deletion.DO_NOTHING,
                related_name="+",
                to="tasks.review",
            ),
        ),
        migrations.RunSQL(TRIGGER % " AND NEW.carried_from_id IS NULL", TRIGGER % ""),
        migrations.CreateModel(
            name="ClassChange",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("public_id", models.UUIDField(default=kernel.ids.new_public_id, editable=False, unique=True)),
                (
                    "kind",
                    models.CharField(
                        choices=[("rename", "Rename"), ("merge", "Merge"), ("split", "Split"), ("retire", "Retire")],
                        max_length=10,
                    ),
                ),
                (
                    "state",
                    models.CharField(
                        choices=[
                            ("applying", "Applying"),
                            ("applied", "Applied"),
                            ("restoring", "Restoring"),
                            ("restored", "Restored"),
                        ],
                        default="applying",
                        max_length=10,
                    ),
                ),
                ("mapping", models.JSONField(default=dict)),
                ("golds", models.JSONField(default=list)),
                ("images", models.PositiveIntegerField(default=0)),
                ("reason", models.CharField(max_length=500)),
                ("created_at", models.DateTimeField()),
                ("finished_at", models.DateTimeField(null=True)),
                ("undo_reason", models.CharField(blank=True, default="", max_length=500)),
                ("undone_at", models.DateTimeField(null=True)),
                (
                    "after",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="projects.labelschema",
                    ),
                ),
                (
                    "before",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="projects.labelschema",
                    ),
                ),
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
                        on_delete=django.db.models.deletion.CASCADE, related_name="class_changes", to="projects.project"
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
            ],
        ),
        migrations.CreateModel(
            name="ChangedTask",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "state",
                    models.CharField(
                        choices=[
                            ("changed", "Changed"),
                            ("updated", "Updated"),
                            ("returned", "Returned"),
                            ("restored", "Restored"),
                        ],
                        default="changed",
                        max_length=10,
                    ),
                ),
                ("before", models.JSONField()),
                ("label", models.BigIntegerField(null=True)),
                ("review", models.BigIntegerField(null=True)),
                ("freed", models.JSONField(default=list)),
                ("round", models.PositiveSmallIntegerField(null=True)),
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
                    "task",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="class_changes", to="tasks.task"
                    ),
                ),
                (
                    "change",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="tasks",
                        to="tasks.classchange",
                    ),
                ),
            ],
        ),
        migrations.CreateModel(
            name="ChangedRelease",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("labels", models.PositiveIntegerField()),
                (
                    "snapshot",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="class_changes", to="tasks.snapshot"
                    ),
                ),
                (
                    "change",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="releases",
                        to="tasks.classchange",
                    ),
                ),
            ],
        ),
        migrations.AddConstraint(
            model_name="classchange",
            constraint=models.UniqueConstraint(
                condition=models.Q(("state__in", ["applying", "restoring"])),
                fields=("project",),
                name="tasks_classchange_one_unfinished_per_project",
            ),
        ),
        migrations.AddConstraint(
            model_name="classchange",
            constraint=models.CheckConstraint(
                condition=models.Q(("reason", ""), _negated=True), name="tasks_classchange_has_reason"
            ),
        ),
        migrations.AddIndex(
            model_name="changedtask",
            index=models.Index(fields=["change", "state", "batch"], name="tasks_changedtask_to_do"),
        ),
        migrations.AddConstraint(
            model_name="changedtask",
            constraint=models.UniqueConstraint(fields=("change", "task"), name="tasks_changedtask_once_per_change"),
        ),
        migrations.AddConstraint(
            model_name="changedrelease",
            constraint=models.UniqueConstraint(
                fields=("change", "snapshot"), name="tasks_changedrelease_once_per_change"
            ),
        ),
    ]
