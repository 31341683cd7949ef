"""Consensus polygons: fuse the polygons that several workers drew of one object, by way of masks.

Each cluster is rasterized into cells, the cells are fused like the pixels of masks (fuse_masks.py), and the contour of
the result is traced and simplified. The longer side of a cluster has about 256 to 640 cells: the finest cell is a
twentieth of a pixel, so that small objects keep subpixel outlines, and cells are whole pixels for objects longer than
320 px; above 2,048 px cells become coarser than pixels. Cell sizes are 1/20, 1/10, 1/5, 1/4, 1/2, 1, 2, 4, ... pixels,
all whole hundredths, so that vertices have the two decimals of canonical answers without rounding, which could make an
outline self-intersect. The outline is simplified by at most
one cell, or by SIMPLIFIED of the longer side: far less than people differ by, and few enough points to edit.

Holes and parts are kept, the result is a valid polygon, and a polygon that two workers drew identically is returned to
within a cell. Everything else (gold, history, trust, empty shapes, a single worker, overshoot) is as in fuse_masks.py.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import ArrayLike

from annotary_core.aggregation.base import check_weights
from annotary_core.aggregation.objects.fuse_masks import MaskAnswers, MaskConsensus, PixelEM
from annotary_core.aggregation.objects.pixel_rates import PixelRates
from annotary_core.labels.arrays import FloatArray, IntArray
from annotary_core.labels.geometry import OVERSHOOT, Frame
from annotary_core.labels.shapes.contours import trace
from annotary_core.labels.shapes.mask import Window
from annotary_core.labels.shapes.rings import Parts, check_parts, parts_bounds, rasterize, simplify

#: How far simplification may move an outline, as a share of the longer side.
SIMPLIFIED = 0.005
#: Cells per pixel, finest first; cell sizes are whole hundredths of a pixel.
_SCALES = (20.0, 10.0, 5.0, 4.0, 2.0, 1.0)
#: Maximum cells along the longer side of a cluster while a finer scale is chosen,
_MAX_FINE_CELLS = 640
#: and with cells of a pixel or more.
_MAX_COARSE_CELLS = 2048


@dataclass(frozen=True, slots=True)
class PolygonAnswers:
    """Polygons in columns: row i is the shape that `worker[i]` drew for `cluster[i]`, in pixels of its image.

    shapes: parts of rings, see labels/shapes/rings.py; a shape without parts means that the worker saw the location and
    drew nothing. The other columns are those of MaskAnswers. Raises ValueError for inconsistent columns, invalid rings,
    and vertices more than OVERSHOOT pixels outside the image; up to that they are clipped.
    """

    cluster: IntArray
    worker: IntArray
    shapes: tuple[Parts, ...]
    weights: FloatArray | None = None
    gold: Mapping[int, Parts] = field(default_factory=dict)
    frames: Mapping[int, Frame] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if not len(self.cluster) == len(self.worker) == len(self.shapes):
            raise ValueError("The columns cluster, worker and shapes must have the same length.")
        if self.weights is not None:
            check_weights(self.weights, len(self.shapes))
        for cluster, shape in [*zip(self.cluster.tolist(), self.shapes, strict=True), *self.gold.items()]:
            check_parts(shape)
            if cluster in self.frames:
                _check_inside(shape, self.frames[cluster])

    @classmethod
    def of(
        cls,
        cluster: ArrayLike,
        worker: ArrayLike,
        shapes: Sequence[Parts],
        *,
        weights: ArrayLike | None = None,
        gold: Mapping[int, Parts] | None = None,
        frames: Mapping[int, Frame] | None = None,
    ) -> PolygonAnswers:
        """Build the columns from anything that numpy reads, including rings."""
        return cls(
            cluster=np.asarray(cluster, np.int64),
            worker=np.asarray(worker, np.int64),
            shapes=tuple(_as_arrays(shape) for shape in shapes),
            weights=None if weights is None else np.asarray(weights, np.float64),
            gold={number: _as_arrays(shape) for number, shape in (gold or {}).items()},
            frames=frames or {},
        )


@dataclass(frozen=True, slots=True)
class PolygonConsensus:
    """One result per cluster, clusters ascending.

    shapes: the consensus polygons in pixels of the image; without parts if the consensus is empty. scale: cells per
    pixel, shape (m,): the resolution of the outline is one cell. cells: the underlying fused masks, in cells.
    """

    cluster: IntArray
    shapes: tuple[Parts, ...]
    scale: FloatArray
    cells: MaskConsensus


@dataclass(frozen=True, slots=True)
class PolygonFusion:
    """Polygon fusion; see the module's docstring. `history`: the workers' polygon rates from earlier projects."""

    history: PixelRates = field(default_factory=PixelRates)

    def fit_predict(self, answers: PolygonAnswers) -> PolygonConsensus:
        """Fuse all clusters and estimate the rates; row order and worker numbers have no effect."""
        scales = _scales(answers)
        return _outlined(answers, scales, PixelEM(self.history).fit_predict(_cells(answers, scales)))

    def score(self, answers: PolygonAnswers) -> PolygonConsensus:
        """Fuse clusters with the fixed rates of the history."""
        scales = _scales(answers)
        return _outlined(answers, scales, PixelEM(self.history).score(_cells(answers, scales)))


def _as_arrays(shape: Parts) -> Parts:
    return tuple(tuple(np.asarray(ring, np.float64) for ring in part) for part in shape)


def _check_inside(shape: Parts, frame: Frame) -> None:
    x1, y1, x2, y2 = parts_bounds(shape)
    over = max(-x1, -y1, x2 - frame.width, y2 - frame.height)
    if shape and over > OVERSHOOT:
        raise ValueError(f"A polygon extends {over:.4g} px outside its image; it must lie inside.")


def _scales(answers: PolygonAnswers) -> dict[int, float]:
    """Return the cells per pixel of each cluster, from the longer side of the bounding box of all its shapes."""
    rings_of: dict[int, list[FloatArray]] = {cluster: [] for cluster in answers.cluster.tolist()}
    for cluster, shape in zip(answers.cluster.tolist(), answers.shapes, strict=True):
        rings_of[cluster] += [ring for part in shape for ring in part]
    return {cluster: _scale(rings) for cluster, rings in rings_of.items()}


def _scale(rings: Sequence[FloatArray]) -> float:
    x1, y1, x2, y2 = parts_bounds((tuple(rings),))
    side = max(x2 - x1, y2 - y1)
    for scale in _SCALES:
        if scale * side <= _MAX_FINE_CELLS:
            return scale
    scale = 1.0
    while scale * side > _MAX_COARSE_CELLS:
        scale /= 2
    return scale


def _cells(answers: PolygonAnswers, scales: Mapping[int, float]) -> MaskAnswers:
    """Rasterize the shapes into cells, cropped to the images."""

    def cells(cluster: int, shape: Parts) -> Window:
        mask = rasterize(shape, scales[cluster])
        frame = answers.frames.get(cluster)
        if frame is None:
            return mask
        left, top, right, bottom = mask.bounds
        frame_in_cells = _frame_in_cells(frame, scales[cluster])
        return mask.crop(
            max(left, 0), max(top, 0), min(right, frame_in_cells.width), min(bottom, frame_in_cells.height)
        )

    return MaskAnswers(
        cluster=answers.cluster,
        worker=answers.worker,
        masks=tuple(cells(*each) for each in zip(answers.cluster.tolist(), answers.shapes, strict=True)),
        weights=answers.weights,
        gold={number: cells(number, shape) for number, shape in answers.gold.items() if number in scales},
        frames={
            number: _frame_in_cells(answers.frames[number], scales[number]) for number in answers.frames.keys() & scales
        },
    )


def _frame_in_cells(frame: Frame, scale: float) -> Frame:
    return Frame(width=int(np.ceil(frame.width * scale)), height=int(np.ceil(frame.height * scale)))


def _outlined(answers: PolygonAnswers, scales: Mapping[int, float], cells: MaskConsensus) -> PolygonConsensus:
    numbers = cells.cluster.tolist()
    shapes = tuple(
        _outline(mask, scales[number], answers.frames.get(number))
        for number, mask in zip(numbers, cells.masks, strict=True)
    )
    return PolygonConsensus(
        cluster=cells.cluster, shapes=shapes, scale=np.array([scales[number] for number in numbers]), cells=cells
    )


def _outline(mask: Window, scale: float, frame: Frame | None) -> Parts:
    shape = trace(mask, scale)
    if frame is not None:
        # Cells coarser than pixels extend past the image if they do not divide its size.
        edge = np.array([frame.width, frame.height], np.float64)
        shape = tuple(tuple(np.minimum(ring, edge) for ring in part) for part in shape)
    x1, y1, x2, y2 = parts_bounds(shape)
    return simplify(shape, max(1.0 / scale, SIMPLIFIED * max(x2 - x1, y2 - y1)))
