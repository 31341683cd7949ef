"""Indexes for the pages and lists of big projects. Each new one replaces one that it covers, where there is such a one."""

from django.contrib.postgres.operations import AddIndexConcurrently, RemoveIndexConcurrently
from django.db import migrations, models
from django.db.models import CASCADE, PROTECT, Index, Q


def without_index(
    index: str, model: str, name: str, to: str, related_name: str, on_delete: object
) -> migrations.SeparateDatabaseAndState:
    """Drop the index of a foreign key. AlterField would also drop the key and check all rows again under a lock."""
    field = models.ForeignKey(to=to, related_name=related_name, on_delete=on_delete, db_index=False)
    create = f"CREATE INDEX CONCURRENTLY IF NOT EXISTS {index} ON tasks_{model} ({name}_id)"
    return migrations.SeparateDatabaseAndState(
        database_operations=[migrations.RunSQL(f"DROP INDEX CONCURRENTLY IF EXISTS {index}", create)],
        state_operations=[migrations.AlterField(model, name, field)],
    )


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
        without_index(
            "tasks_annotation_actor_id_0ce04ea4", "annotation", "actor", "accounts.actor", "annotations", PROTECT
        ),
        without_index(
            "tasks_annotation_project_id_a263e4eb", "annotation", "project", "projects.project", "annotations", CASCADE
        ),
        without_index(
            "tasks_consensuslabel_task_id_d1184138", "consensuslabel", "task", "tasks.task", "labels", CASCADE
        ),
        without_index("tasks_image_dataset_id_884a79ab", "image", "dataset", "projects.dataset", "images", CASCADE),
        without_index("tasks_task_project_id_a2815f0c", "task", "project", "projects.project", "tasks", CASCADE),
    ]
