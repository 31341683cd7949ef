"""EM never lowers the ELBO, with and without priors, and both kernels agree."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from annotary_core.aggregation.base import Answers
from annotary_core.aggregation.classification.confusion import DirichletPrior, MaximumLikelihood, pooled_confusion
from annotary_core.aggregation.classification.em import (
    ClassModel,
    DirichletClassPrior,
    ErrorModel,
    FixedClassPrior,
    e_step,
    fit,
    log_shares,
)
from annotary_core.aggregation.classification.encoding import EncodedAnswers
from annotary_core.aggregation.classification.kernels import NumpyKernel, kernel_for
from annotary_core.labels.arrays import FloatArray
from tests.label_rows import crowd_columns

CROWDS = st.tuples(
    st.integers(0, 2**32 - 1), st.integers(1, 30), st.integers(1, 6), st.integers(1, 5), st.booleans(), st.booleans()
)
Crowd = tuple[int, int, int, int, bool, bool]


def answers_of(crowd: Crowd) -> Answers:
    seed, tasks, workers, classes, weighted, with_gold = crowd
    rng = np.random.default_rng(seed)
    task, worker, label, truth = crowd_columns(rng, tasks=tasks, workers=workers, classes=classes)
    weights = rng.choice([0.0, 0.3, 1.0, 2.5], len(task)) if weighted else None
    gold = {int(t): int(truth[t]) for t in range(0, tasks, 3)} if with_gold else {}
    return Answers.of(task, worker, label, weights=weights, classes=np.arange(classes), gold=gold)


def assert_never_falls(elbo: list[float]) -> None:
    for before, after in pairwise(elbo):
        # Maximum likelihood keeps counts above FLOOR, which may lower the ELBO by about this much.
        assert after >= before - 1e-7 * (1 + abs(before))


@settings(max_examples=60, deadline=None)
@given(crowd=CROWDS, fixed=st.booleans())
def test_maximum_likelihood_never_lowers_the_elbo(crowd: Crowd, fixed: bool) -> None:
    encoded = EncodedAnswers.of(answers_of(crowd), repeats="count")
    classes: ClassModel = FixedClassPrior(np.full(len(encoded.classes), 1 / len(encoded.classes)))
    result = fit(
        encoded,
        MaximumLikelihood(),
        classes if fixed else DirichletClassPrior(),
        max_iterations=40,
        tolerance=0,
        kernel="numpy",
    )
    assert_never_falls(result.elbo)
    assert len(result.elbo) == 40


@settings(max_examples=60, deadline=None)
@given(crowd=CROWDS, strength=st.sampled_from([0.1, 2.0, 30.0]))
def test_map_estimation_never_lowers_the_elbo(crowd: Crowd, strength: float) -> None:
    encoded = EncodedAnswers.of(answers_of(crowd), repeats="share")
    pooled_start = pooled_confusion(NumpyKernel(encoded).statistics(encoded.vote_shares()).counts)
    model = DirichletPrior(strength * pooled_start[None])
    result = fit(encoded, model, DirichletClassPrior(1.0), max_iterations=40, tolerance=0, kernel="numpy")
    for before, after in pairwise(result.elbo):
        assert after >= before - 1e-10 * (1 + abs(before))


def test_log_likelihood_is_that_of_the_answers() -> None:
    # Two tasks, one worker: class 0 has prior .6, accuracies are .9 and .8; the second task has gold class 1.
    encoded = EncodedAnswers.of(Answers.of([1, 2], [1, 1], [0, 0], classes=[0, 1], gold={2: 1}), repeats="count")
    log_theta = np.log(np.array([[[0.9, 0.1], [0.2, 0.8]]]))
    posterior, result = e_step(encoded, log_theta, np.log([0.6, 0.4]), kernel="numpy")
    assert result.log_likelihood == pytest.approx(np.log(0.6 * 0.9 + 0.4 * 0.2) + np.log(0.4 * 0.2))
    assert posterior == pytest.approx(np.array([[0.54 / 0.62, 0.08 / 0.62], [0.0, 1.0]]))
    assert result.counts[0] == pytest.approx(np.array([[0.54 / 0.62, 0.0], [0.08 / 0.62 + 1, 0.0]]))
    assert result.class_counts == pytest.approx(posterior.sum(axis=0))


@settings(max_examples=60, deadline=None)
@given(crowd=CROWDS)
def test_both_kernels_compute_the_same_e_step(crowd: Crowd) -> None:
    encoded = EncodedAnswers.of(answers_of(crowd), repeats="share")
    start = kernel_for(encoded, "numpy").statistics(encoded.vote_shares())
    assert kernel_for(encoded, "compiled").statistics(encoded.vote_shares()).counts == pytest.approx(
        start.counts, abs=1e-12
    )
    log_theta, log_prior = MaximumLikelihood().m_step(start.counts), log_shares(start.class_counts)
    one, plain = e_step(encoded, log_theta, log_prior, kernel="numpy")
    two, compiled = e_step(encoded, log_theta, log_prior, kernel="compiled")
    assert np.abs(one - two).max(initial=0) < 1e-12
    assert np.abs(plain.counts - compiled.counts).max(initial=0) < 1e-11
    assert compiled.class_counts == pytest.approx(plain.class_counts, abs=1e-11)
    assert compiled.log_likelihood == pytest.approx(plain.log_likelihood, rel=1e-12, abs=1e-12)


@pytest.mark.parametrize("kernel", ["numpy", "compiled"])
def test_underflowing_likelihoods_are_handled(kernel: str) -> None:
    rows = 5_000
    encoded = EncodedAnswers.of(Answers.of([0] * rows + [1], [1] * rows + [2], [0] * rows + [1]), repeats="count")
    log_theta = np.log(np.array([[[1e-10, 1], [1e-9, 1]], [[0.5, 0.5], [0.5, 0.5]]]))
    posterior, result = e_step(
        encoded, log_theta, np.log([0.5, 0.5]), kernel="compiled" if kernel != "numpy" else "numpy"
    )
    assert posterior[0] == pytest.approx([0.0, 1.0], abs=1e-300)
    assert result.log_likelihood == pytest.approx(np.log(0.5) + rows * np.log(1e-9) + np.log(0.5))


def test_fit_returns_the_posteriors_of_its_parameters() -> None:
    encoded = EncodedAnswers.of(answers_of((3, 40, 5, 3, False, True)), repeats="count")
    result = fit(encoded, MaximumLikelihood(), DirichletClassPrior(), max_iterations=7)
    again, statistics = e_step(encoded, result.log_theta, result.log_class_prior)
    assert np.array_equal(again, result.posterior)
    assert statistics.log_likelihood == result.elbo[-1]
    assert result.iterations == len(result.elbo)


def test_fit_stops_when_the_elbo_converges() -> None:
    encoded = EncodedAnswers.of(answers_of((5, 200, 6, 3, False, False)), repeats="count")
    result = fit(encoded, MaximumLikelihood(), DirichletClassPrior(), max_iterations=1_000, tolerance=1e-6)
    assert result.converged
    assert 2 < result.iterations < 1_000
    assert result.elbo[-1] - result.elbo[-2] <= 1e-6 * abs(result.elbo[-1])
    short = fit(encoded, MaximumLikelihood(), DirichletClassPrior(), max_iterations=2, tolerance=1e-12)
    assert (short.converged, short.iterations) == (False, 2)
    with pytest.raises(ValueError, match="one iteration"):
        fit(encoded, MaximumLikelihood(), DirichletClassPrior(), max_iterations=0)


class SharedAccuracy:
    """A custom error model that implements the protocol: all workers share one accuracy."""

    def m_step(self, counts: FloatArray) -> FloatArray:
        classes = counts.shape[1]
        accuracy = np.clip(np.einsum("wkk->", counts) / counts.sum(), 0.01, 0.99)
        theta = np.full((classes, classes), (1 - accuracy) / (classes - 1))
        np.fill_diagonal(theta, accuracy)
        return np.broadcast_to(np.log(theta), counts.shape).copy()

    def log_prior(self, log_theta: FloatArray) -> float:
        return 0.0


def test_a_custom_error_model_never_lowers_the_elbo() -> None:
    model: ErrorModel = SharedAccuracy()
    result = fit(
        EncodedAnswers.of(answers_of((11, 60, 5, 3, False, False)), repeats="share"),
        model,
        DirichletClassPrior(),
        max_iterations=30,
        tolerance=0,
    )
    assert_never_falls(result.elbo)


def test_the_compiled_kernel_is_used_only_for_many_rows() -> None:
    small = EncodedAnswers.of(Answers.of([1], [1], [0]), repeats="count")
    large = EncodedAnswers.of(
        Answers.of(np.arange(60_000), np.zeros(60_000, int), np.zeros(60_000, int)), repeats="count"
    )
    assert isinstance(kernel_for(small), NumpyKernel)
    assert not isinstance(kernel_for(large), NumpyKernel)
