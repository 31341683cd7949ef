"""Polylines: {"points": [[x, y], ...]} in pixels of the upright image.

A polyline has no start: in canonical form it begins at the end that is further up (of two, further left), and no point
repeats the one before. Two of them are similar if corresponding points are near, as a share of their length.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from random import Random
from typing import Any, ClassVar

import numpy as np
import shapely

from annotary_core.labels.arrays import FloatArray, IntArray
from annotary_core.labels.errors import AnswerError
from annotary_core.labels.geometry import Bounds, Frame, Vertex, fixed
from annotary_core.labels.json_reading import read_object
from annotary_core.labels.shapes.base import Geometry, Noun
from annotary_core.labels.shapes.hand_drawing import clip, follow
from annotary_core.labels.shapes.nearness import FLOOR, check_scale, floored
from annotary_core.labels.shapes.vertices import clip_vertex, read_vertices

#: More points than anyone draws.
MAX_POINTS = 10_000
#: Number of points along a polyline at which two polylines are compared.
POLYLINE_POINTS = 32
#: How far simplification may move a fused line, as a share of its length.
_SIMPLIFIED = 0.005


@dataclass(frozen=True, slots=True, order=True)
class Polyline:
    """A canonical polyline; see the module's docstring."""

    points: tuple[Vertex, ...]

    def to_json(self) -> dict[str, Any]:
        return {"points": [list(point) for point in self.points]}

    def bounds(self) -> Bounds:
        x, y = zip(*self.points, strict=True)
        return min(x), min(y), max(x), max(y)


@dataclass(frozen=True, slots=True)
class PolylineSimilarity:
    """exp(-d² / 2 s²) for the mean distance d of corresponding points of two polylines.

    Both polylines are resampled at equal arc lengths, in the better direction (a polyline has no start), and d is the
    mean distance of corresponding points: a smooth relative of the Fréchet distance, which also penalizes a polyline
    that covers half of another. scale: s in pixels; None means `share` of the mean length of the two.

    points: shape (n, POLYLINE_POINTS, 2), from `resample`.
    """

    points: FloatArray
    scale: float | None = None
    share: float = 0.1
    length: FloatArray = field(init=False)

    def __post_init__(self) -> None:
        check_scale(self.share if self.scale is None else self.scale)
        object.__setattr__(self, "length", np.linalg.norm(np.diff(self.points, axis=1), axis=2).sum(axis=1))

    @classmethod
    def from_lines(
        cls, lines: Sequence[FloatArray], *, scale: float | None = None, share: float = 0.1
    ) -> PolylineSimilarity:
        """Build from vertices, each of shape (v, 2)."""
        return cls(resample_all(lines), scale=scale, share=share)

    @property
    def bounds(self) -> FloatArray:
        # Similar polylines are never further apart than this: the mean length of two is at most the largest length.
        scale = self.scale if self.scale is not None else self.share * float(self.length.max(initial=0.0))
        reach = scale * np.sqrt(-2 * np.log(FLOOR)) / 2
        low, high = self.points.min(axis=1), self.points.max(axis=1)
        return np.concatenate([low - reach, high + reach], axis=1)

    def of(self, first: IntArray, second: IntArray) -> FloatArray:
        distance = polyline_distance(self.points[first], self.points[second])
        scale = self.scale if self.scale is not None else self.share * (self.length[first] + self.length[second]) / 2
        ratio = np.divide(distance, scale, out=np.where(distance > 0, np.inf, 0.0), where=np.asarray(scale) > 0)
        return floored(np.exp(-(ratio**2) / 2))


@dataclass(frozen=True, slots=True)
class Polylines:
    """Polylines in columns. lines: n arrays of vertices, (v, 2). points: the same resampled, (n, POLYLINE_POINTS, 2).

    scale, share: see PolylineSimilarity.
    """

    lines: tuple[FloatArray, ...]
    points: FloatArray = field(repr=False)
    scale: float | None = None
    share: float = 0.1

    @classmethod
    def of(cls, lines: Sequence[FloatArray], *, scale: float | None = None, share: float = 0.1) -> Polylines:
        return cls(tuple(lines), resample_all(lines), scale, share)

    def sort_keys(self) -> FloatArray:
        return self.points.reshape(len(self.points), 2 * self.points.shape[1])

    def boxes(self) -> FloatArray:
        low, high = ([reduced(line, axis=0) for line in self.lines] for reduced in (np.min, np.max))
        return np.concatenate([np.reshape(low, (-1, 2)), np.reshape(high, (-1, 2))], axis=1)

    def similarity(self) -> PolylineSimilarity:
        return PolylineSimilarity(self.points, self.scale, self.share)

    def take(self, rows: IntArray) -> Polylines:
        return Polylines(tuple(self.lines[row] for row in rows.tolist()), self.points[rows], self.scale, self.share)

    def concat(self, other: Polylines) -> Polylines:
        return Polylines(self.lines + other.lines, np.concatenate([self.points, other.points]), self.scale, self.share)


class PolylineShape:
    name = "polyline"
    noun = Noun("polyline", "polylines")
    measure = "closeness"
    follows_lines = True
    title = "Polylines along lines"
    hint = "Workers follow every line, such as a lane or a crack, point by point, and choose its class."
    action = "draw a polyline along"
    how = "Place points along a line and finish at its end. Drag a point to adjust it."
    json_schema: ClassVar[dict[str, Any]] = {
        "type": "object",
        "description": "A polyline in pixels of the upright image: origin at the outer corner of the first pixel, x"
        " right, y down.",
        "properties": {
            "points": {
                "type": "array",
                "minItems": 2,
                "maxItems": MAX_POINTS,
                "description": "The points from one end to the other; either end may come first",
                "items": {
                    "type": "array",
                    "minItems": 2,
                    "maxItems": 2,
                    "description": "A point: x, y",
                    "items": {"type": "number"},
                },
            }
        },
        "required": ["points"],
    }
    example: ClassVar[dict[str, Any]] = {"points": [[112.5, 40], [180, 96.25], [301, 204]]}

    def parse(self, raw: object, *, frame: Frame, path: str) -> Polyline:
        body = read_object(raw, path=path, allowed=("points",))
        vertices = read_vertices(body.get("points"), path=f"{path}.points")
        if len(vertices) > MAX_POINTS:
            raise AnswerError("too_many_points", f"A polyline has at most {MAX_POINTS:,} points. Draw fewer.", path)
        polyline = polyline_of([clip_vertex(each, frame=frame, noun=self.noun.one, path=path) for each in vertices])
        if len(polyline.points) < 2:
            raise AnswerError("zero_size", "A polyline needs at least two different points. Draw it again.", path)
        return polyline

    def load(self, stored: Mapping[str, Any]) -> Polyline:
        return Polyline(tuple((float(x), float(y)) for x, y in stored["points"]))

    def column(self, stored: Sequence[Mapping[str, Any]]) -> Polylines:
        return Polylines.of([np.array(each["points"], np.float64) for each in stored])

    def geometries(self, column: Polylines) -> list[Geometry]:
        return [polyline_of(line.tolist()) for line in column.lines]

    def moved(self, geometry: Polyline, move: Callable[[float, float], Vertex]) -> Polyline:
        return polyline_of([move(x, y) for x, y in geometry.points])

    def displacement(self, column: Polylines, first: IntArray, second: IntArray) -> FloatArray:
        lines = np.array([shapely.LineString(line) for line in column.lines], np.object_)
        distance: FloatArray = shapely.hausdorff_distance(lines[first], lines[second]).astype(np.float64)
        return distance

    def area(self, geometry: Polyline) -> float:
        return 0.0

    def svg_path(self, geometry: Polyline) -> str:
        return f"M{'L'.join(f'{x:.2f} {y:.2f}' for x, y in geometry.points)}"

    def along(self, paths: Sequence[FloatArray], *, frame: Frame) -> Polyline:
        """Return the longest of the lines: where others hide a part, people label what they see most of."""
        longest = max(paths, key=lambda path: float(np.linalg.norm(np.diff(path, axis=0), axis=1).sum()))
        return polyline_of(clip(longest, frame).tolist())

    def redraw(self, geometry: Polyline, *, error: float, rng: Random, frame: Frame) -> Polyline:
        line = np.array(geometry.points)
        length = float(np.linalg.norm(np.diff(line, axis=0), axis=1).sum())
        (drawn,) = follow([line], size=length, error=error, rng=rng, frame=frame, is_closed=False)
        redrawn = polyline_of(drawn.tolist())
        return redrawn if len(redrawn.points) > 1 else geometry


def polyline_of(vertices: Sequence[Sequence[float]]) -> Polyline:
    """Return vertices in canonical form, without any check."""
    rounded = [(fixed(x), fixed(y)) for x, y in vertices]
    points = tuple(point for at, point in enumerate(rounded) if at == 0 or point != rounded[at - 1])
    return Polyline(min(points, points[::-1], key=lambda way: [point[::-1] for point in way]))


def simplified(line: FloatArray) -> FloatArray:
    """Return a line with as few points as people draw."""
    string = shapely.LineString(line)
    return np.asarray(shapely.get_coordinates(string.simplify(_SIMPLIFIED * string.length)), np.float64)


def resample(line: FloatArray, points: int = POLYLINE_POINTS) -> FloatArray:
    """Resample a polyline at equal arc lengths, shape (points, 2), both ends included.

    Raises ValueError for a polyline without vertices.
    """
    if not len(line):
        raise ValueError("A line needs at least one point.")
    arc_length = np.concatenate([[0.0], np.cumsum(np.linalg.norm(np.diff(line, axis=0), axis=1))])
    at = np.linspace(0.0, arc_length[-1], points)
    return np.stack([np.interp(at, arc_length, line[:, axis]) for axis in (0, 1)], axis=1)


def resample_all(lines: Sequence[FloatArray], points: int = POLYLINE_POINTS) -> FloatArray:
    """Resample each polyline, shape (n, points, 2)."""
    return np.array([resample(np.asarray(line, np.float64), points) for line in lines]).reshape(-1, points, 2)


def polyline_distance(a: FloatArray, b: FloatArray) -> FloatArray:
    """Return the mean distance of corresponding points in the better direction; shapes (p, points, 2), result (p,)."""
    forward = np.linalg.norm(a - b, axis=2).mean(axis=1)
    backward = np.linalg.norm(a - b[:, ::-1], axis=2).mean(axis=1)
    out: FloatArray = np.minimum(forward, backward)
    return out
