"""Repairs: answers of a worker that are void, what was before, and the releases that contain labels resting on them.

The second lowest stage, so that every other one may read which answers are void.
"""

from django.db import models
from django.db.models import F, Q

from accounts.models import Actor
from kernel.ids import new_public_id
from projects.models import Project

ONE_UNFINISHED = "tasks_repair_one_unfinished_per_project_and_worker"
RANGE_IN_ORDER = "tasks_repair_since_is_before_until"
HAS_REASON = "tasks_repair_has_reason"
UNDONE_HAS_TIME = "tasks_repair_undone_has_time"
ONE_REPAIRED_TASK = "tasks_repairedtask_once_per_repair"
ONE_REPAIRED_RELEASE = "tasks_repairedrelease_once_per_repair"
MAX_REASON = 500


class Repair(models.Model):
    """The answers that a worker submitted in a project from `since` (None: the first) until just before `until` are
    void. States: voiding -> voided -> restoring -> restored.

    While it is voiding or voided, nothing reads these answers (`repair.selectors`), from the commit of the row on; a
    job then frees their slots and brings the labels up to date, and sets the state to voided when all of that is done.
    Undoing it is the same the other way around. `amount` is what was taken back from the worker. `images` is how many
    images the job has to deal with, and `done` how many it has.
    """

    class State(models.TextChoices):
        VOIDING = "voiding"
        VOIDED = "voided"
        RESTORING = "restoring"
        RESTORED = "restored"

    class Pay(models.TextChoices):
        KEEP = "keep"
        TAKE_BACK = "take_back"

    public_id = models.UUIDField(default=new_public_id, unique=True, editable=False)
    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="repairs", db_index=False)
    worker = models.ForeignKey(Actor, on_delete=models.PROTECT, related_name="+")
    since = models.DateTimeField(null=True)
    until = models.DateTimeField()
    state = models.CharField(max_length=10, choices=State.choices, default=State.VOIDING)
    pay = models.CharField(max_length=10, choices=Pay.choices, default=Pay.KEEP)
    amount = models.DecimalField(max_digits=14, decimal_places=6, default=0)
    answers = models.PositiveIntegerField(default=0)
    images = models.PositiveIntegerField(default=0)
    done = models.PositiveIntegerField(default=0)
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
                fields=["project", "worker"], condition=Q(state__in=["voiding", "restoring"]), name=ONE_UNFINISHED
            ),
            models.CheckConstraint(condition=Q(since__isnull=True) | Q(since__lt=F("until")), name=RANGE_IN_ORDER),
            models.CheckConstraint(condition=~Q(reason=""), name=HAS_REASON),
            models.CheckConstraint(
                condition=Q(state__in=["voiding", "voided"], undone_at__isnull=True)
                | Q(state__in=["restoring", "restored"], undone_at__isnull=False),
                name=UNDONE_HAS_TIME,
            ),
        ]
        indexes = [models.Index(fields=["project", "worker"], name="tasks_repair_of_worker")]


class RepairedTask(models.Model):
    """An image whose counting answer a repair voided, with what it was before, for the undo.

    `before` is `flow.repair_record.Before` as JSON. It can be put back as it was only while `is_exact`: an earlier
    repair of the same image that is undone later makes it false. States: voided -> updated, once the label is up to
    date; updated -> restored, by way of returned if the label has to be brought up to date then, too.
    """

    class State(models.TextChoices):
        VOIDED = "voided"
        UPDATED = "updated"
        RETURNED = "returned"
        RESTORED = "restored"

    class Effect(models.TextChoices):
        """kept, changed: of a label that other answers still support. reopened: a finished image is labeled again.
        waiting: the image was not finished, and one more answer is wanted."""

        KEPT = "kept"
        CHANGED = "changed"
        REOPENED = "reopened"
        WAITING = "waiting"

    repair = models.ForeignKey(Repair, on_delete=models.CASCADE, related_name="tasks", db_index=False)
    task = models.ForeignKey("tasks.Task", on_delete=models.CASCADE, related_name="repairs")
    # Without constraints in the database: a check of each deleted assignment or batch would need an index for it.
    assignment = models.ForeignKey(
        "tasks.Assignment", on_delete=models.DO_NOTHING, related_name="+", db_index=False, db_constraint=False
    )
    batch = models.ForeignKey(
        "tasks.Batch", on_delete=models.DO_NOTHING, related_name="+", db_index=False, db_constraint=False
    )
    state = models.CharField(max_length=10, choices=State.choices, default=State.VOIDED)
    effect = models.CharField(max_length=10, choices=Effect.choices)
    is_exact = models.BooleanField(default=True, db_default=True)
    before = models.JSONField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["repair", "assignment"], name=ONE_REPAIRED_TASK)]
        indexes = [models.Index(fields=["repair", "state", "batch"], name="tasks_repairedtask_to_do")]


class RepairedRelease(models.Model):
    """A release that contains labels which rest on the answers of a repair; the release itself never changes."""

    repair = models.ForeignKey(Repair, on_delete=models.CASCADE, related_name="releases", db_index=False)
    snapshot = models.ForeignKey("tasks.Snapshot", on_delete=models.CASCADE, related_name="repairs")
    labels = models.PositiveIntegerField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["repair", "snapshot"], name=ONE_REPAIRED_RELEASE)]
