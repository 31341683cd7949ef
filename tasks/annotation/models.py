"""Annotations: answers in immutable revisions."""

from django.db import models
from django.db.models import Q

from accounts.models import Actor
from kernel.ids import new_public_id
from projects.models import LabelSchema, Project
from tasks.assignment.models import Assignment
from tasks.batching.models import Task
from tasks.gold.models import Gold

ONE_CURRENT = "tasks_annotation_one_current_per_assignment"
ONE_REVISION = "tasks_annotation_revision_once_per_assignment"
SOURCE_ASSIGNMENT = "tasks_annotation_worker_has_assignment_others_none"
OF_TASK_OR_GOLD = "tasks_annotation_is_of_task_or_gold"


class Annotation(models.Model):
    """A revision of an answer. Only `is_current` may change (a trigger refuses other changes)."""

    class Source(models.TextChoices):
        WORKER = "worker"
        MODEL = "model"
        IMPORT = "import"
        REVIEWER = "reviewer"

    public_id = models.UUIDField(default=new_public_id, unique=True, editable=False)
    # `db_index=False`: an index below starts with the column.
    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="annotations", db_index=False)
    assignment = models.ForeignKey(Assignment, on_delete=models.CASCADE, null=True, related_name="annotations")
    task = models.ForeignKey(Task, on_delete=models.CASCADE, null=True, related_name="annotations")
    gold = models.ForeignKey(Gold, on_delete=models.CASCADE, null=True, related_name="+")
    actor = models.ForeignKey(Actor, on_delete=models.PROTECT, related_name="annotations", db_index=False)
    source = models.CharField(max_length=10, choices=Source.choices)
    schema = models.ForeignKey(LabelSchema, on_delete=models.PROTECT, related_name="+")
    revision = models.PositiveSmallIntegerField(default=1)
    is_current = models.BooleanField(default=True)
    body = models.JSONField()
    body_sha256 = models.CharField(max_length=64)
    raw_sha256 = models.CharField(max_length=64)
    seconds = models.FloatField(null=True)
    created_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["assignment", "revision"], name=ONE_REVISION),
            models.UniqueConstraint(fields=["assignment"], condition=Q(is_current=True), name=ONE_CURRENT),
            models.CheckConstraint(
                condition=Q(source="worker", assignment__isnull=False)
                | (~Q(source="worker") & Q(assignment__isnull=True)),
                name=SOURCE_ASSIGNMENT,
            ),
            models.CheckConstraint(
                condition=Q(task__isnull=True, gold__isnull=False) | Q(task__isnull=False, gold__isnull=True),
                name=OF_TASK_OR_GOLD,
            ),
        ]
        # The newest answers of a project and of each of its workers, for the figures that describe the current state.
        indexes = [
            models.Index(fields=["project", "id"], name="tasks_annotation_newest"),
            models.Index(fields=["actor", "project", "id"], name="tasks_annotation_of_actor"),
        ]
