"""Indexes for the pages and lists of big projects. Each new one replaces one that it covers, where there is such a one."""

import django.db.models.deletion
from django.contrib.postgres.operations import AddIndexConcurrently, RemoveIndexConcurrently
from django.db import migrations, models
from django.db.models import Index, Q


def without_index(model: str, name: str, to: str, related_name: str, on_delete: object) -> migrations.AlterField:
    field = models.ForeignKey(to=to, related_name=related_name, on_delete=on_delete, db_index=False)
    return migrations.AlterField(model, name, field)


class Migration(migrations.Migration):
    # Built beside running work, which a transaction would not allow.
    atomic = False

    dependencies = [
        ("accounts", "0003_session_epoch"),
        ("projects", "0002_returns_per_day"),
        ("storage", "0003_database_clock"),
        ("tasks", "0015_fill_ledger_totals"),
    ]

    operations = [
        AddIndexConcurrently("annotation", Index(fields=["project", "id"], name="tasks_annotation_newest")),
        AddIndexConcurrently("annotation", Index(fields=["actor", "project", "id"], name="tasks_annotation_of_actor")),
        AddIndexConcurrently("image", Index(fields=["dataset", "id"], name="tasks_image_in_order")),
        AddIndexConcurrently(
            "task",
            Index(
                fields=["project", "state", "image"],
                include=["id", "public_id"],
                name="tasks_task_state_and_image",
            ),
        ),
        AddIndexConcurrently(
            "assignment",
            Index(
                fields=["project", "worker", "state"],
                condition=Q(state__in=["skipped", "expired"]),
                name="tasks_assignment_not_answered",
            ),
        ),
        AddIndexConcurrently(
            "consensuslabel",
            Index(
                fields=["project", "confidence", "id"],
                include=["task", "method"],
                condition=Q(is_current=True),
                name="tasks_label_by_confidence",
            ),
        ),
        AddIndexConcurrently(
            "consensuslabel",
            Index(
                fields=["project", "task"],
                condition=Q(is_current=True, body__verdict="cannot_tell"),
                name="tasks_label_cannot_tell",
            ),
        ),
        AddIndexConcurrently(
            "review",
            Index(
                fields=["project", "label"],
                condition=Q(is_current=True, verdict="reject"),
                name="tasks_review_rejected",
            ),
        ),
        AddIndexConcurrently(
            "review",
            Index(
                fields=["project", "verdict"],
                condition=Q(by_policy=False, annotation__isnull=True),
                name="tasks_review_by_people",
            ),
        ),
        RemoveIndexConcurrently("task", "tasks_task_by_state"),
        RemoveIndexConcurrently("consensuslabel", "tasks_label_least_sure"),
        without_index("annotation", "actor", "accounts.actor", "annotations", django.db.models.deletion.PROTECT),
        without_index("annotation", "project", "projects.project", "annotations", django.db.models.deletion.CASCADE),
        without_index("consensuslabel", "task", "tasks.task", "labels", django.db.models.deletion.CASCADE),
        without_index("image", "dataset", "projects.dataset", "images", django.db.models.deletion.CASCADE),
        without_index("task", "project", "projects.project", "tasks", django.db.models.deletion.CASCADE),
    ]
