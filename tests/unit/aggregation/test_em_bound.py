"""EM climbs: its bound never falls, with and without priors, and both kernels take the same steps."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from annotary_core.aggregation.base import Answers
from annotary_core.aggregation.classification.confusion import DirichletRows, FreeRows, pooled
from annotary_core.aggregation.classification.em import (
    ClassModel,
    DirichletClasses,
    FixedClasses,
    WorkerModel,
    expect,
    fit,
    log_shares,
)
from annotary_core.aggregation.classification.encoding import Coded
from annotary_core.aggregation.classification.kernels import NumpyKernel, kernel_for
from annotary_core.labels.arrays import FloatArray
from tests.label_rows import crowd_columns

CROWDS = st.tuples(
    st.integers(0, 2**32 - 1), st.integers(1, 30), st.integers(1, 6), st.integers(1, 5), st.booleans(), st.booleans()
)
Crowd = tuple[int, int, int, int, bool, bool]


def answers_of(crowd: Crowd) -> Answers:
    seed, tasks, workers, classes, weighted, known = crowd
    rng = np.random.default_rng(seed)
    task, worker, label, truth = crowd_columns(rng, tasks=tasks, workers=workers, classes=classes)
    weights = rng.choice([0.0, 0.3, 1.0, 2.5], len(task)) if weighted else None
    gold = {int(t): int(truth[t]) for t in range(0, tasks, 3)} if known else {}
    return Answers.of(task, worker, label, weights=weights, classes=np.arange(classes), gold=gold)


def assert_climbs(bounds: list[float]) -> None:
    for before, after in pairwise(bounds):
        # Maximum likelihood holds counts above a floor, which may cost about as much.
        assert after >= before - 1e-7 * (1 + abs(before))


@settings(max_examples=60, deadline=None)
@given(crowd=CROWDS, fixed=st.booleans())
def test_the_bound_of_maximum_likelihood_never_falls(crowd: Crowd, fixed: bool) -> None:
    coded = Coded.of(answers_of(crowd), repeats="count")
    classes: ClassModel = FixedClasses(np.full(len(coded.classes), 1 / len(coded.classes)))
    found = fit(
        coded, FreeRows(), classes if fixed else DirichletClasses(), max_iterations=40, tolerance=0, kernel="numpy"
    )
    assert_climbs(found.bounds)
    assert len(found.bounds) == 40


@settings(max_examples=60, deadline=None)
@given(crowd=CROWDS, strength=st.sampled_from([0.1, 2.0, 30.0]))
def test_the_bound_with_priors_never_falls(crowd: Crowd, strength: float) -> None:
    coded = Coded.of(answers_of(crowd), repeats="share")
    crowd_rows = pooled(NumpyKernel(coded).count(coded.shares()).counts)
    model = DirichletRows(strength * crowd_rows[None])
    found = fit(coded, model, DirichletClasses(1.0), max_iterations=40, tolerance=0, kernel="numpy")
    for before, after in pairwise(found.bounds):
        assert after >= before - 1e-10 * (1 + abs(before))


def test_the_bound_is_the_likelihood_of_the_answers() -> None:
    # Two tasks, one worker: class 0 has .6, said right with .9 and .8; the second task is known to be class 1.
    coded = Coded.of(Answers.of([1, 2], [1, 1], [0, 0], classes=[0, 1], gold={2: 1}), repeats="count")
    log_theta = np.log(np.array([[[0.9, 0.1], [0.2, 0.8]]]))
    posterior, found = expect(coded, log_theta, np.log([0.6, 0.4]), kernel="numpy")
    assert found.log_likelihood == pytest.approx(np.log(0.6 * 0.9 + 0.4 * 0.2) + np.log(0.4 * 0.2))
    assert posterior == pytest.approx(np.array([[0.54 / 0.62, 0.08 / 0.62], [0.0, 1.0]]))
    assert found.counts[0] == pytest.approx(np.array([[0.54 / 0.62, 0.0], [0.08 / 0.62 + 1, 0.0]]))
    assert found.class_counts == pytest.approx(posterior.sum(axis=0))


@settings(max_examples=60, deadline=None)
@given(crowd=CROWDS)
def test_both_kernels_take_the_same_step(crowd: Crowd) -> None:
    coded = Coded.of(answers_of(crowd), repeats="share")
    start = kernel_for(coded, "numpy").count(coded.shares())
    assert kernel_for(coded, "compiled").count(coded.shares()).counts == pytest.approx(start.counts, abs=1e-12)
    log_theta, log_prior = FreeRows().maximise(start.counts), log_shares(start.class_counts)
    one, plain = expect(coded, log_theta, log_prior, kernel="numpy")
    two, compiled = expect(coded, log_theta, log_prior, kernel="compiled")
    assert np.abs(one - two).max(initial=0) < 1e-12
    assert np.abs(plain.counts - compiled.counts).max(initial=0) < 1e-11
    assert compiled.class_counts == pytest.approx(plain.class_counts, abs=1e-11)
    assert compiled.log_likelihood == pytest.approx(plain.log_likelihood, rel=1e-12, abs=1e-12)


@pytest.mark.parametrize("kernel", ["numpy", "compiled"])
def test_likelihoods_far_below_the_smallest_number_do_no_harm(kernel: str) -> None:
    rows = 5_000
    coded = Coded.of(Answers.of([0] * rows + [1], [1] * rows + [2], [0] * rows + [1]), repeats="count")
    log_theta = np.log(np.array([[[1e-10, 1], [1e-9, 1]], [[0.5, 0.5], [0.5, 0.5]]]))
    posterior, found = expect(coded, log_theta, np.log([0.5, 0.5]), kernel="compiled" if kernel != "numpy" else "numpy")
    assert posterior[0] == pytest.approx([0.0, 1.0], abs=1e-300)
    assert found.log_likelihood == pytest.approx(np.log(0.5) + rows * np.log(1e-9) + np.log(0.5))


def test_the_fit_returns_the_posteriors_of_its_parameters() -> None:
    coded = Coded.of(answers_of((3, 40, 5, 3, False, True)), repeats="count")
    found = fit(coded, FreeRows(), DirichletClasses(), max_iterations=7)
    again, statistics = expect(coded, found.log_theta, found.log_class_prior)
    assert np.array_equal(again, found.posterior)
    assert statistics.log_likelihood == found.bounds[-1]
    assert found.iterations == len(found.bounds)


def test_the_fit_stops_when_the_bound_stands() -> None:
    coded = Coded.of(answers_of((5, 200, 6, 3, False, False)), repeats="count")
    found = fit(coded, FreeRows(), DirichletClasses(), max_iterations=1_000, tolerance=1e-6)
    assert found.converged
    assert 2 < found.iterations < 1_000
    assert found.bounds[-1] - found.bounds[-2] <= 1e-6 * abs(found.bounds[-1])
    short = fit(coded, FreeRows(), DirichletClasses(), max_iterations=2, tolerance=1e-12)
    assert (short.converged, short.iterations) == (False, 2)
    with pytest.raises(ValueError, match="one iteration"):
        fit(coded, FreeRows(), DirichletClasses(), max_iterations=0)


class StubbornWorkers:
    """Any model will do that keeps to the protocol: here everybody is right with one probability."""

    def maximise(self, counts: FloatArray) -> FloatArray:
        classes = counts.shape[1]
        right = np.clip(np.einsum("wkk->", counts) / counts.sum(), 0.01, 0.99)
        theta = np.full((classes, classes), (1 - right) / (classes - 1))
        np.fill_diagonal(theta, right)
        return np.broadcast_to(np.log(theta), counts.shape).copy()

    def log_prior(self, log_theta: FloatArray) -> float:
        return 0.0


def test_another_worker_model_climbs_too() -> None:
    model: WorkerModel = StubbornWorkers()
    found = fit(
        Coded.of(answers_of((11, 60, 5, 3, False, False)), repeats="share"),
        model,
        DirichletClasses(),
        max_iterations=30,
        tolerance=0,
    )
    assert_climbs(found.bounds)


def test_the_compiled_kernel_is_taken_for_many_rows_alone() -> None:
    small = Coded.of(Answers.of([1], [1], [0]), repeats="count")
    large = Coded.of(Answers.of(np.arange(60_000), np.zeros(60_000, int), np.zeros(60_000, int)), repeats="count")
    assert isinstance(kernel_for(small), NumpyKernel)
    assert not isinstance(kernel_for(large), NumpyKernel)
