"""Datasets, projects, label schemas, instructions and policies."""

from decimal import Decimal

from django.db import models
from django.db.models import F, Q, Value

from accounts.models import Actor, Organisation
from kernel.ids import new_public_id
from projects.pay_terms import PayTerms

ONE_CLASS_NUMBER = "projects_labelclass_one_number_per_project"
ONE_CLASS_NAME = "projects_labelclass_one_name_per_project"
ONE_SCHEMA_VERSION = "projects_labelschema_one_per_version"
ONE_INSTRUCTIONS_VERSION = "projects_instructions_one_per_version"
ANSWERS_RANGE = "projects_project_answers_min_not_above_max"
RATES = "projects_project_rates_between_0_and_1"
SIZES = "projects_project_sizes_positive"
PRICE = "projects_project_price_not_negative"
SHARE_PER_WORKER = "projects_project_share_per_worker_above_0_to_1"
ARCHIVED_TAKES_NO_WORK = "projects_project_archived_is_draft_or_closed"
DELETED_IS_CLOSED = "projects_project_deleted_is_closed"
BUDGET = "projects_project_budget_not_negative"
PAY_TERMS = "projects_project_pay_terms_make_sense"


class AnswersMode(models.TextChoices):
    """How the number of answers per image is chosen: see `Project.answers_mode`."""

    FIXED = "fixed"
    DYNAMIC = "dynamic"


class Dataset(models.Model):
    """A set of images that projects label."""

    public_id = models.UUIDField(default=new_public_id, unique=True, editable=False)
    organisation = models.ForeignKey(Organisation, on_delete=models.CASCADE, related_name="datasets")
    name = models.CharField(max_length=120)
    created_at = models.DateTimeField(auto_now_add=True)

    def __str__(self) -> str:
        return self.name


class GoldWhenOut(models.TextChoices):
    GO_ON = "go_on", "Go on without"
    STOP = "stop", "Stop until there are more"


class Applications(models.TextChoices):
    OFF = "off", "By invitation only"
    LISTED = "listed", "Workers of the organization see the project and can apply"


class PayBy(models.TextChoices):
    """What the price is for: see `pay_terms`."""

    ANSWER = "answer", "Answer"
    OBJECT = "object", "Object"
    HOUR = "hour", "Hour"


class Project(models.Model):
    """A dataset to label, with a schema and policies.

    States: draft -> open <-> paused; open | paused -> closed; closed -> open when it is reopened. An archived project
    (`archived_at`) is a draft or closed, is read-only, and is not shown to workers. A deleted one (`deleted_at`) does
    not exist for anybody; its row stays for the ledger and the audit trail, and a job deletes the rest.
    """

    class State(models.TextChoices):
        DRAFT = "draft"
        OPEN = "open"
        PAUSED = "paused"
        CLOSED = "closed"

    public_id = models.UUIDField(default=new_public_id, unique=True, editable=False)
    organisation = models.ForeignKey(Organisation, on_delete=models.CASCADE, related_name="projects")
    dataset = models.ForeignKey(Dataset, on_delete=models.PROTECT, related_name="projects")
    name = models.CharField(max_length=120)
    state = models.CharField(max_length=10, choices=State.choices, default=State.DRAFT)
    currency = models.CharField(max_length=3, default="USD")
    schema = models.ForeignKey("LabelSchema", on_delete=models.PROTECT, null=True, related_name="+")
    instructions = models.ForeignKey("Instructions", on_delete=models.PROTECT, null=True, related_name="+")
    # The version of the instructions that workers must have confirmed before they take a set; 0 is none.
    version_to_confirm = models.PositiveIntegerField(default=0, db_default=0)

    # Policies. Times are in seconds, the price is in the project's currency, rates are from 0 to 1.
    answers_min = models.PositiveSmallIntegerField(default=3)
    answers_max = models.PositiveSmallIntegerField(default=5)
    confidence_target = models.FloatField(default=0.9)
    gold_rate = models.FloatField(default=0.1)
    gold_iou = models.FloatField(default=0.5)
    # What happens when no gold is left: work goes on without, or claims stop until there is more.
    gold_when_out = models.CharField(max_length=10, choices=GoldWhenOut.choices, default="go_on", db_default="go_on")
    lease_seconds = models.PositiveIntegerField(default=1800)
    # For an answer, an object or an hour, as `pay_by` says. The other terms of pay: see `pay_terms.PayTerms`.
    price = models.DecimalField(max_digits=14, decimal_places=6, default=Decimal("0.02"))
    pay_by = models.CharField(max_length=10, choices=PayBy.choices, default=PayBy.ANSWER, db_default="answer")
    hourly_floor = models.DecimalField(max_digits=14, decimal_places=6, null=True)
    paid_seconds = models.PositiveSmallIntegerField(default=60, db_default=60)
    paid_objects = models.PositiveSmallIntegerField(default=50, db_default=50)
    # How many days what was earned waits until it is approved.
    approval_days = models.PositiveSmallIntegerField(default=0, db_default=0)
    # What all answers may cost in total, in the project's currency; None if there is no limit.
    budget = models.DecimalField(max_digits=14, decimal_places=6, null=True)
    batch_size = models.PositiveIntegerField(default=50)
    hand_size = models.PositiveSmallIntegerField(default=10)
    # 0: sets have `hand_size` images. Otherwise as many as take a worker this long.
    set_minutes = models.PositiveSmallIntegerField(default=0, db_default=0)
    returns_per_day = models.PositiveIntegerField(default=50, db_default=50)
    # How many images a worker may get in one day in UTC, 0 for no limit, and which share of all images in total.
    images_per_day = models.PositiveIntegerField(default=0, db_default=0)
    share_per_worker = models.FloatField(default=1.0, db_default=1.0)
    # Which project workers who take any work get first: a higher priority, then an earlier deadline.
    priority = models.IntegerField(default=0, db_default=0)
    deadline_at = models.DateTimeField(null=True)
    # Workers who skip an image before it is set aside for a manager; 0 is never, as in projects made before.
    skips_to_manager = models.PositiveSmallIntegerField(default=3, db_default=0)
    # Which workers get sets, in the language of `tasks.qualification.filter_language`; empty lets in all.
    worker_filter = models.TextField(blank=True, default="", db_default="")
    # Whether workers of the organization who are not in the project see it and can apply.
    applications = models.CharField(max_length=10, choices=Applications.choices, default="off", db_default="off")
    seconds_per_answer = models.PositiveIntegerField(default=10)
    share_reviewed = models.FloatField(default=1.0)
    # How long workers may appeal a rejected answer; with 0, they do not see which were rejected.
    appeal_days = models.PositiveSmallIntegerField(default=0, db_default=0)
    # How long an image that a reviewer sends back waits for its worker; with 0, none is sent back.
    send_back_days = models.PositiveSmallIntegerField(default=0, db_default=0)
    split_train = models.FloatField(default=0.8)
    split_val = models.FloatField(default=0.1)

    # How many images it has, check images included; `batching.services.create_tasks` alone raises it. None in a project
    # from before the column, until a share per worker needs it.
    images_count = models.PositiveIntegerField(null=True, default=0)

    created_by = models.ForeignKey(Actor, on_delete=models.PROTECT, related_name="+")
    created_at = models.DateTimeField(auto_now_add=True)
    archived_at = models.DateTimeField(null=True)
    deleted_at = models.DateTimeField(null=True)
    deleted_by = models.ForeignKey(Actor, on_delete=models.PROTECT, null=True, related_name="+", db_index=False)
    # What was lost with it, as the person who deleted it was told.
    deleted_record = models.JSONField(null=True)
    # When its last row was deleted.
    erased_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(archived_at__isnull=True) | Q(state__in=["draft", "closed"]), name=ARCHIVED_TAKES_NO_WORK
            ),
            models.CheckConstraint(condition=Q(deleted_at__isnull=True) | Q(state="closed"), name=DELETED_IS_CLOSED),
            models.CheckConstraint(
                condition=Q(answers_min__gte=1, answers_min__lte=F("answers_max")), name=ANSWERS_RANGE
            ),
            models.CheckConstraint(
                condition=Q(
                    gold_rate__range=(0, 0.5),
                    gold_iou__range=(0, 1),
                    share_reviewed__range=(0, 1),
                    confidence_target__range=(0, 1),
                    split_train__range=(0, 1),
                    split_val__range=(0, 1),
                ),
                name=RATES,
            ),
            models.CheckConstraint(
                condition=Q(batch_size__gte=1, hand_size__gte=1, hand_size__lte=100, lease_seconds__gte=30), name=SIZES
            ),
            models.CheckConstraint(condition=Q(price__gte=0), name=PRICE),
            models.CheckConstraint(condition=Q(share_per_worker__gt=0, share_per_worker__lte=1), name=SHARE_PER_WORKER),
            models.CheckConstraint(condition=Q(budget__isnull=True) | Q(budget__gte=0), name=BUDGET),
            models.CheckConstraint(
                condition=Q(pay_by__in=["answer", "object"], paid_seconds__gte=1, paid_objects__gte=1)
                | Q(pay_by="hour", hourly_floor__isnull=True, paid_seconds__gte=1, paid_objects__gte=1),
                name=PAY_TERMS,
            ),
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def answers_mode(self) -> str:
        """`fixed`: every image gets the same number of answers. `dynamic`: more where workers disagree."""
        return AnswersMode.FIXED if self.answers_min == self.answers_max else AnswersMode.DYNAMIC

    @property
    def pay_terms(self) -> PayTerms:
        """The terms of the sets that are claimed from now on."""
        return PayTerms(self.pay_by, self.price, self.hourly_floor, self.paid_seconds, self.paid_objects)


class LabelSchema(models.Model):
    """A version of the label schema: tools, classes and attributes, in the format of `annotary_core.labels.Schema`.

    `mapping` says how answers to earlier versions are read: {number of a class: the number that it is read as, or null
    for a class that was split}. See `annotary_core.labels.class_mapping`.
    """

    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="schemas")
    version = models.PositiveIntegerField()
    body = models.JSONField()
    mapping = models.JSONField(default=dict, db_default=Value({}, models.JSONField()))
    created_by = models.ForeignKey(Actor, on_delete=models.PROTECT, related_name="+")
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["project", "version"], name=ONE_SCHEMA_VERSION)]


class LabelClass(models.Model):
    """A class and its number, which is never reused for another class, even after this one is retired."""

    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="classes")
    number = models.PositiveIntegerField()
    name = models.CharField(max_length=120)
    color = models.CharField(max_length=7)
    retired_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["project", "number"], name=ONE_CLASS_NUMBER),
            models.UniqueConstraint(fields=["project", "name"], name=ONE_CLASS_NAME),
        ]


class Instructions(models.Model):
    """A version of the instructions for workers; plain text with blank lines between paragraphs.

    Workers confirm that they have read an important one before they take their next set.
    """

    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="instruction_versions")
    version = models.PositiveIntegerField()
    body = models.TextField()
    is_important = models.BooleanField(default=False, db_default=False)
    created_by = models.ForeignKey(Actor, on_delete=models.PROTECT, related_name="+")
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["project", "version"], name=ONE_INSTRUCTIONS_VERSION)]
