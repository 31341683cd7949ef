"""How a person follows an object by hand, for simulated workers: what the `redraw` of several shapes has in common."""

from __future__ import annotations

from collections.abc import Sequence
from random import Random

import numpy as np
import shapely

from annotary_core.labels.arrays import FloatArray
from annotary_core.labels.geometry import DECIMALS, Frame

#: In pixels. Anything smaller would be an accidental click.
SMALLEST = 4.0
#: Errors beyond this many standard deviations are seen and corrected while drawing.
_LARGEST_SLIP = 2.5
#: The error of a single vertex, as a share of the error of the whole: a hand that is off is off for a while.
_VERTEX_SHARE = 0.3
#: How far people cut corners, as a share of their error.
_CUT_CORNERS = (0.1, 0.5)
#: People click again on edges longer than this share of the object's size, every second time.
_LONG_EDGE = 0.3
#: Attempts with half the error each, before a path is followed exactly.
_ATTEMPTS = 3


def slip(rng: Random, error: float) -> float:
    """Return a Gaussian error, truncated at 2.5 standard deviations. error: the standard deviation, in any unit."""
    return max(-_LARGEST_SLIP, min(_LARGEST_SLIP, rng.gauss(0, 1))) * error


def span(low: float, high: float, limit: int) -> tuple[float, float]:
    """Move and trim a side of a box so that it lies within 0 to `limit` pixels and is at least SMALLEST long, if the
    limit allows it."""
    size = min(max(high - low, SMALLEST), float(limit))
    start = min(max(low, 0.0), limit - size)
    return start, min(start + size, float(limit))


def clip(path: FloatArray, frame: Frame) -> FloatArray:
    """Return the path with all points moved into the image."""
    out: FloatArray = np.clip(np.asarray(path, np.float64), 0.0, (float(frame.width), float(frame.height)))
    return out


def follow(
    paths: Sequence[FloatArray], *, size: float, error: float, rng: Random, frame: Frame, is_closed: bool
) -> list[FloatArray]:
    """Return paths as a person draws them: shifted and stretched as a whole, with fewer or more vertices, each of them
    off, all in the image.

    paths: the outlines of an object's parts (closed, without repeating the first vertex) or its lines, shape (k, 2)
    each, in pixels. size: the extent of the object in pixels that the error is relative to. error: standard deviation
    as a share of it. Closed paths stay free of self-intersections and keep an area.
    """
    moved = _move(paths, size=size, error=error, rng=rng, frame=frame)
    return [_follow_path(path, size=size, error=error, rng=rng, frame=frame, is_closed=is_closed) for path in moved]


def _move(paths: Sequence[FloatArray], *, size: float, error: float, rng: Random, frame: Frame) -> list[FloatArray]:
    """Shift the four sides of the bounding box independently and stretch the paths with it."""
    points = np.concatenate(paths)
    low, high = points.min(axis=0), points.max(axis=0)
    start, factor = np.zeros(2), np.ones(2)
    for axis, limit in enumerate((frame.width, frame.height)):
        side = float(high[axis] - low[axis])
        by = min(side, size)
        begin, end = span(low[axis] + slip(rng, error) * by, high[axis] + slip(rng, error) * by, limit)
        start[axis] = begin
        # A straight line along the other axis has no extent that could be stretched.
        factor[axis] = (end - begin) / side if side > SMALLEST else 1.0
    return [clip(start + (path - low) * factor, frame) for path in paths]


def _follow_path(
    path: FloatArray, *, size: float, error: float, rng: Random, frame: Frame, is_closed: bool
) -> FloatArray:
    """A part of an object is followed with the precision that its own size asks for."""
    own = min(size, float(np.ptp(path, axis=0).max()))
    for _ in range(_ATTEMPTS):
        vertices = _vertices(path, tolerance=error * own * rng.uniform(*_CUT_CORNERS), is_closed=is_closed)
        vertices = _click_again(vertices, longest=_LONG_EDGE * size, rng=rng, is_closed=is_closed)
        off = np.array([[slip(rng, _VERTEX_SHARE * error) * own for _ in range(2)] for _ in vertices])
        drawn = np.round(clip(vertices + off, frame), DECIMALS)
        if not is_closed or _is_outline(drawn, of=path):
            return drawn
        error /= 2
    return path


def _vertices(path: FloatArray, *, tolerance: float, is_closed: bool) -> FloatArray:
    """Drop the vertices that a person with this tolerance in pixels leaves out (Douglas and Peucker 1973)."""
    if is_closed:
        simpler = shapely.Polygon(path).simplify(tolerance, preserve_topology=True)
        ring: FloatArray = shapely.get_coordinates(shapely.get_exterior_ring(simpler))[:-1]
        # Nothing is left of outlines without area.
        return ring if len(ring) > 2 else path
    return np.asarray(shapely.get_coordinates(shapely.LineString(path).simplify(tolerance)))


def _click_again(vertices: FloatArray, *, longest: float, rng: Random, is_closed: bool) -> FloatArray:
    """Add the middle of some of the long edges."""
    out = []
    for at, vertex in enumerate(vertices):
        out.append(vertex)
        if at + 1 == len(vertices) and not is_closed:
            break
        after = vertices[(at + 1) % len(vertices)]
        if np.hypot(*(after - vertex)) > longest and rng.random() < 0.5:
            out.append((vertex + after) / 2)
    return np.array(out)


def _is_outline(ring: FloatArray, *, of: FloatArray) -> bool:
    """Whether the ring can be drawn for the other: simple, and not collapsed to a fraction of its area."""
    drawn, true = shapely.Polygon(ring), shapely.Polygon(of)
    return bool(drawn.is_valid and drawn.area > true.area / 2)
