"""Threads: what a worker asks about an image, and what the team answers."""

from django.db import models
from django.db.models import Q

from accounts.models import Actor
from kernel.ids import new_public_id
from projects.models import Project
from tasks.assignment.models import Assignment

ANSWERED_HAS_TIME = "tasks_imagethread_answered_has_time"
RULE_IS_ANSWERED = "tasks_imagethread_rule_is_a_version"
MESSAGE_NOT_EMPTY = "tasks_threadmessage_not_empty"
MAX_TEXT = 1000


class ImageThread(models.Model):
    """The conversation of one worker with the team about one image. States: open <-> answered.

    It belongs to the worker's assignment, not to the image: workers who ask about the same image do not learn of each
    other, and whether the image is work or gold is not a part of it. `messages_count` is how many messages it has,
    `rule_version` the version of the instructions that has the rule made of it.
    """

    class State(models.TextChoices):
        OPEN = "open"
        ANSWERED = "answered"

    public_id = models.UUIDField(default=new_public_id, unique=True, editable=False)
    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="+", db_index=False)
    worker = models.ForeignKey(Actor, on_delete=models.PROTECT, related_name="+", db_index=False)
    assignment = models.OneToOneField(Assignment, on_delete=models.CASCADE, related_name="thread")
    state = models.CharField(max_length=10, choices=State.choices, default=State.OPEN)
    messages_count = models.PositiveSmallIntegerField(default=0)
    # When the worker wrote last, and when the team last answered it or marked it as answered.
    asked_at = models.DateTimeField()
    answered_at = models.DateTimeField(null=True)
    answered_by = models.ForeignKey(Actor, on_delete=models.PROTECT, null=True, related_name="+", db_index=False)
    rule_version = models.PositiveIntegerField(null=True)

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=~Q(state="answered") | Q(answered_at__isnull=False, answered_by__isnull=False),
                name=ANSWERED_HAS_TIME,
            ),
            models.CheckConstraint(
                condition=Q(rule_version__isnull=True) | Q(rule_version__gt=0, answered_at__isnull=False),
                name=RULE_IS_ANSWERED,
            ),
        ]
        indexes = [
            models.Index(fields=["project", "state", "id"], name="tasks_imagethread_queue"),
            models.Index(fields=["worker", "id"], name="tasks_imagethread_of_worker"),
        ]


class ThreadMessage(models.Model):
    """A message of a thread: plain text, to be shown escaped. Append-only."""

    thread = models.ForeignKey(ImageThread, on_delete=models.CASCADE, related_name="messages")
    author = models.ForeignKey(Actor, on_delete=models.PROTECT, related_name="+", db_index=False)
    from_worker = models.BooleanField()
    body = models.CharField(max_length=MAX_TEXT)
    created_at = models.DateTimeField()

    class Meta:
        constraints = [models.CheckConstraint(condition=~Q(body=""), name=MESSAGE_NOT_EMPTY)]
        indexes = [
            # For the limit of a day.
            models.Index(
                fields=["author", "created_at"], condition=Q(from_worker=True), name="tasks_threadmessage_asked"
            )
        ]
