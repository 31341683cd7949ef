"""Images that a reviewer sends back to the worker whose answer was rejected, to be corrected.

The worker gets the image again in a later set, in the round that the rejection began: a *correction*. Until a set
takes it, it is a lease that keeps a slot of the task for the worker (`position` 0), so that nobody else is asked
meanwhile. It pays nothing, because the rejected answer stays paid: the image is paid once. Gold is sent back like work,
or what is sent back would tell one from the other. `tasks.flow.corrections` ends what is not taken in time.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

from annotary_core.labels.answer import Answer
from kernel.clock import database_now
from kernel.events import record_event
from projects.models import LabelSchema, Project
from projects.selectors import mapping_of
from tasks.annotation.models import Annotation
from tasks.assignment.models import Assignment, Hand
from tasks.gold.models import Gold
from tasks.review.errors import NobodyToCorrect, SendingBackOff
from tasks.review.models import RejectedAnswer
from tasks.standing.models import Standing


@dataclass(frozen=True, slots=True)
class ShownCorrection:
    """What a worker sees of a correction: why the former answer was rejected, the part of the image that this is about,
    in pixels, and the former answer to begin with, None if it has classes that the set does not offer."""

    reason: str
    region: dict[str, float] | None
    answer: dict[str, Any] | None


def require_sending_back(project: Project) -> None:
    """Raises SendingBackOff."""
    if not project.send_back_days:
        raise SendingBackOff


def choose_to_send_back(*, project: Project, rows: Sequence[RejectedAnswer]) -> None:
    """Mark the rejected answers whose workers may correct them. Raises SendingBackOff, and NobodyToCorrect if none may.

    Those who are paused or have left keep the rejection alone.
    """
    require_sending_back(project)
    active = _active(project, rows)
    for row in rows:
        row.is_sent_back = row.worker_id in active
    if not any(row.is_sent_back for row in rows):
        raise NobodyToCorrect


def send_back_work(*, rows: Sequence[RejectedAnswer], project: Project, round_number: int) -> int:
    """Needs the locks of the batch and the task, whose new round keeps a slot for each. Give the workers of the rows
    that are sent back their corrections; returns how many."""
    return _give([row for row in rows if row.is_sent_back], project, {row.pk: round_number for row in rows})


def send_back_gold(*, rows: Collection[RejectedAnswer], project: Project) -> int:
    """Give the workers of rejected answers to gold their corrections, when these are shown together with work; returns
    how many. Not those who are paused by now, nor gold that is not active any more."""
    active = _active(project, rows)
    chosen = [row for row in rows if row.worker_id in active and _is_active_gold(row)]
    return _give(chosen, project, {row.pk: row.assignment.round + 1 for row in chosen})


def shown_corrections(*, hand: Hand) -> dict[UUID, ShownCorrection]:
    """Return what the worker sees of the corrections in a hand, by the public id of their assignments."""
    rows = RejectedAnswer.objects.filter(correction__hand=hand, correction__position__gt=0)
    rows = rows.select_related("correction__schema")
    found = {row.assignment_id: row for row in rows}
    if not found:
        return {}
    answers = Annotation.objects.filter(assignment__in=found, is_current=True).values_list("assignment_id", "body")
    shown: dict[UUID, ShownCorrection] = {}
    for assignment_id, body in answers:
        assert assignment_id is not None
        row = found[assignment_id]
        assert row.correction is not None
        start = _as_offered(body, row.correction.schema)
        shown[row.correction.public_id] = ShownCorrection(row.reason, row.region, start)
    return shown


def note_corrected_gold(*, results: Mapping[int, bool]) -> None:
    """Keep whether corrections of gold are right: {row id of the assignment: whether}. It is no evidence of the worker,
    who was told what is wrong, and is drafted again if it is wrong (`rejected_answers`)."""
    for is_corrected in (True, False):
        # Both, also for work: the time of a settlement must not tell gold.
        chosen = [pk for pk, correct in results.items() if correct is is_corrected]
        RejectedAnswer.objects.filter(correction__in=chosen or [0]).update(is_corrected=is_corrected)


def _as_offered(body: dict[str, Any], schema: LabelSchema) -> dict[str, Any] | None:
    """Return an earlier answer as it is read under a later schema; None if that does not offer one of its classes."""
    answer = mapping_of(schema).answer(Answer.from_json(body))
    offered = {row["number"] for row in schema.body["classes"]}
    return answer.to_json() if answer is not None and answer.class_numbers() <= offered else None


def _active(project: Project, rows: Collection[RejectedAnswer]) -> set[int]:
    standings = Standing.objects.filter(project=project, worker__in=[row.worker_id for row in rows])
    return set(standings.filter(state=Standing.State.ACTIVE).values_list("worker_id", flat=True))


def _is_active_gold(row: RejectedAnswer) -> bool:
    gold = row.assignment.gold
    return gold is not None and gold.state == Gold.State.ACTIVE


def _give(rows: Sequence[RejectedAnswer], project: Project, rounds: Mapping[int, int]) -> int:
    now = database_now()
    for row in rows:
        assert row.shown_from is not None
        row.kept_until = row.shown_from + timedelta(days=project.send_back_days)
        before = row.assignment
        row.correction = Assignment.objects.create(
            project_id=before.project_id,
            hand_id=before.hand_id,
            worker_id=before.worker_id,
            task_id=before.task_id,
            gold_id=before.gold_id,
            round=rounds[row.pk],
            position=0,
            counts=before.task_id is not None,
            is_correction=True,
            schema_id=before.schema_id,
            instructions_id=before.instructions_id,
            rendition_id=before.rendition_id,
            width=before.width,
            height=before.height,
            price=Decimal(0),
            leased_at=now,
            expires_at=row.kept_until,
        )
        row.is_kept = True
    RejectedAnswer.objects.bulk_update(rows, ["kept_until", "correction", "is_kept", "is_sent_back"])
    if rows:
        record_event(project_id=project.pk, kind="image.sent_back", leased=len(rows))
    return len(rows)
