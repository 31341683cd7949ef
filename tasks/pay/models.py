"""The ledger: earnings and payouts as signed, immutable entries."""

from django.db import models
from django.db.models import Q

from accounts.models import Actor
from kernel.ids import new_public_id
from projects.models import Project
from tasks.assignment.models import Assignment, Hand

ONE_CREDIT = "tasks_ledgerentry_one_credit_per_assignment"
ONE_CORRECTION = "tasks_ledgerentry_one_correction_per_cause"
CREDIT_HAS_ASSIGNMENT = "tasks_ledgerentry_credit_has_assignment"
CORRECTION_HAS_CAUSE = "tasks_ledgerentry_correction_has_cause"
ONE_TOTAL = "tasks_ledgertotal_one_per_worker_and_currency"


class LedgerEntry(models.Model):
    """A ledger entry. Append-only (a trigger refuses updates and deletes); a worker's balance is the sum of entries.

    Entries outlive their project: once it is deleted, `assignment_id` and `hand_id` are numbers of rows that are gone,
    so the database has no foreign keys for them. They still make each credit unique and group a statement by hand.
    """

    class Kind(models.TextChoices):
        CREDIT = "credit"
        CORRECTION = "correction"
        PAYOUT = "payout"

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
    cause = models.CharField(max_length=200, blank=True, default="")
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["assignment"], condition=Q(kind="credit"), name=ONE_CREDIT),
            models.UniqueConstraint(fields=["project", "cause"], condition=Q(kind="correction"), name=ONE_CORRECTION),
            models.CheckConstraint(
                condition=~Q(kind="credit") | Q(assignment__isnull=False, amount__gte=0), name=CREDIT_HAS_ASSIGNMENT
            ),
            models.CheckConstraint(condition=~Q(kind="correction") | ~Q(cause=""), name=CORRECTION_HAS_CAUSE),
        ]
        indexes = [models.Index(fields=["worker", "project"], name="tasks_ledgerentry_of_worker")]


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
