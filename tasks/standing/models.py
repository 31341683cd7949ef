"""A worker's standing: what the worker may do in a project, and why."""

from django.db import models

from accounts.models import Actor
from projects.models import Project

ONE_STANDING = "tasks_standing_one_per_project_and_worker"


class Standing(models.Model):
    """A worker's standing in a project. States: active <-> paused; active | paused -> removed.

    Trust is a Beta posterior of the worker's accuracy on gold; it changes only when a whole hand is settled.
    """

    class State(models.TextChoices):
        ACTIVE = "active"
        PAUSED = "paused"
        REMOVED = "removed"

    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="standings")
    worker = models.ForeignKey(Actor, on_delete=models.PROTECT, related_name="standings")
    state = models.CharField(max_length=10, choices=State.choices, default=State.ACTIVE)
    reason = models.CharField(max_length=300, blank=True, default="")
    trust_alpha = models.FloatField(default=2.0)
    trust_beta = models.FloatField(default=1.0)
    gold_seen = models.PositiveIntegerField(default=0)
    gold_correct = models.PositiveIntegerField(default=0)
    # Images skipped, released or expired since `returns_since`, which starts a period of one day.
    returns = models.PositiveIntegerField(default=0, db_default=0)
    returns_since = models.DateTimeField(null=True)
    qualifications = models.JSONField(default=dict)
    created_at = models.DateTimeField(auto_now_add=True)
    changed_at = models.DateTimeField(auto_now=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["project", "worker"], name=ONE_STANDING)]

    @property
    def trust(self) -> float:
        """The posterior mean, 0 to 1."""
        return self.trust_alpha / (self.trust_alpha + self.trust_beta)
