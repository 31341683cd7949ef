"""Masks and polygons as kinds of objects: matched by overlap, agreed by pixel EM (masks.py, fused_polygons.py)."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass, field

import numpy as np

from annotary_core.aggregation.objects.existence import DetectionRates
from annotary_core.aggregation.objects.fuse_masks import MaskAnswers, PixelEM
from annotary_core.aggregation.objects.fuse_polygons import PolygonAnswers, PolygonFusion
from annotary_core.aggregation.objects.pixel_rates import PixelRates
from annotary_core.aggregation.objects.similarity import AreaSimilarity
from annotary_core.labels.arrays import FloatArray, IntArray
from annotary_core.labels.shapes.mask import Shape, Window, as_geometry, mask_iou, shape_bounds


@dataclass(frozen=True, slots=True)
class MaskSimilarity:
    """Intersection over union of masks, pixel by pixel."""

    masks: tuple[Window, ...]

    @property
    def bounds(self) -> FloatArray:
        return np.array([mask.bounds for mask in self.masks], np.float64).reshape(-1, 4)

    def of(self, first: IntArray, second: IntArray) -> FloatArray:
        pairs = zip(first.tolist(), second.tolist(), strict=True)
        return np.array([mask_iou(self.masks[a], self.masks[b]) for a, b in pairs], np.float64)


@dataclass(frozen=True, slots=True)
class Masks:
    """masks: n windows. history: what earlier projects taught of the workers' pixels.

    Where no pixel is agreed on, the object is the drawing that is most like the others: an object has pixels.
    """

    masks: tuple[Window, ...]
    history: PixelRates = field(default_factory=PixelRates)

    def keys(self) -> FloatArray:
        marks = [_mark(mask.pixels.shape, np.packbits(mask.pixels).tobytes()) for mask in self.masks]
        return np.column_stack([self.boxes(), np.array(marks, np.float64).reshape(-1, 1)])

    def boxes(self) -> FloatArray:
        return MaskSimilarity(self.masks).bounds

    def similarity(self) -> MaskSimilarity:
        return MaskSimilarity(self.masks)

    def taken(self, rows: IntArray) -> Masks:
        return Masks(tuple(self.masks[row] for row in rows.tolist()), self.history)

    def joined(self, other: Masks) -> Masks:
        return Masks(self.masks + other.masks, self.history)

    def agreed(self, index: IntArray, worker: IntArray, rates: DetectionRates, trust: FloatArray) -> Masks:
        fused = PixelEM(self.history).fit_predict(MaskAnswers.of(index, worker, self.masks, weights=trust)).masks
        alike = self.similarity()
        found = (
            mask if mask.area else self.masks[_most_alike(alike, np.flatnonzero(index == at))]
            for at, mask in enumerate(fused)
        )
        return Masks(tuple(found), self.history)

    def spreads(self, index: IntArray, worker: IntArray, *, pooled: float) -> None:
        return None


@dataclass(frozen=True, slots=True)
class Polygons:
    """shapes: n polygons with holes and parts. history, and what has nothing agreed: as for masks."""

    shapes: tuple[Shape, ...]
    history: PixelRates = field(default_factory=PixelRates)

    def keys(self) -> FloatArray:
        marks = [
            _mark([[len(ring) for ring in part] for part in shape], _bytes(ring for part in shape for ring in part))
            for shape in self.shapes
        ]
        return np.column_stack([self.boxes(), np.array(marks, np.float64).reshape(-1, 1)])

    def boxes(self) -> FloatArray:
        return np.array([shape_bounds(shape) for shape in self.shapes], np.float64).reshape(-1, 4)

    def similarity(self) -> AreaSimilarity:
        shapes = np.empty(len(self.shapes), np.object_)
        shapes[:] = [as_geometry(shape) for shape in self.shapes]
        return AreaSimilarity(shapes)

    def taken(self, rows: IntArray) -> Polygons:
        return Polygons(tuple(self.shapes[row] for row in rows.tolist()), self.history)

    def joined(self, other: Polygons) -> Polygons:
        return Polygons(self.shapes + other.shapes, self.history)

    def agreed(self, index: IntArray, worker: IntArray, rates: DetectionRates, trust: FloatArray) -> Polygons:
        fused = (
            PolygonFusion(self.history).fit_predict(PolygonAnswers.of(index, worker, self.shapes, weights=trust)).shapes
        )
        alike = self.similarity()
        found = (
            shape or self.shapes[_most_alike(alike, np.flatnonzero(index == at))] for at, shape in enumerate(fused)
        )
        return Polygons(tuple(found), self.history)

    def spreads(self, index: IntArray, worker: IntArray, *, pooled: float) -> None:
        return None


def _most_alike(similarity: MaskSimilarity | AreaSimilarity, rows: IntArray) -> int:
    """The row whose drawing is most like those of the other rows; the first of several."""
    first, second = (axis.ravel() for axis in np.meshgrid(rows, rows, indexing="ij"))
    return int(rows[np.argmax(similarity.of(first, second).reshape(len(rows), len(rows)).sum(axis=1))])


def _bytes(rings: Iterable[FloatArray]) -> bytes:
    return b"".join(np.ascontiguousarray(ring, np.float64).tobytes() for ring in rings)


def _mark(layout: object, content: bytes) -> float:
    """A number that tells contents apart, exact as a float."""
    digest = hashlib.sha256(repr(layout).encode() + content).digest()
    return float(int.from_bytes(digest[:6], "big"))
