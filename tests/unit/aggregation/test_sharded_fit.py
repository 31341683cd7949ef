"""A sharded fit equals the fit of all tasks, for every split."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from annotary_core.aggregation.base import Answers
from annotary_core.aggregation.classification.confusion import DirichletPrior, MaximumLikelihood, pooled_confusion
from annotary_core.aggregation.classification.em import DirichletClassPrior, ErrorModel, e_step, fit, m_step
from annotary_core.aggregation.classification.encoding import EncodedAnswers
from annotary_core.aggregation.classification.fit_passes import (
    fit_sharded,
    initial_statistics,
    reduce_step,
    shard_e_step,
    split_shards,
    sum_statistics,
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
    use_map=st.booleans(),
)
def test_every_split_gives_the_fit_of_all_tasks(seed: int, cuts: set[int], use_map: bool) -> None:
    encoded = EncodedAnswers.of(crowd(seed), repeats="share")
    shards = [encoded.part(first, last) for first, last in pairwise([0, *sorted(cuts), len(encoded.tasks)])]
    pooled_start = pooled_confusion(sum_statistics(initial_statistics(shard) for shard in shards).counts)
    model: ErrorModel = DirichletPrior(2 * pooled_start[None]) if use_map else MaximumLikelihood()
    in_memory = fit(encoded, model, DirichletClassPrior(1.0), max_iterations=30, tolerance=1e-9)
    trace = fit_sharded(lambda: shards, model, DirichletClassPrior(1.0), max_iterations=30, tolerance=1e-9)
    assert trace.elbo == pytest.approx(in_memory.elbo, rel=1e-9)
    posteriors = [e_step(shard, trace.parameters.log_theta, trace.parameters.log_class_prior)[0] for shard in shards]
    assert np.abs(np.concatenate(posteriors) - in_memory.posterior).max() < 1e-9


def test_jobs_with_one_shard_each_give_the_same_fit() -> None:
    """As Celery would run it: every job reads its shard and returns statistics; one reduce step per iteration."""
    answers = crowd(4, tasks=90)
    workers = np.unique(answers.worker)

    def read(shard_id: int) -> EncodedAnswers:
        rows = answers.task % 4 == shard_id
        gold = {task: label for task, label in answers.gold.items() if task % 4 == shard_id}
        part = Answers.of(
            answers.task[rows], answers.worker[rows], answers.label[rows], classes=answers.classes, gold=gold
        )
        return EncodedAnswers.of(part, repeats="count", workers=workers)

    model, classes = MaximumLikelihood(), DirichletClassPrior()
    parameters = m_step(sum_statistics(initial_statistics(read(shard_id)) for shard_id in range(4)), model, classes)
    elbo = []
    for _ in range(12):
        parts = [
            shard_e_step(read(shard_id), parameters.log_theta, parameters.log_class_prior) for shard_id in range(4)
        ]
        previous, result = parameters, reduce_step(sum_statistics(parts), parameters, model, classes)
        parameters = result.parameters
        elbo.append(result.elbo)
    in_memory = fit(EncodedAnswers.of(answers, repeats="count"), model, classes, max_iterations=12, tolerance=0)
    assert elbo == pytest.approx(in_memory.elbo, rel=1e-12)
    assert previous.log_class_prior == pytest.approx(in_memory.log_class_prior, abs=1e-9)
    posterior: dict[int, FloatArray] = {}
    for shard_id in range(4):
        shard = read(shard_id)
        posteriors, _ = e_step(shard, previous.log_theta, previous.log_class_prior)
        posterior.update(zip(shard.tasks.tolist(), posteriors, strict=True))
    assert np.abs(np.array([posterior[task] for task in sorted(posterior)]) - in_memory.posterior).max() < 1e-9


def test_split_by_rows_keeps_tasks_whole_and_in_order() -> None:
    encoded = EncodedAnswers.of(crowd(1), repeats="count")
    shards = split_shards(encoded, rows=50)
    assert len(shards) > 3
    assert np.concatenate([shard.tasks for shard in shards]).tolist() == encoded.tasks.tolist()
    assert np.concatenate([shard.cell for shard in shards]).tolist() == encoded.cell.tolist()
    assert max(len(shard.cell) for shard in shards) < 50 + np.diff(encoded.start).max()
    assert len(split_shards(EncodedAnswers.of(Answers.of([], [], []), repeats="count"), rows=10)) == 1


def test_a_fit_without_shards_is_refused() -> None:
    def none() -> Iterable[EncodedAnswers]:
        return []

    with pytest.raises(ValueError, match="one shard"):
        fit_sharded(none, MaximumLikelihood(), DirichletClassPrior())
