"""Verdicts on labels."""

from django.db import models
from django.db.models import Q

from accounts.models import Actor
from kernel.ids import new_public_id
from projects.models import Project
from tasks.annotation.models import Annotation
from tasks.batching.models import Task
from tasks.consensus.models import ConsensusLabel

ONE_VERDICT = "tasks_review_one_current_per_label"
ONE_TASK_VERDICT = "tasks_review_one_current_per_task"
REJECT_HAS_REASON = "tasks_review_reject_has_reason"


class Review(models.Model):
    """A verdict that pins a label version by its hash.

    approve: the label is right. fix: a reviewer wrote a new version, which this verdict approves. reject: the label is
    wrong for the given reason, and the task reopens. A verdict stops being current when its label is replaced by one
    with another hash.
    """

    class Verdict(models.TextChoices):
        APPROVE = "approve"
        FIX = "fix"
        REJECT = "reject"

    public_id = models.UUIDField(default=new_public_id, unique=True, editable=False)
    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="reviews")
    task = models.ForeignKey(Task, on_delete=models.CASCADE, related_name="reviews")
    label = models.ForeignKey(ConsensusLabel, on_delete=models.CASCADE, related_name="reviews")
    label_hash = models.CharField(max_length=64)
    annotation = models.ForeignKey(Annotation, on_delete=models.CASCADE, null=True, related_name="reviews")
    reviewer = models.ForeignKey(Actor, on_delete=models.PROTECT, null=True, related_name="reviews")
    verdict = models.CharField(max_length=10, choices=Verdict.choices)
    reason = models.CharField(max_length=500, blank=True, default="")
    by_policy = models.BooleanField(default=False)
    is_current = models.BooleanField(default=True)
    # The verdict that this one repeats for the same label with other classes (`flow.class_change`). It is not counted
    # again. Without a constraint in the database: a check of each deleted verdict would need an index for it.
    carried_from = models.ForeignKey(
        "self", on_delete=models.DO_NOTHING, null=True, related_name="+", db_index=False, db_constraint=False
    )
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["label"], condition=Q(is_current=True, annotation__isnull=True), name=ONE_VERDICT
            ),
            models.UniqueConstraint(
                fields=["task"], condition=Q(is_current=True, annotation__isnull=True), name=ONE_TASK_VERDICT
            ),
            models.CheckConstraint(condition=~Q(verdict="reject") | ~Q(reason=""), name=REJECT_HAS_REASON),
        ]
        indexes = [
            models.Index(
                fields=["project", "label"],
                condition=Q(is_current=True, verdict="reject"),
                name="tasks_review_rejected",
            ),
            # Verdicts of people on labels; those of a batch's approval are many more.
            models.Index(
                fields=["project", "verdict"],
                condition=Q(by_policy=False, annotation__isnull=True),
                name="tasks_review_by_people",
            ),
        ]
