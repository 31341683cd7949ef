"""Objects of any shapes in one column: what clustering, comparison and replay work on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from annotary_core.labels.arrays import FloatArray, IntArray
from annotary_core.labels.shapes import SHAPES
from annotary_core.labels.shapes.base import Column, Geometry, Similarity


@dataclass(frozen=True, slots=True)
class ObjectColumn:
    """n geometries, each of some shape. Objects of different shapes have similarity 0.

    parts: the geometries of each shape by its name. shape: the position of each object's shape in the registry, shape
    (n,). row: its row in the part, shape (n,); parts may have more rows than are listed here.
    """

    parts: Mapping[str, Column]
    shape: IntArray
    row: IntArray

    @classmethod
    def of(cls, stored: Sequence[tuple[str, Mapping[str, Any]]]) -> ObjectColumn:
        """Load (name of the shape, stored geometry) pairs."""
        positions = {name: at for at, name in enumerate(SHAPES)}
        geometries: dict[str, list[Mapping[str, Any]]] = {}
        shape, row = [], []
        for name, geometry in stored:
            part = geometries.setdefault(name, [])
            shape.append(positions[name])
            row.append(len(part))
            part.append(geometry)
        parts = {name: SHAPES[name].column(part) for name, part in sorted(geometries.items())}
        return cls(parts, np.array(shape, np.int64), np.array(row, np.int64))

    def __len__(self) -> int:
        return len(self.shape)

    def selections(self) -> list[tuple[str, IntArray, Column]]:
        """Return each shape that occurs, with the positions of its objects and their geometries."""
        out = []
        for at, name in enumerate(SHAPES):
            positions = np.flatnonzero(self.shape == at)
            if len(positions):
                out.append((name, positions, self.parts[name].take(self.row[positions])))
        return out

    def geometries(self) -> list[Geometry]:
        """Return the canonical geometries."""
        out: dict[int, Geometry] = {}
        for name, positions, column in self.selections():
            out |= zip(positions.tolist(), SHAPES[name].geometries(column), strict=True)
        return [out[position] for position in range(len(self))]

    def names(self) -> list[str]:
        """Return the name of each object's shape."""
        names = list(SHAPES)
        return [names[at] for at in self.shape.tolist()]

    def sort_keys(self) -> FloatArray:
        keys = [(positions, column.sort_keys()) for _, positions, column in self.selections()]
        out = np.zeros((len(self), 1 + max((each.shape[1] for _, each in keys), default=0)))
        out[:, 0] = self.shape
        for positions, each in keys:
            out[positions, 1 : 1 + each.shape[1]] = each
        return out

    def boxes(self) -> FloatArray:
        out = np.zeros((len(self), 4))
        for _, positions, column in self.selections():
            out[positions] = column.boxes()
        return out

    def similarity(self) -> Similarity:
        return ObjectSimilarity(self)

    def take(self, rows: IntArray) -> ObjectColumn:
        return ObjectColumn(self.parts, self.shape[rows], self.row[rows])

    def concat(self, other: ObjectColumn) -> ObjectColumn:
        shape, row = np.concatenate([self.shape, other.shape]), np.zeros(len(self) + len(other), np.int64)
        parts: dict[str, Column] = {}
        for objects, offset in ((self, 0), (other, len(self))):
            for name, positions, column in objects.selections():
                before = len(parts[name].boxes()) if name in parts else 0
                parts[name] = parts[name].concat(column) if before else column
                row[positions + offset] = before + np.arange(len(positions))
        return ObjectColumn(parts, shape, row)

    def displacement(self, first: IntArray, second: IntArray) -> FloatArray:
        """Return how far any point of one outline is from the other at most, in pixels, shape (p,).

        Infinite for objects of different shapes.
        """
        out = np.full(len(first), np.inf)
        for name, pairs, rows, other_rows in _pairs_by_shape(self, first, second):
            out[pairs] = SHAPES[name].displacement(self.parts[name], rows, other_rows)
        return out


class ObjectSimilarity:
    """See ObjectColumn."""

    def __init__(self, objects: ObjectColumn) -> None:
        self._objects = objects
        self._by_shape = {name: part.similarity() for name, part in objects.parts.items()}

    @property
    def bounds(self) -> FloatArray:
        out = np.zeros((len(self._objects), 4))
        for at, name in enumerate(SHAPES):
            positions = np.flatnonzero(self._objects.shape == at)
            if len(positions):
                out[positions] = self._by_shape[name].bounds[self._objects.row[positions]]
        return out

    def of(self, first: IntArray, second: IntArray) -> FloatArray:
        out = np.zeros(len(first))
        for name, pairs, rows, other_rows in _pairs_by_shape(self._objects, first, second):
            out[pairs] = self._by_shape[name].of(rows, other_rows)
        return out


def _pairs_by_shape(
    objects: ObjectColumn, first: IntArray, second: IntArray
) -> list[tuple[str, IntArray, IntArray, IntArray]]:
    """Return, for each shape, the pairs of two such objects and the rows of both in the part of the shape."""
    shape, other = objects.shape[first], objects.shape[second]
    out = []
    for at, name in enumerate(SHAPES):
        pairs = np.flatnonzero((shape == at) & (other == at))
        if len(pairs):
            out.append((name, pairs, objects.row[first[pairs]], objects.row[second[pairs]]))
    return out
