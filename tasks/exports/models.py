"""Exports: a release written in a format."""

from django.db import models
from django.db.models import Q

from accounts.models import Actor
from kernel.ids import new_public_id
from projects.models import Project
from storage.models import Blob
from tasks.snapshots.models import Snapshot

ONE_EXPORT = "tasks_export_one_per_snapshot_and_format"
READY_HAS_BLOB = "tasks_export_ready_has_blob"


class Export(models.Model):
    """A release in a format. States: queued -> writing -> verifying -> ready | failed; failed -> queued on request.

    It becomes ready only after the format's own reader has read it back.
    """

    class State(models.TextChoices):
        QUEUED = "queued"
        WRITING = "writing"
        VERIFYING = "verifying"
        READY = "ready"
        FAILED = "failed"

    public_id = models.UUIDField(default=new_public_id, unique=True, editable=False)
    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="exports")
    snapshot = models.ForeignKey(Snapshot, on_delete=models.CASCADE, related_name="exports")
    format = models.CharField(max_length=20)
    state = models.CharField(max_length=10, choices=State.choices, default=State.QUEUED)
    # The file, or its frame: the release keeps references to its images, which the file is composed of when it is read.
    blob = models.ForeignKey(Blob, on_delete=models.PROTECT, null=True, related_name="+")
    frame = models.ForeignKey(Blob, on_delete=models.PROTECT, null=True, related_name="+")
    sha256 = models.CharField(max_length=64, blank=True, default="")
    size = models.BigIntegerField(default=0)
    report = models.JSONField(default=dict)
    error = models.TextField(blank=True, default="")
    created_by = models.ForeignKey(Actor, on_delete=models.PROTECT, related_name="+")
    created_at = models.DateTimeField(auto_now_add=True)
    ready_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["snapshot", "format"], name=ONE_EXPORT),
            models.CheckConstraint(
                condition=~Q(state="ready") | Q(blob__isnull=False) ^ Q(frame__isnull=False), name=READY_HAS_BLOB
            ),
        ]
