"""Matches objects one to one: answers "is this the same object?" for gold, labels, replays and pages."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
from scipy.optimize import linear_sum_assignment

from annotary_core.labels.answer import LabelObject
from annotary_core.labels.arrays import BoolArray, FloatArray, IntArray
from annotary_core.labels.shapes.base import Column
from annotary_core.labels.shapes.objects import ObjectColumn

#: Minimum similarity at which a drawn object counts as right: the default tolerance of gold, and what F1 counts.
SAME_OBJECT = 0.5
#: Minimum mean similarity at which what several people drew is one object, even if some of them drew it badly.
DRAWN_BY_SEVERAL = 0.33
#: Two objects look the same from this similarity on, or if no point of the outline moved by more than these pixels.
LOOKS_THE_SAME = 0.9
LOOKS_THE_SAME_PIXELS = 1.0

C = TypeVar("C", bound=Column)


@dataclass(frozen=True, slots=True)
class Comparison:
    """The objects of two answers, compared: `similarity` has shape (a, b)."""

    first: ObjectColumn
    second: ObjectColumn
    similarity: FloatArray

    @classmethod
    def of(cls, first: Sequence[LabelObject], second: Sequence[LabelObject]) -> Comparison:
        one, other = column_of(first), column_of(second)
        return cls(one, other, similarity_matrix(one, other))

    def displacement(self) -> FloatArray:
        """Return how far any point of the outlines moved, in pixels, shape (a, b); infinite for distant objects."""
        reach = np.abs(self.first.boxes()[:, None] - self.second.boxes()[None]).max(axis=2, initial=0.0)
        rows, columns = (axis.astype(np.int64) for axis in np.nonzero(reach <= LOOKS_THE_SAME_PIXELS))
        out = np.full(self.similarity.shape, np.inf)
        out[rows, columns] = self.first.concat(self.second).displacement(rows, columns + len(self.first))
        return out


def column_of(objects: Sequence[LabelObject]) -> ObjectColumn:
    """Return the geometries of these objects."""
    return ObjectColumn.of([(item.tool, item.geom.to_json()) for item in objects])


def same_classes(first: Sequence[LabelObject], second: Sequence[LabelObject]) -> BoolArray:
    """Return which pairs have the same class, shape (a, b)."""
    numbers = [np.array([item.class_number for item in objects], np.int64) for objects in (first, second)]
    return np.equal.outer(*numbers)


def similarity_matrix(first: C, second: C) -> FloatArray:
    """Return the similarity of all pairs, shape (n, m)."""
    similarity = first.concat(second).similarity()
    bounds, n = similarity.bounds, len(first.boxes())
    low, high = bounds[:, :2], bounds[:, 2:]
    touching = ((low[:n, None] <= high[None, n:]) & (low[None, n:] <= high[:n, None])).all(axis=2)
    rows, columns = (axis.astype(np.int64) for axis in np.nonzero(touching))
    out = np.zeros(touching.shape)
    out[rows, columns] = similarity.of(rows, columns + n)
    return out


def assign(similarity: FloatArray, eligible: BoolArray) -> tuple[IntArray, IntArray]:
    """Return the pairs of a one-to-one matching, as rows and columns, rows ascending.

    As many eligible pairs as possible, and of all such matchings the one with the largest total similarity.
    """
    # One more pair always outweighs any gain in similarity, which is at most one per pair.
    score = np.where(eligible, similarity + min(similarity.shape, default=0) + 1, 0.0)
    rows, columns = linear_sum_assignment(score, maximize=True)
    kept = eligible[rows, columns]
    return rows[kept].astype(np.int64), columns[kept].astype(np.int64)
