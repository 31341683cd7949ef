"""Verdicts on labels."""

from django.db import models
from django.db.models import F, Q
from django.db.models.functions import Now

from accounts.models import Actor
from kernel.ids import new_public_id
from projects.models import Project
from tasks.annotation.models import Annotation
from tasks.assignment.models import Assignment
from tasks.batching.models import Task
from tasks.consensus.models import ConsensusLabel
from tasks.review.rejection_text import MAX_REASON

ONE_VERDICT = "tasks_review_one_current_per_label"
ONE_TASK_VERDICT = "tasks_review_one_current_per_task"
REJECT_HAS_REASON = "tasks_review_reject_has_reason"
ONE_CLASS_CHECK = "tasks_classcheck_one_per_label_and_class"
SHOWN_HAS_REASON = "tasks_rejectedanswer_has_reason_and_reviewer"
SHOWN_HAS_END = "tasks_rejectedanswer_shown_has_end"
APPEALED_HAS_TIME = "tasks_rejectedanswer_appealed_has_time"
SECOND_REVIEWER = "tasks_rejectedanswer_decided_by_a_second_person"
ONE_IN_STAGE = "tasks_stagepass_one_per_label_and_stage"
MAX_STATEMENT = 1000


class Review(models.Model):
    """A verdict that pins a label version by its hash.

    approve: the label is right. fix: a reviewer wrote a new version, which this verdict approves. reject: the label is
    wrong for the given reason, and the task reopens. A verdict stops being current when its label is replaced by one
    with another hash.
    """

    class Verdict(models.TextChoices):
        APPROVE = "approve"
        FIX = "fix"
        REJECT = "reject"

    public_id = models.UUIDField(default=new_public_id, unique=True, editable=False)
    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="reviews")
    task = models.ForeignKey(Task, on_delete=models.CASCADE, related_name="reviews")
    label = models.ForeignKey(ConsensusLabel, on_delete=models.CASCADE, related_name="reviews")
    label_hash = models.CharField(max_length=64)
    annotation = models.ForeignKey(Annotation, on_delete=models.CASCADE, null=True, related_name="reviews")
    reviewer = models.ForeignKey(Actor, on_delete=models.PROTECT, null=True, related_name="reviews")
    verdict = models.CharField(max_length=10, choices=Verdict.choices)
    reason = models.CharField(max_length=MAX_REASON, blank=True, default="")
    # The part of the image that a rejection is about: {"x", "y", "w", "h"} in pixels of the upright image.
    region = models.JSONField(null=True)
    by_policy = models.BooleanField(default=False)
    is_current = models.BooleanField(default=True)
    # The verdict that this one repeats for the same label with other classes (`flow.class_change`). It is not counted
    # again. Without a constraint in the database: a check of each deleted verdict would need an index for it.
    carried_from = models.ForeignKey(
        "self", on_delete=models.DO_NOTHING, null=True, related_name="+", db_index=False, db_constraint=False
    )
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["label"], condition=Q(is_current=True, annotation__isnull=True), name=ONE_VERDICT
            ),
            models.UniqueConstraint(
                fields=["task"], condition=Q(is_current=True, annotation__isnull=True), name=ONE_TASK_VERDICT
            ),
            models.CheckConstraint(condition=~Q(verdict="reject") | ~Q(reason=""), name=REJECT_HAS_REASON),
        ]
        indexes = [
            models.Index(
                fields=["project", "label"],
                condition=Q(is_current=True, verdict="reject"),
                name="tasks_review_rejected",
            ),
            # Verdicts of people on labels; those of a batch's approval are many more.
            models.Index(
                fields=["project", "verdict"],
                condition=Q(by_policy=False, annotation__isnull=True),
                name="tasks_review_by_people",
            ),
        ]


class ReviewStage(models.Model):
    """A stage of a project's review: its crowd, its labels, and what it pays for each.

    A label is approved once it has passed all stages that it belongs to, in order of `position`. Stages that are taken
    out stay as rows, because passes name them. The crowd are the members with this role, or only those named in
    `members` (public ids), and of these whom `people_filter` lets in (`qualification.filter_language`).

    labels: all; a `share` of the images, or those with a confidence below it; those that the stage before rejected.
    """

    class Who(models.TextChoices):
        REVIEWER = "reviewer"
        CLIENT = "client"

    class Labels(models.TextChoices):
        ALL = "all"
        SHARE = "share"
        DOUBTFUL = "doubtful"
        REJECTED = "rejected"

    public_id = models.UUIDField(default=new_public_id, unique=True, editable=False)
    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="review_stages")
    position = models.PositiveSmallIntegerField()
    name = models.CharField(max_length=40)
    role = models.CharField(max_length=10, choices=Who.choices, default=Who.REVIEWER)
    members = models.JSONField(default=list)
    people_filter = models.TextField(blank=True, default="")
    labels = models.CharField(max_length=10, choices=Labels.choices, default=Labels.ALL)
    share = models.FloatField(default=1.0)
    price = models.DecimalField(max_digits=14, decimal_places=6, default=0)
    is_current = models.BooleanField(default=True)
    created_at = models.DateTimeField(db_default=Now())


class StagePass(models.Model):
    """What a reviewer decided on a label version in a stage. Never changes. A rejection ends the round.

    Apart from `Review`, which is the one verdict on a label: what counts for workers is not what several stages say.
    """

    public_id = models.UUIDField(default=new_public_id, unique=True, editable=False)
    stage = models.ForeignKey(ReviewStage, on_delete=models.PROTECT, related_name="passes", db_index=False)
    task = models.ForeignKey(Task, on_delete=models.CASCADE, related_name="stage_passes")
    label = models.ForeignKey(ConsensusLabel, on_delete=models.CASCADE, related_name="stage_passes")
    reviewer = models.ForeignKey(Actor, on_delete=models.PROTECT, related_name="+")
    verdict = models.CharField(max_length=10, choices=Review.Verdict.choices)
    created_at = models.DateTimeField(db_default=Now())

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["label", "stage"], condition=~Q(verdict="reject"), name=ONE_IN_STAGE)
        ]

    @property
    def label_hash(self) -> str:
        return self.label.content_hash

    @property
    def by_policy(self) -> bool:
        return False


class ClassCheck(models.Model):
    """All that a label version has of one class was looked at as crops, and is right or not.

    A label is approved once all of its classes are right. One that `is_wrong` waits for a verdict of its own.
    """

    label = models.ForeignKey(ConsensusLabel, on_delete=models.CASCADE, related_name="class_checks", db_index=False)
    class_number = models.PositiveIntegerField()
    is_wrong = models.BooleanField(default=False)
    reviewer = models.ForeignKey(Actor, on_delete=models.PROTECT, related_name="+", db_index=False)
    created_at = models.DateTimeField(db_default=Now())

    class Meta:
        constraints = [models.UniqueConstraint(fields=["label", "class_number"], name=ONE_CLASS_CHECK)]


class RejectedAnswer(models.Model):
    """A worker's answer that a person rejected, with what the worker is shown of it, and the worker's appeal.

    States: draft -> rejected | dismissed; rejected -> appealed -> upheld | denied.

    An answer to work is rejected with the label that it equals, by the same `review`. A wrong answer to gold begins as
    a draft, which a reviewer rejects like any other answer, or dismisses: workers see the same of both. Everything that
    is rejected on a day is shown from the next day in UTC on, and gold only together with work (`shown_from` is null
    until then). `amount` is what an upheld appeal paid back, in the project's currency.

    One that `is_sent_back` gets a `correction` once it is shown: the same image again, for the same worker, who has
    until `kept_until` to take it. `is_kept` until the sweep has seen that it was taken, or has ended it. `is_corrected`
    says of gold whether the correction is right.
    """

    class State(models.TextChoices):
        DRAFT = "draft"
        DISMISSED = "dismissed"
        REJECTED = "rejected"
        APPEALED = "appealed"
        UPHELD = "upheld"
        DENIED = "denied"

    public_id = models.UUIDField(default=new_public_id, unique=True, editable=False)
    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="rejected_answers", db_index=False)
    worker = models.ForeignKey(Actor, on_delete=models.PROTECT, related_name="rejected_answers", db_index=False)
    assignment = models.OneToOneField(Assignment, on_delete=models.CASCADE, related_name="rejected_answer")
    review = models.ForeignKey(Review, on_delete=models.CASCADE, null=True, related_name="rejected_answers")
    reviewer = models.ForeignKey(Actor, on_delete=models.PROTECT, null=True, related_name="+", db_index=False)
    state = models.CharField(max_length=10, choices=State.choices, default=State.REJECTED)
    reason = models.CharField(max_length=MAX_REASON, blank=True, default="")
    region = models.JSONField(null=True)
    created_at = models.DateTimeField(db_default=Now())
    shown_from = models.DateTimeField(null=True)
    appeal_until = models.DateTimeField(null=True)
    statement = models.CharField(max_length=MAX_STATEMENT, blank=True, default="")
    appealed_at = models.DateTimeField(null=True)
    decided_by = models.ForeignKey(Actor, on_delete=models.PROTECT, null=True, related_name="+", db_index=False)
    decided_at = models.DateTimeField(null=True)
    decision = models.CharField(max_length=MAX_REASON, blank=True, default="")
    amount = models.DecimalField(max_digits=14, decimal_places=6, default=0)
    is_sent_back = models.BooleanField(default=False, db_default=False)
    correction = models.OneToOneField(Assignment, on_delete=models.SET_NULL, null=True, related_name="corrects")
    kept_until = models.DateTimeField(null=True)
    is_kept = models.BooleanField(default=False, db_default=False)
    is_corrected = models.BooleanField(null=True)

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(state__in=["draft", "dismissed"]) | (~Q(reason="") & Q(reviewer__isnull=False)),
                name=SHOWN_HAS_REASON,
            ),
            models.CheckConstraint(
                condition=Q(shown_from__isnull=True, appeal_until__isnull=True)
                | Q(shown_from__isnull=False, appeal_until__isnull=False),
                name=SHOWN_HAS_END,
            ),
            models.CheckConstraint(
                condition=Q(state__in=["draft", "dismissed", "rejected"], appealed_at__isnull=True)
                | Q(state__in=["appealed", "upheld", "denied"], appealed_at__isnull=False, shown_from__isnull=False),
                name=APPEALED_HAS_TIME,
            ),
            models.CheckConstraint(
                condition=Q(state__in=["upheld", "denied"], decided_by__isnull=False, decided_at__isnull=False)
                & ~Q(decided_by=F("reviewer"))
                & ~Q(decided_by=F("worker"))
                | ~Q(state__in=["upheld", "denied"]),
                name=SECOND_REVIEWER,
            ),
        ]
        indexes = [
            models.Index(fields=["worker", "project", "shown_from"], name="tasks_rejectedanswer_of_worker"),
            # What waits for a reviewer, oldest first, and what was rejected and is not shown yet.
            models.Index(fields=["project", "state", "id"], name="tasks_rejectedanswer_queue"),
            # Nearly empty, and read by every claim: what waits for its worker to correct it.
            models.Index(fields=["worker", "project"], condition=Q(is_kept=True), name="tasks_rejectedanswer_kept"),
        ]
