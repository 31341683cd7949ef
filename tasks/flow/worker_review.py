"""Tests a worker's answers: with gold, with what others said of the same images, and the time that they took.

Everything is read again whenever a hand is settled, so that it includes what others have answered since, late answers,
and gold that was retired. Others' answers arrive after a worker's own, so the job that updates labels tests those again
whose answers the new ones can be compared with (`review_coworkers`).
"""

from __future__ import annotations

import json
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from itertools import pairwise
from statistics import mean, median
from typing import Any

import structlog
from django.db import connection, transaction
from django.db.models import Max

from annotary_core.labels.answer import Answer
from annotary_core.labels.class_mapping import ClassMapping
from annotary_core.labels.schema import Schema
from projects.models import Project
from projects.selectors import mapping_of, schema_of
from tasks.assignment.models import Hand
from tasks.consensus.refit import request_refit
from tasks.gold.compare import Tolerance, compare
from tasks.repair.selectors import VOID
from tasks.standing.chance_test import FAST, ClassAnswer, Evidence, ScoreAnswer, log_ratio_of_counts, run_chance_test
from tasks.standing.services import record_findings
from tasks.standing.trust import posterior_of
from tasks.workers.evidence import Counts, gold_in_other_projects, period_start, worker_records

logger = structlog.get_logger(__name__)

#: The worker's newest answers that are tested. Comparing objects takes about a millisecond for two answers.
NEWEST, NEWEST_OF_OBJECTS = 100, 50
#: Others' answers that a median time needs.
MIN_TIMES = 5
#: The evidence above which a worker is tested again when others answer the same images; most are far below.
DOUBTFUL = -1.5
#: Tasks of one label update above which it is a recomputation in bulk, which brings no new answers.
MOST_TASKS = 200

# Answers of the hand that is being settled, and of settled ones, of the worker and of others. Times come from the
# worker's device; all of a hand's together are at most the time between its claim and its last answer.
# Corrections say nothing: the worker was told what is wrong. Answers of others that are void say nothing either; the
# worker's own stay evidence until a manager resumes the worker.
# The state of a hand is a subselect: joined, hands were read first while the statistics knew few settled ones, and all
# of them again for each of the worker's answers.
STATE_OF_HAND = "(SELECT h.state FROM tasks_hand h WHERE h.id = {row}.hand_id)"
IN_PERIOD = """(%(since)s::timestamptz IS NULL OR a.submitted_at >= %(since)s)
        AND (%(until)s::timestamptz IS NULL OR a.submitted_at <= %(until)s)"""
ANSWERS = f"""
WITH newest AS MATERIALIZED (
    SELECT n.id, n.task_id, n.gold_id, n.assignment_id, n.body, n.body_sha256, n.seconds, a.hand_id
    FROM tasks_annotation n JOIN tasks_assignment a ON a.id = n.assignment_id AND a.state = 'submitted'
    WHERE n.actor_id = %(worker)s AND n.project_id = %(project)s AND n.is_current AND n.source = 'worker'
        AND (a.hand_id = %(hand)s OR {STATE_OF_HAND.format(row="a")} = 'settled') AND {IN_PERIOD}
        AND NOT a.is_correction
    ORDER BY n.id DESC LIMIT %(newest)s
), hands AS MATERIALIZED (
    SELECT a.hand_id, extract(epoch FROM max(a.submitted_at) - min(a.leased_at))::float8 AS elapsed,
        sum(n.seconds) AS claimed
    FROM tasks_assignment a
    JOIN tasks_annotation n ON n.assignment_id = a.id AND n.is_current AND n.source = 'worker'
    WHERE a.hand_id = ANY(ARRAY(SELECT hand_id FROM newest)) AND a.state = 'submitted' AND {IN_PERIOD}
    GROUP BY a.hand_id
), own AS (
    SELECT newest.*, hands.elapsed, hands.claimed FROM newest JOIN hands ON hands.hand_id = newest.hand_id
)
SELECT own.id, own.task_id, own.body::text, own.body_sha256,
    own.seconds * least(1, own.elapsed / nullif(own.claimed, 0)), r.correct, r.score,
    o.actor_id, o.body::text, o.body_sha256, o.seconds
FROM own
LEFT JOIN tasks_gold g ON g.id = own.gold_id AND g.state = 'active'
LEFT JOIN tasks_goldresult r ON r.assignment_id = own.assignment_id AND g.id IS NOT NULL
LEFT JOIN LATERAL (
    SELECT other.actor_id, other.body, other.body_sha256, other.seconds
    FROM tasks_annotation other
    JOIN tasks_assignment oa ON oa.id = other.assignment_id AND oa.state = 'submitted'
    WHERE {STATE_OF_HAND.format(row="oa")} = 'settled' AND other.task_id = own.task_id
        AND other.actor_id <> %(worker)s AND other.is_current AND other.source = 'worker'
        AND NOT {VOID.format(row="oa")}
) o ON true
ORDER BY own.id, o.actor_id
"""  # noqa: S608

COWORKERS = """
SELECT DISTINCT n.project_id, n.actor_id
FROM tasks_annotation n
JOIN tasks_standing s ON s.project_id = n.project_id AND s.worker_id = n.actor_id AND s.state = 'active'
WHERE n.task_id = ANY(%(tasks)s) AND n.is_current AND n.source = 'worker'
    AND (s.findings->>'evidence')::float8 > %(doubtful)s
ORDER BY n.project_id, n.actor_id
"""


@dataclass(slots=True)
class _Vote:
    worker: int
    body: str
    digest: str
    seconds: float | None


@dataclass(slots=True)
class _Own:
    """One answer of the worker, with the others' to the same image; `correct`, `score`: of gold that was compared."""

    task: int | None
    body: str
    digest: str
    seconds: float | None
    correct: bool | None
    score: float | None
    votes: list[_Vote] = field(default_factory=list)

    def independent(self) -> list[_Vote]:
        """The votes without copies: two answers with the very same objects were not drawn by two people."""
        if '"geom"' not in self.body and not any('"geom"' in vote.body for vote in self.votes):
            return self.votes
        seen, kept = ({self.digest} if '"geom"' in self.body else set()), []
        for vote in self.votes:
            if vote.digest not in seen:
                kept.append(vote)
            if '"geom"' in vote.body:
                seen.add(vote.digest)
        return kept


def review_worker(
    *,
    project: Project,
    worker_id: int,
    hand_id: int | None = None,
    until: datetime | None = None,
    may_pause: bool = True,
) -> bool:
    """Locks the standing, then the evidence. Test the worker's answers of settled hands and of hand `hand_id`, up to
    the time `until`, and act on what is found. Returns whether it paused the worker."""
    if project.schema is None:
        return False
    schema = schema_of(project=project)
    since = period_start(project_id=project.pk, worker_id=worker_id)
    params = {"worker": worker_id, "project": project.pk, "hand": hand_id, "since": since, "until": until}
    newest = NEWEST_OF_OBJECTS if schema.object_tools else NEWEST
    answers = _load(params | {"newest": newest}, mapping_of(project.schema))
    if not answers:
        return False
    chance = 1 / len(schema.classes) if schema.has_image_class and not schema.object_tools else 0.0
    elsewhere = gold_in_other_projects(project=project, worker_ids=[worker_id], same_type=True).get(worker_id)
    test = run_chance_test(_evidence(project, schema, answers, elsewhere))
    return record_findings(
        project_id=project.pk, worker_id=worker_id, test=test, chance=chance, elsewhere=elsewhere, may_pause=may_pause
    )


def review_coworkers(*, task_ids: Collection[int]) -> int:
    """Test the doubtful active workers again who answered these tasks; returns how many were paused.

    One worker at a time, each in a transaction of its own. Late answers wait for the worker's next settlement.
    """
    if len(task_ids) > MOST_TASKS:
        return 0
    with connection.cursor() as cursor:
        cursor.execute(COWORKERS, {"tasks": list(task_ids), "doubtful": DOUBTFUL})
        rows = cursor.fetchall()
    projects = {row.pk: row for row in Project.objects.select_related("schema").filter(pk__in={row[0] for row in rows})}
    return sum(_review_again(projects[project_id], worker_id) for project_id, worker_id in rows)


@transaction.atomic
def _review_again(project: Project, worker_id: int) -> bool:
    hands = Hand.objects.filter(project=project, worker_id=worker_id, state=Hand.State.SETTLED)
    until = hands.aggregate(latest=Max("settled_at"))["latest"]
    paused = until is not None and review_worker(project=project, worker_id=worker_id, until=until)
    if paused:
        logger.info("worker paused: answers at chance", project=project.pk, worker=worker_id)
        request_refit(project_id=project.pk)
    return paused


def _load(params: dict[str, Any], mapping: ClassMapping) -> list[_Own]:
    """Answers that name a class that was split since are left out."""
    answers: dict[int, _Own] = {}
    with connection.cursor() as cursor:
        cursor.execute(ANSWERS, params)
        for pk, task, body, digest, seconds, correct, score, *vote in cursor.fetchall():
            own = answers.setdefault(pk, _Own(task, body, digest, seconds, correct, score))
            if vote[0] is not None:
                own.votes.append(_Vote(*vote))
    return [each for own in answers.values() if (each := _as_read(own, mapping))] if mapping else list(answers.values())


def _as_read(own: _Own, mapping: ClassMapping) -> _Own | None:
    body = _body_as_read(own.body, mapping)
    if body is None:
        return None
    votes = ((vote, _body_as_read(vote.body, mapping)) for vote in own.votes)
    return replace(own, body=body, votes=[replace(vote, body=text) for vote, text in votes if text is not None])


def _body_as_read(text: str, mapping: ClassMapping) -> str | None:
    stored = json.loads(text)
    read = mapping.body(stored)
    return text if read is stored else None if read is None else json.dumps(read)


def _evidence(project: Project, schema: Schema, answers: Sequence[_Own], elsewhere: Counts | None) -> Evidence:
    others = {vote.worker for own in answers for vote in own.votes}
    trust = {
        worker: posterior_of(record).mean
        for worker, record in worker_records(project_id=project.pk, worker_ids=others).items()
    }
    fast, timed = _count_fast(answers)
    common = Evidence(classes=len(schema.classes), fast=fast, timed=timed)
    if schema.has_image_class and not schema.object_tools:
        classes = len(schema.classes)
        before = log_ratio_of_counts(elsewhere.correct, elsewhere.incorrect, classes=classes) if elsewhere else 0.0
        return replace(common, class_answers=_class_answers(answers, trust), elsewhere=before)
    scores, mutual = _scores(project, answers)
    usual = (0.6 * 10 + sum(mutual)) / (10 + len(mutual))
    return replace(common, score_answers=scores, usual=usual)


def _class_answers(answers: Sequence[_Own], trust: dict[int, float]) -> list[ClassAnswer]:
    found = []
    for own in answers:
        if own.correct is not None:
            # Whether it is right was decided when it was compared.
            answer = _class_of(own.body)
            found.append(ClassAnswer(answer, accepted=frozenset({answer}) if own.correct else frozenset()))
        elif own.task is not None:
            votes = tuple((_class_of(vote.body), trust[vote.worker]) for vote in own.votes)
            found.append(ClassAnswer(_class_of(own.body), votes=votes))
    return found


def _parsed(body: str) -> Answer:
    return Answer.from_json(json.loads(body))


def _class_of(body: str) -> int | None:
    answer = _parsed(body)
    return None if answer.verdict == "cannot_tell" else answer.image.class_number


def _scores(project: Project, answers: Sequence[_Own]) -> tuple[list[ScoreAnswer], list[float]]:
    """The scores of the answers, and the similarities of the others' answers to each other."""
    tolerance = Tolerance(iou=project.gold_iou)
    found, mutual = [], []
    for own in answers:
        if own.correct is not None:
            found.append(ScoreAnswer(1.0 if own.correct else own.score or 0.0, is_gold=True))
            continue
        votes = [_parsed(vote.body) for vote in own.independent()]
        if own.task is None or not votes:
            continue
        answer = _parsed(own.body)
        found.append(ScoreAnswer(mean(compare(answer, [vote], tolerance).score for vote in votes), is_gold=False))
        mutual += [compare(one, [other], tolerance).score for one, other in pairwise(votes)]
    return found, mutual


def _count_fast(answers: Sequence[_Own]) -> tuple[int, int]:
    times = [vote.seconds for own in answers for vote in own.votes if vote.seconds is not None]
    if len(times) < MIN_TIMES:
        return 0, 0
    limit = FAST * median(times)
    own = [each.seconds for each in answers if each.seconds is not None]
    return sum(seconds < limit for seconds in own), len(own)
