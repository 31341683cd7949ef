"""The compiled E-step: gather, normalize, scatter, each in the order of the tasks. Needs numba.

It runs in one thread and releases the interpreter's lock. Sums run in the row order of `EncodedAnswers`, so results are
reproducible to the last bit on one machine; they differ from those of the numpy kernel only in the last bits.
"""

from __future__ import annotations

from collections.abc import Callable
from math import log
from typing import Any

import numba
import numpy as np

from annotary_core.aggregation.classification.encoding import EncodedAnswers, IndexArray
from annotary_core.aggregation.classification.kernel_layout import make_statistics, to_kernel_layout, zero_counts
from annotary_core.aggregation.classification.sufficient_statistics import SufficientStatistics
from annotary_core.labels.arrays import FloatArray, IntArray

#: Entries of the posterior that are exponentiated at once; they stay in the first-level cache.
_BLOCK = 2048


def compile_loop(function: Callable[..., Any]) -> Callable[..., Any]:
    """Compile the function to machine code that releases the interpreter's lock."""
    try:
        return _njit(function, cache=True)
    except RuntimeError:
        # Neither the code folder nor the user's cache folder is writable: each process compiles for itself.
        return _njit(function, cache=False)


def _njit(function: Callable[..., Any], *, cache: bool) -> Callable[..., Any]:
    # Fused multiply-add is the only floating-point optimization that the compiler may apply.
    compiled: Callable[..., Any] = numba.njit(cache=cache, nogil=True, error_model="numpy", fastmath={"contract"})(
        function
    )
    return compiled


def _exponentials(x: FloatArray, power: FloatArray, bits: IntArray) -> None:
    """Compute exp of each x <= 0 in place, to two units in the last place; values below -700 give exp(-700).

    The loops have no calls or branches, so the compiler vectorizes them, unlike math.exp. exp(x) = 2**n exp(r) with n =
    round(x / log 2), |r| <= log(2) / 2 (log 2 split in two parts: Cody and Waite 1980), and exp(r) is its series up to
    r**13, whose remainder is below 1e-17. Adding 1.5 * 2**52 rounds and leaves n in the low bits, from where it is
    shifted to the exponent of a double. `power` is scratch space for these, `bits` the same memory as integers.
    """
    for i in range(len(x)):
        y = max(x[i], -700.0)
        shifted = y * 1.4426950408889634 + 6755399441055744.0
        n = shifted - 6755399441055744.0
        r = (y - n * 0.693145751953125) - n * 1.4286068203094172e-6
        p = r / 6227020800.0 + 1 / 479001600.0
        p = p * r + 1 / 39916800.0
        p = p * r + 1 / 3628800.0
        p = p * r + 1 / 362880.0
        p = p * r + 1 / 40320.0
        p = p * r + 1 / 5040.0
        p = p * r + 1 / 720.0
        p = p * r + 1 / 120.0
        p = p * r + 1 / 24.0
        p = p * r + 1 / 6.0
        p = p * r + 0.5
        p = p * r + 1.0
        power[i] = shifted
        x[i] = p * r + 1.0
    for i in range(len(x)):
        bits[i] = (bits[i] + 1023) << 52
    for i in range(len(x)):
        x[i] *= power[i]


def _gather(
    start: IntArray, cell: IndexArray, vote: FloatArray, by_cell: FloatArray, prior: FloatArray, out: FloatArray
) -> None:
    """Compute the log joint probabilities of the tasks delimited by `start`. `vote` of shape (0,) means all are 1."""
    # Unsigned indices avoid the check for negative ones, here and below.
    classes = np.uint64(len(prior))
    for task in range(len(out)):
        for k in range(classes):
            out[task, k] = prior[k]
        for row in range(start[task], start[task + 1]):
            weight = vote[row] if len(vote) else 1.0
            index = np.uint64(cell[row])
            for k in range(classes):
                out[task, k] += weight * by_cell[index, k]


def _scatter(start: IntArray, cell: IndexArray, vote: FloatArray, posterior: FloatArray, counts: FloatArray) -> None:
    classes = np.uint64(posterior.shape[1])
    for task in range(len(posterior)):
        for row in range(start[task], start[task + 1]):
            weight = vote[row] if len(vote) else 1.0
            index = np.uint64(cell[row])
            for k in range(classes):
                counts[index, k] += weight * posterior[task, k]


def _normalize(logits: FloatArray, gold: IndexArray, power: FloatArray, bits: IntArray) -> float:
    """Turn log joint probabilities, C order, into posteriors in place; returns the log-likelihood."""
    classes = np.uint64(logits.shape[1])
    log_likelihood = 0.0
    for task in range(len(logits)):
        top = logits[task, 0]
        for k in range(classes):
            top = max(top, logits[task, k])
        log_likelihood += top if gold[task] < 0 else logits[task, gold[task]]
        for k in range(classes):
            logits[task, k] -= top
    _exponentials_compiled(logits.reshape(-1), power, bits)
    for task in range(len(logits)):
        total = 0.0
        for k in range(classes):
            total += logits[task, k]
        scale = 1.0 / total
        for k in range(classes):
            logits[task, k] *= scale
        if gold[task] < 0:
            log_likelihood += log(total)
        else:
            logits[task, :] = 0.0
            logits[task, gold[task]] = 1.0
    return log_likelihood


def _e_step(
    start: IntArray,
    cell: IndexArray,
    vote: FloatArray,
    gold: IndexArray,
    by_cell: FloatArray,
    prior: FloatArray,
    posterior: FloatArray,
    counts: FloatArray,
    block: int,
) -> float:
    size = max(1, block // len(prior))
    power = np.empty(size * len(prior))
    bits = power.view(np.int64)
    log_likelihood = 0.0
    for first in range(0, len(posterior), size):
        last = min(first + size, len(posterior))
        part = posterior[first:last]
        _gather_compiled(start[first : last + 1], cell, vote, by_cell, prior, part)
        log_likelihood += _normalize_compiled(part, gold[first:last], power, bits)
    # In a separate pass: by_cell and counts together exceed the second-level cache.
    _scatter_compiled(start, cell, vote, posterior, counts)
    return log_likelihood


_exponentials_compiled = compile_loop(_exponentials)
_gather_compiled = compile_loop(_gather)
_scatter_compiled = compile_loop(_scatter)
_normalize_compiled = compile_loop(_normalize)
_e_step_compiled = compile_loop(_e_step)


class CompiledKernel:
    """The E-step in compiled loops; see `kernels.Kernel`."""

    def __init__(self, encoded: EncodedAnswers) -> None:
        self._encoded = encoded
        self._vote = np.empty(0) if encoded.is_uniform else np.ascontiguousarray(encoded.vote)

    def e_step(self, log_theta: FloatArray, log_class_prior: FloatArray, posterior: FloatArray) -> SufficientStatistics:
        encoded, counts = self._encoded, zero_counts(self._encoded)
        log_likelihood = _e_step_compiled(
            encoded.start,
            encoded.cell,
            self._vote,
            encoded.gold,
            to_kernel_layout(log_theta),
            log_class_prior,
            posterior,
            counts,
            _BLOCK,
        )
        return make_statistics(encoded, counts, posterior, float(log_likelihood))

    def statistics(self, posterior: FloatArray) -> SufficientStatistics:
        encoded, counts = self._encoded, zero_counts(self._encoded)
        _scatter_compiled(encoded.start, encoded.cell, self._vote, posterior, counts)
        return make_statistics(encoded, counts, posterior, 0.0)
