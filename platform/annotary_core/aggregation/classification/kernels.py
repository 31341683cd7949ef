"""The E-step over columns, with numpy and scipy alone; compiled.py does the same faster where numba is installed.

The answers are a sparse matrix with a row a task and a column a cell (worker, said class), holding the votes. Its
product with log_theta, laid out with a row a cell, is the log-likelihood of each class of each task; the product of its
transpose with the posteriors is the counts.
"""

from __future__ import annotations

from importlib.util import find_spec
from itertools import pairwise
from typing import Literal, Protocol

import numpy as np
from scipy.sparse import csr_array

from annotary_core.aggregation.classification.encoding import Coded, IndexArray
from annotary_core.aggregation.classification.kernel_layout import cells_first, no_counts, statistics_of
from annotary_core.aggregation.classification.sufficient_statistics import Statistics
from annotary_core.labels.arrays import FloatArray

Choice = Literal["auto", "numpy", "compiled"]

#: Cells of the posterior that are worked on at once: small enough for the second-level cache.
_BLOCK = 1 << 16
#: Rows whose counts are summed at once.
_CHUNK_ROWS = 1 << 21
#: From this many rows on, loading the compiled kernel pays.
_COMPILED_ROWS = 50_000


class Kernel(Protocol):
    """The E-step for one `Coded`, its structure prepared once for all iterations."""

    def expect(self, log_theta: FloatArray, log_class_prior: FloatArray, posterior: FloatArray) -> Statistics:
        """Write the posteriors into `posterior`, shape (t, k), C order, and return the statistics."""
        ...

    def count(self, posterior: FloatArray) -> Statistics:
        """The statistics of given posteriors; their log-likelihood is 0."""
        ...


def kernel_for(coded: Coded, choice: Choice = "auto") -> Kernel:
    """The kernel for these answers; "auto" takes the compiled one where it is installed and pays.

    Raises ValueError when the compiled one is asked for and numba is not installed.
    """
    if choice == "compiled" and not has_compiled():
        raise ValueError("The compiled kernel needs numba: install it, or ask for the numpy kernel.")
    if choice == "compiled" or (choice == "auto" and len(coded.cell) >= _COMPILED_ROWS and has_compiled()):
        from annotary_core.aggregation.classification.kernels_numba import CompiledKernel

        return CompiledKernel(coded)
    return NumpyKernel(coded)


def has_compiled() -> bool:
    """Whether numba is installed."""
    return find_spec("numba") is not None


class NumpyKernel:
    """The E-step by sparse products."""

    def __init__(self, coded: Coded) -> None:
        self._coded = coded
        self._chunks = [
            (chunk, _matrix(coded, chunk), [(block, _matrix(coded, block)) for block in _blocks(coded, chunk)])
            for chunk in _chunks(coded)
        ]

    def expect(self, log_theta: FloatArray, log_class_prior: FloatArray, posterior: FloatArray) -> Statistics:
        by_cell = cells_first(log_theta)
        log_likelihood, counts = 0.0, np.zeros_like(by_cell)
        for chunk, matrix, blocks in self._chunks:
            for block, rows in blocks:
                logits = rows @ by_cell
                logits += log_class_prior
                log_likelihood += _normalise(logits, self._coded.gold[block])
                posterior[block] = logits
            counts += matrix.T @ posterior[chunk]
        return statistics_of(self._coded, counts, posterior, log_likelihood)

    def count(self, posterior: FloatArray) -> Statistics:
        counts = no_counts(self._coded)
        for chunk, matrix, _ in self._chunks:
            counts += matrix.T @ posterior[chunk]
        return statistics_of(self._coded, counts, posterior, 0.0)


def _chunks(coded: Coded) -> list[slice]:
    """Tasks in runs of about so many rows, for bounded memory; one run where it fits."""
    rows = np.arange(_CHUNK_ROWS, len(coded.cell), _CHUNK_ROWS)
    edges = np.unique(np.concatenate([[0], np.searchsorted(coded.start, rows), [len(coded.tasks)]]))
    return [slice(int(a), int(b)) for a, b in pairwise(edges)]


def _blocks(coded: Coded, chunk: slice) -> list[slice]:
    size = max(1, _BLOCK // max(len(coded.classes), 1))
    return [slice(first, min(first + size, chunk.stop)) for first in range(chunk.start, chunk.stop, size)]


def _matrix(coded: Coded, tasks: slice) -> csr_array:
    part = coded.part(tasks.start, tasks.stop)
    shape = (len(part.tasks), len(part.workers) * len(part.classes))
    start = part.start.astype(part.cell.dtype)
    return csr_array((np.ascontiguousarray(part.vote), part.cell, start), shape=shape)


def _normalise(logits: FloatArray, gold: IndexArray) -> float:
    """Turn log joint probabilities, shape (b, k), into posteriors in place; their log-likelihood."""
    # Reducing along short rows is slow in numpy; a transposed copy and einsum take a quarter of the time.
    top = np.ascontiguousarray(logits.T).max(axis=0)[:, None]
    known = np.flatnonzero(gold >= 0)
    of_known = logits[known, gold[known]]
    logits -= top
    np.exp(logits, out=logits)
    total = np.einsum("ij->i", logits)[:, None]
    logits /= total
    evidence = top + np.log(total)
    logits[known] = 0.0
    logits[known, gold[known]] = 1.0
    evidence[known, 0] = of_known
    return float(evidence.sum())
