"""Agreed polygons: the polygons that several workers drew of one object become one, by way of masks.

Each cluster is drawn into cells, the cells are fused like the pixels of masks (masks.py), and the outline of what is
agreed is traced and simplified. The longer side of a cluster has some 256 to 640 cells: a cell is then a twentieth of a
pixel at the finest, so that small objects keep an outline finer than the pixels, and a whole pixel once an object is
longer than 320; cells become coarser than pixels above 2,048. Their sizes are 1/20, 1/10, 1/5, 1/4, 1/2, 1, 2, 4, ...
pixels, all of them whole hundredths, so that corners have the two decimals of canonical answers without rounding,
which could make an outline cross itself. The outline is simplified by at most one cell.

Holes and parts are kept, the result is a valid polygon, and two workers who draw the same polygon get it back up to a
cell. Everything else (gold, history, trust, empty shapes, one worker alone, overshoot) is as in masks.py.
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
from annotary_core.labels.shapes.mask import Shape, Window, check_shape, rasterise, shape_bounds, simplify

#: Cells a pixel, finest first; their sizes are whole hundredths of a pixel.
_SCALES = (20.0, 10.0, 5.0, 4.0, 2.0, 1.0)
#: The longer side of a cluster has at most so many cells where they are finer than pixels,
_FINE = 640
#: and at most so many where they are not.
_COARSE = 2048


@dataclass(frozen=True, slots=True)
class PolygonAnswers:
    """Polygons in columns: row i is the shape that `worker[i]` drew for `cluster[i]`, in pixels of its image.

    shapes: parts of rings, see mask_geometry.py; no part at all means that the worker saw the place and drew nothing.
    The other columns are those of MaskAnswers. Raises ValueError for columns that do not fit together, broken rings,
    and corners more than OVERSHOOT pixels outside the image; up to that they are clipped.
    """

    cluster: IntArray
    worker: IntArray
    shapes: tuple[Shape, ...]
    weights: FloatArray | None = None
    gold: Mapping[int, Shape] = field(default_factory=dict)
    frames: Mapping[int, Frame] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if not len(self.cluster) == len(self.worker) == len(self.shapes):
            raise ValueError("The columns cluster, worker and shapes must have the same length.")
        if self.weights is not None:
            check_weights(self.weights, len(self.shapes))
        for cluster, shape in [*zip(self.cluster.tolist(), self.shapes, strict=True), *self.gold.items()]:
            check_shape(shape)
            if cluster in self.frames:
                _check_inside(shape, self.frames[cluster])

    @classmethod
    def of(
        cls,
        cluster: ArrayLike,
        worker: ArrayLike,
        shapes: Sequence[Shape],
        *,
        weights: ArrayLike | None = None,
        gold: Mapping[int, Shape] | None = None,
        frames: Mapping[int, Frame] | None = None,
    ) -> PolygonAnswers:
        """Columns from anything that numpy reads, rings included."""
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
    """One result a cluster, clusters ascending.

    shapes: the agreed polygons in pixels of the image; without parts where nothing is agreed. scale: cells a pixel,
    shape (m,): the outline is as fine as one cell. cells: the fused masks behind them, in cells.
    """

    cluster: IntArray
    shapes: tuple[Shape, ...]
    scale: FloatArray
    cells: MaskConsensus


@dataclass(frozen=True, slots=True)
class PolygonFusion:
    """See the module's docstring. `history` is what earlier projects taught about these workers, of polygons."""

    history: PixelRates = field(default_factory=PixelRates)

    def fit_predict(self, answers: PolygonAnswers) -> PolygonConsensus:
        """All clusters at once, learning the rates; the order of rows and the numbers of workers change nothing."""
        scales = _scales(answers)
        return _outlined(answers, scales, PixelEM(self.history).fit_predict(_cells(answers, scales)))

    def score(self, answers: PolygonAnswers) -> PolygonConsensus:
        """Clusters with the rates of the history as they are."""
        scales = _scales(answers)
        return _outlined(answers, scales, PixelEM(self.history).score(_cells(answers, scales)))


def _as_arrays(shape: Shape) -> Shape:
    return tuple(tuple(np.asarray(ring, np.float64) for ring in part) for part in shape)


def _check_inside(shape: Shape, frame: Frame) -> None:
    x1, y1, x2, y2 = shape_bounds(shape)
    over = max(-x1, -y1, x2 - frame.width, y2 - frame.height)
    if shape and over > OVERSHOOT:
        raise ValueError(f"A polygon reaches {over:.4g} px out of its image; it must lie inside.")


def _scales(answers: PolygonAnswers) -> dict[int, float]:
    """Cells a pixel for each cluster, by the longer side of the box around all that was drawn."""
    drawn: dict[int, list[FloatArray]] = {cluster: [] for cluster in answers.cluster.tolist()}
    for cluster, shape in zip(answers.cluster.tolist(), answers.shapes, strict=True):
        drawn[cluster] += [ring for part in shape for ring in part]
    return {cluster: _scale(rings) for cluster, rings in drawn.items()}


def _scale(rings: Sequence[FloatArray]) -> float:
    x1, y1, x2, y2 = shape_bounds((tuple(rings),))
    side = max(x2 - x1, y2 - y1)
    for scale in _SCALES:
        if scale * side <= _FINE:
            return scale
    scale = 1.0
    while scale * side > _COARSE:
        scale /= 2
    return scale


def _cells(answers: PolygonAnswers, scales: Mapping[int, float]) -> MaskAnswers:
    """The shapes as masks of cells, cut at the edges of the images."""

    def cells(cluster: int, shape: Shape) -> Window:
        drawn = rasterise(shape, scales[cluster])
        frame = answers.frames.get(cluster)
        if frame is None:
            return drawn
        left, top, right, bottom = drawn.bounds
        size = _frame_in_cells(frame, scales[cluster])
        return drawn.cut(max(left, 0), max(top, 0), min(right, size.width), min(bottom, size.height))

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


def _outline(mask: Window, scale: float, frame: Frame | None) -> Shape:
    shape = trace(mask, scale)
    if frame is not None:
        # Cells coarser than pixels stick out where they do not divide the image.
        edge = np.array([frame.width, frame.height], np.float64)
        shape = tuple(tuple(np.minimum(ring, edge) for ring in part) for part in shape)
    return simplify(shape, 1.0 / scale)
