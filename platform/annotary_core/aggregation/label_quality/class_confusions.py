"""Pairs of classes that instructions leave unclear: confused by many workers, more than their carelessness explains.

With the posterior of each task as its truth, worker w gave class b to N_w[a, b] tasks of class a (sums of posterior
times vote). Carelessness alone: worker w errs at the same rate e_w whatever the class, and errors fall on the other
classes as errors do on the whole. So a -> b would be seen
    E_w[a, b] = N_w[a] e_w q_b / sum of q over classes other than a
times, q_b being the errors that fell on b over those that could have (this is quasi-independence, Goodman 1968, with
the rows from the workers' own rates). A pair is {a, b} in both directions, and its excess over that is measured by the
signed root of the Poisson deviance, which is near normal when nothing is there.

One bad worker can make such an excess alone. So it is measured again without the worker who adds most to it, and pairs
are ranked by what is left then. Noise is fitted again with the clearest pairs set aside, one after the other. With two
classes there is nothing to compare: every error is of the one pair.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import sparse

from annotary_core.aggregation.base import Answers, Consensus
from annotary_core.aggregation.classification.votes import Votes
from annotary_core.labels.arrays import BoolArray, FloatArray, IntArray

#: Posteriors below this are noise of the fit.
_LEAST = 1e-4
#: How strongly a worker's error rate is drawn to that of all, in answers.
_PRIOR = 2.0
#: Tasks of a pair's classes that a worker must have answered to count as having met the pair.
_MET = 1.0
#: Confusions above a worker's own noise that count the worker as affected.
_AFFECTED = 0.5
#: A score like this is no accident; the score of noise is near normal.
_CLEAR = 3.0
#: Pairs that are set aside, one after the other, to see the noise behind them.
_SET_ASIDE = 10
_ALTERNATIONS = 5


@dataclass(frozen=True, slots=True)
class Confusions:
    """Pairs of classes in columns of shape (p,), the clearest first; a < b.

    a_as_b: share of the answers to tasks of class a that say b; b_as_a the other way. seen: such answers, both ways.
    expected: how many the workers' general noise explains. score: signed root deviance of seen against expected.
    score_without_worst: the same without the worker who adds most; high means unclear instructions, low with a high
    score means one worker. workers: how many met the pair (tasks of these classes). affected: the share of these whose
    confusions exceed what their own noise explains by its standard deviation, and by half an answer at least. worst:
    that worker's number.
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
        """Where instructions, not one worker, are to blame: above 3 without the worst, and at least 2 workers in 10."""
        out: BoolArray = (self.score_without_worst >= _CLEAR) & (self.affected >= 0.2)
        return out


@dataclass(frozen=True, slots=True)
class _Cells:
    """Soft counts of (worker, true class, given class), those that are not 0, in codes; n: shape (c,).

    tasks: answers of each worker to tasks of each class, shape (w, k).
    """

    worker: IntArray
    true: IntArray
    given: IntArray
    n: FloatArray
    tasks: FloatArray

    @property
    def kind(self) -> IntArray:
        """The number of each cell's (true, given)."""
        kind: IntArray = self.true * self.tasks.shape[1] + self.given
        return kind


@dataclass(frozen=True, slots=True)
class _Noise:
    """Carelessness alone: e_w of each worker, shape (w,), and q_b of each class, shape (k,)."""

    rate: FloatArray
    popular: FloatArray

    def share(self, true: IntArray, given: IntArray) -> FloatArray:
        """The part of the errors on class `true` that falls on class `given`."""
        others = self.popular.sum() - self.popular[true]
        out: FloatArray = np.divide(self.popular[given], others, out=np.zeros(len(true)), where=others > 0)
        return out


@dataclass(frozen=True, slots=True)
class _Pairs:
    """Pairs of classes a < b (codes), and how often each worker confused them: seen, shape (w, p), both ways."""

    a: IntArray
    b: IntArray
    seen: FloatArray


@dataclass(frozen=True, slots=True)
class _Scores:
    """Columns of shape (p,), and `excess`, shape (w, p), over `expected`, summed over workers."""

    excess: FloatArray
    expected: FloatArray
    worst: IntArray
    score: FloatArray
    without: FloatArray


def confusions(answers: Answers, result: Consensus, *, limit: int = 20) -> Confusions:
    """The pairs with more confusion than noise explains; `result` is the consensus of these answers.

    At most `limit` pairs, out of the 10 times as many that are confused most often.
    """
    votes = Votes.of(answers)
    workers, worker = np.unique(votes.worker, return_inverse=True)
    cells = _cells(votes, worker, len(workers), result, answers.classes)
    pairs = _most_confused(cells, 10 * limit)
    set_aside: list[int] = []
    scores = _scores(cells, pairs, _noise(cells, pairs, set_aside))
    # A pair that stands out also bends what passes for noise, so the next ones are judged with it set aside.
    while len(set_aside) < _SET_ASIDE and (clearest := _clearest(scores, set_aside)) is not None:
        set_aside.append(clearest)
        scores = _scores(cells, pairs, _noise(cells, pairs, set_aside))
    return _ranked(cells, answers.classes, workers, pairs, scores, limit)


def _cells(votes: Votes, worker: IntArray, workers: int, result: Consensus, classes: IntArray) -> _Cells:
    k = len(classes)
    given = np.searchsorted(classes, votes.label)
    task = np.searchsorted(result.task, votes.task)
    index = np.repeat(np.arange(len(result.task)), np.diff(result.posteriors.start))
    clear = result.posteriors.p > _LEAST
    true_label = np.searchsorted(classes, result.posteriors.label[clear])
    truth = sparse.csr_matrix((result.posteriors.p[clear], (index[clear], true_label)), shape=(len(result.task), k))
    said = sparse.csr_matrix((votes.vote, (worker * k + given, task)), shape=(workers * k, len(result.task)))
    counts = (said @ truth).tocoo()
    by, gave, true = counts.row // max(k, 1), counts.row % max(k, 1), counts.col.astype(np.int64)
    tasks = np.zeros((workers, k))
    np.add.at(tasks, (by, true), counts.data)
    return _Cells(by.astype(np.int64), true, gave.astype(np.int64), counts.data, tasks)


def _most_confused(cells: _Cells, limit: int) -> _Pairs:
    k = max(cells.tasks.shape[1], 1)
    wrong = cells.true != cells.given
    low, high = np.minimum(cells.true, cells.given)[wrong], np.maximum(cells.true, cells.given)[wrong]
    kinds, index = np.unique(low * k + high, return_inverse=True)
    total = np.bincount(index, cells.n[wrong], minlength=len(kinds))
    most = np.sort(np.argsort(-np.round(total, 9), kind="stable")[:limit])
    place = np.full(len(kinds), -1, np.int64)
    place[most] = np.arange(len(most))
    kept = place[index] >= 0
    seen = np.zeros((len(cells.tasks), len(most)))
    np.add.at(seen, (cells.worker[wrong][kept], place[index][kept]), cells.n[wrong][kept])
    return _Pairs(a=kinds[most] // k, b=kinds[most] % k, seen=seen)


def _noise(cells: _Cells, pairs: _Pairs, set_aside: list[int]) -> _Noise:
    """Fitted to the errors that are not of the pairs set aside, in a few alternations."""
    workers, k = cells.tasks.shape
    true = np.concatenate([pairs.a[set_aside], pairs.b[set_aside]])
    given = np.concatenate([pairs.b[set_aside], pairs.a[set_aside]])
    heeded = (cells.true != cells.given) & ~np.isin(cells.kind, true * k + given)
    errors = np.bincount(cells.worker[heeded], cells.n[heeded], minlength=workers)
    fell = np.bincount(cells.given[heeded], cells.n[heeded], minlength=k)
    noise = _Noise(np.ones(workers), np.ones(k))
    for _ in range(_ALTERNATIONS):
        hidden = np.bincount(true, noise.share(true, given), minlength=k)
        heard = (cells.tasks * (1 - hidden)).sum(axis=1)
        overall = errors.sum() / max(float(heard.sum()), 1.0)
        rate = (errors + _PRIOR * overall) / (heard + _PRIOR)
        could = (cells.tasks * rate[:, None]).sum(axis=0)
        possible = could.sum() - could - np.bincount(given, could[true], minlength=k)
        popular = np.divide(fell, possible, out=np.zeros(k), where=possible > 1e-9)
        noise = _Noise(rate, popular)
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


def _clearest(scores: _Scores, set_aside: list[int]) -> int | None:
    """The pair that stands out most and is not set aside yet; None when no more do."""
    left = np.round(scores.without, 9)
    left[set_aside] = -np.inf
    best = int(left.argmax()) if len(left) else 0
    return best if len(left) and left[best] >= _CLEAR else None


def _ranked(
    cells: _Cells, classes: IntArray, workers: IntArray, pairs: _Pairs, scores: _Scores, limit: int
) -> Confusions:
    met = (cells.tasks[:, pairs.a] + cells.tasks[:, pairs.b]) >= _MET
    spread = np.sqrt(np.maximum(pairs.seen - scores.excess, 0.0))
    affected = (met & (scores.excess >= np.maximum(spread, _AFFECTED))).sum(axis=0) / np.maximum(met.sum(axis=0), 1)
    order = np.lexsort((pairs.b, pairs.a, -np.round(scores.score, 9), -np.round(scores.without, 9)))
    order = order[scores.score[order] > 0][:limit]
    a, b = pairs.a[order], pairs.b[order]
    return Confusions(
        a=classes[a],
        b=classes[b],
        a_as_b=_share(cells, a, b),
        b_as_a=_share(cells, b, a),
        seen=pairs.seen.sum(axis=0)[order],
        expected=scores.expected[order],
        score=scores.score[order],
        score_without_worst=scores.without[order],
        workers=met.sum(axis=0)[order].astype(np.int64),
        affected=affected[order],
        worst=workers[scores.worst[order]],
    )


def _share(cells: _Cells, true: IntArray, given: IntArray) -> FloatArray:
    """The share of all answers to tasks of class `true` that say `given`."""
    k = cells.tasks.shape[1]
    kinds, index = np.unique(cells.kind, return_inverse=True)
    pooled = np.append(np.bincount(index, cells.n, minlength=len(kinds)), 0.0)
    place = np.searchsorted(kinds, true * k + given)
    known = np.append(kinds, -1)[place] == true * k + given
    tasks = cells.tasks.sum(axis=0)[true]
    out: FloatArray = np.where(known, pooled[place], 0.0) / np.maximum(tasks, 1e-300)
    return out


def _signed_root(seen: FloatArray, expected: FloatArray) -> FloatArray:
    """sign(seen - expected) sqrt(2 (seen ln(seen / expected) - seen + expected)); 0 where nothing was expected."""
    ratio = np.divide(seen, expected, out=np.ones_like(seen), where=(expected > 0) & (seen > 0))
    deviance = 2 * (seen * np.log(ratio) - (seen - expected))
    root = np.sign(seen - expected) * np.sqrt(np.maximum(deviance, 0.0))
    out: FloatArray = np.where(expected > 0, root, 0.0)
    return out
