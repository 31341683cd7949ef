"""The ledger: earnings and payouts as signed, immutable entries; payout runs; and the time that was paid."""

from django.contrib.postgres.constraints import ExclusionConstraint
from django.contrib.postgres.fields import DateTimeRangeField, RangeOperators
from django.db import models
from django.db.models import F, Func, Q, Value
from django.db.models.functions import Now

from accounts.models import Actor, Organisation
from kernel.ids import new_public_id
from projects.models import Project
from tasks.assignment.models import Assignment, Hand

ONE_CREDIT = "tasks_ledgerentry_one_credit_per_assignment"
ONE_CORRECTION = "tasks_ledgerentry_one_correction_per_cause"
CREDIT_HAS_ASSIGNMENT = "tasks_ledgerentry_credit_has_assignment"
CORRECTION_HAS_CAUSE = "tasks_ledgerentry_correction_has_cause"
ONE_BONUS = "tasks_ledgerentry_one_bonus_per_cause"
BONUS_HAS_REASON = "tasks_ledgerentry_bonus_has_amount_cause_reason"
ONE_PAYOUT = "tasks_payout_one_per_run_worker_and_currency"
PAYOUT_ADDS_UP = "tasks_payout_adds_up"
MAX_REASON = 300
TIME_ONCE = "tasks_workedtime_no_moment_twice"
TIME_ENDS = "tasks_workedtime_ends_after_start"
APPROVAL_OF = "tasks_earlyapproval_of_worker_or_batch"
ONE_TOTAL = "tasks_ledgertotal_one_per_worker_and_currency"


class LedgerEntry(models.Model):
    """A ledger entry. Append-only (a trigger refuses updates and deletes); a worker's balance is the sum of entries.

    credit: of an answer. top_up: to the hourly floor, of a hand. bonus: from a manager, with a reason. correction: what
    was taken back, or given again. payout: negative. What was earned waits until `approved_at`, or until a manager
    approves it (`EarlyApproval`); then it is approved, and paid once it is an item of a payout.

    Entries outlive their project: once it is deleted, `assignment_id` and `hand_id` are numbers of rows that are gone,
    so the database has no foreign keys for them. They still make each credit unique and group a statement by hand.
    """

    class Kind(models.TextChoices):
        CREDIT = "credit"
        CORRECTION = "correction"
        PAYOUT = "payout"
        TOP_UP = "top_up"
        BONUS = "bonus"

    public_id = models.UUIDField(default=new_public_id, unique=True, editable=False)
    project = models.ForeignKey(Project, on_delete=models.PROTECT, related_name="ledger")
    worker = models.ForeignKey(Actor, on_delete=models.PROTECT, related_name="ledger")
    kind = models.CharField(max_length=10, choices=Kind.choices)
    assignment = models.ForeignKey(
        Assignment, on_delete=models.PROTECT, null=True, related_name="ledger", db_constraint=False
    )
    hand = models.ForeignKey(Hand, on_delete=models.PROTECT, null=True, related_name="ledger", db_constraint=False)
    amount = models.DecimalField(max_digits=14, decimal_places=6)
    currency = models.CharField(max_length=3)
    # The measured time that it pays for, if pay depends on it; of a top-up, all of its hand's.
    seconds = models.DecimalField(max_digits=14, decimal_places=6, null=True)
    cause = models.CharField(max_length=200, blank=True, default="")
    # Of a bonus: why, which the worker sees, and from whom.
    reason = models.CharField(max_length=MAX_REASON, blank=True, default="", db_default="")
    made_by = models.ForeignKey(Actor, on_delete=models.PROTECT, null=True, related_name="+", db_index=False)
    created_at = models.DateTimeField(auto_now_add=True)
    # When it is approved by itself; None: at once.
    approved_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["assignment"], condition=Q(kind="credit"), name=ONE_CREDIT),
            models.UniqueConstraint(fields=["project", "cause"], condition=Q(kind="correction"), name=ONE_CORRECTION),
            models.CheckConstraint(
                condition=~Q(kind="credit") | Q(assignment__isnull=False, amount__gte=0), name=CREDIT_HAS_ASSIGNMENT
            ),
            models.CheckConstraint(condition=~Q(kind="correction") | ~Q(cause=""), name=CORRECTION_HAS_CAUSE),
            models.UniqueConstraint(fields=["project", "cause"], condition=Q(kind="bonus"), name=ONE_BONUS),
            models.CheckConstraint(
                condition=~Q(kind="bonus") | (Q(amount__gt=0) & ~Q(cause="") & ~Q(reason="")), name=BONUS_HAS_REASON
            ),
        ]
        indexes = [
            models.Index(fields=["worker", "project"], name="tasks_ledgerentry_of_worker"),
            # What waits for its approval, and what did: few, as most projects approve at once.
            models.Index(
                fields=["worker", "approved_at"],
                condition=Q(approved_at__isnull=False),
                name="tasks_ledgerentry_waiting",
            ),
        ]


class LedgerTotal(models.Model):
    """The sums of a worker's ledger entries in a project.

    Its one writer is a trigger, in the statement that inserts the entries; `tests/concurrency` compares both.
    `answers` is the number of credits, `earned` the sum of credits and corrections, `paid` what was paid out.
    """

    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="+", db_index=False)
    worker = models.ForeignKey(Actor, on_delete=models.PROTECT, related_name="+")
    currency = models.CharField(max_length=3)
    answers = models.PositiveIntegerField(default=0, db_default=0)
    earned = models.DecimalField(max_digits=20, decimal_places=6, default=0, db_default=0)
    paid = models.DecimalField(max_digits=20, decimal_places=6, default=0, db_default=0)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["project", "worker", "currency"], name=ONE_TOTAL)]


class PayoutRun(models.Model):
    """A payout run: pays everything of an organization that was approved until a point in time. Append-only."""

    public_id = models.UUIDField(default=new_public_id, unique=True, editable=False)
    organisation = models.ForeignKey(Organisation, on_delete=models.PROTECT, related_name="payout_runs")
    until = models.DateTimeField()
    provider = models.CharField(max_length=20)
    created_by = models.ForeignKey(Actor, on_delete=models.PROTECT, related_name="+", db_index=False)
    created_at = models.DateTimeField(db_default=Now())


class Payout(models.Model):
    """What a run pays one worker in one currency. Append-only.

    earned: the sum of its items. brought: what an earlier payout left over. amount: what is paid, in whole units of the
    currency's smallest coin. carried: what is left over for the next one. The payee is as it was then, so that the file
    of the run never changes; it is kept as a record of the payment when a person's account is deleted.
    """

    public_id = models.UUIDField(default=new_public_id, unique=True, editable=False)
    run = models.ForeignKey(PayoutRun, on_delete=models.PROTECT, related_name="payouts", db_index=False)
    worker = models.ForeignKey(Actor, on_delete=models.PROTECT, related_name="payouts")
    currency = models.CharField(max_length=3)
    entries = models.PositiveIntegerField()
    earned = models.DecimalField(max_digits=20, decimal_places=6)
    brought = models.DecimalField(max_digits=20, decimal_places=6)
    amount = models.DecimalField(max_digits=20, decimal_places=6)
    carried = models.DecimalField(max_digits=20, decimal_places=6)
    payee_name = models.CharField(max_length=120, blank=True)
    payee_email = models.CharField(max_length=254, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["run", "worker", "currency"], name=ONE_PAYOUT),
            models.CheckConstraint(
                condition=Q(amount__gt=0, carried__gte=0, amount=F("earned") + F("brought") - F("carried")),
                name=PAYOUT_ADDS_UP,
            ),
        ]


class PayoutItem(models.Model):
    """A ledger entry that was paid. Its key is the entry, so that nothing is paid twice. Append-only."""

    entry = models.OneToOneField(LedgerEntry, on_delete=models.PROTECT, primary_key=True, related_name="paid_item")
    payout = models.ForeignKey(Payout, on_delete=models.PROTECT, related_name="items")


class EarlyApproval(models.Model):
    """A manager's approval of pay before its time: of all that waits of a worker in the project, or of the sets of a
    batch. Append-only."""

    public_id = models.UUIDField(default=new_public_id, unique=True, editable=False)
    project = models.ForeignKey(Project, on_delete=models.PROTECT, related_name="+")
    worker = models.ForeignKey(Actor, on_delete=models.PROTECT, null=True, related_name="+", db_index=False)
    # Its number: batches are deleted with their project, what was paid stays.
    batch_number = models.PositiveIntegerField(null=True)
    answers = models.PositiveIntegerField()
    amount = models.DecimalField(max_digits=20, decimal_places=6)
    currency = models.CharField(max_length=3)
    created_by = models.ForeignKey(Actor, on_delete=models.PROTECT, related_name="+", db_index=False)
    created_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(worker__isnull=False, batch_number__isnull=True)
                | Q(worker__isnull=True, batch_number__isnull=False),
                name=APPROVAL_OF,
            )
        ]


class EarlyApprovalItem(models.Model):
    """A ledger entry that was approved early. Its key is the entry, so that nothing is approved twice. Append-only."""

    entry = models.OneToOneField(LedgerEntry, on_delete=models.PROTECT, primary_key=True, related_name="early_item")
    approval = models.ForeignKey(EarlyApproval, on_delete=models.PROTECT, related_name="items")


class WorkedTime(models.Model):
    """A stretch of a worker's time that was paid, in a hand whose pay depends on it. Paid time of one person never
    overlaps, over all projects: the database refuses it.

    Like the ledger, rows outlive their project, so there is no foreign key to the hand.
    """

    project = models.ForeignKey(Project, on_delete=models.PROTECT, related_name="+", db_index=False)
    worker = models.ForeignKey(Actor, on_delete=models.PROTECT, related_name="+", db_index=False)
    hand = models.ForeignKey(Hand, on_delete=models.DO_NOTHING, related_name="+", db_constraint=False, db_index=False)
    started_at = models.DateTimeField()
    ended_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.CheckConstraint(condition=Q(ended_at__gt=F("started_at")), name=TIME_ENDS),
            # A range of one worker instead of equality, which GiST has only with an extension.
            ExclusionConstraint(
                name=TIME_ONCE,
                expressions=[
                    (
                        Func(F("worker_id"), F("worker_id"), Value("[]"), function="int8range"),
                        RangeOperators.OVERLAPS,
                    ),
                    (
                        Func(F("started_at"), F("ended_at"), function="tstzrange", output_field=DateTimeRangeField()),
                        RangeOperators.OVERLAPS,
                    ),
                ],
            ),
        ]
        indexes = [models.Index(fields=["worker", "ended_at"], name="tasks_workedtime_of_worker")]
