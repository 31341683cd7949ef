"""Hands and assignments: which worker has or had which task."""

from django.db import models
from django.db.models import Q

from accounts.models import Actor
from kernel.ids import new_public_id
from projects.models import Instructions, LabelSchema, Project
from storage.models import Blob
from tasks.batching.models import Batch, Task
from tasks.gold.models import Gold

ONE_LIVE_HAND = "tasks_hand_one_live_per_project_and_worker"
ONE_ASSIGNMENT = "tasks_assignment_one_per_task_worker_round"
ONE_GOLD = "tasks_assignment_gold_once_per_worker_and_round"
TASK_OR_GOLD = "tasks_assignment_is_of_task_or_gold"
LEASE_HAS_END = "tasks_assignment_lease_has_worker_and_end"
LIVE_COUNTS = "tasks_assignment_live_lease_of_task_counts"
GOLD_NEVER_COUNTS = "tasks_assignment_gold_uses_no_place"
SUBMITTED_AT = "tasks_assignment_submitted_has_time"
HAND_SETTLED = "tasks_hand_settled_has_time"
ONE_BATCH_CURSOR = "tasks_exhaustion_one_per_batch_and_worker"
ASIDE_TASK_OR_GOLD = "tasks_setaside_is_of_task_or_gold"
ASIDE_DECIDED = "tasks_setaside_decided_has_time"
ONE_ASIDE_TASK = "tasks_setaside_one_undecided_per_task"
ONE_ASIDE_GOLD = "tasks_setaside_one_undecided_per_gold"
MAX_NOTE = 500


class SkipReason(models.TextChoices):
    """Why a worker skipped an image, in the words of the worker's page."""

    UNCLEAR_IMAGE = "unclear_image", "The image is broken or too blurred"
    UNCLEAR_TASK = "unclear_task", "I am not sure what the instructions say"
    NOT_FOR_ME = "not_for_me", "I would rather not see this"
    OTHER = "other", "Another reason"


class Hand(models.Model):
    """The few assignments that a worker claims at once ("set" on workers' screens). States: live -> settled."""

    class State(models.TextChoices):
        LIVE = "live"
        SETTLED = "settled"

    public_id = models.UUIDField(default=new_public_id, unique=True, editable=False)
    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="hands")
    worker = models.ForeignKey(Actor, on_delete=models.PROTECT, related_name="hands")
    state = models.CharField(max_length=10, choices=State.choices, default=State.LIVE)
    size = models.PositiveSmallIntegerField(default=0)
    created_at = models.DateTimeField()
    expires_at = models.DateTimeField()
    settled_at = models.DateTimeField(null=True)
    # The terms of pay, as `projects.pay_terms` writes them. None: each answer pays the price of its assignment.
    pay_terms = models.JSONField(null=True)
    # It ended with general advice for the worker: see `standing.advice`.
    advised = models.BooleanField(default=False, db_default=False)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["project", "worker"], condition=Q(state="live"), name=ONE_LIVE_HAND),
            models.CheckConstraint(
                condition=Q(state="live", settled_at__isnull=True) | Q(state="settled", settled_at__isnull=False),
                name=HAND_SETTLED,
            ),
        ]
        indexes = [
            models.Index(fields=["expires_at"], condition=Q(state="live"), name="tasks_hand_live_by_end"),
            # Few rows: the sets that a worker has in progress, over all projects.
            models.Index(fields=["worker"], condition=Q(state="live"), name="tasks_hand_live_of_worker"),
        ]


class Assignment(models.Model):
    """A worker's lease on a task or on gold. States:

    leased -> submitted | skipped | expired | released; expired -> submitted (late); expired | released -> leased, in
    the worker's next hand; submitted and skipped are final.
    `counts` says whether it uses a slot of its task: a live lease and a timely submission do, a late submission and a
    lease that came back do if the task still wanted one; a voided one no longer does, and gold never does.

    A correction (`is_correction`) is of an image that a reviewer sent back to its worker: `review.corrections`. Until
    the worker's next set takes it, it is a lease at `position` 0 of the set with the rejected answer, which keeps the
    slot and is not shown there. leased -> released, if the worker does not take it in time.
    """

    class State(models.TextChoices):
        LEASED = "leased"
        SUBMITTED = "submitted"
        SKIPPED = "skipped"
        EXPIRED = "expired"
        RELEASED = "released"

    # `db_index=False`: an index below starts with the column, or no query looks it up. Each index on this table costs
    # a claim ten insertions plus planning time.
    public_id = models.UUIDField(default=new_public_id, unique=True, editable=False)
    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="assignments")
    hand = models.ForeignKey(Hand, on_delete=models.CASCADE, related_name="assignments")
    worker = models.ForeignKey(Actor, on_delete=models.PROTECT, null=True, related_name="assignments", db_index=False)
    task = models.ForeignKey(Task, on_delete=models.CASCADE, null=True, related_name="assignments", db_index=False)
    gold = models.ForeignKey(Gold, on_delete=models.CASCADE, null=True, related_name="assignments", db_index=False)
    round = models.PositiveSmallIntegerField(default=1)
    position = models.PositiveSmallIntegerField()
    state = models.CharField(max_length=10, choices=State.choices, default=State.LEASED)
    counts = models.BooleanField()
    late = models.BooleanField(default=False)
    # Its lease has ended without an answer. If it was released or expired, it comes back to the worker before new ones.
    returned = models.BooleanField(default=False, db_default=False)
    # Of an image that was sent back to this worker. It pays nothing: the rejected answer stays paid.
    is_correction = models.BooleanField(default=False, db_default=False)
    # An answer to gold that came after its hand was settled; it is compared when a later hand is.
    awaits_comparison = models.BooleanField(default=False, db_default=False)
    # Of a skipped one, if the worker told; the note is plain text, to be shown escaped.
    skip_reason = models.CharField(max_length=20, choices=SkipReason.choices, default="", db_default="", blank=True)
    skip_note = models.CharField(max_length=MAX_NOTE, default="", db_default="", blank=True)
    schema = models.ForeignKey(LabelSchema, on_delete=models.PROTECT, related_name="+", db_index=False)
    instructions = models.ForeignKey(
        Instructions, on_delete=models.PROTECT, null=True, related_name="+", db_index=False
    )
    rendition = models.ForeignKey(Blob, on_delete=models.PROTECT, related_name="+")
    width = models.PositiveIntegerField()
    height = models.PositiveIntegerField()
    # What the answer pays. If that depends on its time or its objects, the most that it can, until it is paid.
    price = models.DecimalField(max_digits=14, decimal_places=6)
    leased_at = models.DateTimeField()
    expires_at = models.DateTimeField(null=True)
    closed_at = models.DateTimeField(null=True)
    submitted_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["task", "worker", "round"], name=ONE_ASSIGNMENT),
            # A later round is a correction alone: gold is never claimed twice.
            models.UniqueConstraint(fields=["gold", "worker", "round"], condition=Q(gold__isnull=False), name=ONE_GOLD),
            models.CheckConstraint(
                condition=Q(task__isnull=True, gold__isnull=False) | Q(task__isnull=False, gold__isnull=True),
                name=TASK_OR_GOLD,
            ),
            models.CheckConstraint(
                condition=~Q(state="leased") | Q(worker__isnull=False, expires_at__isnull=False), name=LEASE_HAS_END
            ),
            models.CheckConstraint(
                condition=~Q(state="leased") | Q(gold__isnull=False) | Q(counts=True) | Q(returned=True),
                name=LIVE_COUNTS,
            ),
            models.CheckConstraint(condition=Q(gold__isnull=True) | Q(counts=False), name=GOLD_NEVER_COUNTS),
            models.CheckConstraint(condition=~Q(state="submitted") | Q(submitted_at__isnull=False), name=SUBMITTED_AT),
        ]
        indexes = [
            models.Index(fields=["expires_at"], condition=Q(state="leased"), name="tasks_assignment_live_by_end"),
            models.Index(fields=["worker", "project"], name="tasks_assignment_of_worker"),
            # Small, and read by every claim: the gold that a worker has had.
            models.Index(fields=["worker", "gold"], condition=Q(gold__isnull=False), name="tasks_assignment_golds_had"),
            # Nearly empty: a claim asks whether anything comes back, a settlement whether a late answer is to compare.
            models.Index(
                fields=["worker", "project"],
                condition=Q(returned=True, state__in=["released", "expired"]),
                name="tasks_assignment_returned",
            ),
            models.Index(
                fields=["worker", "project"],
                condition=Q(awaits_comparison=True),
                name="tasks_assignment_to_compare",
            ),
            # For the console, which queries the last hours; claims do not write to it.
            models.Index(
                fields=["project", "submitted_at"],
                condition=Q(submitted_at__isnull=False),
                name="tasks_assignment_by_submission",
            ),
            # Few, and counted for each worker; neither claims nor answers write to it.
            models.Index(
                fields=["project", "worker", "state"],
                condition=Q(state__in=["skipped", "expired"]),
                name="tasks_assignment_not_answered",
            ),
        ]


class BatchCursor(models.Model):
    """A worker's cursor in a batch: the generation in which the worker has had every task that had an open slot.

    It spares claims from scanning everything that a busy worker has done (4.5 to 7.4 ms at 50,000 tasks without it).
    A claim reads all of the worker's cursors in the project.
    """

    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="+", db_index=False)
    batch = models.ForeignKey(Batch, on_delete=models.CASCADE, related_name="+", db_index=False)
    worker = models.ForeignKey(Actor, on_delete=models.CASCADE, related_name="+", db_index=False)
    generation = models.PositiveIntegerField()

    class Meta:
        # The name of the model before it was renamed; running installations have the table.
        db_table = "tasks_exhaustion"
        indexes = [models.Index(fields=["worker", "project"], name="tasks_exhaustion_of_worker")]
        constraints = [models.UniqueConstraint(fields=["batch", "worker"], name=ONE_BATCH_CURSOR)]


class SetAside(models.Model):
    """An image, work or gold, that as many workers skipped as the project's `skips_to_manager`, and the decision on it.

    `workers` is how many had skipped it by then. Skips before the last decision are not counted again.
    """

    class Decision(models.TextChoices):
        UNDECIDED = "undecided"
        OFFERED = "offered"
        LEFT_OUT = "left_out"

    public_id = models.UUIDField(default=new_public_id, unique=True, editable=False)
    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="set_aside")
    task = models.ForeignKey(Task, on_delete=models.CASCADE, null=True, related_name="set_aside")
    gold = models.ForeignKey(Gold, on_delete=models.CASCADE, null=True, related_name="set_aside")
    workers = models.PositiveSmallIntegerField()
    created_at = models.DateTimeField()
    decision = models.CharField(max_length=10, choices=Decision.choices, default=Decision.UNDECIDED)
    decided_by = models.ForeignKey(Actor, on_delete=models.PROTECT, null=True, related_name="+", db_index=False)
    decided_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(task__isnull=True, gold__isnull=False) | Q(task__isnull=False, gold__isnull=True),
                name=ASIDE_TASK_OR_GOLD,
            ),
            models.CheckConstraint(
                condition=Q(decision="undecided", decided_at__isnull=True)
                | (~Q(decision="undecided") & Q(decided_at__isnull=False)),
                name=ASIDE_DECIDED,
            ),
            models.UniqueConstraint(fields=["task"], condition=Q(decision="undecided"), name=ONE_ASIDE_TASK),
            models.UniqueConstraint(fields=["gold"], condition=Q(decision="undecided"), name=ONE_ASIDE_GOLD),
        ]


class Commitment(models.Model):
    """A change of what a project has committed itself to pay; the sum of its rows is the whole.

    Committed are the prices of live leases and of submitted answers, paid or not, and the corrections, top-ups and
    bonuses of the ledger.
    Triggers write the rows, in the statement that changes the assignments; `budget.fold_commitments` sums them up.
    Inserting a row waits for nobody, where a counter would have the claims of a project wait for each other.
    """

    project = models.ForeignKey(
        Project, on_delete=models.CASCADE, related_name="+", db_index=False, db_constraint=False
    )
    amount = models.DecimalField(max_digits=20, decimal_places=6)

    class Meta:
        indexes = [models.Index(fields=["project"], include=["amount"], name="tasks_commitment_of_project")]
