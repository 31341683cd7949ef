"""Submitting an answer.

The effect of a submission depends on the assignment's state, which changes only under the lock of its row:

- leased, even if the lease has run out but no sweep has ended it yet: the slot is still held, so the assignment becomes
  submitted and counts. `late` says whether the time was over.
- submitted: a different body creates a new revision while the hand is live. The same body again, as from a phone that
  missed our response, changes nothing and gets the same response, even after the hand was settled.
- expired, that is, ended by the sweep: nothing is lost. It becomes submitted and late. If the task still wants an
  answer in the same round, the slot is taken again and the answer counts; otherwise it is a surplus, kept and paid.
  While the hand is live, settling it pays the answer. If the hand was already settled, the job
  `flow.settle_late_answer`, queued in the same transaction, posts the single credit and passes a counted answer on to
  consensus. A late answer to gold no longer affects the worker's standing.
- skipped, released: refused.

Once the worker may no longer work in the project, everything but a timely submission that came first is refused.

Settling a hand locks all of its assignments before it reads any answer (`flow.settling`); so an answer is either part
of the settlement, or comes after it and sees the hand as settled.
"""

import math
from dataclasses import dataclass
from uuid import UUID

from django.db import transaction

from accounts.models import Actor
from annotary_core.labels.answer import Answer
from annotary_core.labels.canonical import content_hash
from annotary_core.labels.errors import AnswerError
from annotary_core.labels.parse import parse_answer
from annotary_core.labels.schema import Schema
from kernel.clock import ClockTimestamp, database_now
from kernel.errors import NotFound
from kernel.events import record_event
from kernel.jobs import KEEP_TRYING, enqueue
from kernel.prepared_statements import run_prepared
from tasks.annotation.errors import AnswerRefused, AnswersFinal, ImageGivenBack
from tasks.annotation.models import Annotation
from tasks.assignment.models import Assignment, Hand
from tasks.assignment.slots import lock_slots, reclaim_slot
from tasks.batching.models import Task
from tasks.standing.access import may_work, require_may_work

SETTLE_LATE = "flow.settle_late_answer"
MAX_SECONDS = 24 * 3600.0

# The condition on access is for changes that no service made: a revocation ends the leases in its own transaction.
SUBMIT_LEASED = f"""
UPDATE tasks_assignment
SET state = 'submitted', submitted_at = t.now, closed_at = t.now, late = expires_at <= t.now
FROM (SELECT clock_timestamp() AS now) t
WHERE id = %(assignment)s AND state = 'leased'
    AND {may_work(project="tasks_assignment.project_id", worker="tasks_assignment.worker_id")}
RETURNING submitted_at, late
"""  # noqa: S608


@dataclass(frozen=True, slots=True)
class Submission:
    """The result of submitting an answer. `counts` is what the worker may see: gold looks like counted work."""

    annotation: Annotation
    assignment: Assignment
    late: bool
    counts: bool
    message: str


@dataclass(frozen=True, slots=True)
class _ParsedAnswer:
    """An answer in canonical form, with the hash of the bytes received and the seconds it took."""

    answer: Answer
    sha256: str
    raw_sha256: str
    seconds: float | None


class _LeaseEnded(Exception):
    """The assignment is no longer leased."""


def submit_answer(
    *, worker: Actor, assignment_id: UUID, raw: object, raw_sha256: str, seconds: float | None = None
) -> Submission:
    """Locks the assignment; for an expired one batch, task, assignment. Submit or change an answer.

    `raw` is the decoded body, in pixels of the upright image; `raw_sha256` is the hash of the bytes received, 64 hex
    digits. Raises NotFound, AnswerRefused with `path` and `reason`, AnswersFinal, ImageGivenBack, WorkerRemoved,
    StaffCannotWork.
    """
    assignment = Assignment.objects.select_related("schema").filter(public_id=assignment_id, worker=worker).first()
    if assignment is None:
        raise NotFound
    parsed = _parse(assignment, raw, raw_sha256, seconds)
    try:
        return _submit_in_time(assignment, parsed)
    except _LeaseEnded:
        return _submit_after(worker, assignment, parsed)


@transaction.atomic
def _submit_in_time(assignment: Assignment, parsed: _ParsedAnswer) -> Submission:
    """Locks the assignment. Raises _LeaseEnded, so that the rollback releases the lock: an update that had to wait for
    a row keeps it locked even if it then changes nothing, and batch and task come first in the lock order."""
    if not _submit_leased(assignment):
        raise _LeaseEnded
    annotation = _write(assignment, parsed, revision=1)
    record_event(project_id=assignment.project_id, kind="answer.submitted", leased=-1, submitted=1)
    return _submission(annotation, assignment)


@transaction.atomic
def _submit_after(worker: Actor, assignment: Assignment, parsed: _ParsedAnswer) -> Submission:
    """Locks the assignment; for an expired one batch, task, assignment. Handle an answer whose lease has ended."""
    require_may_work(worker=worker, project_id=assignment.project_id)
    _lock(assignment)
    if assignment.state == Assignment.State.SUBMITTED:
        return _resubmit(assignment, parsed)
    if assignment.state == Assignment.State.EXPIRED:
        return _submit_late(assignment, parsed)
    raise ImageGivenBack


def _parse(assignment: Assignment, raw: object, raw_sha256: str, seconds: float | None) -> _ParsedAnswer:
    schema = Schema.from_json(assignment.schema.body)
    try:
        answer = parse_answer(raw, schema=schema, width=assignment.width, height=assignment.height)
    except AnswerError as error:
        raise AnswerRefused(error.sentence, path=error.path, reason=error.code) from error
    # The time comes from the worker's device, whose clock may jump; that is no reason to refuse an answer.
    plausible = seconds is not None and math.isfinite(seconds) and 0 <= seconds <= MAX_SECONDS
    return _ParsedAnswer(answer, content_hash(answer), raw_sha256, seconds if plausible else None)


def _submit_leased(assignment: Assignment) -> bool:
    rows = run_prepared(SUBMIT_LEASED, {"assignment": assignment.pk})
    if not rows:
        return False
    assignment.state = Assignment.State.SUBMITTED
    assignment.submitted_at, assignment.late = rows[0]
    assignment.closed_at = assignment.submitted_at
    return True


def _lock(assignment: Assignment) -> None:
    """Lock an assignment that is no longer leased; if it has expired, first lock the slots that it may reclaim.

    An expired assignment can only become submitted, and no other closed state can become expired, so it is enough to
    read the state before locking.
    """
    assignment.refresh_from_db(fields=["state"])
    if assignment.state == Assignment.State.EXPIRED and assignment.task_id is not None:
        batch_id = Task.objects.values_list("batch_id", flat=True).get(pk=assignment.task_id)
        lock_slots(batch_ids=[batch_id], task_ids=[assignment.task_id])
    Assignment.objects.select_for_update(no_key=True).filter(pk=assignment.pk).get()
    assignment.refresh_from_db(fields=["state", "counts", "late", "submitted_at", "closed_at"])


def _resubmit(assignment: Assignment, parsed: _ParsedAnswer) -> Submission:
    """Needs the assignment's lock. Write a new revision while the hand is live, or return an unchanged answer."""
    current = Annotation.objects.get(assignment=assignment, is_current=True)
    if current.body_sha256 == parsed.sha256:
        return _submission(current, assignment)
    if not _hand_is_live(assignment):
        raise AnswersFinal
    Annotation.objects.filter(pk=current.pk).update(is_current=False)
    annotation = _write(assignment, parsed, revision=current.revision + 1)
    record_event(project_id=assignment.project_id, kind="answer.changed")
    return _submission(annotation, assignment)


def _submit_late(assignment: Assignment, parsed: _ParsedAnswer) -> Submission:
    """Needs the locks of batch, task and assignment. Record an answer whose lease the sweep has ended."""
    task_id = assignment.task_id
    assignment.counts = task_id is not None and reclaim_slot(task_id=task_id, round_number=assignment.round)
    assignment.state, assignment.late = Assignment.State.SUBMITTED, True
    assignment.submitted_at = database_now()
    # `closed_at` keeps the time at which the lease ended: it shows that a late answer had expired.
    assignment.save(update_fields=["state", "counts", "late", "submitted_at"])
    annotation = _write(assignment, parsed, revision=1)
    record_event(project_id=assignment.project_id, kind="answer.submitted", submitted=1)
    if not _hand_is_live(assignment):
        enqueue(SETTLE_LATE, project_id=assignment.project_id, max_attempts=KEEP_TRYING, assignment_id=assignment.pk)
    return _submission(annotation, assignment)


def _hand_is_live(assignment: Assignment) -> bool:
    """Needs the assignment's lock, so that settling has either read this answer's predecessor or will read this one."""
    return Hand.objects.filter(pk=assignment.hand_id, state=Hand.State.LIVE).exists()


def _write(assignment: Assignment, parsed: _ParsedAnswer, *, revision: int) -> Annotation:
    assert assignment.worker_id is not None  # it was looked up by its worker
    return Annotation.objects.create(
        project_id=assignment.project_id,
        assignment=assignment,
        task_id=assignment.task_id,
        gold_id=assignment.gold_id,
        actor_id=assignment.worker_id,
        source=Annotation.Source.WORKER,
        schema_id=assignment.schema_id,
        revision=revision,
        body=parsed.answer.to_json(),
        body_sha256=parsed.sha256,
        raw_sha256=parsed.raw_sha256,
        seconds=parsed.seconds,
        created_at=ClockTimestamp(),
    )


def _submission(annotation: Annotation, assignment: Assignment) -> Submission:
    """Build the response. Gold never counts, which must not show; only work can lose its slot to another worker."""
    counts = assignment.counts or assignment.gold_id is not None
    message = "Saved." if counts else "Saved. You are paid for it."
    return Submission(annotation, assignment, late=assignment.late, counts=counts, message=message)
