"""Questions about images: two new tables."""

import django.db.models.deletion
from django.db import migrations, models

import kernel.ids


class Migration(migrations.Migration):
    dependencies = [
        ("accounts", "0008_profiles"),
        ("projects", "0012_worker_filter"),
        ("tasks", "0038_skills"),
    ]

    operations = [
        migrations.RunSQL("SET LOCAL lock_timeout = '5s'", migrations.RunSQL.noop),
        migrations.CreateModel(
            name="ImageThread",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("public_id", models.UUIDField(default=kernel.ids.new_public_id, editable=False, unique=True)),
                (
                    "state",
                    models.CharField(
                        choices=[("open", "Open"), ("answered", "Answered")], default="open", max_length=10
                    ),
                ),
                ("messages_count", models.PositiveSmallIntegerField(default=0)),
                ("asked_at", models.DateTimeField()),
                ("answered_at", models.DateTimeField(null=True)),
                ("rule_version", models.PositiveIntegerField(null=True)),
                (
                    "answered_by",
                    models.ForeignKey(
                        db_index=False,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="accounts.actor",
                    ),
                ),
                (
                    "assignment",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.CASCADE, related_name="thread", to="tasks.assignment"
                    ),
                ),
                (
                    "project",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="+",
                        to="projects.project",
                    ),
                ),
                (
                    "worker",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="accounts.actor",
                    ),
                ),
            ],
        ),
        migrations.CreateModel(
            name="ThreadMessage",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("from_worker", models.BooleanField()),
                ("body", models.CharField(max_length=1000)),
                ("created_at", models.DateTimeField()),
                (
                    "author",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="accounts.actor",
                    ),
                ),
                (
                    "thread",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="messages", to="tasks.imagethread"
                    ),
                ),
            ],
        ),
        migrations.AddIndex(
            model_name="imagethread",
            index=models.Index(fields=["project", "state", "id"], name="tasks_imagethread_queue"),
        ),
        migrations.AddIndex(
            model_name="imagethread",
            index=models.Index(fields=["worker", "id"], name="tasks_imagethread_of_worker"),
        ),
        migrations.AddConstraint(
            model_name="imagethread",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("state", "answered"), _negated=True),
                    models.Q(("answered_at__isnull", False), ("answered_by__isnull", False)),
                    _connector="OR",
                ),
                name="tasks_imagethread_answered_has_time",
            ),
        ),
        migrations.AddConstraint(
            model_name="imagethread",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("rule_version__isnull", True),
                    models.Q(("answered_at__isnull", False), ("rule_version__gt", 0)),
                    _connector="OR",
                ),
                name="tasks_imagethread_rule_is_a_version",
            ),
        ),
        migrations.AddIndex(
            model_name="threadmessage",
            index=models.Index(
                condition=models.Q(("from_worker", True)),
                fields=["author", "created_at"],
                name="tasks_threadmessage_asked",
            ),
        ),
        migrations.AddConstraint(
            model_name="threadmessage",
            constraint=models.CheckConstraint(
                condition=models.Q(("body", ""), _negated=True), name="tasks_threadmessage_not_empty"
            ),
        ),
    ]
