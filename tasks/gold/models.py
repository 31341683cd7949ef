"""Gold: images with a known answer, mixed invisibly into the work."""

from django.db import models
from django.db.models.functions import Random

from kernel.ids import new_public_id
from projects.models import Project
from tasks.batching.models import Batch, Task
from tasks.ingest.models import Image

GOLD_IMAGE = "tasks_gold_one_per_project_and_image"


class Gold(models.Model):
    """A gold image. States: active -> retired; active -> suspended -> active or retired; retired -> active when it is
    created again. Claimed with work, through the same path.

    `accepted` is a list of canonical answers, any of which is correct; `tolerance` configures `gold.compare`
    ({"iou": 0.5}). A gold image may also be a task; a worker then gets it once, as one or the other. While
    `is_set_aside`, because many workers skipped it, it is offered to nobody new, as work is not; it still measures.

    Workers must not see it more or less often than work, so it has a place among the work of its `batch`, which its own
    task is in: a `site`, the task whose workers get it too, chosen when a claim first needs gold there, or the group of
    images that it comes with if it is `in_group` (its `order_key` is that of the group's tasks). Without a batch, as
    there is no work in that or it is finished, it may get a site in any. `views_wanted` is the most workers that have
    it or have answered it, those `views_before` it was promoted included. Without a number (gold from before the
    column) it has no place and no limit.
    """

    class State(models.TextChoices):
        ACTIVE = "active"
        SUSPENDED = "suspended"
        RETIRED = "retired"

    class Source(models.TextChoices):
        MANAGER = "manager"
        TRUTH = "truth"
        CONSENSUS = "consensus"

    public_id = models.UUIDField(default=new_public_id, unique=True, editable=False)
    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="golds")
    image = models.ForeignKey(Image, on_delete=models.PROTECT, related_name="golds")
    state = models.CharField(max_length=10, choices=State.choices, default=State.ACTIVE)
    source = models.CharField(max_length=10, choices=Source.choices)
    accepted = models.JSONField()
    tolerance = models.JSONField(default=dict)
    is_set_aside = models.BooleanField(default=False, db_default=False)
    exposure = models.PositiveIntegerField(default=0)
    views_wanted = models.PositiveSmallIntegerField(null=True)
    views_before = models.PositiveSmallIntegerField(default=0, db_default=0)
    # `db_index=False`: partial indexes below have the few rows that are not null.
    site = models.ForeignKey(Task, on_delete=models.SET_NULL, null=True, related_name="+", db_index=False)
    batch = models.ForeignKey(Batch, on_delete=models.SET_NULL, null=True, related_name="+", db_index=False)
    in_group = models.BooleanField(default=False, db_default=False)
    suspended_at = models.DateTimeField(null=True)
    # When a manager said that the answer of suspended gold is right: earlier failures do not suspend it again.
    vetted_at = models.DateTimeField(null=True)
    # Breaks ties in exposure: in the order of creation, which follows the upload, gold would come folder by folder.
    order_key = models.FloatField(db_default=Random(), editable=False)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["project", "image"], name=GOLD_IMAGE)]
        indexes = [
            models.Index(
                fields=["project", "exposure", "order_key"],
                condition=models.Q(state="active", views_wanted__isnull=True),
                name="tasks_gold_without_limit",
            ),
            models.Index(
                fields=["project", "batch", "image"],
                condition=models.Q(state="active", views_wanted__isnull=False, site__isnull=True, in_group=False),
                name="tasks_gold_without_place",
            ),
            models.Index(fields=["site"], condition=models.Q(site__isnull=False), name="tasks_gold_at_site"),
            models.Index(fields=["batch", "order_key"], condition=models.Q(in_group=True), name="tasks_gold_in_group"),
        ]


class GoldResult(models.Model):
    """The result of comparing a worker's answer with gold; written when the hand is settled, never before.

    `counts`: whether it is part of the worker's evidence; not while the gold is suspended, nor once it is retired.
    `is_checked`: whether it has been considered whether good workers fail this gold.
    """

    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="+")
    gold = models.ForeignKey(Gold, on_delete=models.CASCADE, related_name="results")
    worker = models.ForeignKey("accounts.Actor", on_delete=models.PROTECT, related_name="+")
    assignment = models.OneToOneField("tasks.Assignment", on_delete=models.CASCADE, related_name="+")
    correct = models.BooleanField()
    score = models.FloatField()
    why = models.CharField(max_length=300)
    counts = models.BooleanField(default=True, db_default=True)
    is_checked = models.BooleanField(default=False, db_default=True)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        indexes = [
            # Few: results since the last sweep, from which no gold has been suspended.
            models.Index(
                fields=["gold"], condition=models.Q(correct=False, is_checked=False), name="tasks_goldresult_unchecked"
            )
        ]
