"""Consensus masks: fuse the masks that several workers drew of one object, pixel by pixel.

A cluster is one object, as matching found it, with at most one mask per worker. Each pixel of its window belongs to the
object with a probability that weights each worker by sensitivity and specificity per pixel, estimated over all clusters
of the project (see pixel_em.py). The consensus mask is the set of pixels whose probability reaches one half.

Rules: the window is the bounding box of all masks plus a margin of a tenth of its sides, cropped to the image; pixels
outside it are background for every worker. A mask that extends up to one pixel outside its image is clipped, one that
extends further is rejected. A worker who saw the location and drew nothing takes part with an empty mask; a cluster of
empty masks has an empty consensus mask. A unanimous vote on a pixel holds whatever the rates, so a single worker's mask
is returned as drawn. Several masks of one worker in a cluster share one vote. A mask with trust 0 has no vote, unless
all masks of the cluster have trust 0. A probability of exactly one half is object, so the consensus of two unknown
workers may be the union; for two disjoint masks it is that union or nothing, depending on the rates. The agreement
shows it: such a cluster needs review.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from annotary_core.aggregation.base import check_weights
from annotary_core.aggregation.classification.majority import EPSILON
from annotary_core.aggregation.objects.pixel_em import (
    EFFECTIVE_PIXELS,
    GOLD_WEIGHT,
    OUTLINE_REACH,
    PatternRows,
    PixelFit,
    fit_patterns,
)
from annotary_core.aggregation.objects.pixel_rates import PixelRates
from annotary_core.aggregation.objects.vote_patterns import VotePatterns, vote_patterns
from annotary_core.labels.arrays import FloatArray, IntArray
from annotary_core.labels.geometry import Frame
from annotary_core.labels.shapes.mask import Window, clip_window
from annotary_core.labels.shapes.rle import Rle, decode

#: A probability clearly below one half.
_BELOW_HALF = 0.5 - 2 * EPSILON


@dataclass(frozen=True, slots=True)
class MaskAnswers:
    """Masks in columns: row i is the mask that `worker[i]` drew for `cluster[i]`, in pixels of the cluster's image.

    cluster, worker: arbitrary integers, shape (n,), in any order. masks: n windows, trimmed and clipped here.
    weights: trust in each row, shape (n,); None means 1. gold: cluster -> its true mask; such a cluster is clamped to
    it. frames: cluster -> the size of its image; without a frame nothing is clipped. Raises ValueError for inconsistent
    columns and for masks outside their image.
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
        clipped = (self._clipped(*each) for each in zip(self.cluster.tolist(), self.masks, strict=True))
        object.__setattr__(self, "masks", tuple(clipped))
        object.__setattr__(self, "gold", {each: self._clipped(each, mask) for each, mask in self.gold.items()})

    def _clipped(self, cluster: int, mask: Window) -> Window:
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
        """Build the columns from anything that numpy reads.

        An RLE mask carries the size of its image, which must then be the same for all masks of the cluster.
        """
        clusters = np.asarray(cluster, np.int64)
        image_frames = dict(frames or {})

        def window(number: int, mask: Window | Rle) -> Window:
            if isinstance(mask, Window):
                return mask
            return decode(mask, image_frames.setdefault(number, Frame(width=mask.size[1], height=mask.size[0])))

        windows = tuple(window(number, mask) for number, mask in zip(clusters.tolist(), masks, strict=True))
        return cls(
            cluster=clusters,
            worker=np.asarray(worker, np.int64),
            masks=windows,
            weights=None if weights is None else np.asarray(weights, np.float64),
            gold={number: window(number, mask) for number, mask in (gold or {}).items()},
            frames=image_frames,
        )


@dataclass(frozen=True, slots=True)
class MaskConsensus:
    """One result per cluster, clusters ascending; columns of length m.

    masks: the consensus masks, trimmed. pixels: the vote patterns of each window, whose columns are the cluster's masks
    by worker. p: for each cluster the probability of each of its patterns, so `pixels[i].values(p[i])` is the
    probability map. agreement: mean IoU of the drawn masks with the consensus mask. n: workers in the cluster. rates:
    of all workers, including their history: pass them as the history of the next project or to `score` a single
    cluster; to refit the same answers, pass the previous history instead. objective: its value after each iteration.
    """

    cluster: IntArray
    masks: tuple[Window, ...]
    pixels: tuple[VotePatterns, ...]
    p: tuple[FloatArray, ...]
    agreement: FloatArray
    n: IntArray
    rates: PixelRates
    objective: FloatArray


@dataclass(frozen=True, slots=True)
class PixelEM:
    """Pixel-level EM; see the module's docstring. `history`: the workers' pixel rates from earlier projects."""

    history: PixelRates = field(default_factory=PixelRates)

    def fit_predict(self, answers: MaskAnswers) -> MaskConsensus:
        """Fuse all clusters and estimate the rates; row order and worker numbers have no effect."""
        return self._run(answers, learn=True)

    def score(self, answers: MaskAnswers) -> MaskConsensus:
        """Fuse clusters with the fixed rates of the history, for example a cluster that has just received an answer.

        A cluster scored with the rates of the fit that included it gets the result of the fit.
        """
        return self._run(answers, learn=False)

    def _run(self, answers: MaskAnswers, *, learn: bool) -> MaskConsensus:
        numbers, clusters = _clusters(answers)
        fit = fit_patterns(_table(answers, clusters), self.history, learn=learn)
        return _result(answers, numbers, clusters, fit, fit.rates if learn else self.history)


@dataclass(frozen=True, slots=True)
class _Cluster:
    """One object. rows: its rows in the answers, by worker. trust: of each row. known: the gold value of each pattern,
    1 object, 0 background, -1 unknown.
    """

    rows: IntArray
    trust: FloatArray
    pixels: VotePatterns
    known: IntArray

    @classmethod
    def of(cls, answers: MaskAnswers, cluster: int, rows: IntArray) -> _Cluster:
        truth = answers.gold.get(cluster)
        masks = [answers.masks[row] for row in rows]
        pixels = vote_patterns(masks if truth is None else [*masks, truth], answers.frames.get(cluster))
        known = np.full(len(pixels.count), -1)
        if truth is not None:
            known = pixels.votes[:, -1].astype(np.int64)
            pixels = replace(pixels, votes=pixels.votes[:, :-1])
        return cls(rows=rows, trust=_trust(answers, rows), pixels=pixels, known=known)

    @property
    def weight(self) -> FloatArray:
        """Effective pixels of each pattern, shape (p,); see pixel_em.py."""
        share = self.pixels.votes @ self.trust / self.trust.sum()
        reference = np.where(self.known >= 0, self.known > 0, share > 0.5)
        count = self.pixels.count_near(reference, OUTLINE_REACH)
        gold_weight = GOLD_WEIGHT if (self.known >= 0).any() else 1.0
        weight: FloatArray = count * (gold_weight * EFFECTIVE_PIXELS / max(count.sum(), EFFECTIVE_PIXELS))
        return weight

    def clamped(self, p: FloatArray) -> FloatArray:
        """Return the probabilities with gold and unanimous pixels clamped."""
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
    """Return the weight of each mask of a cluster; the masks of one worker share the worker's weight."""
    weights = np.ones(len(rows)) if answers.weights is None else answers.weights[rows]
    if not weights.any():
        weights = np.ones(len(rows))
    _, worker, repeats = np.unique(answers.worker[rows], return_inverse=True, return_counts=True)
    trust: FloatArray = weights / repeats[worker]
    return trust


def _table(answers: MaskAnswers, clusters: list[_Cluster]) -> PatternRows:
    """Return all patterns of all clusters as columns for EM."""
    workers, number = np.unique(answers.worker, return_inverse=True)
    patterns = np.array([len(each.known) for each in clusters], np.int64)
    voters = np.repeat(np.array([len(each.rows) for each in clusters], np.int64), patterns)
    return PatternRows(
        cluster=np.repeat(np.arange(len(clusters)), patterns),
        weight=_concatenated([each.weight for each in clusters], np.float64),
        known=_concatenated([each.known for each in clusters], np.int64),
        first=np.cumsum(voters) - voters,
        worker=_concatenated([np.tile(number[each.rows], len(each.known)) for each in clusters], np.int64),
        vote=_concatenated([each.pixels.votes.ravel() for each in clusters], np.bool_),
        trust=_concatenated([np.tile(each.trust, len(each.known)) for each in clusters], np.float64),
        workers=workers,
        clusters=len(clusters),
    )


def _concatenated(parts: list[NDArray[Any]], kind: type[np.generic]) -> NDArray[Any]:
    return np.concatenate(parts).astype(kind) if parts else np.empty(0, kind)


def _result(
    answers: MaskAnswers, numbers: IntArray, clusters: list[_Cluster], fit: PixelFit, rates: PixelRates
) -> MaskConsensus:
    pattern_ends = np.cumsum([len(each.known) for each in clusters])
    fitted = np.split(fit.p, pattern_ends[:-1]) if clusters else []
    p = tuple(each.clamped(part) for each, part in zip(clusters, fitted, strict=True))
    # Treat halves that differ in their last bits as equal.
    selections = [part >= 0.5 - EPSILON for part in p]
    agreement = [each.pixels.agreement(selection).mean() for each, selection in zip(clusters, selections, strict=True)]
    return MaskConsensus(
        cluster=numbers,
        masks=tuple(
            each.pixels.image(selection).trimmed() for each, selection in zip(clusters, selections, strict=True)
        ),
        pixels=tuple(each.pixels for each in clusters),
        p=p,
        agreement=np.array(agreement, np.float64),
        n=np.array([len(np.unique(answers.worker[each.rows])) for each in clusters], np.int64),
        rates=rates,
        objective=fit.objective,
    )
