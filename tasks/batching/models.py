"""Batches and tasks."""

from django.db import models
from django.db.models import F, OrderBy, Q
from django.db.models.functions import Random
from django.db.models.lookups import GreaterThanOrEqual

from accounts.models import Team
from kernel.ids import new_public_id
from projects.models import Project
from tasks.ingest.models import Image

BATCH_NUMBER = "tasks_batch_number_once_per_project"
BATCH_SLOTS = "tasks_batch_taken_between_0_and_wanted"
TASK_SLOTS = "tasks_task_taken_between_0_and_wanted"
ASKED_AGAIN = "tasks_task_asked_again_is_approved"
TASK_IMAGE = "tasks_task_one_per_project_and_image"


class Batch(models.Model):
    """A small slice of a project's tasks: the unit that a manager opens, prioritizes, monitors and approves.

    States: draft -> open <-> paused; open -> approved; approved -> open when a task reopens. `wanted` and `taken` are
    the sums over its tasks; `generation` rises when a slot reopens, which invalidates the workers' batch cursors.
    """

    class State(models.TextChoices):
        DRAFT = "draft"
        OPEN = "open"
        PAUSED = "paused"
        APPROVED = "approved"

    public_id = models.UUIDField(default=new_public_id, unique=True, editable=False)
    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="batches")
    number = models.PositiveIntegerField()
    state = models.CharField(max_length=10, choices=State.choices, default=State.DRAFT)
    priority = models.IntegerField(default=0)
    # When its answers should be in; among batches of one priority the earliest comes first.
    deadline_at = models.DateTimeField(null=True)
    # Only its members get images of the batch; null for everybody. No index: nothing is looked up by it.
    team = models.ForeignKey(Team, on_delete=models.PROTECT, null=True, related_name="+", db_index=False)
    wanted = models.PositiveIntegerField(default=0)
    taken = models.PositiveIntegerField(default=0)
    generation = models.PositiveIntegerField(default=0)
    created_at = models.DateTimeField(auto_now_add=True)
    opened_at = models.DateTimeField(null=True)
    approved_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["project", "number"], name=BATCH_NUMBER),
            models.CheckConstraint(condition=Q(taken__lte=F("wanted")), name=BATCH_SLOTS),
        ]
        indexes = [
            # The order of claims: see `assignment.claiming`. It leads with the priority: with `ORDER BY id` alone the
            # planner walked the primary key over finished rows.
            models.Index(
                F("project"),
                F("priority").desc(),
                F("deadline_at").asc(),
                OrderBy(GreaterThanOrEqual(F("taken") * 4, F("wanted") * 3), descending=True),
                F("number").asc(),
                condition=Q(state="open", taken__lt=F("wanted")),
                name="tasks_batch_in_claim_order",
            )
        ]


class Task(models.Model):
    """One image to label in one project. States: open -> answered -> approved; back to open when slots reopen;
    open <-> left_out, by a manager's decision on an image that many workers skipped.

    An approved one that is `asked_again` gets more answers, because a manager wants more of each finished image. It
    stays approved meanwhile; its label changes if the new answers clearly say so.

    `wanted` is the number of its slots; `taken` counts the assignments that use one: live leases and counted
    submissions. A task without any is not work: its image is a check image, which the owner has labeled, or it is left
    out. While `is_set_aside`, no worker who has not had it is offered an open task.
    """

    class State(models.TextChoices):
        OPEN = "open"
        ANSWERED = "answered"
        APPROVED = "approved"
        LEFT_OUT = "left_out"

    public_id = models.UUIDField(default=new_public_id, unique=True, editable=False)
    # `db_index=False`: an index below starts with the column.
    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="tasks", db_index=False)
    batch = models.ForeignKey(Batch, on_delete=models.CASCADE, related_name="tasks")
    image = models.ForeignKey(Image, on_delete=models.PROTECT, related_name="tasks")
    state = models.CharField(max_length=10, choices=State.choices, default=State.OPEN)
    priority = models.IntegerField(default=0)
    wanted = models.PositiveSmallIntegerField()
    taken = models.PositiveSmallIntegerField(default=0)
    is_set_aside = models.BooleanField(default=False, db_default=False)
    asked_again = models.BooleanField(default=False, db_default=False)
    # The round of new claims; only a reviewer's rejection, which grants a redo, raises it.
    round = models.PositiveSmallIntegerField(default=1)
    # Claims take the tasks of a batch in this order, because the order of upload would tell gold from work. The images
    # of a group share one key, and a claim takes all of them or none.
    order_key = models.FloatField(db_default=Random(), editable=False)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["project", "image"], name=TASK_IMAGE),
            models.CheckConstraint(condition=Q(taken__lte=F("wanted")), name=TASK_SLOTS),
            models.CheckConstraint(condition=Q(asked_again=False) | Q(state="approved"), name=ASKED_AGAIN),
        ]
        indexes = [
            models.Index(
                fields=["batch", "-priority", "order_key"],
                condition=Q(taken__lt=F("wanted")),
                name="tasks_task_by_order_key",
            ),
            # For counts by state and for lists of a state in the order of the images, read from the index alone.
            models.Index(
                fields=["project", "state", "image"], include=["id", "public_id"], name="tasks_task_state_and_image"
            ),
            # Check images, which counts of the work leave out: few, so those counts need no rows of the table.
            models.Index(
                fields=["project", "state", "image"],
                include=["id"],
                condition=Q(wanted=0),
                name="tasks_task_not_work",
            ),
        ]
