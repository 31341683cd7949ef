"""Releases: immutable, content-addressed sets of approved labels."""

from django.db import models
from django.db.models import Q

from accounts.models import Actor
from kernel.ids import new_public_id
from projects.models import LabelSchema, Project
from tasks.consensus.models import ConsensusLabel
from tasks.ingest.models import Image
from tasks.review.models import Review

SNAPSHOT_NUMBER = "tasks_snapshot_number_once_per_project"
ONE_ITEM = "tasks_snapshotitem_image_once_per_snapshot"
ONE_SPLIT = "tasks_split_one_per_project_and_group"
SNAPSHOT_READY = "tasks_snapshot_ready_has_hash"


class Split(models.TextChoices):
    TRAIN = "train"
    VAL = "val"
    TEST = "test"


class GroupSplit(models.Model):
    """The split of a group of images in a project: assigned once and never changed, so splits do not reshuffle."""

    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="+")
    group_key = models.CharField(max_length=200)
    split = models.CharField(max_length=5, choices=Split.choices)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["project", "group_key"], name=ONE_SPLIT)]


class Snapshot(models.Model):
    """A release, as users call it. States: building -> ready | failed. Immutable once ready (enforced by a trigger).

    `content_hash` is the SHA-256 over its items in image order: equal content has equal hashes at any time.
    """

    class State(models.TextChoices):
        BUILDING = "building"
        READY = "ready"
        FAILED = "failed"

    public_id = models.UUIDField(default=new_public_id, unique=True, editable=False)
    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="snapshots")
    number = models.PositiveIntegerField()
    state = models.CharField(max_length=10, choices=State.choices, default=State.BUILDING)
    schema = models.ForeignKey(LabelSchema, on_delete=models.PROTECT, related_name="+")
    content_hash = models.CharField(max_length=64, blank=True, default="")
    items_count = models.PositiveIntegerField(default=0)
    counts = models.JSONField(default=dict)
    error = models.TextField(blank=True, default="")
    created_by = models.ForeignKey(Actor, on_delete=models.PROTECT, related_name="+")
    created_at = models.DateTimeField(auto_now_add=True)
    ready_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["project", "number"], name=SNAPSHOT_NUMBER),
            models.CheckConstraint(
                condition=~Q(state="ready") | (~Q(content_hash="") & Q(ready_at__isnull=False)), name=SNAPSHOT_READY
            ),
        ]


class SnapshotNote(models.Model):
    """A note on an immutable release, or its retraction with the reason."""

    snapshot = models.ForeignKey(Snapshot, on_delete=models.CASCADE, related_name="notes")
    retracts = models.BooleanField(default=False)
    text = models.CharField(max_length=2000)
    created_by = models.ForeignKey(Actor, on_delete=models.PROTECT, related_name="+")
    created_at = models.DateTimeField(auto_now_add=True)


class SnapshotItem(models.Model):
    """One image with its approved label in a release."""

    snapshot = models.ForeignKey(Snapshot, on_delete=models.CASCADE, related_name="items")
    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="+")
    image = models.ForeignKey(Image, on_delete=models.PROTECT, related_name="+")
    label = models.ForeignKey(ConsensusLabel, on_delete=models.PROTECT, related_name="+")
    review = models.ForeignKey(Review, on_delete=models.PROTECT, related_name="+")
    split = models.CharField(max_length=5, choices=Split.choices)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["snapshot", "image"], name=ONE_ITEM)]
