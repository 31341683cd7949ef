"""A worker's standing: what the worker may do in a project, and why."""

from django.db import models
from django.db.models import Q

from accounts.models import Actor
from kernel.ids import new_public_id
from projects.models import Project

ONE_WAITING_APPLICATION = "tasks_application_one_waiting_per_project_and_worker"
ONE_STANDING = "tasks_standing_one_per_project_and_worker"


class Standing(models.Model):
    """A worker's standing in a project. States: active <-> paused; active | paused -> removed.

    A worker who left is removed too, with the state that an invitation brings them back to in `left_from`.

    What was measured of the worker is in `workers.models.WorkerEvidence`; `standing.trust` computes trust from it.
    """

    class State(models.TextChoices):
        ACTIVE = "active"
        PAUSED = "paused"
        REMOVED = "removed"

    class Stage(models.TextChoices):
        """What follows from doubtful answers, before a pause. Evidence raises and lowers it; a worker never sees it."""

        NONE = "none"
        COACHED = "coached"
        WATCHED = "watched"

    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="standings")
    worker = models.ForeignKey(Actor, on_delete=models.PROTECT, related_name="standings")
    state = models.CharField(max_length=10, choices=State.choices, default=State.ACTIVE)
    reason = models.CharField(max_length=300, blank=True, default="")
    # Empty for people who have not left, and for those who were removed for good.
    left_from = models.CharField(max_length=10, choices=State.choices, blank=True, default="", db_default="")
    stage = models.CharField(max_length=10, choices=Stage.choices, default=Stage.NONE, db_default=Stage.NONE)
    # A rule paused the worker, and no manager has decided yet whether they are removed or go on.
    awaits_decision = models.BooleanField(default=False, db_default=False)
    # The newest result of the tests of the worker's answers (`standing.findings.Findings`); null before the first.
    findings = models.JSONField(null=True)
    # Images skipped, released or expired since `returns_since`, which starts a period of one day.
    returns = models.PositiveIntegerField(default=0, db_default=0)
    returns_since = models.DateTimeField(null=True)
    # Images that claims gave to the worker, each counted once, check images too: in total, and on the day `images_day`
    # (UTC). Claims alone write them. `images` is None in a standing from before the column, until a cap needs it.
    images = models.PositiveIntegerField(null=True, default=0, db_default=0)
    images_today = models.PositiveIntegerField(default=0, db_default=0)
    images_day = models.DateField(null=True)
    qualifications = models.JSONField(default=dict)
    # The newest version of the instructions that the worker has confirmed; 0 is none.
    confirmed_version = models.PositiveIntegerField(default=0, db_default=0)
    created_at = models.DateTimeField(auto_now_add=True)
    changed_at = models.DateTimeField(auto_now=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["project", "worker"], name=ONE_STANDING)]


class Application(models.Model):
    """Somebody asks to work in a project. States: waiting -> accepted | declined | withdrawn."""

    class State(models.TextChoices):
        WAITING = "waiting"
        ACCEPTED = "accepted"
        DECLINED = "declined"
        WITHDRAWN = "withdrawn"

    public_id = models.UUIDField(default=new_public_id, unique=True, editable=False)
    # `db_index=False`: indexes below start with the columns.
    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="+", db_index=False)
    worker = models.ForeignKey(Actor, on_delete=models.PROTECT, related_name="+", db_index=False)
    # In the person's words; deleted with the account.
    note = models.CharField(max_length=500, blank=True, default="")
    state = models.CharField(max_length=10, choices=State.choices, default=State.WAITING)
    # Of a declined one: why. The person sees it.
    reason = models.CharField(max_length=300, blank=True, default="")
    decided_by = models.ForeignKey(Actor, on_delete=models.PROTECT, null=True, related_name="+", db_index=False)
    decided_at = models.DateTimeField(null=True)
    created_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["worker", "project"], condition=Q(state="waiting"), name=ONE_WAITING_APPLICATION
            )
        ]
        indexes = [
            models.Index(fields=["project", "state", "id"], name="tasks_application_by_state"),
            models.Index(fields=["worker", "id"], name="tasks_application_of_worker"),
        ]
