"""The uncertainty of each label, and the most likely label errors, from the posteriors of a consensus.

Expected error is 1 - posterior of the label, so it is only as good as the posterior is calibrated (see calibration.py;
the shares of a majority vote are not). Entropy is that of the whole posterior, in bits: it also distinguishes
uncertainty between two classes from uncertainty among many.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from annotary_core.aggregation.base import Consensus
from annotary_core.labels.arrays import FloatArray, IntArray


@dataclass(frozen=True, slots=True)
class LabelUncertainty:
    """Uncertainty in columns of shape (t,), tasks ascending: entropy in bits, and the probability of a wrong label."""

    task: IntArray
    label: IntArray
    entropy: FloatArray
    expected_error: FloatArray


@dataclass(frozen=True, slots=True)
class SetUncertainty:
    """Uncertainty of the whole set.

    labels: number of labels. expected_wrong: expected number of wrong ones. deviation: its standard deviation if tasks
    err independently. mean_entropy: in bits, nan for an empty set.
    """

    labels: int
    expected_wrong: float
    deviation: float
    mean_entropy: float

    @property
    def expected_error(self) -> float:
        """The share of wrong labels, nan for an empty set."""
        return self.expected_wrong / self.labels if self.labels else float("nan")


@dataclass(frozen=True, slots=True)
class LabelIssues:
    """Labels by decreasing probability to be wrong, then by task, in columns of shape (s,).

    label: the label in question. wrong: its probability to be wrong. other, other_p: the likeliest other class and its
    posterior; if no other class has one, `other` is the label itself and `other_p` is 0. n: workers who answered.
    """

    task: IntArray
    label: IntArray
    wrong: FloatArray
    other: IntArray
    other_p: FloatArray
    n: IntArray


def label_uncertainty(result: Consensus) -> LabelUncertainty:
    """Return the entropy and expected error of every label."""
    p, start = result.posteriors.p, result.posteriors.start
    bits = -p * np.log2(p, out=np.zeros_like(p), where=p > 0)
    entropy = np.add.reduceat(bits, start[:-1]) if len(result.task) else np.empty(0)
    error = 1 - _posterior_of(result, result.label)
    return LabelUncertainty(result.task, result.label, np.maximum(entropy, 0.0), np.clip(error, 0.0, 1.0))


def set_uncertainty(doubt: LabelUncertainty) -> SetUncertainty:
    """Aggregate the uncertainty over the labels."""
    error = doubt.expected_error
    mean = float(doubt.entropy.mean()) if len(error) else float("nan")
    return SetUncertainty(len(error), float(error.sum()), float(np.sqrt((error * (1 - error)).sum())), mean)


def rank_label_issues(
    result: Consensus, *, released: Mapping[int, int] | None = None, limit: int | None = 100
) -> LabelIssues:
    """Return the labels most likely to be wrong, at most `limit`; None returns all labels.

    released: task -> label that was published (by a review or in a release), evaluated instead of the result's own;
    tasks without a posterior are skipped. None evaluates the result's own labels.
    """
    kept, label = np.arange(len(result.task)), result.label
    if released is not None:
        tasks = np.fromiter(released.keys(), np.int64, len(released))
        published = np.fromiter(released.values(), np.int64, len(released))
        order = np.argsort(tasks)
        kept = np.flatnonzero(np.isin(result.task, tasks))
        label = result.label.copy()
        label[kept] = published[order][np.searchsorted(tasks[order], result.task[kept])]
    wrong = np.clip(1 - _posterior_of(result, label), 0.0, 1.0)
    other, other_p = _likeliest_other(result, label)
    # Rounded, so that rounding errors do not order equal labels.
    ranked = kept[np.lexsort((result.task[kept], -np.round(wrong[kept], 12)))][:limit]
    return LabelIssues(
        result.task[ranked], label[ranked], wrong[ranked], other[ranked], other_p[ranked], result.n[ranked]
    )


def _tasks_of_entries(result: Consensus) -> IntArray:
    return np.repeat(np.arange(len(result.task)), np.diff(result.posteriors.start))


def _posterior_of(result: Consensus, label: IntArray) -> FloatArray:
    """Return the posterior of one class per task, shape (t,)."""
    index = _tasks_of_entries(result)
    hit = result.posteriors.label == label[index]
    out = np.zeros(len(result.task))
    out[index[hit]] = result.posteriors.p[hit]
    return out


def _likeliest_other(result: Consensus, label: IntArray) -> tuple[IntArray, FloatArray]:
    index = _tasks_of_entries(result)
    is_other = (result.posteriors.label != label[index]) & (result.posteriors.p > 0)
    entry = np.flatnonzero(is_other)
    # Ascending, so that the last write for a task is its likeliest class, and the lowest number among ties.
    entry = entry[np.lexsort((-result.posteriors.label[entry], result.posteriors.p[entry]))]
    alternative, p = label.copy(), np.zeros(len(label))
    alternative[index[entry]] = result.posteriors.label[entry]
    p[index[entry]] = result.posteriors.p[entry]
    return alternative, p
