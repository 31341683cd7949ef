"""The layout of both kernels: counts and probabilities with one row per cell, a (worker, voted class) pair."""

from __future__ import annotations

import numpy as np

from annotary_core.aggregation.classification.encoding import EncodedAnswers
from annotary_core.aggregation.classification.sufficient_statistics import SufficientStatistics
from annotary_core.labels.arrays import FloatArray


def zero_counts(encoded: EncodedAnswers) -> FloatArray:
    """Counts of zero in the kernel layout, shape (w * l, k)."""
    return np.zeros((len(encoded.workers) * len(encoded.classes), len(encoded.classes)))


def make_statistics(
    encoded: EncodedAnswers, counts: FloatArray, posterior: FloatArray, log_likelihood: float
) -> SufficientStatistics:
    """Build the statistics from counts in the kernel layout and the posteriors that they were summed from."""
    return SufficientStatistics(
        counts=_from_kernel_layout(counts, encoded),
        class_counts=np.einsum("ij->j", posterior),
        log_likelihood=log_likelihood,
        tasks=len(posterior),
    )


def to_kernel_layout(log_theta: FloatArray) -> FloatArray:
    """Reshape (w, k, l) to the kernel layout (w * l, k), C order. Makes no copy if the memory order already fits."""
    workers, classes, labels = log_theta.shape
    return np.ascontiguousarray(log_theta.transpose(0, 2, 1)).reshape(workers * labels, classes)


def _from_kernel_layout(counts: FloatArray, encoded: EncodedAnswers) -> FloatArray:
    """The inverse of `to_kernel_layout`, as a view."""
    classes = len(encoded.classes)
    return counts.reshape(len(encoded.workers), classes, classes).transpose(0, 2, 1)
