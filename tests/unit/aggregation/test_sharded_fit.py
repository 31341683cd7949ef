"""A fit over shards is the fit over all tasks, however they are split."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from annotary_core.aggregation.base import Answers
from annotary_core.aggregation.classification.confusion import DirichletRows, FreeRows, pooled
from annotary_core.aggregation.classification.em import DirichletClasses, WorkerModel, expect, fit, maximise
from annotary_core.aggregation.classification.encoding import Coded
from annotary_core.aggregation.classification.sharded_fit import (
    fit_sharded,
    reduce,
    shard_statistics,
    split,
    start_statistics,
    step,
)
from annotary_core.labels.arrays import FloatArray
from tests.label_rows import crowd_columns


def crowd(seed: int, tasks: int = 60) -> Answers:
    task, worker, label, truth = crowd_columns(np.random.default_rng(seed), tasks=tasks, workers=5, classes=3)
    return Answers.of(task, worker, label, gold={t: int(truth[t]) for t in range(0, tasks, 7)})


@settings(max_examples=30, deadline=None)
@given(
    seed=st.integers(0, 2**32 - 1),
    cuts=st.sets(st.integers(1, 59), max_size=8),
    mapped=st.booleans(),
)
def test_any_split_gives_the_fit_of_all_tasks(seed: int, cuts: set[int], mapped: bool) -> None:
    coded = Coded.of(crowd(seed), repeats="share")
    shards = [coded.part(first, last) for first, last in pairwise([0, *sorted(cuts), len(coded.tasks)])]
    crowd_rows = pooled(reduce(start_statistics(shard) for shard in shards).counts)
    model: WorkerModel = DirichletRows(2 * crowd_rows[None]) if mapped else FreeRows()
    whole = fit(coded, model, DirichletClasses(1.0), max_iterations=30, tolerance=1e-9)
    way = fit_sharded(lambda: shards, model, DirichletClasses(1.0), max_iterations=30, tolerance=1e-9)
    assert way.bounds == pytest.approx(whole.bounds, rel=1e-9)
    found = [expect(shard, way.parameters.log_theta, way.parameters.log_class_prior)[0] for shard in shards]
    assert np.abs(np.concatenate(found) - whole.posterior).max() < 1e-9


def test_jobs_that_hold_one_shard_each_come_to_the_same() -> None:
    """As Celery would run it: shards read anew by their own ids, statistics stored, one reduce an iteration."""
    answers = crowd(4, tasks=90)
    workers = np.unique(answers.worker)

    def read(piece: int) -> Coded:
        rows = answers.task % 4 == piece
        gold = {task: label for task, label in answers.gold.items() if task % 4 == piece}
        part = Answers.of(
            answers.task[rows], answers.worker[rows], answers.label[rows], classes=answers.classes, gold=gold
        )
        return Coded.of(part, repeats="count", workers=workers)

    model, classes = FreeRows(), DirichletClasses()
    parameters = maximise(reduce(start_statistics(read(piece)) for piece in range(4)), model, classes)
    bounds = []
    for _ in range(12):
        parts = [shard_statistics(read(piece), parameters.log_theta, parameters.log_class_prior) for piece in range(4)]
        before, result = parameters, step(reduce(parts), parameters, model, classes)
        parameters = result.parameters
        bounds.append(result.bound)
    whole = fit(Coded.of(answers, repeats="count"), model, classes, max_iterations=12, tolerance=0)
    assert bounds == pytest.approx(whole.bounds, rel=1e-12)
    assert before.log_class_prior == pytest.approx(whole.log_class_prior, abs=1e-9)
    posterior: dict[int, FloatArray] = {}
    for piece in range(4):
        shard = read(piece)
        found, _ = expect(shard, before.log_theta, before.log_class_prior)
        posterior.update(zip(shard.tasks.tolist(), found, strict=True))
    assert np.abs(np.array([posterior[task] for task in sorted(posterior)]) - whole.posterior).max() < 1e-9


def test_splitting_by_rows_keeps_every_task_whole_and_in_order() -> None:
    coded = Coded.of(crowd(1), repeats="count")
    shards = split(coded, rows=50)
    assert len(shards) > 3
    assert np.concatenate([shard.tasks for shard in shards]).tolist() == coded.tasks.tolist()
    assert np.concatenate([shard.cell for shard in shards]).tolist() == coded.cell.tolist()
    assert max(len(shard.cell) for shard in shards) < 50 + np.diff(coded.start).max()
    assert len(split(Coded.of(Answers.of([], [], []), repeats="count"), rows=10)) == 1


def test_no_shard_is_refused() -> None:
    def none() -> Iterable[Coded]:
        return []

    with pytest.raises(ValueError, match="one shard"):
        fit_sharded(none, FreeRows(), DirichletClasses())
