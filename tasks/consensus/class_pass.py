"""Decides the classes of many tasks in one pass: a pass costs about the same for one task as for a hundred."""

from __future__ import annotations

from collections.abc import Container, Iterable, Mapping, Sequence

from annotary_core.aggregation.base import Answers, Method
from annotary_core.aggregation.consolidate import ClassConsensus, WorkerAnswer, class_votes
from annotary_core.labels.arrays import IntArray

_Vote = tuple[int, int, float]


def decide_classes(
    rows: Mapping[int, Sequence[WorkerAnswer]], *, method: Method, classes: IntArray
) -> dict[int, ClassConsensus]:
    """Return the class decisions by task, equal to those of a pass for each task alone, from the answers by task.

    Leaves out the tasks that need a pass of their own: those that are tied, as ties are broken by the task's seed, and
    those with an answer that is not among the method's `classes`, as it would affect the others.
    """
    votes = _votes_among(rows, frozenset(classes.tolist()))
    if len(votes) < 2:
        return {}
    task, worker, label, weight = zip(*_columns(votes), strict=True)
    result = method.fit_predict(Answers.of(task, worker, label, weights=weight))
    return {
        pk: ClassConsensus(result, index)
        for index, (pk, tied) in enumerate(zip(result.task.tolist(), result.tied.tolist(), strict=True))
        if not tied
    }


def _votes_among(rows: Mapping[int, Sequence[WorkerAnswer]], classes: Container[int]) -> dict[int, list[_Vote]]:
    votes = {pk: class_votes(answers) for pk, answers in rows.items()}
    return {pk: each for pk, each in votes.items() if each and all(label in classes for _, label, _ in each)}


def _columns(votes: Mapping[int, Sequence[_Vote]]) -> Iterable[tuple[int, int, int, float]]:
    return ((pk, *vote) for pk, each in votes.items() for vote in each)
