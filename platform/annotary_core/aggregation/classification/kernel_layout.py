"""Counts and probabilities with a row a cell, a (worker, said class) pair: the layout in which both kernels work."""

from __future__ import annotations

import numpy as np

from annotary_core.aggregation.classification.encoding import Coded
from annotary_core.aggregation.classification.sufficient_statistics import Statistics
from annotary_core.labels.arrays import FloatArray


def no_counts(coded: Coded) -> FloatArray:
    """Zeros, a row a cell: shape (w * l, k)."""
    return np.zeros((len(coded.workers) * len(coded.classes), len(coded.classes)))


def statistics_of(coded: Coded, counts: FloatArray, posterior: FloatArray, log_likelihood: float) -> Statistics:
    """From counts with a row a cell and the posteriors that they were added up from."""
    return Statistics(
        counts=_said_last(counts, coded),
        class_counts=np.einsum("ij->j", posterior),
        log_likelihood=log_likelihood,
        tasks=len(posterior),
    )


def cells_first(log_theta: FloatArray) -> FloatArray:
    """Shape (w, k, l) as (w * l, k), C order: a row a cell. No copy where the memory already lies so."""
    workers, classes, said = log_theta.shape
    return np.ascontiguousarray(log_theta.transpose(0, 2, 1)).reshape(workers * said, classes)


def _said_last(counts: FloatArray, coded: Coded) -> FloatArray:
    """The reverse of `cells_first`, as a view."""
    classes = len(coded.classes)
    return counts.reshape(len(coded.workers), classes, classes).transpose(0, 2, 1)
