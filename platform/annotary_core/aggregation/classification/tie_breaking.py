"""Break ties by a deterministic hash.

Each vote has a hash of (seed, task, worker), and the tied class with the lowest hash among its voters wins. The outcome
is therefore fair between classes with equally many voters, and depends neither on class ids nor on the order of rows:
always choosing the lowest class would bias every tie towards the classes that were defined first. Only if the lowest
hash belongs to a worker who voted for several of the tied classes does the class id enter, through a second hash, since
nothing else distinguishes these classes.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from annotary_core.labels.arrays import BoolArray, IntArray

_MIX_A = np.uint64(0x9E3779B97F4A7C15)
_MIX_B = np.uint64(0xBF58476D1CE4E5B9)
_MIX_C = np.uint64(0x94D049BB133111EB)


def _mix(value: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """The finalizer of SplitMix64 (Steele, Lea, Flood 2014): a bijection whose outputs look independent."""
    value = value + _MIX_A
    value = (value ^ (value >> np.uint64(30))) * _MIX_B
    value = (value ^ (value >> np.uint64(27))) * _MIX_C
    return value ^ (value >> np.uint64(31))


def tie_hash(task: IntArray, worker: IntArray, *, seed: int) -> NDArray[np.uint64]:
    """One hash per row, shape (n,). It is unique among the workers of a task, as mixing is a bijection."""
    seed_word = np.array([seed % 2**64], dtype=np.uint64)
    return _mix(worker.astype(np.uint64) ^ _mix(task.astype(np.uint64) ^ _mix(seed_word)))


def break_ties(
    task_index: IntArray,
    lowest_hash: NDArray[np.uint64],
    label: IntArray,
    top: BoolArray,
    start: IntArray,
    *,
    seed: int,
) -> IntArray:
    """Choose one candidate per task among those that are `top`; returns their indices, shape (t,).

    task_index, lowest_hash, label, top: one row per candidate class of a task, shape (c,), ordered by task: the task,
    the lowest hash among the class's voters (close to the maximum if it has none), the class, whether it may win.
    start: first candidate of each task, shape (t,).
    """
    second_hash = tie_hash(lowest_hash.astype(np.int64), label, seed=seed)
    return np.lexsort((second_hash, lowest_hash, ~top, task_index))[start].astype(np.int64)
