"""Correlated errors: n answers to one image are worth fewer independent ones (the design effect, Kish 1965)."""

from __future__ import annotations

import numpy as np

from annotary_core.labels.arrays import FloatArray, IntArray


def design_effect(answers: IntArray, error_correlation: float) -> FloatArray:
    """Return how many of n answers count as one independent answer, shape (t,): 1 + (n - 1) * error_correlation."""
    return np.asarray(1 + np.maximum(answers - 1, 0) * error_correlation, np.float64)


def temper(posterior: FloatArray, n: IntArray, error_correlation: float) -> FloatArray:
    """Temper posteriors of shape (t, k), from n answers per task, shape (t,), for correlated errors.

    Workers err on the same images, but the models treat their answers as independent evidence. With the correlation
    `error_correlation`, n answers are worth n / (1 + (n - 1) * error_correlation) independent ones (the design effect,
    Kish 1965), so log posteriors are divided by 1 + (n - 1) * error_correlation. The order of the classes does not
    change, and neither does the posterior from a single answer.
    """
    if error_correlation <= 0 or not posterior.size:
        return posterior
    with np.errstate(divide="ignore"):
        logits = np.log(posterior)
    logits /= design_effect(n, error_correlation)[:, None]
    logits -= logits.max(axis=1, keepdims=True)
    np.exp(logits, out=logits)
    logits /= logits.sum(axis=1, keepdims=True)
    return logits
