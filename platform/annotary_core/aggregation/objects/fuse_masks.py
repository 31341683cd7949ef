"""Agreed masks: the masks that several workers drew of one object become one, pixel by pixel.

A cluster is one object, as matching found it, with at most one mask a worker. Each pixel of its window is object or
not with a probability that weighs every worker by how reliably he marks the pixels of objects and leaves those beside
them, learnt over all clusters of the project (see pixel_em.py). The agreed mask is where that probability reaches one
half.

Rules: the window is the box around all masks and a tenth of its sides, and ends where the image ends; what lies outside
nobody marked. A mask up to one pixel outside its image is clipped, further out it is refused. A worker who saw the
object's place and marked nothing takes part with an empty mask; a cluster of empty masks has an empty agreed mask.
What all voters say of a pixel holds, whatever the rates are, so a worker alone gets the mask that he drew. Several
masks of one worker in a cluster share one vote. A mask with trust 0 has no vote, unless all in the cluster have 0.
A probability of just one half is object, so of two workers of whom nothing is known the union may stand; where two
share no pixel at all, that union or nothing is left, by what is known of them. The agreement tells: such a cluster is
one for review.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from annotary_core.aggregation.base import check_weights
from annotary_core.aggregation.classification.majority import EPSILON
from annotary_core.aggregation.objects.pixel_em import CERTAIN, EFFECTIVE, REACH, Fit, Rows, fit_rows
from annotary_core.aggregation.objects.pixel_rates import PixelRates
from annotary_core.aggregation.objects.vote_patterns import Patterns, patterns_of
from annotary_core.labels.arrays import FloatArray, IntArray
from annotary_core.labels.geometry import Frame
from annotary_core.labels.shapes.mask import Window, clip_window
from annotary_core.labels.shapes.rle import Rle, decode

#: A probability that falls short of one half beyond doubt.
_BELOW_HALF = 0.5 - 2 * EPSILON


@dataclass(frozen=True, slots=True)
class MaskAnswers:
    """Masks in columns: row i is the mask that `worker[i]` drew for `cluster[i]`, in pixels of the cluster's image.

    cluster, worker: integers of any value, shape (n,), in any order. masks: n windows, trimmed and clipped here.
    weights: trust in each row, shape (n,), None means 1. gold: cluster -> its true mask; such a cluster is clamped to
    it. frames: cluster -> the size of its image; where it is missing nothing is clipped. Raises ValueError for columns
    that do not fit together and for masks that lie outside their image.
    """

    cluster: IntArray
    worker: IntArray
    masks: tuple[Window, ...]
    weights: FloatArray | None = None
    gold: Mapping[int, Window] = field(default_factory=dict)
    frames: Mapping[int, Frame] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if not len(self.cluster) == len(self.worker) == len(self.masks):
            raise ValueError("The columns cluster, worker and masks must have the same length.")
        if self.weights is not None:
            check_weights(self.weights, len(self.masks))
        fitted = (self._fitted(*each) for each in zip(self.cluster.tolist(), self.masks, strict=True))
        object.__setattr__(self, "masks", tuple(fitted))
        object.__setattr__(self, "gold", {each: self._fitted(each, mask) for each, mask in self.gold.items()})

    def _fitted(self, cluster: int, mask: Window) -> Window:
        frame = self.frames.get(cluster)
        return mask.trimmed() if frame is None else clip_window(mask, frame)

    @classmethod
    def of(
        cls,
        cluster: ArrayLike,
        worker: ArrayLike,
        masks: Sequence[Window | Rle],
        *,
        weights: ArrayLike | None = None,
        gold: Mapping[int, Window | Rle] | None = None,
        frames: Mapping[int, Frame] | None = None,
    ) -> MaskAnswers:
        """Columns from anything that numpy reads. A mask in RLE tells the size of its image, which must then be the
        same for all masks of the cluster.
        """
        clusters = np.asarray(cluster, np.int64)
        known = dict(frames or {})

        def window(of: int, mask: Window | Rle) -> Window:
            if isinstance(mask, Window):
                return mask
            return decode(mask, known.setdefault(of, Frame(width=mask.size[1], height=mask.size[0])))

        windows = tuple(window(of, mask) for of, mask in zip(clusters.tolist(), masks, strict=True))
        return cls(
            cluster=clusters,
            worker=np.asarray(worker, np.int64),
            masks=windows,
            weights=None if weights is None else np.asarray(weights, np.float64),
            gold={of: window(of, mask) for of, mask in (gold or {}).items()},
            frames=known,
        )


@dataclass(frozen=True, slots=True)
class MaskConsensus:
    """One result a cluster, clusters ascending; columns of length m.

    masks: the agreed masks, trimmed. pixels: the vote patterns of each window, whose columns are the cluster's masks by
    worker. p: for each cluster the probability of each of its patterns, so `pixels[i].values(p[i])` is the picture of
    probabilities. agreement: mean IoU of the drawn masks with the agreed one. n: workers in the cluster. rates: of all
    workers here, their history included: the history of the next project, and enough to `score` a cluster alone; to fit
    the same answers again, give the same history as before, not these. bound: the objective after each round.
    """

    cluster: IntArray
    masks: tuple[Window, ...]
    pixels: tuple[Patterns, ...]
    p: tuple[FloatArray, ...]
    agreement: FloatArray
    n: IntArray
    rates: PixelRates
    bound: FloatArray


@dataclass(frozen=True, slots=True)
class PixelEM:
    """See the module's docstring. `history` is what earlier projects taught about these workers."""

    history: PixelRates = field(default_factory=PixelRates)

    def fit_predict(self, answers: MaskAnswers) -> MaskConsensus:
        """All clusters at once, learning the rates; the order of rows and the numbers of workers change nothing."""
        return self._run(answers, learn=True)

    def score(self, answers: MaskAnswers) -> MaskConsensus:
        """Clusters with the rates of the history as they are: what an answer that just came in makes of its cluster.

        A cluster scored with the rates of the fit it took part in gets the result of the fit.
        """
        return self._run(answers, learn=False)

    def _run(self, answers: MaskAnswers, *, learn: bool) -> MaskConsensus:
        numbers, clusters = _clusters(answers)
        fit = fit_rows(_table(answers, clusters), self.history, learn=learn)
        return _result(answers, numbers, clusters, fit, fit.rates if learn else self.history)


@dataclass(frozen=True, slots=True)
class _Cluster:
    """One object. rows: its rows in the answers, by worker. trust: of each row. known: what gold says of each pattern,
    1 object, 0 beside, -1 nothing.
    """

    rows: IntArray
    trust: FloatArray
    pixels: Patterns
    known: IntArray

    @classmethod
    def of(cls, answers: MaskAnswers, cluster: int, rows: IntArray) -> _Cluster:
        truth = answers.gold.get(cluster)
        masks = [answers.masks[row] for row in rows]
        pixels = patterns_of(masks if truth is None else [*masks, truth], answers.frames.get(cluster))
        known = np.full(len(pixels.count), -1)
        if truth is not None:
            known = pixels.votes[:, -1].astype(np.int64)
            pixels = replace(pixels, votes=pixels.votes[:, :-1])
        return cls(rows=rows, trust=_trust(answers, rows), pixels=pixels, known=known)

    @property
    def weight(self) -> FloatArray:
        """Effective pixels of each pattern, shape (p,); see pixel_em.py."""
        share = self.pixels.votes @ self.trust / self.trust.sum()
        outlined = np.where(self.known >= 0, self.known > 0, share > 0.5)
        count = self.pixels.count_near(outlined, REACH)
        certain = CERTAIN if (self.known >= 0).any() else 1.0
        weight: FloatArray = count * (certain * EFFECTIVE / max(count.sum(), EFFECTIVE))
        return weight

    def settled(self, p: FloatArray) -> FloatArray:
        """The probabilities where gold and unanimous pixels have theirs."""
        votes = self.pixels.votes[:, self.trust > 0]
        p = np.where(votes.all(axis=1), np.maximum(p, 0.5), p)
        p = np.where(~votes.any(axis=1), np.minimum(p, _BELOW_HALF), p)
        return np.where(self.known >= 0, self.known, p)


def _clusters(answers: MaskAnswers) -> tuple[IntArray, list[_Cluster]]:
    order = np.lexsort((answers.worker, answers.cluster))
    numbers, start = np.unique(answers.cluster[order], return_index=True)
    groups = np.split(order, start[1:]) if len(order) else []
    return numbers, [_Cluster.of(answers, int(each), rows) for each, rows in zip(numbers, groups, strict=True)]


def _trust(answers: MaskAnswers, rows: IntArray) -> FloatArray:
    """The weight of each mask of a cluster; the masks of one worker share his."""
    weights = np.ones(len(rows)) if answers.weights is None else answers.weights[rows]
    if not weights.any():
        weights = np.ones(len(rows))
    _, worker, times = np.unique(answers.worker[rows], return_inverse=True, return_counts=True)
    trust: FloatArray = weights / times[worker]
    return trust


def _table(answers: MaskAnswers, clusters: list[_Cluster]) -> Rows:
    """All patterns of all clusters as the table for EM."""
    workers, number = np.unique(answers.worker, return_inverse=True)
    patterns = np.array([len(each.known) for each in clusters], np.int64)
    voters = np.repeat(np.array([len(each.rows) for each in clusters], np.int64), patterns)
    return Rows(
        cluster=np.repeat(np.arange(len(clusters)), patterns),
        weight=_joined([each.weight for each in clusters], np.float64),
        known=_joined([each.known for each in clusters], np.int64),
        first=np.cumsum(voters) - voters,
        worker=_joined([np.tile(number[each.rows], len(each.known)) for each in clusters], np.int64),
        vote=_joined([each.pixels.votes.ravel() for each in clusters], np.bool_),
        trust=_joined([np.tile(each.trust, len(each.known)) for each in clusters], np.float64),
        workers=workers,
        clusters=len(clusters),
    )


def _joined(parts: list[NDArray[Any]], kind: type[np.generic]) -> NDArray[Any]:
    return np.concatenate(parts).astype(kind) if parts else np.empty(0, kind)


def _result(
    answers: MaskAnswers, numbers: IntArray, clusters: list[_Cluster], fit: Fit, rates: PixelRates
) -> MaskConsensus:
    ends = np.cumsum([len(each.known) for each in clusters])
    raw = np.split(fit.p, ends[:-1]) if clusters else []
    p = tuple(each.settled(part) for each, part in zip(clusters, raw, strict=True))
    # Halves that differ in their last bits are the same half.
    chosen = [part >= 0.5 - EPSILON for part in p]
    agreement = [each.pixels.agreement(on).mean() for each, on in zip(clusters, chosen, strict=True)]
    return MaskConsensus(
        cluster=numbers,
        masks=tuple(each.pixels.image(on).trimmed() for each, on in zip(clusters, chosen, strict=True)),
        pixels=tuple(each.pixels for each in clusters),
        p=p,
        agreement=np.array(agreement, np.float64),
        n=np.array([len(np.unique(answers.worker[each.rows])) for each in clusters], np.int64),
        rates=rates,
        bound=fit.bound,
    )
