"""Changes of a project's classes: what was changed, what its images were before, and the releases that rest on it."""

from django.db import models
from django.db.models import Q

from accounts.models import Actor
from kernel.ids import new_public_id
from projects.models import LabelSchema, Project
from tasks.repair.models import MAX_REASON

ONE_UNFINISHED_CHANGE = "tasks_classchange_one_unfinished_per_project"
CHANGE_HAS_REASON = "tasks_classchange_has_reason"
ONE_CHANGED_TASK = "tasks_changedtask_once_per_change"
ONE_CHANGED_RELEASE = "tasks_changedrelease_once_per_change"


class ClassChange(models.Model):
    """Classes of a project that were renamed, merged, split or retired. States: applying -> applied -> restoring ->
    restored.

    From the commit of the row on, answers are read as the mapping of the schema `after` says; a job then brings the
    labels up to date, and sets the state to applied when all of that is done. Undoing it is the same the other way
    around. `mapping` is what this change alone adds: {number: number that it is read as, null for a split class}.
    `images` is how many images the job has dealt with. `golds`: the check images that it took out of use.
    """

    class Kind(models.TextChoices):
        RENAME = "rename"
        MERGE = "merge"
        SPLIT = "split"
        RETIRE = "retire"

    class State(models.TextChoices):
        APPLYING = "applying"
        APPLIED = "applied"
        RESTORING = "restoring"
        RESTORED = "restored"

    public_id = models.UUIDField(default=new_public_id, unique=True, editable=False)
    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="class_changes")
    kind = models.CharField(max_length=10, choices=Kind.choices)
    state = models.CharField(max_length=10, choices=State.choices, default=State.APPLYING)
    mapping = models.JSONField(default=dict)
    before = models.ForeignKey(LabelSchema, on_delete=models.PROTECT, related_name="+", db_index=False)
    after = models.ForeignKey(LabelSchema, on_delete=models.PROTECT, related_name="+", db_index=False)
    golds = models.JSONField(default=list)
    images = models.PositiveIntegerField(default=0)
    reason = models.CharField(max_length=MAX_REASON)
    created_by = models.ForeignKey(Actor, on_delete=models.PROTECT, related_name="+", db_index=False)
    created_at = models.DateTimeField()
    finished_at = models.DateTimeField(null=True)
    undo_reason = models.CharField(max_length=MAX_REASON, default="", blank=True)
    undone_by = models.ForeignKey(Actor, on_delete=models.PROTECT, null=True, related_name="+", db_index=False)
    undone_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["project"], condition=Q(state__in=["applying", "restoring"]), name=ONE_UNFINISHED_CHANGE
            ),
            models.CheckConstraint(condition=~Q(reason=""), name=CHANGE_HAS_REASON),
        ]


class ChangedTask(models.Model):
    """An image that a change of classes concerned, with what it was before, for the undo.

    `before` is `flow.repair_record.Before` as JSON. `label`, `review`: the row ids of the label and the verdict that
    the change wrote for it. States: changed -> updated, once the label is up to date; updated -> restored, by way of
    returned if the label has to be brought up to date then, too.
    """

    class State(models.TextChoices):
        CHANGED = "changed"
        UPDATED = "updated"
        RETURNED = "returned"
        RESTORED = "restored"

    change = models.ForeignKey(ClassChange, on_delete=models.CASCADE, related_name="tasks", db_index=False)
    task = models.ForeignKey("tasks.Task", on_delete=models.CASCADE, related_name="class_changes")
    # Without a constraint in the database: a check of each deleted batch would need an index for it.
    batch = models.ForeignKey(
        "tasks.Batch", on_delete=models.DO_NOTHING, related_name="+", db_index=False, db_constraint=False
    )
    state = models.CharField(max_length=10, choices=State.choices, default=State.CHANGED)
    before = models.JSONField()
    label = models.BigIntegerField(null=True)
    review = models.BigIntegerField(null=True)
    # The assignments whose answers count no more, because they name a class that was split.
    freed = models.JSONField(default=list)
    # The round in which the image is labeled again, if it is.
    round = models.PositiveSmallIntegerField(null=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["change", "task"], name=ONE_CHANGED_TASK)]
        indexes = [models.Index(fields=["change", "state", "batch"], name="tasks_changedtask_to_do")]


class ChangedRelease(models.Model):
    """A release with labels of the changed classes; the release itself never changes."""

    change = models.ForeignKey(ClassChange, on_delete=models.CASCADE, related_name="releases", db_index=False)
    snapshot = models.ForeignKey("tasks.Snapshot", on_delete=models.CASCADE, related_name="class_changes")
    labels = models.PositiveIntegerField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["change", "snapshot"], name=ONE_CHANGED_RELEASE)]
