"""A model that predicts class probabilities is one more worker, and its reliability is learned like a person's."""

from __future__ import annotations

import numpy as np

from annotary_core.aggregation.base import Answers
from annotary_core.aggregation.classification.blend import Blend
from annotary_core.aggregation.classification.encoding import soft_label_rows
from annotary_core.labels.arrays import FloatArray, IntArray

TASKS, CLASSES = 500, 3


def people(rng: np.random.Generator, truth: IntArray) -> tuple[IntArray, IntArray, IntArray]:
    """Three people who label 7 of 10 tasks correctly and guess on the others."""
    labels = np.where(rng.random((TASKS, 3)) < 0.7, truth[:, None], rng.integers(0, CLASSES, (TASKS, 3)))
    return np.repeat(np.arange(TASKS), 3), np.tile(np.arange(3), TASKS), labels.ravel()


def accuracy_and_skill(
    rng: np.random.Generator, truth: IntArray, probabilities: FloatArray | None
) -> tuple[float, float]:
    task, worker, label = people(rng, truth)
    weight = np.ones(len(task))
    if probabilities is not None:
        model = np.full(TASKS, 9)
        soft = soft_label_rows(np.arange(TASKS), model, probabilities, np.arange(CLASSES), repeats="share")
        task, worker, label, weight = (
            np.concatenate([people_column, model_column])
            for people_column, model_column in zip((task, worker, label, weight), soft, strict=True)
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
    without, _ = accuracy_and_skill(np.random.default_rng(2), truth, None)
    good = probabilities_of(np.random.default_rng(3), truth, strength=4.0)
    useless = probabilities_of(np.random.default_rng(3), truth, strength=0.0)
    with_good, skill_of_good = accuracy_and_skill(np.random.default_rng(2), truth, good)
    with_useless, skill_of_useless = accuracy_and_skill(np.random.default_rng(2), truth, useless)
    assert with_good > without + 0.05
    assert with_useless >= without - 0.01
    assert skill_of_good > 0.8 > 0.5 > skill_of_useless
