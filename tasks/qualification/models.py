"""Qualifications: images to practice on, an exam, who passed it, and the projects that require it."""

from django.db import models
from django.db.models import Q

from accounts.models import Actor, Organisation
from kernel.ids import new_public_id
from projects.models import LabelSchema, Project
from tasks.ingest.models import Image
from tasks.qualification.skill_models import Skill

ONE_QUALIFICATION_NAME = "tasks_qualification_one_name_per_organisation"
QUALIFICATION_SIZES = "tasks_qualification_sizes_in_range"
ONE_QUALIFICATION_IMAGE = "tasks_qualificationimage_one_per_image"
ONE_LIVE_ATTEMPT = "tasks_attempt_one_live_per_kind"
ONE_EXAM_NUMBER = "tasks_attempt_one_number_per_exam"
ONE_POSITION = "tasks_attemptitem_one_per_position"
ONE_ITEM_OF_IMAGE = "tasks_attemptitem_one_per_image"
ONE_GRANT = "tasks_qualificationgrant_one_per_worker"
ONE_REQUIREMENT = "tasks_requirement_one_per_project_and_qualification"


class Qualification(models.Model):
    """An exam, and practice for it, with images and the label schema of a project. It holds for the organization.

    States: draft -> open <-> closed. A closed one cannot be practiced or taken; who has passed it keeps it. `project`
    is null once that project is deleted.
    """

    class State(models.TextChoices):
        DRAFT = "draft"
        OPEN = "open"
        CLOSED = "closed"

    public_id = models.UUIDField(default=new_public_id, unique=True, editable=False)
    organisation = models.ForeignKey(Organisation, on_delete=models.CASCADE, related_name="qualifications")
    project = models.ForeignKey(Project, on_delete=models.SET_NULL, null=True, related_name="qualifications")
    name = models.CharField(max_length=120)
    state = models.CharField(max_length=10, choices=State.choices, default=State.DRAFT)
    # The share of exam images that must be right, above 0 and up to 1.
    pass_mark = models.FloatField(default=0.8)
    exam_images = models.PositiveSmallIntegerField(default=10)
    practice_images = models.PositiveSmallIntegerField(default=10)
    exam_minutes = models.PositiveSmallIntegerField(default=30)
    attempts = models.PositiveSmallIntegerField(default=3)
    # Hours from the end of an attempt to the start of the next one.
    wait_hours = models.PositiveSmallIntegerField(default=24)
    # The skill that an exam sets to the share that was right; null if it sets none.
    skill = models.ForeignKey(Skill, on_delete=models.SET_NULL, null=True, related_name="+", db_index=False)
    created_by = models.ForeignKey(Actor, on_delete=models.PROTECT, related_name="+", db_index=False)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["organisation", "name"], name=ONE_QUALIFICATION_NAME),
            models.CheckConstraint(
                condition=Q(
                    pass_mark__gt=0,
                    pass_mark__lte=1,
                    exam_images__range=(1, 100),
                    practice_images__range=(1, 100),
                    exam_minutes__range=(1, 1440),
                    attempts__range=(1, 100),
                    wait_hours__lte=8760,
                ),
                name=QUALIFICATION_SIZES,
            ),
        ]

    def __str__(self) -> str:
        return self.name


class QualificationImage(models.Model):
    """An image of a qualification, with its accepted answers. The image is neither work nor gold, and never becomes
    either: a worker who sees it learns nothing about gold. A retired one is drawn no more."""

    class Use(models.TextChoices):
        PRACTICE = "practice"
        EXAM = "exam"

    public_id = models.UUIDField(default=new_public_id, unique=True, editable=False)
    qualification = models.ForeignKey(Qualification, on_delete=models.CASCADE, related_name="images")
    # `db_index=False`: the constraint has an index on it.
    image = models.ForeignKey(Image, on_delete=models.PROTECT, related_name="+", db_index=False)
    use = models.CharField(max_length=10, choices=Use.choices)
    accepted = models.JSONField()
    tolerance = models.JSONField(default=dict)
    explanation = models.CharField(max_length=1000, blank=True, default="")
    created_by = models.ForeignKey(Actor, on_delete=models.PROTECT, related_name="+", db_index=False)
    created_at = models.DateTimeField(auto_now_add=True)
    retired_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["image"], name=ONE_QUALIFICATION_IMAGE)]


class Attempt(models.Model):
    """A worker's round of practice, or attempt at an exam. States: live -> passed | failed; practice: live -> done.

    An attempt at an exam is used up when it starts. It ends when the worker submits it or `expires_at` is over,
    whatever comes first; what is unanswered then is wrong. Practice has no end by time. `number` counts the worker's
    exams; practice has none.
    """

    class Kind(models.TextChoices):
        PRACTICE = "practice"
        EXAM = "exam"

    class State(models.TextChoices):
        LIVE = "live"
        DONE = "done"
        PASSED = "passed"
        FAILED = "failed"

    public_id = models.UUIDField(default=new_public_id, unique=True, editable=False)
    # `db_index=False`: indexes below start with the columns.
    qualification = models.ForeignKey(
        Qualification, on_delete=models.CASCADE, related_name="attempts_made", db_index=False
    )
    worker = models.ForeignKey(Actor, on_delete=models.PROTECT, related_name="+")
    schema = models.ForeignKey(LabelSchema, on_delete=models.PROTECT, related_name="+")
    kind = models.CharField(max_length=10, choices=Kind.choices)
    state = models.CharField(max_length=10, choices=State.choices, default=State.LIVE)
    number = models.PositiveIntegerField(null=True)
    # Pinned when it starts: a mark that is changed later does not change it.
    pass_mark = models.FloatField()
    correct = models.PositiveSmallIntegerField(null=True)
    images = models.PositiveSmallIntegerField()
    created_at = models.DateTimeField()
    expires_at = models.DateTimeField(null=True)
    ended_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["qualification", "worker", "kind"], condition=Q(state="live"), name=ONE_LIVE_ATTEMPT
            ),
            models.UniqueConstraint(
                fields=["qualification", "worker", "number"], condition=Q(kind="exam"), name=ONE_EXAM_NUMBER
            ),
        ]
        indexes = [models.Index(fields=["qualification", "worker", "kind"], name="tasks_attempt_of_worker")]


class AttemptItem(models.Model):
    """An image of an attempt, and the answer to it. `correct` of an exam is written when the attempt ends."""

    public_id = models.UUIDField(default=new_public_id, unique=True, editable=False)
    # `db_index=False`: a constraint has an index that starts with the column.
    attempt = models.ForeignKey(Attempt, on_delete=models.CASCADE, related_name="items", db_index=False)
    source = models.ForeignKey(QualificationImage, on_delete=models.PROTECT, related_name="+")
    position = models.PositiveSmallIntegerField()
    body = models.JSONField(null=True)
    seconds = models.FloatField(null=True)
    answered_at = models.DateTimeField(null=True)
    correct = models.BooleanField(null=True)
    score = models.FloatField(null=True)
    why = models.CharField(max_length=300, blank=True, default="")

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["attempt", "position"], name=ONE_POSITION),
            models.UniqueConstraint(fields=["attempt", "source"], name=ONE_ITEM_OF_IMAGE),
        ]


class QualificationGrant(models.Model):
    """A worker has a qualification, by an exam or by a manager, until it is revoked. Never deleted: a record."""

    class Source(models.TextChoices):
        EXAM = "exam"
        MANAGER = "manager"

    # `db_index=False`: an index below starts with the column.
    qualification = models.ForeignKey(Qualification, on_delete=models.CASCADE, related_name="grants", db_index=False)
    worker = models.ForeignKey(Actor, on_delete=models.PROTECT, related_name="+")
    source = models.CharField(max_length=10, choices=Source.choices)
    # The share of the exam that was right; null if a manager granted it.
    score = models.FloatField(null=True)
    granted_by = models.ForeignKey(Actor, on_delete=models.PROTECT, null=True, related_name="+", db_index=False)
    granted_at = models.DateTimeField()
    revoked_by = models.ForeignKey(Actor, on_delete=models.PROTECT, null=True, related_name="+", db_index=False)
    revoked_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["qualification", "worker"], condition=Q(revoked_at__isnull=True), name=ONE_GRANT
            )
        ]
        indexes = [models.Index(fields=["qualification", "id"], name="tasks_grant_of_qualification")]


class Requirement(models.Model):
    """A project gives sets only to workers who have the qualification."""

    # `db_index=False`: the constraint has an index that starts with the column.
    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="requirements", db_index=False)
    qualification = models.ForeignKey(Qualification, on_delete=models.CASCADE, related_name="requirements")
    created_by = models.ForeignKey(Actor, on_delete=models.PROTECT, related_name="+", db_index=False)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["project", "qualification"], name=ONE_REQUIREMENT)]
