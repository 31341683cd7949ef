"""Active task selection: which task to label next, and by whom, from expected gain per price."""

from __future__ import annotations

import numpy as np

from annotary_core.aggregation.classification.fitted_model import FittedModel
from annotary_core.aggregation.classification.votes import tie_hash
from annotary_core.labels.arrays import FloatArray, IntArray


def order_by_gain(task: IntArray, gain: FloatArray, *, seed: int = 0) -> IntArray:
    """Return the task indices by decreasing gain of the next answer; ties follow the hash of votes.py.

    task: ids, gain: see stopping.py, both of shape (t,).
    """
    tie_break = tie_hash(task, np.zeros(len(task), np.int64), seed=seed)
    return np.lexsort((tie_break, -gain)).astype(np.int64)


def worker_gains(
    state: FittedModel, posterior: FloatArray, workers: IntArray, *, prices: FloatArray | None = None
) -> FloatArray:
    """Return the expected information of each worker's answer about a task, in nats per unit of price, shape (w,).

    posterior: of the task over `state.classes`, shape (k,). prices: per answer of each worker, shape (w,), above 0;
    None means 1. This is the mutual information (Lindley 1956) between the answer and which of the top two classes is
    true, times the probability that one of them is. It is information, not right decisions, because a single answer
    often cannot flip a decision, and then all workers would be worth the same. A worker who cannot tell these two
    classes apart is worth nothing for this task, however good otherwise.
    Raises ValueError when the posterior is not over the classes of the state, or a price is not above 0.
    """
    if len(posterior) != len(state.classes):
        raise ValueError("The posterior must have one probability per class of the state.")
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
    conditional = answer_probabilities(state, workers)[:, pair, :]
    marginal = np.einsum("k,wkl->wl", prior, conditional)
    information = _entropy(marginal) - np.einsum("k,wk->w", prior, _entropy(conditional))
    return np.asarray(mass * np.maximum(information, 0.0) / price, np.float64)


def answer_probabilities(state: FittedModel, workers: IntArray) -> FloatArray:
    """Return the blend's probability that each worker answers l for true class k, shape (w, k, l)."""
    classes = len(state.classes)
    accuracy = state.accuracy_of(workers)
    wrong = (1 - accuracy) / max(classes - 1, 1)
    one_coin = np.repeat(np.repeat(wrong[:, None, None], classes, axis=1), classes, axis=2)
    one_coin[:, np.arange(classes), np.arange(classes)] = accuracy[:, None]
    if state.blend <= 0:
        return one_coin
    return np.asarray(one_coin + state.blend * (state.confusion_of(workers) - one_coin), np.float64)


def _entropy(p: FloatArray) -> FloatArray:
    """Entropy over the last axis, in nats."""
    return np.asarray(-(p * np.log(np.maximum(p, 1e-300))).sum(axis=-1), np.float64)
