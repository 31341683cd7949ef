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
  consensus. An answer to gold is then compared when a later hand of the worker is settled, so that no single answer
  moves the worker's standing.
- leased again, in a later hand: simply the answer.
- skipped, released: refused.

An answer in time, first or changed, renews the lease of its hand once less than half of it is left
(`assignment.leases`); the statement that submits it also says whether that is due.

Once the worker may no longer work in the project, everything but a timely submission that came first is refused.

Settling a hand locks all of its assignments before it reads any answer (`flow.settling`); so an answer is either part
of the settlement, or comes after it and sees the hand as settled.
"""

import json
import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cache, lru_cache
from typing import Any
from uuid import UUID

from django.db import transaction

from accounts.models import Actor
from annotary_core.labels.answer import Answer
from annotary_core.labels.canonical import content_hash
from annotary_core.labels.errors import AnswerError
from annotary_core.labels.parse import merged_count, merged_sentence, parse_answer
from annotary_core.labels.schema import Schema
from kernel.clock import database_now, rfc3339
from kernel.errors import NotFound
from kernel.events import record_event
from kernel.idempotency import Superseded
from kernel.job_kinds import KEEP_TRYING, JobKind
from kernel.jobs import enqueue
from kernel.statements import columns_of, from_row, run_prepared, run_prepared_many
from tasks.annotation.errors import AnswerRefused, AnswersFinal, ImageGivenBack
from tasks.annotation.models import Annotation
from tasks.assignment.leases import HandEnds, is_renewal_due, read_end
from tasks.assignment.models import Assignment
from tasks.assignment.slots import lock_slots_of_image, reclaim_slot
from tasks.standing.access import may_work, require_may_work
from tasks.standing.services import record_returns


@dataclass(frozen=True, slots=True)
class LateAnswer:
    """A late answer whose set is settled, by its assignment."""

    assignment_id: int


SETTLE_LATE = JobKind("flow.settle_late_answer", LateAnswer, max_attempts=KEEP_TRYING)
MAX_SECONDS = 24 * 3600.0

# The condition on access is for changes that no service made: a revocation ends the leases in its own transaction.
SUBMIT_LEASED = f"""
UPDATE tasks_assignment a
SET state = 'submitted', submitted_at = t.now, closed_at = t.now, late = a.expires_at <= t.now
FROM (SELECT clock_timestamp() AS now) t, tasks_hand h, projects_project p
WHERE a.id = %(assignment)s AND a.state = 'leased' AND h.id = a.hand_id AND p.id = a.project_id
  AND {may_work(project="a.project_id", worker="a.worker_id")}
RETURNING a.submitted_at, a.late, h.expires_at, {is_renewal_due(now="t.now")}
"""  # noqa: S608

SELECT_ASSIGNMENT = """
SELECT {assignment}, s.body FROM tasks_assignment a JOIN projects_labelschema s ON s.id = a.schema_id
WHERE a.public_id = %(id)s AND a.worker_id = %(worker)s
"""

INSERT_ANNOTATION = """
INSERT INTO tasks_annotation (public_id, project_id, assignment_id, task_id, gold_id, actor_id, source, schema_id,
    revision, is_current, body, body_sha256, raw_sha256, seconds, created_at)
VALUES (%(public_id)s, %(project)s, %(assignment)s, %(task)s, %(gold)s, %(actor)s, 'worker', %(schema)s,
    %(revision)s, true, %(body)s, %(body_sha256)s, %(raw_sha256)s, %(seconds)s, clock_timestamp())
RETURNING id, created_at
"""


@dataclass(frozen=True, slots=True)
class Submission:
    """The result of submitting an answer. `counts` is what the worker may see: gold looks like counted work; `ends` is
    when the hand is over, after a renewal."""

    annotation: Annotation
    assignment: Assignment
    late: bool
    counts: bool
    message: str
    ends: datetime

    def to_json(self) -> dict[str, Any]:
        """Return the acknowledgement that the worker receives."""
        return {
            "id": str(self.assignment.public_id),
            "state": self.assignment.state,
            "revision": self.annotation.revision,
            "message": self.message,
            "expires_at": rfc3339(self.ends),
        }


@dataclass(frozen=True, slots=True)
class ParsedAnswer:
    """An answer in canonical form, with the hash of the bytes received and the seconds it took.

    `merged` is the number of objects in the body that were identical to another one and are not in `answer`.
    """

    answer: Answer
    sha256: str
    raw_sha256: str
    seconds: float | None
    merged: int = 0


class Submitting:
    """The submission of one answer. `run` is to be called in a transaction; Superseded asks for another, once.

    `raw` is the decoded body, in pixels of the upright image; `raw_sha256` is the hash of the bytes received, 64 hex
    digits.
    """

    def __init__(
        self, *, worker: Actor, assignment_id: UUID, raw: object, raw_sha256: str, seconds: float | None = None
    ) -> None:
        self.worker, self.assignment_id = worker, assignment_id
        self.raw, self.raw_sha256, self.seconds = raw, raw_sha256, seconds
        self._lease_ended = False

    def run(self) -> Submission:
        """Locks the assignment; for an expired one batch, task, assignment, standing. Submit or change the answer.

        Raises NotFound, AnswerRefused with `path` and `reason`, AnswersFinal, ImageGivenBack, WorkerRemoved,
        StaffCannotWork. Raises Superseded if the lease has ended since it was read, so that the rollback releases the
        lock: an update that had to wait for a row keeps it locked even if it then changes nothing, and batch and task
        come first in the lock order.
        """
        assignment, schema = load_assignment(worker=self.worker, assignment_id=self.assignment_id)
        parsed = parse(assignment, schema, self.raw, self.raw_sha256, self.seconds)
        if self._lease_ended or assignment.state != Assignment.State.LEASED:
            return _submit_after(self.worker, assignment, parsed)
        ends = submit_leased([assignment])
        if ends is None:
            self._lease_ended = True
            raise Superseded
        return _record_leased(assignment, parsed, ends)


def submit_answer(
    *, worker: Actor, assignment_id: UUID, raw: object, raw_sha256: str, seconds: float | None = None
) -> Submission:
    """Submit or change an answer in a transaction of its own, as `Submitting.run`."""
    submitting = Submitting(worker=worker, assignment_id=assignment_id, raw=raw, raw_sha256=raw_sha256, seconds=seconds)
    while True:
        try:
            with transaction.atomic():
                return submitting.run()
        except Superseded:
            continue


def load_assignment(*, worker: Actor, assignment_id: UUID) -> tuple[Assignment, Schema]:
    """Return the worker's assignment, without a lock, and its label schema. Raises NotFound."""
    rows = run_prepared(_sql_of_assignment(), {"id": assignment_id, "worker": worker.pk})
    if not rows:
        raise NotFound
    *columns, body = rows[0]
    return from_row(Assignment, columns), schema_from(body)


@lru_cache(maxsize=256)
def schema_from(body: str) -> Schema:
    return Schema.from_json(json.loads(body))


@cache
def _sql_of_assignment() -> str:
    return SELECT_ASSIGNMENT.format(assignment=columns_of(Assignment, "a"))


def _submit_after(worker: Actor, assignment: Assignment, parsed: ParsedAnswer) -> Submission:
    """Locks the assignment; for an expired one batch, task, assignment, standing. Handle an answer after its lease."""
    require_may_work(worker=worker, project_id=assignment.project_id)
    _lock(assignment)
    ends = submit_leased([assignment])
    if ends is not None:  # leased again meanwhile, in the worker's next hand
        return _record_leased(assignment, parsed, ends)
    if assignment.state == Assignment.State.SUBMITTED:
        return _resubmit(assignment, parsed)
    if assignment.state == Assignment.State.EXPIRED:
        return _submit_late(assignment, parsed)
    raise ImageGivenBack


def _record_leased(assignment: Assignment, parsed: ParsedAnswer, ends: HandEnds) -> Submission:
    (annotation,) = write([(assignment, parsed)], revision=1)
    record_event(project_id=assignment.project_id, kind="answer.submitted", leased=-1, submitted=1)
    ends.renew_due()
    return submission(annotation, assignment, merged=parsed.merged, ends=ends.of(assignment))


def parse(assignment: Assignment, schema: Schema, raw: object, raw_sha256: str, seconds: float | None) -> ParsedAnswer:
    """Return the canonical answer to an assignment. Raises AnswerRefused."""
    try:
        answer = parse_answer(raw, schema=schema, width=assignment.width, height=assignment.height)
    except AnswerError as error:
        raise AnswerRefused(error.sentence, path=error.path, reason=error.code) from error
    # The time comes from the worker's device, whose clock may jump; that is no reason to refuse an answer.
    plausible = seconds is not None and math.isfinite(seconds) and 0 <= seconds <= MAX_SECONDS
    return ParsedAnswer(
        answer, content_hash(answer), raw_sha256, seconds if plausible else None, merged_count(raw, answer)
    )


def submit_leased(assignments: Sequence[Assignment]) -> HandEnds | None:
    """Locks the assignments in the given order, which must be by id. Submit them; return None if a lease has ended."""
    rows = run_prepared_many(SUBMIT_LEASED, [{"assignment": assignment.pk} for assignment in assignments])
    ends = HandEnds()
    for assignment, row in zip(assignments, rows, strict=True):
        if row is None:
            return None
        assignment.state = Assignment.State.SUBMITTED
        assignment.submitted_at, assignment.late, end, is_renewal_due = row
        assignment.closed_at = assignment.submitted_at
        ends.add(assignment.hand_id, end, is_renewal_due=is_renewal_due)
    return ends


def _lock(assignment: Assignment) -> None:
    """Lock an assignment that was not leased; if it had expired, first lock the slots that it may reclaim.

    Gold runs the same statements as work and waits for the same locks: the response time must not reveal it.
    """
    assignment.refresh_from_db(fields=["state"])
    if assignment.state == Assignment.State.EXPIRED:
        lock_slots_of_image(assignment_id=assignment.pk)
    Assignment.objects.select_for_update(no_key=True).filter(pk=assignment.pk).get()
    assignment.refresh_from_db(fields=["state", "counts", "late", "submitted_at", "closed_at", "hand", "round"])


def _resubmit(assignment: Assignment, parsed: ParsedAnswer) -> Submission:
    """Needs the assignment's lock. Write a new revision while the hand is live, or return an unchanged answer."""
    current = Annotation.objects.get(assignment=assignment, is_current=True)
    # Settling has either read this answer's predecessor or will read this one.
    end = read_end(hand_id=assignment.hand_id)
    if current.body_sha256 == parsed.sha256:
        return submission(current, assignment, merged=parsed.merged, ends=end.at)
    if not end.is_live:
        raise AnswersFinal
    Annotation.objects.filter(pk=current.pk).update(is_current=False)
    (annotation,) = write([(assignment, parsed)], revision=current.revision + 1)
    record_event(project_id=assignment.project_id, kind="answer.changed")
    ends = HandEnds()
    ends.add(assignment.hand_id, end.at, is_renewal_due=end.is_renewal_due)
    ends.renew_due()
    return submission(annotation, assignment, merged=parsed.merged, ends=ends.of(assignment))


def _submit_late(assignment: Assignment, parsed: ParsedAnswer) -> Submission:
    """Needs the locks of batch, task and assignment; locks the standing. Record an answer after the sweep ended it."""
    end = read_end(hand_id=assignment.hand_id)
    settled = not end.is_live
    # No task has the id 0: gold runs the same statement, in the same time.
    assignment.counts = reclaim_slot(task_id=assignment.task_id or 0, round_number=assignment.round)
    assignment.state, assignment.late = Assignment.State.SUBMITTED, True
    assignment.awaits_comparison = settled and assignment.gold_id is not None
    assignment.submitted_at = database_now()
    # `closed_at` keeps the time at which the lease ended: it shows that a late answer had expired.
    assignment.save(update_fields=["state", "counts", "late", "submitted_at", "awaits_comparison"])
    (annotation,) = write([(assignment, parsed)], revision=1)
    record_event(project_id=assignment.project_id, kind="answer.submitted", submitted=1)
    if settled:
        enqueue(SETTLE_LATE, LateAnswer(assignment.pk), project_id=assignment.project_id)
    assert assignment.worker_id is not None  # it was looked up by its worker
    record_returns(project_id=assignment.project_id, images={assignment.worker_id: -1})
    return submission(annotation, assignment, merged=parsed.merged, ends=end.at)


def write(answers: Sequence[tuple[Assignment, ParsedAnswer]], *, revision: int) -> list[Annotation]:
    """Needs the assignments' locks. Write a revision of each answer."""
    annotations = [_annotation(assignment, parsed, revision) for assignment, parsed in answers]
    rows = run_prepared_many(INSERT_ANNOTATION, [_values(annotation) for annotation in annotations])
    for annotation, row in zip(annotations, rows, strict=True):
        assert row is not None
        annotation.pk, annotation.created_at = row
        annotation._state.adding = False
    return annotations


def _annotation(assignment: Assignment, parsed: ParsedAnswer, revision: int) -> Annotation:
    assert assignment.worker_id is not None  # it was looked up by its worker
    return Annotation(
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
    )


def _values(annotation: Annotation) -> dict[str, Any]:
    return {
        "public_id": annotation.public_id,
        "project": annotation.project_id,
        "assignment": annotation.assignment_id,
        "task": annotation.task_id,
        "gold": annotation.gold_id,
        "actor": annotation.actor_id,
        "schema": annotation.schema_id,
        "revision": annotation.revision,
        "body": json.dumps(annotation.body),
        "body_sha256": annotation.body_sha256,
        "raw_sha256": annotation.raw_sha256,
        "seconds": annotation.seconds,
    }


def submission(annotation: Annotation, assignment: Assignment, *, merged: int, ends: datetime) -> Submission:
    """Build the response. Gold never counts, which must not show; only work can lose its slot to another worker.

    Every late answer gets the same words: those for an answer without a slot would not fit gold. The message warns of
    `merged` identical objects.
    """
    counts = assignment.counts or assignment.gold_id is not None
    message = "Saved. You are paid for it." if assignment.late else "Saved."
    if merged:
        message += f" {merged_sentence(merged)}."
    return Submission(annotation, assignment, late=assignment.late, counts=counts, message=message, ends=ends)
