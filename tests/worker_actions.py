"""What workers and the jobs after them do, one function each, and the invariants that must hold afterwards."""

import hashlib
import json
import uuid
from collections import Counter
from collections.abc import Callable
from datetime import timedelta
from decimal import Decimal
from typing import Any

from django.db import transaction
from django.db.models import Count, F, Q, Sum, Value
from django.db.models.functions import Coalesce

from accounts.models import Actor
from annotary.demo.worker import Receipt
from kernel.clock import ClockTimestamp
from kernel.models import Event, Job
from projects.models import Project
from tasks.annotation.acknowledged import SentAnswer, submit_once
from tasks.annotation.models import Annotation
from tasks.annotation.services import Submission, submit_answer
from tasks.assignment.budget import committed
from tasks.assignment.models import Assignment, Hand
from tasks.assignment.services import claim_hand
from tasks.batching.models import Batch, Task
from tasks.batching.services import change_wanted
from tasks.flow.class_change import CHANGE_CLASSES, run_class_change
from tasks.flow.finished_images import ASK_FINISHED, FinishedImages, ask_finished_images
from tasks.flow.relabel import relabel
from tasks.flow.repair import REPAIR, run_repair
from tasks.flow.settlement import Settlement, settle_hand, settle_late_answer
from tasks.gold.models import GoldResult
from tasks.pay.models import LedgerEntry, LedgerTotal
from tests import factories


def take(worker: Actor, project: Project) -> Hand:
    hand = claim_hand(worker=worker, project=project)
    assert hand is not None, "there was no open slot"
    return hand


def leases_of(hand: Hand) -> list[Assignment]:
    return list(Assignment.objects.filter(hand=hand).order_by("position"))


def answer(assignment: Assignment, number: int = 1, *, body: dict[str, Any] | None = None) -> Submission:
    """Submit the answer of the assignment's worker: this class, or `body`."""
    raw = body or factories.class_answer(number)
    assert assignment.worker is not None
    digest = hashlib.sha256(json.dumps(raw).encode()).hexdigest()
    return submit_answer(
        worker=assignment.worker, assignment_id=assignment.public_id, raw=raw, raw_sha256=digest, seconds=4.5
    )


def send(assignment: Assignment, number: int, *, key: str) -> Receipt:
    """Send an answer with an idempotency key, as the API does; return the receipt of the acknowledgement."""
    assert assignment.worker is not None
    raw = factories.class_answer(number)
    digest = hashlib.sha256(json.dumps(raw).encode()).hexdigest()
    sent = SentAnswer(assignment.public_id, key, raw, 4.5, {"answer": raw}, digest)
    body = submit_once(worker=assignment.worker, answer=sent).body
    return Receipt(str(assignment.public_id), body["revision"], digest)


def answer_all(hand: Hand, number: int = 1) -> list[Submission]:
    return [answer(lease, number) for lease in leases_of(hand)]


def settle(hand: Hand) -> Settlement:
    return settle_hand(worker=hand.worker, hand_id=hand.public_id)


@transaction.atomic
def raise_wanted(task: Task, *, to: int) -> None:
    """Have an open task get more answers, as its label's update does."""
    Batch.objects.select_for_update(no_key=True).get(pk=task.batch_id)
    row = Task.objects.select_for_update(no_key=True).get(pk=task.pk)
    if row.state == Task.State.OPEN and to > row.wanted:
        change_wanted(task=row, to=to)


def expire_hand(hand: Hand) -> None:
    """Make the hand and its leases expire one second in the past."""
    past = ClockTimestamp() - timedelta(seconds=1)
    Hand.objects.filter(pk=hand.pk).update(expires_at=past)
    Assignment.objects.filter(hand=hand, state=Assignment.State.LEASED).update(expires_at=past)


def run_late_jobs() -> int:
    """Run the queued jobs for late answers; returns their number."""
    return _run_queued("flow.settle_late_answer", settle_late_answer)


def run_label_jobs() -> int:
    """Run the queued label updates; returns the number of jobs."""
    return _run_queued("consensus.update", relabel)


def queued_asks() -> list[tuple[Job, FinishedImages]]:
    """The queued jobs that have finished images answered again, with their arguments, in order."""
    jobs = Job.objects.filter(kind=ASK_FINISHED.name, state=Job.State.QUEUED).order_by("pk")
    return [(job, FinishedImages(**job.args)) for job in jobs]


def run_asks() -> int:
    """Run them; returns their number."""
    asks = queued_asks()
    for job, args in asks:
        run_ask(job, args)
    return len(asks)


def run_ask(job: Job, args: FinishedImages) -> None:
    assert job.project_id is not None
    ask_finished_images(project_id=job.project_id, args=args)
    Job.objects.filter(pk=job.pk).update(state=Job.State.DONE)


def run_repairs_and_class_changes() -> int:
    """Run the jobs of repairs and of changes of classes; returns the number of jobs.

    They are taken before they run, as by a worker, because one that is queued meanwhile has more to do. One whose
    process died is still taken, and runs again.
    """
    kinds: dict[str, Callable[..., object]] = {REPAIR.name: run_repair, CHANGE_CLASSES.name: run_class_change}
    live = Job.objects.filter(kind__in=kinds, state__in=[Job.State.QUEUED, Job.State.RUNNING])
    jobs = list(live.order_by("pk"))
    taken = {"state": Job.State.RUNNING, "lease_until": ClockTimestamp(), "lease_token": uuid.uuid4()}
    for job in jobs:
        Job.objects.filter(pk=job.pk, state=Job.State.QUEUED).update(**taken)
        kinds[job.kind](**job.args)
        Job.objects.filter(pk=job.pk).update(state=Job.State.DONE)
    return len(jobs)


def run_all_jobs() -> None:
    """Run all queued jobs of these kinds, and those that they queue."""
    while run_late_jobs() + run_asks() + run_repairs_and_class_changes() + run_label_jobs():
        pass


def _run_queued(kind: str, function: Callable[..., object]) -> int:
    jobs = list(Job.objects.filter(kind=kind, state=Job.State.QUEUED).order_by("pk"))
    for job in jobs:
        function(**job.args)
        Job.objects.filter(pk=job.pk).update(state=Job.State.DONE)
    return len(jobs)


def assert_invariants(project: Project, *, late_jobs_pending: bool = False) -> None:
    """Check I1 to I4 in the tables (I1 and the upper bounds are also enforced by constraints).

    With `late_jobs_pending`, late answers to settled hands may not be credited yet.
    """
    occupying = Assignment.objects.filter(project=project, counts=True, round=F("task__round"))
    used = Counter(occupying.values_list("task_id", flat=True))
    for task in Task.objects.filter(project=project):
        assert task.taken == used[task.pk] <= task.wanted, f"task {task.pk}: taken {task.taken}, used {used[task.pk]}"
    for batch in Batch.objects.filter(project=project):
        sums = batch.tasks.aggregate(wanted=Sum("wanted"), taken=Sum("taken"))
        assert (batch.wanted, batch.taken) == (sums["wanted"] or 0, sums["taken"] or 0), f"batch {batch.number}"
    assignments = Assignment.objects.filter(project=project)
    submitted = set(assignments.filter(state="submitted").values_list("pk", flat=True))
    current = Annotation.objects.filter(project=project, source="worker", is_current=True)
    assert sorted(current.values_list("assignment_id", flat=True)) == sorted(submitted)
    # What was sent back waits at position 0 for a set.
    assert not assignments.filter(state="leased", hand__state="settled").exclude(position=0).exists()
    credited = set(LedgerEntry.objects.filter(project=project, kind="credit").values_list("assignment_id", flat=True))
    settled = assignments.filter(state="submitted", hand__state="settled")
    due = settled.filter(closed_at__gte=F("submitted_at")) if late_jobs_pending else settled
    assert set(due.values_list("pk", flat=True)) <= credited <= set(settled.values_list("pk", flat=True))
    assert_totals_match_the_ledger(project)
    assert_commitments_match_the_assignments(project)


def assert_commitments_match_the_assignments(project: Project) -> None:
    """Compare the commitments, which triggers write, with what the project pays, owes and may owe."""
    committing = Assignment.objects.filter(project=project, state__in=["leased", "submitted"])
    corrections = LedgerEntry.objects.filter(project=project, kind__in=["correction", "top_up", "bonus"])
    zero = Decimal(0)
    expected = committing.aggregate(sum=Sum("price", default=zero))["sum"]
    expected += corrections.aggregate(sum=Sum("amount", default=zero))["sum"]
    assert committed(project=project) == expected


def assert_totals_match_the_ledger(project: Project) -> None:
    """Compare the totals, which a trigger writes, with the sums of the project's entries."""
    entries, zero = LedgerEntry.objects.filter(project=project), Value(Decimal(0))
    payout = Q(kind="payout")
    sums = entries.values_list("worker_id", "currency").annotate(
        answers=Count("pk", filter=Q(kind="credit")),
        earned=Coalesce(Sum("amount", filter=~payout), zero),
        paid=-Coalesce(Sum("amount", filter=payout), zero),
    )
    totals = LedgerTotal.objects.filter(project=project)
    assert set(sums) == set(totals.values_list("worker_id", "currency", "answers", "earned", "paid"))


def stream_totals(project: Project) -> Counter[str]:
    totals: Counter[str] = Counter()
    for delta in Event.objects.filter(project_id=project.pk).values_list("delta", flat=True):
        totals.update(delta)
    return totals


def assert_stream_matches_tables(project: Project) -> None:
    """Check that the summed deltas of the events equal the counts in the tables."""
    totals = stream_totals(project)
    assignments = Assignment.objects.filter(project=project)
    states = Counter(assignments.values_list("state", flat=True))
    expired = Q(state="expired") | Q(state="submitted", closed_at__lt=F("submitted_at"))
    credits = LedgerEntry.objects.filter(project=project, kind="credit")
    results = GoldResult.objects.filter(project=project, counts=True)
    assert totals["leased"] == states["leased"]
    assert totals["submitted"] == states["submitted"]
    assert totals["skipped"] == states["skipped"]
    assert totals["released"] == states["released"]
    assert totals["expired"] == assignments.filter(expired).count()
    assert totals["settled"] == credits.count()
    settled = LedgerEntry.objects.filter(project=project, kind__in=["credit", "top_up"])
    assert totals["paid_micros"] == int((settled.aggregate(sum=Sum("amount"))["sum"] or 0) * 1_000_000)
    assert totals["gold_seen"] == results.count()
    assert totals["gold_correct"] == results.filter(correct=True).count()
