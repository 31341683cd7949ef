"""Answers with an idempotency key, one or several at once: each is recorded once and gets the same acknowledgement.

An answer that was first sent alone and then again among others is recognized, and the other way round.
"""

import contextlib
import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any
from uuid import UUID

import orjson
from django.db import transaction

from accounts.models import Actor
from kernel.errors import AnnotaryError, NotFound
from kernel.events import record_event
from kernel.idempotency import Call, Superseded, check_key, once, reserve, store
from kernel.statements import columns_of, from_row, run_prepared
from tasks.annotation.errors import AnswerRefused
from tasks.annotation.services import (
    ParsedAnswer,
    Submission,
    Submitting,
    parse,
    schema_from,
    submission,
    submit_leased,
    write,
)
from tasks.assignment.models import Assignment

SUBMITTED = 200

SELECT_HAND = """
SELECT {assignment}, s.body FROM tasks_hand h
LEFT JOIN (tasks_assignment a JOIN projects_labelschema s ON s.id = a.schema_id)
    ON a.public_id = ANY(%(ids)s::uuid[]) AND a.worker_id = h.worker_id AND a.project_id = h.project_id
    AND (a.hand_id = h.id OR a.returned)
WHERE h.public_id = %(hand)s AND h.worker_id = %(worker)s
"""


@dataclass(frozen=True, slots=True)
class SentAnswer:
    """An answer as it was sent: `raw` is its decoded body, `sent` everything that its key stands for."""

    assignment_id: UUID
    key: str
    raw: object
    seconds: float | None
    sent: object
    raw_sha256: str = ""  # of the bytes received, 64 hex digits; of `sent`, if it came among others

    def call(self, worker: Actor) -> Call:
        try:
            sent_sha256 = hashlib.sha256(orjson.dumps(self.sent)).hexdigest()
        except TypeError as error:  # orjson reads deeper nesting than it writes
            raise AnswerRefused("The answer is nested too deeply.", path="", reason="too_deep") from error
        operation = f"answer:{self.assignment_id}"
        return Call(worker.pk, operation, self.key, sent_sha256, self.raw_sha256 or sent_sha256)


@dataclass(frozen=True, slots=True)
class Acknowledgement:
    """The status and the JSON that the worker receives; `replayed` if an earlier call recorded the answer."""

    status: int
    body: Any
    replayed: bool


@dataclass(frozen=True, slots=True)
class _Timely:
    """An answer to an assignment that is leased, and its place among the answers sent."""

    place: int
    call: Call
    assignment: Assignment
    parsed: ParsedAnswer


def submit_once(*, worker: Actor, answer: SentAnswer) -> Acknowledgement:
    """Submit or change an answer, once for its key. Raises as `Submitting.run`, KeyInvalid and KeyReused."""
    call = answer.call(worker)
    submitting = Submitting(
        worker=worker,
        assignment_id=answer.assignment_id,
        raw=answer.raw,
        raw_sha256=call.raw_sha256,
        seconds=answer.seconds,
    )
    made: list[Submission] = []

    def act() -> tuple[int, Any]:
        made.append(submitting.run())
        return SUBMITTED, made[0].to_json()

    status, body = once(
        actor_id=call.actor_id,
        operation=call.operation,
        key=call.key,
        body_sha256=call.body_sha256,
        raw_sha256=call.raw_sha256,
        act=act,
    )
    return Acknowledgement(status, body, replayed=not made)


def submit_together(
    *, worker: Actor, hand_id: UUID, answers: Sequence[SentAnswer]
) -> list[Acknowledgement | AnnotaryError]:
    """Submit several answers of a hand; return what `submit_once` would return or raise for each, in order.

    Those in time are written in one transaction; the others (repeated, changed, late, refused) one by one after it.
    Raises NotFound for another worker's hand.
    """
    assignments = _load_hand(worker, hand_id, [answer.assignment_id for answer in answers])
    results: dict[int, Acknowledgement | AnnotaryError] = {}
    with contextlib.suppress(Superseded):
        results |= _submit_timely([*_timely(worker, answers, assignments)])
    for place, answer in enumerate(answers):
        if place in results:
            continue
        try:
            if answer.assignment_id not in assignments:
                raise NotFound
            results[place] = submit_once(worker=worker, answer=answer)
        except AnnotaryError as error:
            results[place] = error
    return [results[place] for place in range(len(answers))]


def _timely(
    worker: Actor, answers: Sequence[SentAnswer], assignments: dict[UUID, tuple[Assignment, str]]
) -> Iterable[_Timely]:
    """Yield the first valid answer to each leased assignment, in the order in which their keys are reserved."""
    seen: set[UUID] = set()
    for place, answer in sorted(enumerate(answers), key=lambda each: (str(each[1].assignment_id), each[0])):
        assignment, schema = assignments.get(answer.assignment_id, (None, ""))
        if assignment is None or answer.assignment_id in seen or assignment.state != Assignment.State.LEASED:
            continue
        seen.add(answer.assignment_id)
        try:
            call = answer.call(worker)
            check_key(answer.key)
            parsed = parse(assignment, schema_from(schema), answer.raw, call.raw_sha256, answer.seconds)
        except AnnotaryError:
            continue  # refused in its turn, unless an earlier call with its key got another response
        yield _Timely(place, call, assignment, parsed)


@transaction.atomic
def _submit_timely(answers: Sequence[_Timely]) -> dict[int, Acknowledgement]:
    """Locks the assignments by id. Submit answers with new keys; return the acknowledgements by place.

    Keys are reserved before any lock, as for single answers. Raises Superseded if a lease has ended since it was read.
    """
    records = reserve([each.call for each in answers])
    new = [(each, record) for each, record in zip(answers, records, strict=True) if record is not None]
    if not new:
        return {}
    new.sort(key=lambda pair: pair[0].assignment.pk)
    ends = submit_leased([each.assignment for each, _ in new])
    if ends is None:
        raise Superseded
    written = write([(each.assignment, each.parsed) for each, _ in new], revision=1)
    project_id = new[0][0].assignment.project_id
    record_event(project_id=project_id, kind="answer.submitted", leased=-len(new), submitted=len(new))
    ends.renew_due()
    bodies = [
        submission(annotation, each.assignment, merged=each.parsed.merged, ends=ends.of(each.assignment)).to_json()
        for annotation, (each, _) in zip(written, new, strict=True)
    ]
    store([(record, SUBMITTED, body) for (_, record), body in zip(new, bodies, strict=True)])
    return {
        each.place: Acknowledgement(SUBMITTED, body, replayed=False)
        for (each, _), body in zip(new, bodies, strict=True)
    }


def _load_hand(worker: Actor, hand_id: UUID, ids: Sequence[UUID]) -> dict[UUID, tuple[Assignment, str]]:
    """Return these assignments of the hand, by public id, each with the JSON of its label schema. Raises NotFound.

    Also those that have come back in a later hand: a device may still hold answers to them.
    """
    rows = run_prepared(_sql_of_hand(), {"hand": hand_id, "worker": worker.pk, "ids": list(ids)})
    if not rows:
        raise NotFound
    loaded = [(from_row(Assignment, row[:-1]), row[-1]) for row in rows if row[-1] is not None]
    return {assignment.public_id: (assignment, schema) for assignment, schema in loaded}


@cache
def _sql_of_hand() -> str:
    return SELECT_HAND.format(assignment=columns_of(Assignment, "a"))
