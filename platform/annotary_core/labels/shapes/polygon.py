"""Polygons with holes and several parts: {"parts": [[outer ring, hole, ...], ...]} in pixels of the upright image.

A ring is a list of [x, y], closed implicitly; each part is filled by the even-odd rule, and the object is the union of
its parts. In canonical form outer rings run clockwise on the screen (y down) and holes counterclockwise, each begins
at its topmost vertex (of several, the leftmost), no vertex repeats the one before, and parts and holes are sorted.
Outlines drawn by hand may cross themselves: the even-odd rule says what they contain.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from random import Random
from typing import Any, ClassVar

import numpy as np
import shapely
from numpy.typing import NDArray

from annotary_core.labels.arrays import FloatArray, IntArray
from annotary_core.labels.errors import AnswerError
from annotary_core.labels.geometry import Bounds, Frame, Vertex, fixed
from annotary_core.labels.json_reading import read_list, read_object
from annotary_core.labels.shapes.area_similarity import AreaSimilarity, Overlaps, valid_areas
from annotary_core.labels.shapes.base import Geometry, Noun, content_key
from annotary_core.labels.shapes.hand_drawing import clip, follow
from annotary_core.labels.shapes.rings import Parts, parts_bounds, to_shapely
from annotary_core.labels.shapes.vertices import clip_vertex, read_vertices

#: More vertices than anyone draws, and than a traced outline of a large image needs.
MAX_VERTICES = 10_000
#: A hole may extend this many square pixels outside its outer ring: rounding moves its vertices.
_STRAY_HOLE = 1.0

Ring = tuple[Vertex, ...]
Part = tuple[Ring, ...]


@dataclass(frozen=True, slots=True, order=True)
class Polygon:
    """A canonical polygon; see the module's docstring."""

    parts: tuple[Part, ...]

    def to_json(self) -> dict[str, Any]:
        return {"parts": [[[list(vertex) for vertex in ring] for ring in part] for part in self.parts]}

    def bounds(self) -> Bounds:
        # Of holes too: what strays out of its outline is filled by the even-odd rule.
        x, y = zip(*(vertex for part in self.parts for ring in part for vertex in ring), strict=True)
        return min(x), min(y), max(x), max(y)


@dataclass(frozen=True, slots=True)
class Polygons:
    """Polygons in columns. shapes: n polygons as arrays. areas: the same as valid shapely geometries, shape (n,).

    numbers: of the polygons in the column that they were taken from. overlaps: those that were computed in it.
    """

    shapes: tuple[Parts, ...]
    areas: NDArray[np.object_] = field(repr=False)
    numbers: IntArray = field(repr=False)
    overlaps: Overlaps = field(repr=False, compare=False)

    @classmethod
    def of(cls, shapes: Sequence[Parts]) -> Polygons:
        areas = np.empty(len(shapes), np.object_)
        areas[:] = [to_shapely(parts) for parts in shapes]
        return cls(tuple(shapes), valid_areas(areas), np.arange(len(shapes)), Overlaps())

    def sort_keys(self) -> FloatArray:
        keys = [
            content_key(
                [[len(ring) for ring in part] for part in parts],
                b"".join(np.ascontiguousarray(ring, np.float64).tobytes() for part in parts for ring in part),
            )
            for parts in self.shapes
        ]
        return np.column_stack([self.boxes(), np.array(keys, np.float64).reshape(-1, 1)])

    def boxes(self) -> FloatArray:
        return np.array([parts_bounds(parts) for parts in self.shapes], np.float64).reshape(-1, 4)

    def similarity(self) -> AreaSimilarity:
        return AreaSimilarity(self.areas, self.numbers, self.overlaps)

    def take(self, rows: IntArray) -> Polygons:
        shapes = tuple(self.shapes[row] for row in rows.tolist())
        return Polygons(shapes, self.areas[rows], self.numbers[rows], self.overlaps)

    def concat(self, other: Polygons) -> Polygons:
        shapes, areas = self.shapes + other.shapes, np.concatenate([self.areas, other.areas])
        if self.overlaps is other.overlaps:
            return Polygons(shapes, areas, np.concatenate([self.numbers, other.numbers]), self.overlaps)
        return Polygons(shapes, areas, np.arange(len(shapes)), Overlaps())


class PolygonShape:
    name = "polygon"
    noun = Noun("polygon", "polygons")
    measure = "overlap"
    follows_lines = False
    title = "Polygons around objects"
    hint = "Workers draw the outline of every object, point by point, and choose its class."
    action = "draw a polygon around"
    how = (
        "Set points around an object, one by one, or drag along its outline, and close it at the first point."
        " Drag a point to adjust it."
    )
    json_schema: ClassVar[dict[str, Any]] = {
        "type": "object",
        "description": "A polygon in pixels of the upright image: origin at the outer corner of the first pixel, x"
        " right, y down.",
        "properties": {
            "parts": {
                "type": "array",
                "minItems": 1,
                "description": "The separate areas of the object, usually one. Each is its outline, followed by the"
                f" outlines of its holes. At most {MAX_VERTICES:,} points in all",
                "items": {
                    "type": "array",
                    "minItems": 1,
                    "items": {
                        "type": "array",
                        "minItems": 3,
                        "description": "An outline; its last point is connected to the first",
                        "items": {
                            "type": "array",
                            "minItems": 2,
                            "maxItems": 2,
                            "description": "A point: x, y",
                            "items": {"type": "number", "format": "double"},
                        },
                    },
                },
            }
        },
        "required": ["parts"],
    }
    example: ClassVar[dict[str, Any]] = {"parts": [[[[112.5, 40], [332, 58.25], [301, 204], [140, 190]]]]}

    def parse(self, raw: object, *, frame: Frame, path: str) -> Polygon:
        body = read_object(raw, path=path, allowed=("parts",))
        parts = read_list(body.get("parts"), path=f"{path}.parts")
        rings = [_read_part(part, path=f"{path}.parts[{at}]") for at, part in enumerate(parts)]
        if not rings:
            raise AnswerError("zero_size", "The polygon has no outline. Draw one.", path)
        if sum(len(ring) for part in rings for ring in part) > MAX_VERTICES:
            raise AnswerError("too_many_points", f"A polygon has at most {MAX_VERTICES:,} points. Draw fewer.", path)
        return canonical_polygon(rings, frame=frame, path=path)

    def load(self, stored: Mapping[str, Any]) -> Polygon:
        return Polygon(
            tuple(tuple(tuple((float(x), float(y)) for x, y in ring) for ring in part) for part in stored["parts"])
        )

    def column(self, stored: Sequence[Mapping[str, Any]]) -> Polygons:
        return Polygons.of(
            [tuple(tuple(np.array(ring, np.float64) for ring in part) for part in each["parts"]) for each in stored]
        )

    def geometries(self, column: Polygons) -> list[Geometry]:
        return [polygon_of([[ring.tolist() for ring in part] for part in parts]) for parts in column.shapes]

    def moved(self, geometry: Polygon, move: Callable[[float, float], Vertex]) -> Polygon:
        return polygon_of([[[move(x, y) for x, y in ring] for ring in part] for part in geometry.parts])

    def displacement(self, column: Polygons, first: IntArray, second: IntArray) -> FloatArray:
        outlines = shapely.boundary(column.areas)
        distance: FloatArray = shapely.hausdorff_distance(outlines[first], outlines[second]).astype(np.float64)
        return distance

    def area(self, geometry: Polygon) -> float:
        return float(shapely.area(self.column([geometry.to_json()]).areas)[0])

    def svg_path(self, geometry: Polygon) -> str:
        rings = (ring for part in geometry.parts for ring in part)
        return "".join(f"M{'L'.join(f'{x:.2f} {y:.2f}' for x, y in ring)}z" for ring in rings)

    def along(self, paths: Sequence[FloatArray], *, frame: Frame) -> Polygon:
        """Return one part for each path."""
        return polygon_of([[clip(path, frame).tolist()] for path in paths])

    def redraw(self, geometry: Polygon, *, error: float, rng: Random, frame: Frame) -> Polygon:
        """Redraw the outer ring of each part; people leave out the holes. The size of a polygon is that of a square of
        its area: long thin objects are outlined more precisely than their length suggests."""
        outlines = [np.array(part[0]) for part in geometry.parts]
        drawn = follow(outlines, size=self.area(geometry) ** 0.5, error=error, rng=rng, frame=frame, is_closed=True)
        return polygon_of([[ring.tolist()] for ring in drawn])


def canonical_polygon(parts: Sequence[Sequence[Sequence[Vertex]]], *, frame: Frame, path: str = "") -> Polygon:
    """Clip a polygon to its image and bring it into canonical form; idempotent.

    Raises AnswerError if a vertex lies more than OVERSHOOT pixels outside the image, if a ring has no area, or if a
    hole lies outside its outer ring.
    """
    clipped = [
        [[clip_vertex(vertex, frame=frame, noun="polygon", path=path) for vertex in ring] for ring in part]
        for part in parts
    ]
    polygon = polygon_of(clipped)
    for part in polygon.parts:
        areas = [_ring_area(ring, path) for ring in part]
        for hole in areas[1:]:
            if shapely.area(shapely.difference(hole, areas[0])) > _STRAY_HOLE:
                raise AnswerError("stray_hole", "A hole lies outside its outline. Draw it inside.", path)
    return polygon


def polygon_of(parts: Sequence[Sequence[Sequence[Sequence[float]]]]) -> Polygon:
    """Return rings in canonical form, without any check."""
    canonical = []
    for part in parts:
        outer, *holes = (_canonical_ring(ring, is_hole=index > 0) for index, ring in enumerate(part))
        canonical.append((outer, *sorted(holes)))
    return Polygon(tuple(sorted(canonical)))


def _read_part(raw: object, *, path: str) -> list[list[Vertex]]:
    rings = read_list(raw, path=path)
    if not rings:
        raise AnswerError("zero_size", "A part of the polygon has no outline. Draw it or leave it out.", path)
    return [_read_ring(ring, path=f"{path}[{index}]") for index, ring in enumerate(rings)]


def _read_ring(raw: object, *, path: str) -> list[Vertex]:
    vertices = read_vertices(raw, path=path)
    if len(vertices) < 3:
        raise AnswerError("zero_size", "An outline needs at least three points. Draw more, or remove it.", path)
    return vertices


def _canonical_ring(ring: Sequence[Sequence[float]], *, is_hole: bool) -> Ring:
    rounded = [(fixed(x), fixed(y)) for x, y in ring]
    vertices = [vertex for at, vertex in enumerate(rounded) if vertex != rounded[at - 1]] or rounded[:1]
    forward, backward = _from_the_top(vertices), _from_the_top(vertices[::-1])
    turn = _signed_area(forward)
    if turn == 0:
        # An outline whose loops cancel out has no direction.
        return min(forward, backward)
    return forward if (turn > 0) != is_hole else backward


def _from_the_top(vertices: Sequence[Vertex]) -> Ring:
    """Return the ring from its topmost vertex, which an outline that touches itself may pass several times."""
    top = min(vertices, key=lambda vertex: vertex[::-1])
    starts = [at for at, vertex in enumerate(vertices) if vertex == top]
    return min((*vertices[at:], *vertices[:at]) for at in starts)


def _signed_area(ring: Ring) -> float:
    """Return the area in square pixels, positive for a ring that runs clockwise on the screen."""
    x, y = np.array(ring).T
    return float(np.dot(x, np.roll(y, -1)) - np.dot(y, np.roll(x, -1))) / 2


def _ring_area(ring: Ring, path: str) -> shapely.Geometry:
    area = enclosed_area(ring)
    if area is None:
        raise AnswerError(
            "zero_size", "An outline encloses no area. It needs at least three points that are not on one line.", path
        )
    return area


def enclosed_area(ring: Ring) -> shapely.Geometry | None:
    """Return what a ring encloses by the even-odd rule, None if that has no area."""
    area = shapely.make_valid(shapely.Polygon(ring)) if len(ring) > 2 else None
    return area if area is not None and shapely.area(area) > 0 else None
