"""Mask and polygon geometry types: matched by IoU, fused by pixel EM (fuse_masks.py, fuse_polygons.py)."""

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
from annotary_core.labels.shapes.mask import Shape, Window, mask_iou, shape_bounds, to_shapely


@dataclass(frozen=True, slots=True)
class MaskSimilarity:
    """IoU of masks, counted in pixels."""

    masks: tuple[Window, ...]

    @property
    def bounds(self) -> FloatArray:
        return np.array([mask.bounds for mask in self.masks], np.float64).reshape(-1, 4)

    def of(self, first: IntArray, second: IntArray) -> FloatArray:
        pairs = zip(first.tolist(), second.tolist(), strict=True)
        return np.array([mask_iou(self.masks[a], self.masks[b]) for a, b in pairs], np.float64)


@dataclass(frozen=True, slots=True)
class Masks:
    """Masks. masks: n windows. history: the workers' pixel rates from earlier projects.

    If the fused mask is empty, the object is the medoid, the mask most similar to the others: an object has pixels.
    """

    masks: tuple[Window, ...]
    history: PixelRates = field(default_factory=PixelRates)

    def sort_keys(self) -> FloatArray:
        digests = [_digest(mask.pixels.shape, np.packbits(mask.pixels).tobytes()) for mask in self.masks]
        return np.column_stack([self.boxes(), np.array(digests, np.float64).reshape(-1, 1)])

    def boxes(self) -> FloatArray:
        return MaskSimilarity(self.masks).bounds

    def similarity(self) -> MaskSimilarity:
        return MaskSimilarity(self.masks)

    def take(self, rows: IntArray) -> Masks:
        return Masks(tuple(self.masks[row] for row in rows.tolist()), self.history)

    def concat(self, other: Masks) -> Masks:
        return Masks(self.masks + other.masks, self.history)

    def fuse(self, index: IntArray, worker: IntArray, rates: DetectionRates, trust: FloatArray) -> Masks:
        fused = PixelEM(self.history).fit_predict(MaskAnswers.of(index, worker, self.masks, weights=trust)).masks
        similarity = self.similarity()
        geometries = (
            mask if mask.area else self.masks[_medoid(similarity, np.flatnonzero(index == cluster))]
            for cluster, mask in enumerate(fused)
        )
        return Masks(tuple(geometries), self.history)

    def spreads(self, index: IntArray, worker: IntArray, *, pooled: float) -> None:
        return None


@dataclass(frozen=True, slots=True)
class Polygons:
    """Polygons with holes and parts. shapes: n polygons. history, and empty results: as for masks."""

    shapes: tuple[Shape, ...]
    history: PixelRates = field(default_factory=PixelRates)

    def sort_keys(self) -> FloatArray:
        digests = [
            _digest(
                [[len(ring) for ring in part] for part in shape], _ring_bytes(ring for part in shape for ring in part)
            )
            for shape in self.shapes
        ]
        return np.column_stack([self.boxes(), np.array(digests, np.float64).reshape(-1, 1)])

    def boxes(self) -> FloatArray:
        return np.array([shape_bounds(shape) for shape in self.shapes], np.float64).reshape(-1, 4)

    def similarity(self) -> AreaSimilarity:
        shapes = np.empty(len(self.shapes), np.object_)
        shapes[:] = [to_shapely(shape) for shape in self.shapes]
        return AreaSimilarity(shapes)

    def take(self, rows: IntArray) -> Polygons:
        return Polygons(tuple(self.shapes[row] for row in rows.tolist()), self.history)

    def concat(self, other: Polygons) -> Polygons:
        return Polygons(self.shapes + other.shapes, self.history)

    def fuse(self, index: IntArray, worker: IntArray, rates: DetectionRates, trust: FloatArray) -> Polygons:
        fused = (
            PolygonFusion(self.history).fit_predict(PolygonAnswers.of(index, worker, self.shapes, weights=trust)).shapes
        )
        similarity = self.similarity()
        geometries = (
            shape or self.shapes[_medoid(similarity, np.flatnonzero(index == cluster))]
            for cluster, shape in enumerate(fused)
        )
        return Polygons(tuple(geometries), self.history)

    def spreads(self, index: IntArray, worker: IntArray, *, pooled: float) -> None:
        return None


def _medoid(similarity: MaskSimilarity | AreaSimilarity, rows: IntArray) -> int:
    """Return the row with the largest total similarity to the other rows; the first of several."""
    first, second = (axis.ravel() for axis in np.meshgrid(rows, rows, indexing="ij"))
    return int(rows[np.argmax(similarity.of(first, second).reshape(len(rows), len(rows)).sum(axis=1))])


def _ring_bytes(rings: Iterable[FloatArray]) -> bytes:
    return b"".join(np.ascontiguousarray(ring, np.float64).tobytes() for ring in rings)


def _digest(layout: object, content: bytes) -> float:
    """Return a number that distinguishes contents, 48 bits of a hash, exact as a float."""
    content_hash = hashlib.sha256(repr(layout).encode() + content).digest()
    return float(int.from_bytes(content_hash[:6], "big"))
