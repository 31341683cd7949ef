"""A model that says class probabilities is one more worker, and its reliability is learnt like a person's."""

from __future__ import annotations

import numpy as np

from annotary_core.aggregation.base import Answers
from annotary_core.aggregation.classification.blend import Blend
from annotary_core.aggregation.classification.encoding import soft_rows
from annotary_core.labels.arrays import FloatArray, IntArray

TASKS, CLASSES = 500, 3


def people(rng: np.random.Generator, truth: IntArray) -> tuple[IntArray, IntArray, IntArray]:
    """Three people, right in 7 of 10."""
    said = np.where(rng.random((TASKS, 3)) < 0.7, truth[:, None], rng.integers(0, CLASSES, (TASKS, 3)))
    return np.repeat(np.arange(TASKS), 3), np.tile(np.arange(3), TASKS), said.ravel()


def right(rng: np.random.Generator, truth: IntArray, probabilities: FloatArray | None) -> tuple[float, float]:
    task, worker, label = people(rng, truth)
    weight = np.ones(len(task))
    if probabilities is not None:
        model = np.full(TASKS, 9)
        soft = soft_rows(np.arange(TASKS), model, probabilities, np.arange(CLASSES), repeats="share")
        task, worker, label, weight = (
            np.concatenate([of_people, of_model])
            for of_people, of_model in zip((task, worker, label, weight), soft, strict=True)
        )
    result = Blend().fit_predict(Answers.of(task, worker, label, weights=weight))
    return float((result.label == truth).mean()), float(result.skill[-1])


def probabilities_of(rng: np.random.Generator, truth: IntArray, *, strength: float) -> FloatArray:
    logits = rng.normal(0, 1, (TASKS, CLASSES))
    logits[np.arange(TASKS), truth] += strength
    shares = np.exp(logits)
    return np.asarray(shares / shares.sum(axis=1, keepdims=True), np.float64)


def test_a_good_model_helps_and_a_useless_one_does_no_harm() -> None:
    truth = np.random.default_rng(1).integers(0, CLASSES, TASKS)
    alone, _ = right(np.random.default_rng(2), truth, None)
    good = probabilities_of(np.random.default_rng(3), truth, strength=4.0)
    useless = probabilities_of(np.random.default_rng(3), truth, strength=0.0)
    with_good, skill_of_good = right(np.random.default_rng(2), truth, good)
    with_useless, skill_of_useless = right(np.random.default_rng(2), truth, useless)
    assert with_good > alone + 0.05
    assert with_useless >= alone - 0.01
    assert skill_of_good > 0.8 > 0.5 > skill_of_useless
