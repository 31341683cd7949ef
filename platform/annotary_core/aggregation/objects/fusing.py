"""How the objects of a cluster become one: a fuser for each shape, found by its column."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar, cast

import numpy as np
import shapely

from annotary_core.aggregation.objects.existence import DetectionRates
from annotary_core.aggregation.objects.fuse_boxes import (
    Spreads,
    box_spreads,
    fuse_boxes,
    fuse_rotated_boxes,
    rotated_spreads,
)
from annotary_core.aggregation.objects.fuse_masks import MaskAnswers, PixelEM
from annotary_core.aggregation.objects.fuse_points import fuse_keypoints, fuse_polylines, geometric_medians
from annotary_core.aggregation.objects.fuse_polygons import PolygonAnswers, PolygonFusion
from annotary_core.labels.arrays import FloatArray, IntArray
from annotary_core.labels.shapes import SHAPES
from annotary_core.labels.shapes.base import Column
from annotary_core.labels.shapes.box import Boxes
from annotary_core.labels.shapes.keypoints import Keypoints
from annotary_core.labels.shapes.mask import Masks
from annotary_core.labels.shapes.objects import ObjectColumn
from annotary_core.labels.shapes.point import Points
from annotary_core.labels.shapes.polygon import Polygons
from annotary_core.labels.shapes.polyline import Polylines, simplified
from annotary_core.labels.shapes.rings import Parts, to_shapely
from annotary_core.labels.shapes.rotated_box import RotatedBoxes

#: Minimum weight, so that a location exists even if no worker is trusted.
_MIN_WEIGHT = 1e-9
#: Images whose objects, of a shape that is fused quickly, are aggregated within some hundred milliseconds.
IMAGES_AT_ONCE = 200

C = TypeVar("C", bound=Column)


@dataclass(frozen=True, slots=True)
class Members:
    """The members of clusters: rows grouped by cluster, clusters ascending from 0 without gaps.

    index: the cluster of each row; worker; trust: non-negative, for workers without estimated rates; shape (r,) each.
    """

    index: IntArray
    worker: IntArray
    rates: DetectionRates
    trust: FloatArray

    @property
    def weight(self) -> FloatArray:
        return np.maximum(self.trust, _MIN_WEIGHT)


def _no_spreads(_column: Any, _index: IntArray, _worker: IntArray, _pooled: float) -> None:
    return None


@dataclass(frozen=True, slots=True)
class Fuser:
    """How the objects of one shape are merged.

    fuse: returns one geometry for each cluster of a column. spreads: estimates each worker's localization error from
    (column, index, worker, pooled); returns None for shapes that weight workers by trust alone. images_at_once: images
    whose objects are fused within some hundred milliseconds.
    """

    fuse: Callable[[Any, Members], Column]
    spreads: Callable[[Any, IntArray, IntArray, float], Spreads | None] = _no_spreads
    images_at_once: int = IMAGES_AT_ONCE

    @property
    def is_slow(self) -> bool:
        return self.images_at_once < IMAGES_AT_ONCE


def fuse(column: C, members: Members) -> C:
    """Fuse each cluster into one geometry."""
    return cast(C, FUSERS[type(column)].fuse(column, members))


def represent(column: C, members: Members) -> C:
    """Return a geometry that stands for each cluster: its medoid where fusing is slow, else the fused one."""
    if FUSERS[type(column)].is_slow:
        return column.take(medoids(column, members.index))
    if isinstance(column, ObjectColumn):
        return cast(C, _by_shape(column, members, represent))
    return fuse(column, members)


def images_at_once(tools: Iterable[str]) -> int:
    """Return how many images with objects of these shapes are aggregated within some hundred milliseconds."""
    fusers = [FUSERS[type(SHAPES[tool].column([]))] for tool in tools]
    return min((fuser.images_at_once for fuser in fusers), default=IMAGES_AT_ONCE)


def medoids(column: Column, index: IntArray) -> IntArray:
    """Return the row of each cluster with the largest total similarity to its others; the first of several."""
    first, second = _pairs_within(index)
    similarity = column.similarity().of(first, second)
    total = np.bincount(first, similarity, len(index)) + np.bincount(second, similarity, len(index))
    # Rounded, so that equal totals are equal whatever the order in which they were added.
    order = np.lexsort((np.arange(len(index)), -np.round(total, 9), index))
    return order[np.flatnonzero(np.diff(index[order], prepend=-1))].astype(np.int64)


def _medoids_of(column: Column, index: IntArray, clusters: Sequence[int]) -> dict[int, int]:
    """Return the row of the medoid of each of these clusters."""
    rows = np.flatnonzero(np.isin(index, clusters))
    own = np.unique(index[rows], return_inverse=True)[1].reshape(-1).astype(np.int64)
    return dict(zip(clusters, rows[medoids(column.take(rows), own)].tolist(), strict=True))


def _pairs_within(index: IntArray) -> tuple[IntArray, IntArray]:
    """Return all pairs of rows of the same cluster, each once; rows are grouped by cluster."""
    count = np.bincount(index)[index] if len(index) else index
    start = np.flatnonzero(np.diff(index, prepend=-1)) if len(index) else index
    position = np.arange(len(index)) - start[index]
    later = count - position - 1
    first = np.repeat(np.arange(len(index)), later)
    within = np.arange(len(first)) - np.repeat(np.cumsum(later) - later, later)
    return first.astype(np.int64), (first + 1 + within).astype(np.int64)


def estimate_spreads(column: Column, index: IntArray, worker: IntArray, *, pooled: float) -> Spreads | None:
    """Estimate each worker's localization error; None if no shape of the column weights workers by it."""
    return FUSERS[type(column)].spreads(column, index, worker, pooled)


def _fuse_boxes(column: Boxes, members: Members) -> Boxes:
    return Boxes(fuse_boxes(column.box, members.index, members.worker, members.rates, trust=members.trust))


def _fuse_rotated(column: RotatedBoxes, members: Members) -> RotatedBoxes:
    return RotatedBoxes(
        fuse_rotated_boxes(column.rotated, members.index, members.worker, members.rates, trust=members.trust)
    )


def _fuse_points(column: Points, members: Members) -> Points:
    return Points(geometric_medians(column.xy, members.index, members.weight), column.scale)


def _fuse_polylines(column: Polylines, members: Members) -> Polylines:
    """What one worker alone drew stays as it is; of several, the lines are resampled, fused and simplified."""
    fused = fuse_polylines(column.points, members.index, members.weight)
    count, first = np.bincount(members.index), np.flatnonzero(np.diff(members.index, prepend=-1))
    lines = [
        simplified(points) if count[cluster] > 1 else column.lines[first[cluster]]
        for cluster, points in enumerate(fused)
    ]
    return Polylines.of(lines, scale=column.scale, share=column.share)


def _fuse_keypoints(column: Keypoints, members: Members) -> Keypoints:
    fused = fuse_keypoints(column.xy, column.visible, members.index, members.worker, weight=members.trust)
    return Keypoints(fused.xy, fused.visible, column.sigmas)


def _fuse_masks(column: Masks, members: Members) -> Masks:
    """An object has pixels: if the fused mask is empty, the medoid stands in."""
    answers = MaskAnswers.of(members.index, members.worker, column.masks, weights=members.trust)
    fused = PixelEM().fit_predict(answers).masks
    if all(mask.area for mask in fused):
        return Masks(tuple(fused))
    stand_ins = medoids(column, members.index).tolist()
    return Masks(tuple(mask if mask.area else column.masks[row] for mask, row in zip(fused, stand_ins, strict=True)))


def _fuse_polygons(column: Polygons, members: Members) -> Polygons:
    """Fuse by way of cells, where noise leaves crumbs: the result has several parts, or holes, only if a member has.

    What one worker alone drew stays as it is. The outline lies within the members' bounds, so in the image as they do.
    """
    count = np.bincount(members.index)
    several = np.flatnonzero(count[members.index] > 1)
    clusters, index = np.unique(members.index[several], return_inverse=True)
    drawn = column.take(several)
    answers = PolygonAnswers.of(index, members.worker[several], drawn.shapes, weights=members.trust[several])
    fused = dict(zip(clusters.tolist(), PolygonFusion().fit_predict(answers).shapes, strict=True))
    stand_ins = _medoids_of(column, members.index, [at for at in range(len(count)) if not fused.get(at)])
    shapes = []
    for cluster in range(len(count)):
        parts = fused.get(cluster)
        among = np.flatnonzero(members.index == cluster)
        shapes.append(_without_crumbs(parts, column.take(among)) if parts else column.shapes[stand_ins[cluster]])
    return Polygons.of(shapes)


def _without_crumbs(parts: Parts, drawn: Polygons) -> Parts:
    if all(len(each) == 1 for each in drawn.shapes):
        parts = (max(parts, key=lambda part: float(shapely.area(to_shapely((part[:1],))))),)
    if all(len(part) == 1 for each in drawn.shapes for part in each):
        parts = tuple(part[:1] for part in parts)
    boxes = drawn.boxes()
    low, high = boxes[:, :2].min(axis=0), boxes[:, 2:].max(axis=0)
    return tuple(tuple(np.clip(ring, low, high) for ring in part) for part in parts)


def _fuse_objects(column: ObjectColumn, members: Members) -> ObjectColumn:
    return _by_shape(column, members, fuse)


def _by_shape(column: ObjectColumn, members: Members, method: Callable[[Column, Members], Column]) -> ObjectColumn:
    """Merge the clusters of each shape apart; objects of different shapes are never in one cluster."""
    clusters = int(members.index.max()) + 1 if len(members.index) else 0
    shape, row = np.zeros(clusters, np.int64), np.zeros(clusters, np.int64)
    parts: dict[str, Column] = {}
    for name, positions, part in column.selections():
        cluster, index = np.unique(members.index[positions], return_inverse=True)
        own = Members(
            index.reshape(-1).astype(np.int64), members.worker[positions], members.rates, members.trust[positions]
        )
        parts[name] = method(part, own)
        shape[cluster], row[cluster] = column.shape[positions[0]], np.arange(len(cluster))
    return ObjectColumn(parts, shape, row)


def _object_spreads(column: ObjectColumn, index: IntArray, worker: IntArray, pooled: float) -> Spreads | None:
    """Estimate from each shape apart, then average the variances by the number of objects behind them."""
    estimates = []
    for _, positions, part in column.selections():
        cluster = np.unique(index[positions], return_inverse=True)[1].reshape(-1).astype(np.int64)
        spreads = estimate_spreads(part, cluster, worker[positions], pooled=pooled)
        if spreads is not None:
            estimates.append(spreads)
    return _averaged(estimates) if len(estimates) > 1 else next(iter(estimates), None)


def _averaged(estimates: Sequence[Spreads]) -> Spreads:
    workers = np.unique(np.concatenate([each.workers for each in estimates]))
    variance, drawings = np.zeros(len(workers)), np.zeros(len(workers))
    for each in estimates:
        at = np.searchsorted(workers, each.workers)
        # One more, so that workers who drew only objects that nobody else drew keep their prior.
        variance[at] += (each.drawings + 1) * each.spread**2
        drawings[at] += each.drawings + 1
    totals = [each.drawings.sum() + 1 for each in estimates]
    pooled = float(np.sqrt(np.average([each.pooled**2 for each in estimates], weights=totals)))
    return Spreads(workers, np.sqrt(variance / drawings), drawings - 1, pooled)


FUSERS: dict[type, Fuser] = {
    Boxes: Fuser(
        _fuse_boxes, lambda column, index, worker, pooled: box_spreads(column.box, index, worker, pooled=pooled)
    ),
    RotatedBoxes: Fuser(
        _fuse_rotated,
        lambda column, index, worker, pooled: rotated_spreads(column.rotated, index, worker, pooled=pooled),
    ),
    Points: Fuser(_fuse_points),
    Polylines: Fuser(_fuse_polylines),
    Keypoints: Fuser(_fuse_keypoints),
    Masks: Fuser(_fuse_masks, images_at_once=10),
    Polygons: Fuser(_fuse_polygons, images_at_once=10),
    ObjectColumn: Fuser(_fuse_objects, _object_spreads),
}
