"""Infrastructure tables: jobs, the outbox, the event log, idempotency records. No foreign keys to higher layers."""

from django.db import models
from django.db.models import Q
from django.db.models.functions import Now

from kernel.ids import new_public_id
from kernel.queues import DEFAULT_QUEUE, Queue

ONE_LIVE_JOB = "kernel_job_one_live_per_dedupe_key"
JOB_LEASE = "kernel_job_running_has_lease"
EVENT_NUMBER = "kernel_event_number_once_per_project"
ONE_IDEMPOTENCY_KEY = "kernel_idempotency_one_per_actor_operation_key"
IN_FLIGHT = Q(state="running") | Q(state="queued", sent_at__isnull=False)


class Job(models.Model):
    """A background job. States: queued -> running -> done | failed; running -> queued for a retry.

    The row is the source of truth; a broker message is only a hint with its id, which the sweep can send again.
    """

    class State(models.TextChoices):
        QUEUED = "queued"
        RUNNING = "running"
        DONE = "done"
        FAILED = "failed"

    public_id = models.UUIDField(default=new_public_id, unique=True, editable=False)
    kind = models.CharField(max_length=80)
    # The default of the database is for rows that a version without queues writes during an upgrade.
    queue = models.CharField(max_length=20, default=Queue.INTERACTIVE, db_default=DEFAULT_QUEUE)
    project_id = models.BigIntegerField(null=True, db_index=True)
    args = models.JSONField(default=dict)
    dedupe_key = models.CharField(max_length=200, null=True)  # noqa: DJ001 (null keeps it out of the unique index)
    state = models.CharField(max_length=10, choices=State.choices, default=State.QUEUED)
    attempts = models.PositiveSmallIntegerField(default=0)
    max_attempts = models.PositiveSmallIntegerField(default=5)
    lease_until = models.DateTimeField(null=True)
    lease_token = models.UUIDField(null=True)
    not_before = models.DateTimeField(null=True)
    # When the message of a queued job was handed to the broker; null while none is on its way.
    sent_at = models.DateTimeField(null=True)
    progress_done = models.PositiveIntegerField(default=0)
    progress_total = models.PositiveIntegerField(default=0)
    error = models.TextField(blank=True, default="")
    created_at = models.DateTimeField(db_default=Now())
    finished_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            # A running job may have one queued duplicate, for work that arrived after the job had read its input.
            models.UniqueConstraint(fields=["dedupe_key"], condition=Q(state="queued"), name=ONE_LIVE_JOB),
            models.CheckConstraint(
                condition=~Q(state="running") | Q(lease_until__isnull=False, lease_token__isnull=False), name=JOB_LEASE
            ),
        ]
        indexes = [
            models.Index(fields=["created_at"], condition=Q(state__in=["queued", "running"]), name="kernel_job_live"),
            # Read ten times a second by the relay: the jobs whose message is with the broker or that run.
            models.Index(fields=["queue", "project_id"], condition=IN_FLIGHT, name="kernel_job_in_flight"),
            models.Index(fields=["queue"], condition=Q(state="queued"), name="kernel_job_queued"),
        ]


class OutboxMessage(models.Model):
    """A broker message, inserted in the transaction that caused it; the relay sends and deletes it.

    Queue and project are those of its job (0 for none), so that the relay can take turns between projects.
    """

    job = models.ForeignKey(Job, on_delete=models.CASCADE, related_name="+")
    queue = models.CharField(max_length=20, db_default=DEFAULT_QUEUE)
    project_id = models.BigIntegerField(db_default=0)
    claimed_until = models.DateTimeField(null=True)
    created_at = models.DateTimeField(db_default=Now())

    class Meta:
        indexes = [models.Index(fields=["queue", "project_id", "id"], name="kernel_outbox_by_project")]


class Event(models.Model):
    """An event in the live stream of a project. `delta` holds signed counts that the relay adds to the totals."""

    project_id = models.BigIntegerField()
    number = models.BigIntegerField(null=True)
    kind = models.CharField(max_length=60)
    data = models.JSONField(default=dict)
    delta = models.JSONField(default=dict)
    created_at = models.DateTimeField(db_default=Now())

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["project_id", "number"], name=EVENT_NUMBER),
        ]
        indexes = [
            models.Index(fields=["project_id", "id"], condition=Q(number__isnull=True), name="kernel_event_unnumbered"),
        ]


class Stream(models.Model):
    """The head of a project's live stream: the last number assigned, and the totals of all deltas up to it.

    Both change in one statement under the row's lock, so a snapshot of totals and number is consistent. The relay is
    the only writer.
    """

    project_id = models.BigIntegerField(primary_key=True)
    last_number = models.BigIntegerField(default=0)
    totals = models.JSONField(default=dict)
    updated_at = models.DateTimeField(db_default=Now())


class IdempotencyRecord(models.Model):
    """The stored response to (actor, operation, key); the same key with a different body is refused."""

    actor_id = models.BigIntegerField()
    operation = models.CharField(max_length=60)
    key = models.CharField(max_length=200)
    body_sha256 = models.CharField(max_length=64)
    status = models.PositiveSmallIntegerField(null=True)
    answer = models.JSONField(null=True)
    created_at = models.DateTimeField(db_default=Now())

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["actor_id", "operation", "key"], name=ONE_IDEMPOTENCY_KEY),
        ]


class Ticket(models.Model):
    """What a short-lived secret stands for, until it is redeemed once. Only the secret's hash is stored."""

    secret_sha256 = models.CharField(max_length=64, primary_key=True)
    data = models.JSONField()
    expires_at = models.DateTimeField(db_index=True)
