"""Judges answers to gold anew: when an answer is accepted too, and when gold is suspended, reactivated or retired.

What was counted of each worker is corrected. A standing is left alone: whether somebody may work again is decided by a
manager. Workers see none of this.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

import structlog
from django.db import transaction

from accounts.models import Actor
from annotary_core.labels.answer import Answer
from kernel.clock import ClockTimestamp
from kernel.errors import NotFound, TransitionRefused
from kernel.events import record_event
from tasks.annotation.models import Annotation
from tasks.consensus.refit import request_refit
from tasks.flow.gold_comparison import answerable, judge
from tasks.gold.compare import Tolerance
from tasks.gold.contested import Witness, is_contested
from tasks.gold.errors import GoldRefused
from tasks.gold.models import Gold, GoldResult
from tasks.standing.models import Standing
from tasks.workers.evidence import Counts, worker_records
from tasks.workers.gold_corrections import correct_gold

logger = structlog.get_logger(__name__)

AT_ONCE = 500
MAX_ACCEPTED = 20


@transaction.atomic
def change_gold(
    *, gold: Gold, by: Actor, accepted: Sequence[Answer] | None = None, tolerance: Mapping[str, Any] | None = None
) -> Gold:
    """Locks the gold, then the standings and the evidence of those who answered it. Replace the accepted answers or the
    tolerance, and judge all answers anew. Raises GoldRefused, and TransitionRefused for retired gold.
    """
    row = lock_gold(gold=gold)
    if row.state == Gold.State.RETIRED:
        raise TransitionRefused("This check image is retired. Create it again to use it.")
    if accepted is not None:
        if not 1 <= len(accepted) <= MAX_ACCEPTED:
            raise GoldRefused(f"A check image has 1 to {MAX_ACCEPTED} accepted answers.")
        row.accepted = [answer.to_json() for answer in accepted]
    if tolerance is not None:
        try:
            row.tolerance = Tolerance.from_json({**row.tolerance, **tolerance}).to_json()
        except ValueError as error:
            raise GoldRefused(str(error)) from error
    row.save(update_fields=["accepted", "tolerance"])
    data = {"gold": str(row.public_id), "by": str(by.public_id)}
    record_event(project_id=row.project_id, kind="gold.changed", data=data)
    rejudge(row)
    return row


@transaction.atomic
def accept_answer(*, gold: Gold, by: Actor, assignment_id: int) -> Gold:
    """Locks as `change_gold`. Accept the answer of this assignment to the gold, too. Raises NotFound."""
    answer = Annotation.objects.filter(gold=gold, assignment=assignment_id, is_current=True).first()
    if answer is None:
        raise NotFound("There is no such answer to this check image. Reload the page.")
    row = lock_gold(gold=gold)
    if answer.body in row.accepted:
        return row
    accepted = [*(Answer.from_json(body) for body in row.accepted), Answer.from_json(answer.body)]
    return change_gold(gold=row, by=by, accepted=accepted)


@transaction.atomic
def reactivate_gold(*, gold: Gold, by: Actor) -> Gold:
    """Locks as `change_gold`. Use suspended gold again: it is given to workers, and its answers count again.

    Its failures so far do not suspend it again. Raises TransitionRefused.
    """
    row = lock_gold(gold=gold)
    if row.state != Gold.State.SUSPENDED:
        raise TransitionRefused(f"This check image is {row.state}. Only a suspended one can be used again.")
    row.state, row.suspended_at, row.vetted_at = Gold.State.ACTIVE, None, ClockTimestamp()
    row.save(update_fields=["state", "suspended_at", "vetted_at"])
    data = {"gold": str(row.public_id), "by": str(by.public_id)}
    record_event(project_id=row.project_id, kind="gold.reactivated", data=data)
    rejudge(row)
    return row


def lock_gold(*, gold: Gold) -> Gold:
    """Locks the gold, also against settlements that compare answers with it; claims go on."""
    return Gold.objects.select_for_update().get(pk=gold.pk)


def rejudge(gold: Gold) -> int:
    """Needs `lock_gold`; locks standings and evidence. Compare all answers to gold anew and correct what was counted of
    the workers: nothing, unless the gold is active. Returns how many results changed.
    """
    counts = gold.state == Gold.State.ACTIVE
    changes: dict[int, list[tuple[datetime, Counts]]] = defaultdict(list)
    answers = _answers(gold)
    changed = 0
    for result in GoldResult.objects.filter(gold=gold).order_by("pk"):
        before = _counted(result)
        answer = answers.get(result.assignment_id)
        if answer is not None:
            comparison = judge(answer, answerable(answer))
            if comparison is not None:
                result.correct, result.score, result.why = comparison.correct, comparison.score, comparison.why[:300]
        result.counts = counts
        change = _difference(_counted(result), before)
        result.save(update_fields=["correct", "score", "why", "counts"])
        if change.correct or change.incorrect:
            changes[result.worker_id].append((result.created_at, change))
            changed += 1
    _correct(gold, changes)
    if changed:
        request_refit(project_id=gold.project_id)
    return changed


def suspend_contested_gold() -> int:
    """Suspend gold that good workers fail; returns how many. Failures since the last sweep are considered."""
    unchecked = GoldResult.objects.filter(correct=False, is_checked=False)
    found = list(unchecked.order_by("gold").values_list("gold", flat=True).distinct()[:AT_ONCE])
    done = 0
    for pk in found:
        try:
            done += _suspend_if_contested(pk)
        except Exception:
            logger.exception("check image not considered; the next sweep retries it", gold=pk)
    return done


@transaction.atomic
def _suspend_if_contested(gold_id: int) -> bool:
    """Locks as `change_gold`."""
    gold = Gold.objects.select_for_update().get(pk=gold_id)
    results = list(GoldResult.objects.filter(gold=gold).order_by("pk"))
    GoldResult.objects.filter(pk__in=[result.pk for result in results]).update(is_checked=True)
    since = [result for result in results if gold.vetted_at is None or result.created_at > gold.vetted_at]
    if gold.state != Gold.State.ACTIVE or not is_contested(_witnesses(gold, since)):
        return False
    gold.state, gold.suspended_at = Gold.State.SUSPENDED, ClockTimestamp()
    gold.save(update_fields=["state", "suspended_at"])
    failed = sum(not result.correct for result in results)
    data = {"gold": str(gold.public_id), "answers": len(results), "failed": failed}
    record_event(project_id=gold.project_id, kind="gold.suspended", data=data)
    rejudge(gold)
    return True


def _witnesses(gold: Gold, results: Sequence[GoldResult]) -> list[Witness]:
    records = worker_records(project_id=gold.project_id, worker_ids={result.worker_id for result in results})
    witnesses = []
    for result in results:
        own, record = _counted(result), records[result.worker_id].ever_gold
        others = Counts(max(0, record.correct - own.correct), max(0, record.incorrect - own.incorrect))
        witnesses.append(Witness(not result.correct, others.seen, others.correct))
    return witnesses


def _answers(gold: Gold) -> dict[int | None, Annotation]:
    rows = Annotation.objects.filter(gold=gold, is_current=True).select_related("schema", "project__schema")
    answers = {row.assignment_id: row for row in rows}
    for row in answers.values():
        row.gold = gold
    return answers


def _counted(result: GoldResult) -> Counts:
    return Counts(int(result.counts and result.correct), int(result.counts and not result.correct))


def _difference(after: Counts, before: Counts) -> Counts:
    return Counts(after.correct - before.correct, after.incorrect - before.incorrect)


def _correct(gold: Gold, changes: Mapping[int, Sequence[tuple[datetime, Counts]]]) -> None:
    """Needs the lock of the gold; locks the standings of these workers, then their evidence."""
    rows = Standing.objects.select_for_update(no_key=True).filter(project_id=gold.project_id, worker__in=changes)
    workers = {row.worker_id: row.worker for row in rows.select_related("worker").order_by("pk")}
    for worker_id in sorted(changes):
        for at, change in changes[worker_id]:
            correct_gold(project_id=gold.project_id, worker_id=worker_id, at=at, change=change)
        total = sum((change for _, change in changes[worker_id]), Counts())
        data = {"gold": str(gold.public_id)}
        if worker_id in workers:
            data["worker"] = str(workers[worker_id].public_id)
        record_event(
            project_id=gold.project_id,
            kind="worker.measured",
            data=data,
            gold_seen=total.seen,
            gold_correct=total.correct,
        )
