"""The E-step in numpy and scipy; kernels_numba.py does the same faster if numba is installed.

The answers are a sparse matrix of votes with one row per task and one column per cell, a (worker, voted class) pair.
Its product with log_theta, laid out with one row per cell, is the log-likelihood of each class of each task; the
product of its transpose with the posteriors is the expected counts.
"""

from __future__ import annotations

from importlib.util import find_spec
from itertools import pairwise
from typing import Literal, Protocol

import numpy as np
from scipy.sparse import csr_array

from annotary_core.aggregation.classification.encoding import EncodedAnswers, IndexArray
from annotary_core.aggregation.classification.kernel_layout import make_statistics, to_kernel_layout, zero_counts
from annotary_core.aggregation.classification.sufficient_statistics import SufficientStatistics
from annotary_core.labels.arrays import FloatArray

KernelChoice = Literal["auto", "numpy", "compiled"]

#: Entries of the posterior that are processed at once; they fit in the second-level cache.
_BLOCK = 1 << 16
#: Rows whose counts are summed at once.
_CHUNK_ROWS = 1 << 21
#: Number of rows from which loading the compiled kernel pays off.
_COMPILED_ROWS = 50_000


class Kernel(Protocol):
    """The E-step for one `EncodedAnswers`; its data structures are built once for all iterations."""

    def e_step(self, log_theta: FloatArray, log_class_prior: FloatArray, posterior: FloatArray) -> SufficientStatistics:
        """The E-step: write the posteriors into `posterior`, shape (t, k), C order, and return the statistics."""
        ...

    def statistics(self, posterior: FloatArray) -> SufficientStatistics:
        """The statistics of given posteriors, with a log-likelihood of 0."""
        ...


def kernel_for(encoded: EncodedAnswers, choice: KernelChoice = "auto") -> Kernel:
    """The kernel for these answers; "auto" chooses the compiled one if it is installed and pays off.

    Raises ValueError if the compiled kernel is requested and numba is not installed.
    """
    if choice == "compiled" and not has_compiled():
        raise ValueError("The compiled kernel needs numba: install it, or choose the numpy kernel.")
    if choice == "compiled" or (choice == "auto" and len(encoded.cell) >= _COMPILED_ROWS and has_compiled()):
        from annotary_core.aggregation.classification.kernels_numba import CompiledKernel

        return CompiledKernel(encoded)
    return NumpyKernel(encoded)


def has_compiled() -> bool:
    """Whether numba is installed."""
    return find_spec("numba") is not None


class NumpyKernel:
    """The E-step by sparse matrix products."""

    def __init__(self, encoded: EncodedAnswers) -> None:
        self._encoded = encoded
        self._chunks = [
            (chunk, _matrix(encoded, chunk), [(block, _matrix(encoded, block)) for block in _blocks(encoded, chunk)])
            for chunk in _chunks(encoded)
        ]

    def e_step(self, log_theta: FloatArray, log_class_prior: FloatArray, posterior: FloatArray) -> SufficientStatistics:
        by_cell = to_kernel_layout(log_theta)
        log_likelihood, counts = 0.0, np.zeros_like(by_cell)
        for chunk, matrix, blocks in self._chunks:
            for block, rows in blocks:
                logits = rows @ by_cell
                logits += log_class_prior
                log_likelihood += _normalize(logits, self._encoded.gold[block])
                posterior[block] = logits
            counts += matrix.T @ posterior[chunk]
        return make_statistics(self._encoded, counts, posterior, log_likelihood)

    def statistics(self, posterior: FloatArray) -> SufficientStatistics:
        counts = zero_counts(self._encoded)
        for chunk, matrix, _ in self._chunks:
            counts += matrix.T @ posterior[chunk]
        return make_statistics(self._encoded, counts, posterior, 0.0)


def _chunks(encoded: EncodedAnswers) -> list[slice]:
    """Split the tasks into runs of about _CHUNK_ROWS rows, to bound memory."""
    rows = np.arange(_CHUNK_ROWS, len(encoded.cell), _CHUNK_ROWS)
    edges = np.unique(np.concatenate([[0], np.searchsorted(encoded.start, rows), [len(encoded.tasks)]]))
    return [slice(int(a), int(b)) for a, b in pairwise(edges)]


def _blocks(encoded: EncodedAnswers, chunk: slice) -> list[slice]:
    size = max(1, _BLOCK // max(len(encoded.classes), 1))
    return [slice(first, min(first + size, chunk.stop)) for first in range(chunk.start, chunk.stop, size)]


def _matrix(encoded: EncodedAnswers, tasks: slice) -> csr_array:
    part = encoded.part(tasks.start, tasks.stop)
    shape = (len(part.tasks), len(part.workers) * len(part.classes))
    start = part.start.astype(part.cell.dtype)
    return csr_array((np.ascontiguousarray(part.vote), part.cell, start), shape=shape)


def _normalize(logits: FloatArray, gold: IndexArray) -> float:
    """Turn log joint probabilities, shape (b, k), into posteriors in place; returns the log-likelihood."""
    # Reducing along short rows is slow in numpy; a transposed copy and einsum take a quarter of the time.
    top = np.ascontiguousarray(logits.T).max(axis=0)[:, None]
    gold_rows = np.flatnonzero(gold >= 0)
    gold_logits = logits[gold_rows, gold[gold_rows]]
    logits -= top
    np.exp(logits, out=logits)
    total = np.einsum("ij->i", logits)[:, None]
    logits /= total
    evidence = top + np.log(total)
    logits[gold_rows] = 0.0
    logits[gold_rows, gold[gold_rows]] = 1.0
    evidence[gold_rows, 0] = gold_logits
    return float(evidence.sum())
