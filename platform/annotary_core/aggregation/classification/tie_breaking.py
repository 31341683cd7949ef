"""Ties are drawn by lot, and the lot falls the same way every time.

The lot of a vote is a hash of (seed, task, worker), and the tied class with the lowest lot among its voters wins. So
the outcome is fair between classes with equally many voters, and depends neither on class numbers nor on the order of
rows: always taking the lowest class would tilt every tie towards the classes that were defined first. Only where the
lowest lot belongs to one worker who voted for several of the tied classes does the class number enter, through a second
lot, since nothing else tells these classes apart.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from annotary_core.labels.arrays import BoolArray, IntArray

_MIX_A = np.uint64(0x9E3779B97F4A7C15)
_MIX_B = np.uint64(0xBF58476D1CE4E5B9)
_MIX_C = np.uint64(0x94D049BB133111EB)


def _mix(value: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """The finaliser of SplitMix64 (Steele, Lea, Flood 2014): a bijection whose outputs look independent."""
    value = value + _MIX_A
    value = (value ^ (value >> np.uint64(30))) * _MIX_B
    value = (value ^ (value >> np.uint64(27))) * _MIX_C
    return value ^ (value >> np.uint64(31))


def lots(task: IntArray, worker: IntArray, *, seed: int) -> NDArray[np.uint64]:
    """One lot a row, shape (n,); workers of one task never share one, as mixing is a bijection."""
    start = np.array([seed % 2**64], dtype=np.uint64)
    return _mix(worker.astype(np.uint64) ^ _mix(task.astype(np.uint64) ^ _mix(start)))


def drawn(
    of_task: IntArray, voter_lot: NDArray[np.uint64], label: IntArray, top: BoolArray, start: IntArray, *, seed: int
) -> IntArray:
    """Index of the class drawn for each task among its candidates that are `top`.

    of_task, voter_lot, label, top: a row a candidate class of a task, shape (c,), ordered by task: which task, the
    lowest lot among the class's voters (the greatest number where it has none), the class, whether it may win.
    start: where each task's candidates start, shape (t,).
    """
    second = lots(voter_lot.astype(np.int64), label, seed=seed)
    return np.lexsort((second, voter_lot, ~top, of_task))[start].astype(np.int64)
