"""How often answers equal the agreed label: for the console, and for feedback to workers."""

import json
from collections import defaultdict
from collections.abc import Collection
from dataclasses import dataclass, field
from typing import Any

from django.db import connection

from annotary_core.labels.answer import Answer
from annotary_core.labels.class_mapping import ClassMapping
from projects.models import Project
from projects.selectors import mapping_of
from tasks.analytics.worker_flags import chance_agreement, count_repeats, longest_streak
from tasks.consensus.label_methods import SINGLE
from tasks.gold.compare import Tolerance, compare

#: The number of newest answers per figure: it describes the current state, and its cost must not grow forever.
NEWEST = 600
NEWEST_OF_A_WORKER = 30
#: They are searched for among these many: images that are being answered have no agreed label yet.
SEARCHED = 10_000
SEARCHED_OF_A_WORKER = 300

# Only these can be compared: the answer's set is settled, its task is answered (the label of an open task was rejected
# and is to be replaced), and the label is made from several answers, because one made from a single answer always
# agrees. Bodies are read only where the hashes differ.
COMPARABLE = """
SELECT n.actor_id, n.body_sha256, l.content_hash, CASE WHEN n.body_sha256 <> l.content_hash THEN n.body END,
    CASE WHEN n.body_sha256 <> l.content_hash THEN l.body END
FROM newest n
JOIN tasks_assignment a ON a.id = n.assignment_id AND a.state = 'submitted'
JOIN tasks_hand h ON h.id = a.hand_id AND h.state = 'settled'
JOIN tasks_task t ON t.id = n.task_id AND t.state <> 'open'
JOIN tasks_consensuslabel l ON l.task_id = n.task_id AND l.is_current AND l.method <> %(single)s
ORDER BY n.id DESC LIMIT %(newest)s
"""
ANSWERS = "is_current AND source = 'worker' AND task_id IS NOT NULL ORDER BY id DESC LIMIT %(searched)s"

OF_PROJECT = f"""
WITH newest AS (SELECT * FROM tasks_annotation WHERE project_id = %(project)s AND {ANSWERS})
{COMPARABLE}
"""  # noqa: S608
OF_WORKERS = f"""
SELECT c.* FROM unnest(%(workers)s::bigint[]) w(id) CROSS JOIN LATERAL (
    WITH newest AS (
        SELECT * FROM tasks_annotation WHERE actor_id = w.id AND project_id = %(project)s AND {ANSWERS}
    )
    {COMPARABLE}
) c
"""  # noqa: S608


@dataclass(slots=True)
class Agreement:
    """`equal` of `answers` match the agreed label: the same class, and objects that match at the project's IoU.

    `chance` is the share that would match if the same answers were given to other images of these. `repeats` of
    `otherwise`: of the answers whose label is not the worker's most frequent answer, those that give that answer
    nevertheless: all of them if someone always answers alike. `streak`: the most answers one after the other that are
    the same, of which the labels of the worker's images have `streak_share`. None of these is counted for a whole
    project.
    """

    answers: int = 0
    equal: int = 0
    chance: float = 0.0
    repeats: int = 0
    otherwise: int = 0
    streak: int = 0
    streak_share: float = 0.0

    def add(self, is_equal: bool) -> None:
        self.answers += 1
        self.equal += is_equal

    @property
    def share(self) -> float | None:
        return self.equal / self.answers if self.answers else None


@dataclass(slots=True)
class _Comparer:
    """Compares answers with labels; equal pairs, as those of classes mostly are, are compared once."""

    tolerance: Tolerance
    mapping: ClassMapping
    results: dict[tuple[str, str], bool] = field(default_factory=dict)

    def is_equal(self, answer_hash: str, label_hash: str, answer: str | None, label: str | None) -> bool:
        if answer is None or label is None:
            return True
        pair = answer_hash, label_hash
        if pair not in self.results:
            given, agreed = (self.mapping.answer(Answer.from_json(json.loads(body))) for body in (answer, label))
            # A class that was split since says nothing about an answer that names it.
            self.results[pair] = given is None or agreed is None or compare(given, [agreed], self.tolerance).correct
        return self.results[pair]


def project_agreement(*, project: Project) -> Agreement:
    """Agreement over the newest answers of the project that have an agreed label.

    Leaves out labels made from a single answer; a reviewer's fix is what its answers are compared with.
    """
    return _sum_up(OF_PROJECT, project, newest=NEWEST, searched=SEARCHED)[None]


def worker_agreements(*, project: Project, workers: Collection[int]) -> dict[int, Agreement]:
    """The same over the newest answers of each of these workers, by actor id; those without such answers are left out.

    The cost depends on the number of workers alone, not on how much they have done.
    """
    limits = {"newest": NEWEST_OF_A_WORKER, "searched": SEARCHED_OF_A_WORKER}
    by_worker = _sum_up(OF_WORKERS, project, **limits, workers=list(workers))
    return {worker: agreement for worker, agreement in by_worker.items() if worker is not None}


def _sum_up(statement: str, project: Project, **params: Any) -> dict[int | None, Agreement]:
    """Return the agreement by worker, and that of all under None."""
    comparer = _Comparer(Tolerance(iou=project.gold_iou), mapping_of(project.schema))
    sums: dict[int | None, Agreement] = defaultdict(Agreement)
    hashes: dict[int, list[tuple[str, str]]] = defaultdict(list)
    with connection.cursor() as cursor:
        cursor.execute(statement, {"single": SINGLE, "project": project.pk, **params})
        for worker, *pair in cursor.fetchall():
            is_equal = comparer.is_equal(*pair)
            sums[worker].add(is_equal)
            sums[None].add(is_equal)
            # A box within the tolerance is the label's: a camera that does not move gives equal answers to all images.
            hashes[worker].append((pair[0], pair[0] if is_equal else pair[1]))
    for worker, pairs in hashes.items():
        sums[worker].repeats, sums[worker].otherwise = count_repeats(pairs)
        sums[worker].chance = chance_agreement(pairs)
        sums[worker].streak, sums[worker].streak_share = longest_streak(pairs)
    return sums
