"""Vertices of shapes that are drawn point by point: read from untrusted JSON, and clipped to the image."""

from __future__ import annotations

from annotary_core.labels.errors import AnswerError
from annotary_core.labels.geometry import OVERSHOOT, Frame, Vertex
from annotary_core.labels.json_reading import read_list, read_number


def read_vertices(raw: object, *, path: str) -> list[Vertex]:
    """Return a list of [x, y] pairs; raises AnswerError."""
    return [_read_vertex(vertex, path=f"{path}[{at}]") for at, vertex in enumerate(read_list(raw, path=path))]


def _read_vertex(raw: object, *, path: str) -> Vertex:
    pair = read_list(raw, path=path)
    if len(pair) != 2:
        raise AnswerError("wrong_type", "A point is a list of two numbers, x and y.", path)
    return read_number(pair[0], path=f"{path}[0]"), read_number(pair[1], path=f"{path}[1]")


def clip_vertex(vertex: Vertex, *, frame: Frame, noun: str, path: str) -> Vertex:
    """Move a vertex into the image; raises AnswerError if it lies more than OVERSHOOT pixels outside."""
    x, y = vertex
    over = {"left": -x, "top": -y, "right": x - frame.width, "bottom": y - frame.height}
    side = max(over, key=lambda name: over[name])
    if over[side] > OVERSHOOT:
        raise AnswerError(
            "outside_image",
            f"The {noun} extends {over[side]:.4g} px past the {side} edge of the image. Draw it inside the image.",
            path,
        )
    return min(max(x, 0.0), float(frame.width)), min(max(y, 0.0), float(frame.height))
