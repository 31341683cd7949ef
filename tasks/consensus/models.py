"""What the crowd agreed on, in versions, and how sure it is."""

from django.db import models
from django.db.models import Q

from kernel.ids import new_public_id
from projects.models import Project
from tasks.batching.models import Task

LABEL_VERSION = "tasks_consensuslabel_version_once_per_task"
ONE_CURRENT_LABEL = "tasks_consensuslabel_one_current_per_task"


class ConsensusLabel(models.Model):
    """A version of a task's agreed label. Append-only: only `is_current` may change (a trigger refuses the rest).

    `content_hash` is `answers.content_hash` of the body; recomputing to the same hash writes no new version.
    `evidence` names method, answers and shares behind it. Made by a reviewer's fix, the method is `review`.
    """

    public_id = models.UUIDField(default=new_public_id, unique=True, editable=False)
    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="labels")
    task = models.ForeignKey(Task, on_delete=models.CASCADE, related_name="labels")
    version = models.PositiveIntegerField()
    is_current = models.BooleanField(default=True)
    body = models.JSONField()
    content_hash = models.CharField(max_length=64)
    method = models.CharField(max_length=40)
    confidence = models.FloatField()
    evidence = models.JSONField()
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["task", "version"], name=LABEL_VERSION),
            models.UniqueConstraint(fields=["task"], condition=Q(is_current=True), name=ONE_CURRENT_LABEL),
        ]
        indexes = [
            models.Index(fields=["project", "confidence"], condition=Q(is_current=True), name="tasks_label_least_sure")
        ]


class Posterior(models.Model):
    """The mutable belief beside a task's label; its state version tells readers which refit it came from."""

    task = models.OneToOneField(Task, on_delete=models.CASCADE, related_name="posterior")
    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="+")
    answers = models.PositiveSmallIntegerField(default=0)
    body = models.JSONField(default=dict)
    state_version = models.PositiveIntegerField(default=0)
    updated_at = models.DateTimeField(auto_now=True)
