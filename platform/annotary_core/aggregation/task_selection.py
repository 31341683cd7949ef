"""Which task to ask about next, and whom: by what an answer is expected to bring, against its price."""

from __future__ import annotations

import numpy as np

from annotary_core.aggregation.classification.fitted_model import BlendState
from annotary_core.aggregation.classification.tie_breaking import lots
from annotary_core.labels.arrays import FloatArray, IntArray


def asking_order(task: IntArray, gain: FloatArray, *, seed: int = 0) -> IntArray:
    """Indices of the tasks, the one whose next answer brings most first; equal gains in the order of lots (ties.py).

    task: ids, gain: see stopping.py, both of shape (t,).
    """
    lot = lots(task, np.zeros(len(task), np.int64), seed=seed)
    return np.lexsort((lot, -gain)).astype(np.int64)


def worker_gains(
    state: BlendState, posterior: FloatArray, workers: IntArray, *, prices: FloatArray | None = None
) -> FloatArray:
    """What the answer of each worker is expected to tell about a task, in nats, a unit of price; shape (w,).

    posterior: of the task over `state.classes`, shape (k,). prices: of an answer of each worker, shape (w,), above 0;
    None means 1. It is the mutual information (Lindley 1956) between the answer and which of the top two classes is
    true, times the probability that one of them is. Information, not right decisions: one answer alone often cannot
    turn a decision, and then all workers would be worth the same. So a worker who cannot tell these two classes apart
    is worth nothing for this task, however good otherwise.
    Raises ValueError when the posterior is not over the classes of the state, or a price is not above 0.
    """
    if len(posterior) != len(state.classes):
        raise ValueError("The posterior must have one probability a class of the state.")
    price = np.ones(len(workers)) if prices is None else np.asarray(prices, np.float64)
    if price.shape != workers.shape or not (price > 0).all():
        raise ValueError("Every worker needs a price above 0.")
    if len(posterior) < 2:
        return np.zeros(len(workers))
    pair = np.sort(np.argsort(posterior, kind="stable")[-2:])
    mass = float(posterior[pair].sum())
    if mass <= 0:
        return np.zeros(len(workers))
    prior = posterior[pair] / mass
    said = answer_probabilities(state, workers)[:, pair, :]
    mixed = np.einsum("k,wkl->wl", prior, said)
    told = _entropy(mixed) - np.einsum("k,wk->w", prior, _entropy(said))
    return np.asarray(mass * np.maximum(told, 0.0) / price, np.float64)


def answer_probabilities(state: BlendState, workers: IntArray) -> FloatArray:
    """Probability that each worker says l of class k as the blend has it, shape (w, k, l)."""
    classes = len(state.classes)
    accuracy = state.accuracy_of(workers)
    wrong = (1 - accuracy) / max(classes - 1, 1)
    coin = np.repeat(np.repeat(wrong[:, None, None], classes, axis=1), classes, axis=2)
    coin[:, np.arange(classes), np.arange(classes)] = accuracy[:, None]
    if state.blend <= 0:
        return coin
    return np.asarray(coin + state.blend * (state.confusion_of(workers) - coin), np.float64)


def _entropy(p: FloatArray) -> FloatArray:
    """Over the last axis, in nats."""
    return np.asarray(-(p * np.log(np.maximum(p, 1e-300))).sum(axis=-1), np.float64)
