"""Taking an answer.

What a submission does depends on the assignment's state, which changes under the lock of its row alone:

- leased, also when the lease ran out and no sweep came by yet: the place is still held for it, so it becomes submitted
  and counts. `late` says whether the time was over.
- submitted: another body makes a new revision while the hand is live. The same body again, as a phone sends it that
  missed our reply, changes nothing and is answered the same, also after the hand was settled.
- expired, that is swept: nothing is lost. It becomes submitted and late. If the task still wants an answer in the same
  round, the place is taken again and it counts; else it is a surplus, kept and paid. While the hand is live, settling
  pays it. When the hand was settled before, the job `flow.settle_late_answer`, queued in the same transaction, posts
  the one credit and hands a counting answer on to consensus. A late answer to gold moves no standing any more.
- skipped, released: refused.

Settling a hand locks all of its assignments before it reads an answer (`flow.settling`); so an answer is either in
what is settled, or comes after it and sees the hand as settled.
"""

import math
from dataclasses import dataclass
from uuid import UUID

from django.db import connection, transaction

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
from tasks.annotation.errors import AnswerRefused, AnswersFinal, ImageGivenBack
from tasks.annotation.models import Annotation
from tasks.assignment.models import Assignment, Hand
from tasks.assignment.slots import lock_places, take_place_again
from tasks.batching.models import Task

SETTLE_LATE = "flow.settle_late_answer"
LONGEST_SECONDS = 24 * 3600.0

SUBMIT_LEASED = """
UPDATE tasks_assignment
SET state = 'submitted', submitted_at = t.now, closed_at = t.now, late = expires_at <= t.now
FROM (SELECT clock_timestamp() AS now) t
WHERE id = %s AND state = 'leased'
RETURNING submitted_at, late
"""


@dataclass(frozen=True, slots=True)
class Submission:
    """What became of an answer. `counts` is what the worker may know: gold looks like work that counts."""

    annotation: Annotation
    assignment: Assignment
    late: bool
    counts: bool
    message: str


@dataclass(frozen=True, slots=True)
class _Body:
    """An answer in canonical form, with the hash of what was sent and the seconds it took."""

    answer: Answer
    sha256: str
    raw_sha256: str
    seconds: float | None


class _LeaseOver(Exception):
    """The assignment is leased no more."""


def submit_answer(
    *, worker: Actor, assignment_id: UUID, raw: object, raw_sha256: str, seconds: float | None = None
) -> Submission:
    """Locks the assignment; for one whose lease was swept batch, task, assignment. Take or change an answer.

    `raw` is the decoded body, in pixels of the upright image; `raw_sha256` the hash of the bytes as they came, 64 hex
    digits. Raises NotFound, AnswerRefused with `path` and `reason`, AnswersFinal, ImageGivenBack.
    """
    assignment = Assignment.objects.select_related("schema").filter(public_id=assignment_id, worker=worker).first()
    if assignment is None:
        raise NotFound
    body = _read(assignment, raw, raw_sha256, seconds)
    try:
        return _submit_in_time(assignment, body)
    except _LeaseOver:
        return _submit_after(assignment, body)


@transaction.atomic
def _submit_in_time(assignment: Assignment, body: _Body) -> Submission:
    """Locks the assignment. Raises _LeaseOver, so that the rollback lets go of it: an update that had to wait for a row
    keeps it locked also when it then changes nothing, and batch and task come first in the order of locks."""
    if not _submit_leased(assignment):
        raise _LeaseOver
    annotation = _write(assignment, body, revision=1)
    record_event(project_id=assignment.project_id, kind="answer.submitted", leased=-1, submitted=1)
    return _said(annotation, assignment)


@transaction.atomic
def _submit_after(assignment: Assignment, body: _Body) -> Submission:
    """Locks the assignment; for one whose lease was swept batch, task, assignment."""
    _lock(assignment)
    if assignment.state == Assignment.State.SUBMITTED:
        return _submit_again(assignment, body)
    if assignment.state == Assignment.State.EXPIRED:
        return _submit_late(assignment, body)
    raise ImageGivenBack


def _read(assignment: Assignment, raw: object, raw_sha256: str, seconds: float | None) -> _Body:
    schema = Schema.from_json(assignment.schema.body)
    try:
        answer = parse_answer(raw, schema=schema, width=assignment.width, height=assignment.height)
    except AnswerError as error:
        raise AnswerRefused(error.sentence, path=error.path, reason=error.code) from error
    # The time comes from the worker's device, whose clock may jump: no reason to refuse an answer.
    told = seconds is not None and math.isfinite(seconds) and 0 <= seconds <= LONGEST_SECONDS
    return _Body(answer, content_hash(answer), raw_sha256, seconds if told else None)


def _submit_leased(assignment: Assignment) -> bool:
    with connection.cursor() as cursor:
        cursor.execute(SUBMIT_LEASED, [assignment.pk])
        row = cursor.fetchone()
    if row is None:
        return False
    assignment.state = Assignment.State.SUBMITTED
    assignment.submitted_at, assignment.late = row
    assignment.closed_at = assignment.submitted_at
    return True


def _lock(assignment: Assignment) -> None:
    """Lock an assignment that is leased no more, and first, when it expired, the places that it may take again.

    Expired is left for submitted alone and never entered from another closed state, so the look before tells enough.
    """
    assignment.refresh_from_db(fields=["state"])
    if assignment.state == Assignment.State.EXPIRED and assignment.task_id is not None:
        batch_id = Task.objects.values_list("batch_id", flat=True).get(pk=assignment.task_id)
        lock_places(batch_ids=[batch_id], task_ids=[assignment.task_id])
    Assignment.objects.select_for_update(no_key=True).filter(pk=assignment.pk).get()
    assignment.refresh_from_db(fields=["state", "counts", "late", "submitted_at", "closed_at"])


def _submit_again(assignment: Assignment, body: _Body) -> Submission:
    """Needs the assignment's lock. A new revision while the hand is live, or the old one when nothing changed."""
    current = Annotation.objects.get(assignment=assignment, is_current=True)
    if current.body_sha256 == body.sha256:
        return _said(current, assignment)
    if not _hand_is_live(assignment):
        raise AnswersFinal
    Annotation.objects.filter(pk=current.pk).update(is_current=False)
    annotation = _write(assignment, body, revision=current.revision + 1)
    record_event(project_id=assignment.project_id, kind="answer.changed")
    return _said(annotation, assignment)


def _submit_late(assignment: Assignment, body: _Body) -> Submission:
    """Needs the locks of batch, task and assignment. Keep an answer whose lease the sweep had ended."""
    task_id = assignment.task_id
    assignment.counts = task_id is not None and take_place_again(task_id=task_id, round_number=assignment.round)
    assignment.state, assignment.late = Assignment.State.SUBMITTED, True
    assignment.submitted_at = database_now()
    # `closed_at` keeps the time at which the lease ended: a late answer shows by it that it had expired.
    assignment.save(update_fields=["state", "counts", "late", "submitted_at"])
    annotation = _write(assignment, body, revision=1)
    record_event(project_id=assignment.project_id, kind="answer.submitted", submitted=1)
    if not _hand_is_live(assignment):
        enqueue(SETTLE_LATE, project_id=assignment.project_id, max_attempts=KEEP_TRYING, assignment_id=assignment.pk)
    return _said(annotation, assignment)


def _hand_is_live(assignment: Assignment) -> bool:
    """Asked under the assignment's lock, so that settling has either read this answer's forerunner or will read it."""
    return Hand.objects.filter(pk=assignment.hand_id, state=Hand.State.LIVE).exists()


def _write(assignment: Assignment, body: _Body, *, revision: int) -> Annotation:
    assert assignment.worker_id is not None  # it was found by its worker
    return Annotation.objects.create(
        project_id=assignment.project_id,
        assignment=assignment,
        task_id=assignment.task_id,
        gold_id=assignment.gold_id,
        actor_id=assignment.worker_id,
        source=Annotation.Source.WORKER,
        schema_id=assignment.schema_id,
        revision=revision,
        body=body.answer.to_json(),
        body_sha256=body.sha256,
        raw_sha256=body.raw_sha256,
        seconds=body.seconds,
        created_at=ClockTimestamp(),
    )


def _said(annotation: Annotation, assignment: Assignment) -> Submission:
    """Gold never counts, and must not show by it; only work can be told that somebody else was first."""
    counts = assignment.counts or assignment.gold_id is not None
    message = "Saved." if counts else "Someone finished this first. You are paid."
    return Submission(annotation, assignment, late=assignment.late, counts=counts, message=message)
