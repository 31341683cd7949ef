"""Find pairs of classes that the instructions leave unclear: confused by many workers, beyond their error rates.

With the posterior of each task as its truth, worker w gave class b to N_w[a, b] tasks of class a (sums of posterior
times vote). The null model is carelessness: worker w errs at the same rate e_w for every class, and errors fall on the
other classes as errors do overall. The expected count of a -> b is
    E_w[a, b] = N_w[a] e_w q_b / sum of q over classes other than a
where q_b is the number of errors that fell on b over those that could have (this is quasi-independence, Goodman 1968,
with the rows from the workers' own rates). A pair is {a, b} in both directions, and its excess is measured by the
signed root of the Poisson deviance, which is approximately normal under the null model.

A single bad worker can produce such an excess. It is therefore recomputed without the worker who contributes most, and
pairs are ranked by the remainder. Noise is refitted with the clearest pairs excluded, one after the other. With two
classes there is nothing to compare: every error belongs to the only pair.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import sparse

from annotary_core.aggregation.base import Answers, Consensus
from annotary_core.aggregation.classification.votes import Votes
from annotary_core.labels.arrays import BoolArray, FloatArray, IntArray

#: Posteriors below this are ignored as fitting noise.
_MIN_POSTERIOR = 1e-4
#: Shrinkage of a worker's error rate toward the overall rate, in answers.
_SHRINKAGE = 2.0
#: Answers to tasks of a pair's classes that a worker needs to count as exposed to the pair.
_MIN_EXPOSURE = 1.0
#: Minimum confusions in excess of a worker's own noise to count the worker as affected.
_MIN_EXCESS = 0.5
#: A score from here on is significant; the score of noise is approximately standard normal.
_SIGNIFICANT = 3.0
#: Maximum pairs excluded, one after the other, when the noise is refitted.
_MAX_EXCLUDED = 10
_ALTERNATIONS = 5


@dataclass(frozen=True, slots=True)
class ConfusedPairs:
    """Pairs of classes in columns of shape (p,), clearest first; a < b.

    a_as_b: share of the answers to tasks of class a that are b; b_as_a the reverse. seen: number of such answers, both
    directions. expected: how many the workers' noise explains. score: signed root deviance of seen from expected.
    score_without_worst: the same without the worker who contributes most; high means unclear instructions, low with a
    high score means one worker. workers: how many were exposed to the pair (answered tasks of these classes). affected:
    the share of them whose confusions exceed their own noise by its standard deviation and by at least half an answer.
    worst: the number of the worker who contributes most.
    """

    a: IntArray
    b: IntArray
    a_as_b: FloatArray
    b_as_a: FloatArray
    seen: FloatArray
    expected: FloatArray
    score: FloatArray
    score_without_worst: FloatArray
    workers: IntArray
    affected: FloatArray
    worst: IntArray

    @property
    def unclear(self) -> BoolArray:
        """Whether instructions, not one worker, explain a pair: at least 3 without the worst, 20% affected."""
        out: BoolArray = (self.score_without_worst >= _SIGNIFICANT) & (self.affected >= 0.2)
        return out


@dataclass(frozen=True, slots=True)
class _Cells:
    """Nonzero soft counts of (worker, true class, answered class), as codes; n: shape (c,).

    tasks: number of answers of each worker to tasks of each class, shape (w, k).
    """

    worker: IntArray
    true: IntArray
    answered: IntArray
    n: FloatArray
    tasks: FloatArray

    @property
    def kind(self) -> IntArray:
        """The code of each cell's (true, answered) classes."""
        kind: IntArray = self.true * self.tasks.shape[1] + self.answered
        return kind


@dataclass(frozen=True, slots=True)
class _Noise:
    """The null model: e_w of each worker, shape (w,), and q_b of each class, shape (k,)."""

    rate: FloatArray
    error_share: FloatArray

    def share(self, true: IntArray, answered: IntArray) -> FloatArray:
        """Return the share of the errors on class `true` that falls on class `answered`."""
        others = self.error_share.sum() - self.error_share[true]
        out: FloatArray = np.divide(self.error_share[answered], others, out=np.zeros(len(true)), where=others > 0)
        return out


@dataclass(frozen=True, slots=True)
class _Pairs:
    """Pairs of classes a < b (codes), and each worker's confusions in both directions: seen, shape (w, p)."""

    a: IntArray
    b: IntArray
    seen: FloatArray


@dataclass(frozen=True, slots=True)
class _Scores:
    """Columns of shape (p,); `expected` is summed over workers, `excess` is per worker, shape (w, p)."""

    excess: FloatArray
    expected: FloatArray
    worst: IntArray
    score: FloatArray
    without: FloatArray


def confusions(answers: Answers, result: Consensus, *, limit: int = 20) -> ConfusedPairs:
    """Return the pairs with more confusion than noise explains; `result` is the consensus of these answers.

    Returns at most `limit` pairs, selected from the 10 * `limit` most frequently confused ones.
    """
    votes = Votes.of(answers)
    workers, worker = np.unique(votes.worker, return_inverse=True)
    cells = _cells(votes, worker, len(workers), result, answers.classes)
    pairs = _most_confused(cells, 10 * limit)
    excluded: list[int] = []
    scores = _scores(cells, pairs, _noise(cells, pairs, excluded))
    # A significant pair also biases the noise estimate, so the next pairs are scored without it.
    while len(excluded) < _MAX_EXCLUDED and (clearest := _clearest(scores, excluded)) is not None:
        excluded.append(clearest)
        scores = _scores(cells, pairs, _noise(cells, pairs, excluded))
    return _ranked(cells, answers.classes, workers, pairs, scores, limit)


def _cells(votes: Votes, worker: IntArray, workers: int, result: Consensus, classes: IntArray) -> _Cells:
    k = len(classes)
    answered = np.searchsorted(classes, votes.label)
    task = np.searchsorted(result.task, votes.task)
    index = np.repeat(np.arange(len(result.task)), np.diff(result.posteriors.start))
    significant = result.posteriors.p > _MIN_POSTERIOR
    true_label = np.searchsorted(classes, result.posteriors.label[significant])
    truth = sparse.csr_matrix(
        (result.posteriors.p[significant], (index[significant], true_label)), shape=(len(result.task), k)
    )
    votes_by_class = sparse.csr_matrix(
        (votes.vote, (worker * k + answered, task)), shape=(workers * k, len(result.task))
    )
    counts = (votes_by_class @ truth).tocoo()
    worker_code, answered_code, true = counts.row // max(k, 1), counts.row % max(k, 1), counts.col.astype(np.int64)
    tasks = np.zeros((workers, k))
    np.add.at(tasks, (worker_code, true), counts.data)
    return _Cells(worker_code.astype(np.int64), true, answered_code.astype(np.int64), counts.data, tasks)


def _most_confused(cells: _Cells, limit: int) -> _Pairs:
    k = max(cells.tasks.shape[1], 1)
    wrong = cells.true != cells.answered
    low, high = np.minimum(cells.true, cells.answered)[wrong], np.maximum(cells.true, cells.answered)[wrong]
    kinds, index = np.unique(low * k + high, return_inverse=True)
    total = np.bincount(index, cells.n[wrong], minlength=len(kinds))
    top = np.sort(np.argsort(-np.round(total, 9), kind="stable")[:limit])
    position = np.full(len(kinds), -1, np.int64)
    position[top] = np.arange(len(top))
    kept = position[index] >= 0
    seen = np.zeros((len(cells.tasks), len(top)))
    np.add.at(seen, (cells.worker[wrong][kept], position[index][kept]), cells.n[wrong][kept])
    return _Pairs(a=kinds[top] // k, b=kinds[top] % k, seen=seen)


def _noise(cells: _Cells, pairs: _Pairs, excluded: list[int]) -> _Noise:
    """Fit the noise to the errors outside the excluded pairs, in a few alternating steps."""
    workers, k = cells.tasks.shape
    true = np.concatenate([pairs.a[excluded], pairs.b[excluded]])
    answered = np.concatenate([pairs.b[excluded], pairs.a[excluded]])
    included = (cells.true != cells.answered) & ~np.isin(cells.kind, true * k + answered)
    errors = np.bincount(cells.worker[included], cells.n[included], minlength=workers)
    errors_on_class = np.bincount(cells.answered[included], cells.n[included], minlength=k)
    noise = _Noise(np.ones(workers), np.ones(k))
    for _ in range(_ALTERNATIONS):
        excluded_share = np.bincount(true, noise.share(true, answered), minlength=k)
        opportunities = (cells.tasks * (1 - excluded_share)).sum(axis=1)
        overall = errors.sum() / max(float(opportunities.sum()), 1.0)
        rate = (errors + _SHRINKAGE * overall) / (opportunities + _SHRINKAGE)
        expected_errors = (cells.tasks * rate[:, None]).sum(axis=0)
        possible = expected_errors.sum() - expected_errors - np.bincount(answered, expected_errors[true], minlength=k)
        error_share = np.divide(errors_on_class, possible, out=np.zeros(k), where=possible > 1e-9)
        noise = _Noise(rate, error_share)
    return noise


def _scores(cells: _Cells, pairs: _Pairs, noise: _Noise) -> _Scores:
    a, b = pairs.a, pairs.b
    expected = noise.rate[:, None] * (cells.tasks[:, a] * noise.share(a, b) + cells.tasks[:, b] * noise.share(b, a))
    excess = pairs.seen - expected
    worst = excess.argmax(axis=0) if len(a) else np.empty(0, np.int64)
    columns = np.arange(len(a))
    seen, total = pairs.seen.sum(axis=0), expected.sum(axis=0)
    without = _signed_root(
        np.maximum(seen - pairs.seen[worst, columns], 0.0), np.maximum(total - expected[worst, columns], 0.0)
    )
    return _Scores(excess, total, worst, _signed_root(seen, total), without)


def _clearest(scores: _Scores, excluded: list[int]) -> int | None:
    """Return the most significant pair that is not excluded yet; None if there is none."""
    remaining = np.round(scores.without, 9)
    remaining[excluded] = -np.inf
    best = int(remaining.argmax()) if len(remaining) else 0
    return best if len(remaining) and remaining[best] >= _SIGNIFICANT else None


def _ranked(
    cells: _Cells, classes: IntArray, workers: IntArray, pairs: _Pairs, scores: _Scores, limit: int
) -> ConfusedPairs:
    exposed = (cells.tasks[:, pairs.a] + cells.tasks[:, pairs.b]) >= _MIN_EXPOSURE
    spread = np.sqrt(np.maximum(pairs.seen - scores.excess, 0.0))
    affected = (exposed & (scores.excess >= np.maximum(spread, _MIN_EXCESS))).sum(axis=0) / np.maximum(
        exposed.sum(axis=0), 1
    )
    order = np.lexsort((pairs.b, pairs.a, -np.round(scores.score, 9), -np.round(scores.without, 9)))
    order = order[scores.score[order] > 0][:limit]
    a, b = pairs.a[order], pairs.b[order]
    return ConfusedPairs(
        a=classes[a],
        b=classes[b],
        a_as_b=_share(cells, a, b),
        b_as_a=_share(cells, b, a),
        seen=pairs.seen.sum(axis=0)[order],
        expected=scores.expected[order],
        score=scores.score[order],
        score_without_worst=scores.without[order],
        workers=exposed.sum(axis=0)[order].astype(np.int64),
        affected=affected[order],
        worst=workers[scores.worst[order]],
    )


def _share(cells: _Cells, true: IntArray, answered: IntArray) -> FloatArray:
    """Return the share of answers to tasks of class `true` that are `answered`."""
    k = cells.tasks.shape[1]
    kinds, index = np.unique(cells.kind, return_inverse=True)
    pooled = np.append(np.bincount(index, cells.n, minlength=len(kinds)), 0.0)
    position = np.searchsorted(kinds, true * k + answered)
    known = np.append(kinds, -1)[position] == true * k + answered
    tasks = cells.tasks.sum(axis=0)[true]
    out: FloatArray = np.where(known, pooled[position], 0.0) / np.maximum(tasks, 1e-300)
    return out


def _signed_root(seen: FloatArray, expected: FloatArray) -> FloatArray:
    """sign(seen - expected) sqrt(2 (seen ln(seen / expected) - seen + expected)); 0 where nothing was expected."""
    ratio = np.divide(seen, expected, out=np.ones_like(seen), where=(expected > 0) & (seen > 0))
    deviance = 2 * (seen * np.log(ratio) - (seen - expected))
    root = np.sign(seen - expected) * np.sqrt(np.maximum(deviance, 0.0))
    out: FloatArray = np.where(expected > 0, root, 0.0)
    return out
