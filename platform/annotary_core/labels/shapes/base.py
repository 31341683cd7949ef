"""The protocols of label tools and shapes. A shape is one file in this package and one line in the registry."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Container, Mapping, Sequence
from random import Random
from typing import Any, ClassVar, NamedTuple, Protocol, Self

from annotary_core.labels.arrays import FloatArray, IntArray
from annotary_core.labels.geometry import Bounds, Frame, Vertex

#: Coordinates of columns are below this; larger ones would lose the fixed decimals.
MAX_COORDINATE = 1e9


class Noun(NamedTuple):
    """The word for one object of a shape, and for several."""

    one: str
    many: str

    @property
    def with_article(self) -> str:
        return f"{'an' if self.one[0] in 'aeiou' else 'a'} {self.one}"


class ImageTool(Protocol):
    """Labels the image as a whole, in one field of the answer's `image`.

    title, hint: the choice of this tool for a project, and what workers then do.
    """

    name: str
    field: str
    title: str
    hint: str

    def parse(self, raw: object, *, classes: Container[int], path: str) -> int | None:
        """Return the value of the field, None if it was left empty; raises AnswerError."""
        ...


class Geometry(Protocol):
    """One canonical geometry, in pixels of the upright image. Hashable; ordered among geometries of its shape."""

    def to_json(self) -> dict[str, Any]:
        """Return the stored form: plain JSON types, positions as floats with the fixed decimals."""
        ...

    def bounds(self) -> Bounds: ...

    def __lt__(self, other: Any, /) -> bool: ...


class Similarity(Protocol):
    """Similarity of two objects, 0 (disjoint) to 1 (identical), of objects in columns."""

    @property
    def bounds(self) -> FloatArray:
        """Bounding boxes, shape (n, 4), x1, y1, x2, y2: objects whose bounds do not touch have similarity 0."""
        ...

    def of(self, first: IntArray, second: IntArray) -> FloatArray:
        """Return the pairwise similarity of the objects at these rows, shape (p,); symmetric."""
        ...


class Column(Protocol):
    """n geometries of one shape in arrays, in pixels of the upright image, with angles in radians."""

    def sort_keys(self) -> FloatArray:
        """Return sort keys that distinguish the geometries, shape (n, k), most significant column first."""
        ...

    def boxes(self) -> FloatArray:
        """Return the axis-aligned bounding boxes, shape (n, 4): x1, y1, x2, y2."""
        ...

    def similarity(self) -> Similarity: ...

    def take(self, rows: IntArray) -> Self: ...

    def concat(self, other: Self) -> Self:
        """Return these geometries followed by the others."""
        ...


class Shape(Protocol):
    """All that the rest of the code asks of a shape: parsing, columns, comparison, words, and how people draw it.

    name: on the wire, and the name of the label tool that draws it. noun: "box", "boxes". measure: what the similarity
    of two such objects is called in sentences. title, hint: the choice of this tool for a project, and what workers do
    then. action: what workers do with an object, before its name: "draw a box around". how: how they draw one.
    json_schema: the JSON Schema of a geometry, for clients. example: a geometry in JSON, in an image of at least
    400 x 300 pixels. follows_lines: whether it is drawn along the center lines of long thin things; otherwise around
    objects.
    """

    name: str
    noun: Noun
    measure: str
    title: str
    hint: str
    action: str
    how: str
    json_schema: ClassVar[dict[str, Any]]
    example: ClassVar[dict[str, Any]]
    follows_lines: bool

    def parse(self, raw: object, *, frame: Frame, path: str) -> Geometry:
        """Return an untrusted geometry in canonical form. Idempotent; raises AnswerError."""
        ...

    def load(self, stored: Mapping[str, Any]) -> Geometry:
        """Load a stored geometry that this shape made canonical before."""
        ...

    def column(self, stored: Sequence[Mapping[str, Any]]) -> Column:
        """Load stored geometries into a column."""
        ...

    def geometries(self, column: Any) -> list[Geometry]:
        """Return the canonical geometries of a column, for example of fused objects."""
        ...

    def moved(self, geometry: Any, move: Callable[[float, float], Vertex]) -> Geometry:
        """Return the geometry with every point moved, by turns of 90 degrees, mirrors and whole shifts alone."""
        ...

    def displacement(self, column: Any, first: IntArray, second: IntArray) -> FloatArray:
        """Return how far any point of one outline is from the other at most, in pixels, shape (p,)."""
        ...

    def area(self, geometry: Any) -> float:
        """Return the area in square pixels."""
        ...

    def svg_path(self, geometry: Any) -> str:
        """Return the outline as the path data of an SVG element, in pixels."""
        ...

    def along(self, paths: Sequence[FloatArray], *, frame: Frame) -> Geometry:
        """Return the geometry that follows an object exactly, clipped to the image.

        paths: the closed outlines of the object's visible parts, or its center lines if the shape follows lines; shape
        (k, 2) each, x and y in pixels of the upright image, the first vertex not repeated.
        """
        ...

    def redraw(self, geometry: Any, *, error: float, rng: Random, frame: Frame) -> Geometry:
        """Return the geometry as a simulated person draws it: inside the image, and never degenerate.

        error: the standard deviation of what is drawn, as a share of the object's size.
        """
        ...


def content_key(layout: object, content: bytes) -> float:
    """Return a number that distinguishes contents, 48 bits of a hash, exact as a float."""
    content_hash = hashlib.sha256(repr(layout).encode() + content).digest()
    return float(int.from_bytes(content_hash[:6], "big"))
