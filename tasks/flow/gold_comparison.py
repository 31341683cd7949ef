"""Compares answers with gold: those of a hand when it is settled, and late ones with a later hand.

A late answer to gold arrives after its hand was settled. Comparing it at once would let a worker send one answer late
and watch for a reaction; so it waits for the worker's next settlement in the project. If no hand follows, a sweep
records the result after a day, and leaves any pause to the next settlement.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import structlog
from django.db import connection, transaction

from accounts.models import Actor
from annotary_core.labels.answer import Answer
from kernel.events import record_event
from projects.models import Project
from projects.selectors import mapping_of, object_tools_of
from tasks.annotation.models import Annotation
from tasks.assignment.models import Assignment
from tasks.consensus.refit import request_refit
from tasks.flow.worker_review import review_worker
from tasks.gold.compare import Comparison, Tolerance, compare
from tasks.gold.compare import answerable as accepted_now
from tasks.gold.models import Gold, GoldResult
from tasks.review.corrections import note_corrected_gold
from tasks.standing.services import record_gold_results

logger = structlog.get_logger(__name__)

# Per worker and project; `settled`: a hand was settled after a late answer, though not by `settle_hand` (a hand that is
# returned without an answer).
DUE = """
SELECT project_id, worker_id, bool_or(settled) FROM (
    SELECT a.project_id, a.worker_id, a.submitted_at < clock_timestamp() - interval '1 day' AS old,
        EXISTS (
            SELECT 1 FROM tasks_hand h
            WHERE h.worker_id = a.worker_id AND h.project_id = a.project_id AND h.settled_at > a.submitted_at
        ) AS settled
    FROM tasks_assignment a WHERE a.awaits_comparison
) late
GROUP BY project_id, worker_id HAVING bool_or(old OR settled)
LIMIT 500
"""


SHARE_GOLDS = """
SELECT id FROM tasks_gold WHERE id IN (SELECT gold_id FROM tasks_assignment WHERE id = ANY(%s) AND gold_id IS NOT NULL)
ORDER BY id FOR KEY SHARE
"""


@dataclass(frozen=True, slots=True)
class GoldCounts:
    seen: int
    correct: int


def compare_answers(*, project_id: int, worker_id: int, submitted: Sequence[Assignment]) -> GoldCounts:
    """Locks the worker's late answers to gold; needs the locks of `submitted`. Write a result for each answer to gold
    among them, and for the late ones.

    Of a correction, whose worker was told what is wrong, it is kept alone whether it is right.

    Skips gold that was retired meanwhile as contested, and gold whose accepted answers all need a class that the worker
    was not offered: one retired since the gold was created, or added after the hand was claimed.
    """
    late = list(
        Assignment.objects.select_for_update(no_key=True)
        .filter(project_id=project_id, worker_id=worker_id, awaits_comparison=True)
        .order_by("pk")
        .values_list("pk", flat=True)
    )
    if late:
        Assignment.objects.filter(pk__in=late).update(awaits_comparison=False)
    ids = [*late, *(row.pk for row in submitted if row.gold_id is not None)]
    _share_golds(ids)
    # No assignment has the id 0. A set without gold runs the same statements, or the time that it takes would tell.
    answers = Annotation.objects.filter(
        assignment_id__in=ids or [0], is_current=True, gold__state=Gold.State.ACTIVE
    ).select_related("assignment", "gold", "schema", "project__schema")
    compared = [(answer, judge(answer, answerable(answer))) for answer in answers.order_by("assignment_id")]
    judged = [(answer, comparison) for answer, comparison in compared if comparison is not None]
    if late or any(row.is_correction for row in submitted):
        _note_corrected(judged)
    results = [_result(answer, comparison) for answer, comparison in judged if not _is_correction(answer)]
    if results:
        GoldResult.objects.bulk_create(results)
    else:
        GoldResult.objects.filter(pk=0).update(correct=True)
    return GoldCounts(seen=len(results), correct=sum(result.correct for result in results))


def compare_late_answers() -> int:
    """Compare the late answers that are due; returns for how many workers. The next sweep retries failures."""
    with connection.cursor() as cursor:
        cursor.execute(DUE)
        due = cursor.fetchall()
    done = 0
    for project_id, worker_id, settled in due:
        try:
            _compare_late(project_id=project_id, worker_id=worker_id, may_pause=settled)
        except Exception:
            logger.exception("late answers not compared; the next sweep retries it", project=project_id)
        else:
            done += 1
    return done


@transaction.atomic
def _compare_late(*, project_id: int, worker_id: int, may_pause: bool) -> None:
    """Locks the worker's late answers to gold, then the standing."""
    gold = compare_answers(project_id=project_id, worker_id=worker_id, submitted=[])
    if not gold.seen:
        return
    project = Project.objects.select_related("schema").get(pk=project_id)
    paused = record_gold_results(
        project_id=project_id,
        worker_id=worker_id,
        seen=gold.seen,
        correct=gold.correct,
        may_pause=may_pause and not object_tools_of(project=project),
    )
    paused |= review_worker(project=project, worker_id=worker_id, may_pause=may_pause)
    worker = Actor.objects.get(pk=worker_id)
    record_event(
        project_id=project_id,
        kind="worker.measured",
        data={"worker": str(worker.public_id)},
        gold_seen=gold.seen,
        gold_correct=gold.correct,
    )
    if paused:
        request_refit(project_id=project_id)


def _share_golds(assignment_ids: Sequence[int]) -> None:
    """Locks the gold of these answers, shared: its state and answers stay as they are until the results are written.

    Claims, which count its exposure, are not kept waiting.
    """
    with connection.cursor() as cursor:
        cursor.execute(SHARE_GOLDS, [list(assignment_ids)])


def answerable(annotation: Annotation) -> list[Answer]:
    """The accepted answers of the gold whose classes are all in the worker's schema, all as they are read now."""
    assert annotation.gold is not None
    mapping = mapping_of(annotation.project.schema)
    numbers = [mapping.number(row["number"]) for row in annotation.schema.body["classes"]]
    offered = [number for number in numbers if number is not None]
    return accepted_now(annotation.gold.accepted, mapping=mapping, offered=offered)


def judge(annotation: Annotation, accepted: Sequence[Answer]) -> Comparison | None:
    """Compare an answer with the accepted answers to its gold; None without any, or if it names a class that was split
    since."""
    assert annotation.gold is not None
    current = annotation.project.schema
    answer = mapping_of(current).answer(Answer.from_json(annotation.body))
    if not accepted or answer is None:
        return None
    schemas = (annotation.schema, current or annotation.schema)
    names = {row["number"]: row["name"] for schema in schemas for row in schema.body["classes"]}
    return compare(answer, accepted, Tolerance(**annotation.gold.tolerance), names=names)


def _note_corrected(judged: Sequence[tuple[Annotation, Comparison]]) -> None:
    corrected = [(answer, comparison) for answer, comparison in judged if _is_correction(answer)]
    note_corrected_gold(results={answer.assignment_id or 0: each.correct for answer, each in corrected})


def _is_correction(annotation: Annotation) -> bool:
    return annotation.assignment is not None and annotation.assignment.is_correction


def _result(annotation: Annotation, comparison: Comparison) -> GoldResult:
    assert annotation.assignment_id is not None
    return GoldResult(
        project_id=annotation.project_id,
        gold=annotation.gold,
        worker_id=annotation.actor_id,
        assignment_id=annotation.assignment_id,
        correct=comparison.correct,
        score=comparison.score,
        why=comparison.why[:300],
    )
