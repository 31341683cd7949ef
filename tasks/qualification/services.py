"""Practice and exams: start, answer, finish. What managers set up is in `setup`.

Locks: the worker's attempts at a qualification (an advisory lock by name), then the attempt's row. Neither is taken
together with a lock of work. An exam is graded when it ends: before that nothing is computed, so nothing can tell.
"""

import random
from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.db import transaction
from django.db.models import Count

from accounts.models import Actor, Role
from accounts.selectors import role_in
from annotary_core.labels.answer import Answer
from annotary_core.labels.errors import AnswerError
from annotary_core.labels.parse import parse_answer
from annotary_core.labels.schema import Schema
from kernel.clock import database_now
from kernel.errors import NotFound
from kernel.locks import lock_named
from projects.models import LabelSchema
from projects.selectors import mapping_of
from tasks.gold.compare import Comparison, Tolerance, answerable, compare
from tasks.qualification.drawing import Confusions, PoolImage, PracticeAnswer, draw_exam, draw_practice
from tasks.qualification.errors import (
    AttemptAnswerRefused,
    AttemptOver,
    AttemptTooEarly,
    AttemptUsed,
    NoAttemptsLeft,
    NoPracticeImages,
    QualificationNotOpen,
    QualificationPassed,
)
from tasks.qualification.models import Attempt, AttemptItem, Qualification, QualificationGrant, QualificationImage
from tasks.qualification.selectors import next_exam_at, right_to_pass
from tasks.qualification.skill_models import SkillValue
from tasks.qualification.skills import set_skill
from tasks.standing.errors import StaffCannotWork

#: The newest practice answers that tell what a worker confuses.
NEWEST_PRACTICE = 200
MAX_SECONDS = 86_400

_rng = random.SystemRandom()


def start_attempt(*, worker: Actor, qualification: Qualification, kind: str, number: int | None = None) -> Attempt:
    """Locks the worker's attempts at the qualification. Start an attempt, or return the one in progress.

    One whose time is over is graded first, in a transaction of its own: what it gave the worker stays, though another
    one is refused. `number` is that of the exam that the caller means to start: a request that is sent again later
    starts no other one. Raises NotFound to who is not of the organization, StaffCannotWork, QualificationNotOpen,
    NoPracticeImages, and for an exam QualificationPassed, NoAttemptsLeft, AttemptTooEarly, AttemptUsed.
    """
    require_worker(worker=worker, organisation_id=qualification.organisation_id)
    live = Attempt.objects.filter(qualification=qualification, worker=worker, kind=kind, state=Attempt.State.LIVE)
    for attempt in live.select_related("worker"):
        end_if_over(attempt)
    return _start(worker, qualification, kind, number)


@transaction.atomic
def _start(worker: Actor, qualification: Qualification, kind: str, number: int | None) -> Attempt:
    """Locks the worker's attempts at the qualification."""
    lock_named(f"attempts:{qualification.pk}:{worker.pk}")
    qualification = Qualification.objects.select_related("project__schema").get(pk=qualification.pk)
    now = database_now()
    live = Attempt.objects.filter(qualification=qualification, worker=worker, kind=kind, state=Attempt.State.LIVE)
    if (found := live.first()) is not None:
        locked = _lock(found)
        if locked.state == Attempt.State.LIVE and not is_over(locked, now):
            return locked
        if locked.state == Attempt.State.LIVE:  # its time was over between the two transactions
            _end(locked, now)
    if qualification.state != Qualification.State.OPEN:
        raise QualificationNotOpen
    if kind == Attempt.Kind.EXAM:
        next_number = _next_number(qualification, worker, now)
        if number is not None and number != next_number:
            raise AttemptUsed
        return _insert(qualification, worker, _exam_images(qualification, worker), now, number=next_number)
    return _insert(qualification, worker, _practice_images(qualification, worker), now)


def answer_item(*, worker: Actor, item_id: UUID, raw: object, seconds: float | None = None) -> AttemptItem:
    """Locks the attempt. Save an answer; in practice, also say whether it is right.

    An answer of an exam can be changed until the attempt ends. The first one of practice stays: it was explained, and
    answering again returns the same. Raises NotFound, AttemptOver, AttemptAnswerRefused with `path` and `reason`.
    """
    item = item_for(worker=worker, item_id=item_id)
    answer = _parse(item, raw)
    with transaction.atomic():
        attempt, now = _lock(item.attempt), database_now()
        item.refresh_from_db(fields=["body", "answered_at", "correct", "score", "why"])
        item.attempt = attempt
        if attempt.kind == Attempt.Kind.PRACTICE and item.body is not None:
            return item
        if attempt.state != Attempt.State.LIVE or is_over(attempt, now):
            raise AttemptOver
        item.body, item.answered_at = answer.to_json(), now
        item.seconds = seconds if seconds is not None and 0 <= seconds <= MAX_SECONDS else None
        if attempt.kind == Attempt.Kind.PRACTICE:
            _grade([item], schema_of_attempt(attempt))
        item.save(update_fields=["body", "answered_at", "seconds", "correct", "score", "why"])
    return item


@transaction.atomic
def finish_attempt(*, worker: Actor, attempt_id: UUID) -> Attempt:
    """Locks the worker's attempts at the qualification, then the attempt. End and grade it; repeating is harmless.

    Raises NotFound.
    """
    attempt = attempt_for(worker=worker, attempt_id=attempt_id)
    lock_named(f"attempts:{attempt.qualification_id}:{worker.pk}")
    locked = _lock(attempt)
    if locked.state == Attempt.State.LIVE:
        _end(locked, database_now())
    return locked


def end_if_over(attempt: Attempt) -> Attempt:
    """Locks the attempt, if its time is over. Grade it then, as if the worker had submitted it; return it."""
    if attempt.state != Attempt.State.LIVE or not is_over(attempt, database_now()):
        return attempt
    return finish_attempt(worker=attempt.worker, attempt_id=attempt.public_id)


def is_over(attempt: Attempt, now: datetime) -> bool:
    return attempt.expires_at is not None and attempt.expires_at <= now


def require_worker(*, worker: Actor, organisation_id: int) -> None:
    """Raise NotFound unless the worker is a member of the organization, and StaffCannotWork for its team, who can see
    the answers."""
    role = role_in(actor=worker, organisation_id=organisation_id)
    if role is None:
        raise NotFound
    if role != Role.WORKER:
        raise StaffCannotWork


def attempt_for(*, worker: Actor, attempt_id: UUID) -> Attempt:
    """Return the worker's attempt. Raises NotFound for another worker's, and as `require_worker`."""
    rows = Attempt.objects.select_related("qualification__project__instructions", "schema", "worker")
    attempt = rows.filter(public_id=attempt_id, worker=worker).first()
    if attempt is None:
        raise NotFound
    require_worker(worker=worker, organisation_id=attempt.qualification.organisation_id)
    return attempt


def item_for(*, worker: Actor, item_id: UUID) -> AttemptItem:
    """Return an image of one of the worker's attempts. Raises NotFound, and as `require_worker`."""
    rows = AttemptItem.objects.select_related(
        "attempt__qualification", "attempt__schema", "source__image__rendition", "attempt__worker"
    )
    item = rows.filter(public_id=item_id, attempt__worker=worker).first()
    if item is None:
        raise NotFound
    require_worker(worker=worker, organisation_id=item.attempt.qualification.organisation_id)
    return item


def schema_of_attempt(attempt: Attempt) -> Schema:
    return Schema.from_json(attempt.schema.body)


def _next_number(qualification: Qualification, worker: Actor, now: datetime) -> int:
    """Needs the lock of the worker's attempts. Return the number of the next exam, or raise why there is none."""
    if QualificationGrant.objects.filter(qualification=qualification, worker=worker, revoked_at=None).exists():
        raise QualificationPassed
    last = Attempt.objects.filter(qualification=qualification, worker=worker, kind=Attempt.Kind.EXAM)
    newest = last.order_by("-number").first()
    if newest is None:
        return 1
    assert newest.number is not None
    if newest.number >= qualification.attempts:
        raise NoAttemptsLeft
    again = next_exam_at(qualification, newest.ended_at)
    if again is not None and again > now:
        raise AttemptTooEarly(f"You can take this exam again at {again:%Y-%m-%d %H:%M} UTC. Practice until then.")
    return newest.number + 1


def _insert(
    qualification: Qualification,
    worker: Actor,
    images: Sequence[int],
    now: datetime,
    *,
    number: int | None = None,
) -> Attempt:
    attempt = Attempt.objects.create(
        qualification=qualification,
        worker=worker,
        schema=_schema_now(qualification),
        kind=Attempt.Kind.PRACTICE if number is None else Attempt.Kind.EXAM,
        number=number,
        pass_mark=qualification.pass_mark,
        images=len(images),
        created_at=now,
        expires_at=None if number is None else now + timedelta(minutes=qualification.exam_minutes),
    )
    AttemptItem.objects.bulk_create(
        AttemptItem(attempt=attempt, source_id=pk, position=position) for position, pk in enumerate(images, start=1)
    )
    return attempt


def _pool(qualification: Qualification, use: str) -> list[PoolImage]:
    """The images to draw from: without those that nobody can answer rightly, since a class was retired or split."""
    schema = _schema_now(qualification)
    rows = QualificationImage.objects.filter(qualification=qualification, use=use, retired_at=None).order_by("pk")
    read = ((pk, _answerable(accepted, schema)) for pk, accepted in rows.values_list("pk", "accepted"))
    return [PoolImage(pk, frozenset(answers[0].class_numbers())) for pk, answers in read if answers]


def _schema_now(qualification: Qualification) -> LabelSchema:
    if qualification.project is None or qualification.project.schema is None:
        raise QualificationNotOpen
    return qualification.project.schema


def _answerable(accepted: Sequence[Mapping[str, Any]], schema: LabelSchema) -> list[Answer]:
    offered = [row["number"] for row in schema.body["classes"]]
    return answerable(accepted, mapping=mapping_of(schema), offered=offered)


def _exam_images(qualification: Qualification, worker: Actor) -> list[int]:
    had = AttemptItem.objects.filter(attempt__qualification=qualification, attempt__worker=worker)
    pool = _pool(qualification, QualificationImage.Use.EXAM)
    if not pool:
        raise QualificationNotOpen
    return draw_exam(pool, count=qualification.exam_images, had=set(had.values_list("source_id", flat=True)), rng=_rng)


def _practice_images(qualification: Qualification, worker: Actor) -> list[int]:
    """Return the source ids of a round of practice, by what the worker has confused in earlier ones."""
    pool = _pool(qualification, QualificationImage.Use.PRACTICE)
    if not pool:
        raise NoPracticeImages
    practiced = AttemptItem.objects.filter(
        attempt__qualification=qualification, attempt__worker=worker, attempt__kind=Attempt.Kind.PRACTICE
    )
    had = Counter(dict(practiced.order_by().values_list("source_id").annotate(Count("pk"))))
    answered = practiced.filter(correct__isnull=False).order_by("-answered_at", "-pk")
    rows = answered.values_list("source__accepted", "body", "correct")[:NEWEST_PRACTICE]
    schema = _schema_now(qualification)
    read = [
        (_answerable(accepted, schema), _answerable([body], schema), bool(correct))
        for accepted, body, correct in rows
        if body is not None
    ]
    confusions = Confusions.of(
        PracticeAnswer(frozenset(right[0].class_numbers()), frozenset(given[0].class_numbers()), correct=correct)
        for right, given, correct in read
        if right and given
    )
    return draw_practice(pool, count=qualification.practice_images, had=had, confusions=confusions, rng=_rng)


def _parse(item: AttemptItem, raw: object) -> Answer:
    image = item.source.image
    try:
        return parse_answer(raw, schema=schema_of_attempt(item.attempt), width=image.width, height=image.height)
    except AnswerError as error:
        raise AttemptAnswerRefused(error.sentence, path=error.path, reason=error.code) from error


def _lock(attempt: Attempt) -> Attempt:
    rows = Attempt.objects.select_for_update(no_key=True, of=("self",))
    rows = rows.select_related("qualification__project__instructions", "qualification__skill", "schema", "worker")
    return rows.get(pk=attempt.pk)


def _end(attempt: Attempt, now: datetime) -> None:
    """Needs the attempt's lock. Grade what was answered, and grant the qualification if that is enough."""
    items = list(attempt.items.select_related("source").order_by("position"))
    if attempt.kind == Attempt.Kind.EXAM:
        _grade([item for item in items if item.body is not None], schema_of_attempt(attempt))
        for item in items:
            item.correct = bool(item.correct)
        AttemptItem.objects.bulk_update(items, ["correct", "score", "why"])
    attempt.correct = sum(bool(item.correct) for item in items)
    attempt.ended_at = min(now, attempt.expires_at) if attempt.expires_at is not None else now
    attempt.state = Attempt.State.DONE
    if attempt.kind == Attempt.Kind.EXAM:
        is_passed = attempt.correct >= right_to_pass(attempt.pass_mark, attempt.images)
        attempt.state = Attempt.State.PASSED if is_passed else Attempt.State.FAILED
        if is_passed:
            _grant(attempt, now)
        if attempt.qualification.skill is not None:
            set_skill(
                skill=attempt.qualification.skill,
                worker=attempt.worker,
                value=attempt.correct / attempt.images,
                source=SkillValue.Source.EXAM,
                by=None,
            )
    attempt.save(update_fields=["correct", "ended_at", "state"])


def _grant(attempt: Attempt, now: datetime) -> None:
    """Needs the lock of the worker's attempts, or the attempt's. A manager may have granted it meanwhile."""
    QualificationGrant.objects.bulk_create(
        [
            QualificationGrant(
                qualification_id=attempt.qualification_id,
                worker_id=attempt.worker_id,
                source=QualificationGrant.Source.EXAM,
                score=(attempt.correct or 0) / attempt.images,
                granted_at=now,
            )
        ],
        ignore_conflicts=True,
    )


def _grade(items: Sequence[AttemptItem], schema: Schema) -> None:
    for item in items:
        result = comparison_of(item, schema)
        item.correct, item.score, item.why = result.correct, result.score, result.why[:300]


def comparison_of(item: AttemptItem, schema: Schema) -> Comparison:
    assert item.body is not None
    names = {each.number: each.name for each in schema.classes}
    tolerance = Tolerance.from_json(item.source.tolerance)
    return compare(Answer.from_json(item.body), accepted_answers(item), tolerance, names=names)


def accepted_answers(item: AttemptItem) -> list[Answer]:
    """The accepted answers as the classes of the attempt are read: at least one, the first of which is shown."""
    stored = item.source.accepted
    # An attempt that began before images were left out that nobody can answer rightly may have one.
    return _answerable(stored, item.attempt.schema) or [Answer.from_json(body) for body in stored]
