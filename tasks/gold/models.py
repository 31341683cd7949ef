"""Gold: images with a known answer, mixed invisibly into the work."""

from django.db import models
from django.db.models.functions import Random

from kernel.ids import new_public_id
from projects.models import Project
from tasks.ingest.models import Image

GOLD_IMAGE = "tasks_gold_one_per_project_and_image"


class Gold(models.Model):
    """A gold image. States: active -> retired. Outside batches and overlap, claimed through the same path as tasks.

    `accepted` is a list of canonical answers, any of which is correct; `tolerance` configures `gold.compare`
    ({"iou": 0.5}). A gold image may also be a task; a worker then gets it once, as one or the other. While
    `is_set_aside`, because many workers skipped it, it is offered to nobody new, as work is not; it still measures.
    """

    class State(models.TextChoices):
        ACTIVE = "active"
        RETIRED = "retired"

    class Source(models.TextChoices):
        MANAGER = "manager"
        TRUTH = "truth"

    public_id = models.UUIDField(default=new_public_id, unique=True, editable=False)
    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="golds")
    image = models.ForeignKey(Image, on_delete=models.PROTECT, related_name="golds")
    state = models.CharField(max_length=10, choices=State.choices, default=State.ACTIVE)
    source = models.CharField(max_length=10, choices=Source.choices)
    accepted = models.JSONField()
    tolerance = models.JSONField(default=dict)
    is_set_aside = models.BooleanField(default=False, db_default=False)
    exposure = models.PositiveIntegerField(default=0)
    # Breaks ties in exposure: in the order of creation, which follows the upload, gold would come folder by folder.
    order_key = models.FloatField(db_default=Random(), editable=False)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["project", "image"], name=GOLD_IMAGE)]
        indexes = [
            models.Index(
                fields=["project", "exposure", "order_key"],
                condition=models.Q(state="active"),
                name="tasks_gold_by_exposure",
            )
        ]


class GoldResult(models.Model):
    """The result of comparing a worker's answer with gold; written when the hand is settled, never before."""

    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="+")
    gold = models.ForeignKey(Gold, on_delete=models.CASCADE, related_name="results")
    worker = models.ForeignKey("accounts.Actor", on_delete=models.PROTECT, related_name="+")
    assignment = models.OneToOneField("tasks.Assignment", on_delete=models.CASCADE, related_name="+")
    correct = models.BooleanField()
    score = models.FloatField()
    why = models.CharField(max_length=300)
    created_at = models.DateTimeField(auto_now_add=True)
