"""From a boolean window to polygons along the edges of its pixels, exact: rasterising them gives the window back.

Pixels that touch at a corner alone are separate parts, so each part is one 4-connected piece with one outer ring, and
its holes are the rings inside; what stands in a hole is a part of its own. This is the nesting of the even-odd rule,
found without comparing rings. Rings touch themselves nowhere (where an outline passes a corner twice it is split there
into outline and hole), hence the polygons are valid in the sense of the OGC's simple features.

An outline has a corner where the four pixels around a grid point are neither all alike nor two and two on the sides of
a line. Between corners it runs straight, alternately along a row and a column, so sorting the corners by row pairs the
ends of horizontal runs, and by column those of vertical ones. Runs go clockwise on the screen around the mask: right
above it, left below it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from scipy import ndimage

from annotary_core.labels.arrays import BoolArray, FloatArray, IntArray
from annotary_core.labels.shapes.mask import Shape, Window


@dataclass(frozen=True, slots=True)
class _Corners:
    """Corners of all outlines, shape (c,); a grid point between two diagonal pixels stands here twice.

    x, y: the grid point. right, down: whether the runs that meet here lie right of and below it. leaves: the outline
    goes on along the row. part: the piece of the mask whose outline it is, from 1.
    """

    x: IntArray
    y: IntArray
    right: BoolArray
    down: BoolArray
    leaves: BoolArray
    part: IntArray


def trace(window: Window, scale: float = 1.0) -> Shape:
    """The outlines of a mask in pixels of the image; `scale` is cells of the window a pixel, 1 where cells are pixels.

    Parts come in the order of their first pixels, row by row; outer rings run clockwise on the screen (y down), holes
    the other way. An empty mask has no parts.
    """
    corners = _corners(np.pad(window.pixels, 1))
    ahead = _successors(corners)
    origin = np.array([window.x, window.y])
    points = np.stack([corners.x, corners.y], axis=1)
    found: dict[int, list[FloatArray]] = {}
    for cycle in _cycles(ahead):
        part = int(corners.part[cycle[0]])
        for loop in _loops(cycle, points):
            found.setdefault(part, []).append((points[loop] + origin) / scale)
    return tuple(tuple(sorted(rings, key=_is_hole)) for _, rings in sorted(found.items()))


def _corners(padded: BoolArray) -> _Corners:
    label = ndimage.label(padded)[0]
    a, b, c, d = padded[:-1, :-1], padded[:-1, 1:], padded[1:, :-1], padded[1:, 1:]
    bend = (a ^ b ^ c ^ d) | ((a == d) & (b == c) & (a != b))
    y, x = np.nonzero(bend)
    a, b, c, d = a[y, x], b[y, x], c[y, x], d[y, x]
    twin = (a == d) & (b == c)
    # At a diagonal each pixel keeps its own corner: the upper pixel's first, then the lower one's.
    right = np.where(twin, b, b != d)
    down = np.where(twin, False, c != d)
    x, y = np.concatenate([x, x[twin]]), np.concatenate([y, y[twin]])
    right, down = np.concatenate([right, ~b[twin]]), np.concatenate([down, np.ones(int(twin.sum()), np.bool_)])
    # Right of the direction lies the mask: going right it is below, going left above.
    leaves = np.where(right, padded[y + 1, x + 1] & ~padded[y, x + 1], padded[y, x] & ~padded[y + 1, x])
    # The run beside the corner borders the mask on one of its two sides.
    beside = x + right
    part = np.where(padded[y, beside], label[y, beside], label[y + 1, beside])
    return _Corners(x=x, y=y, right=right, down=down, leaves=leaves, part=part.astype(np.int64))


def _successors(corners: _Corners) -> IntArray:
    """The next corner of the outline for each corner."""
    ahead = np.empty(len(corners.x), np.int64)
    for order, goes in (
        (np.lexsort((corners.right, corners.x, corners.y)), corners.leaves),
        (np.lexsort((corners.down, corners.y, corners.x)), ~corners.leaves),
    ):
        first, second = order[::2], order[1::2]
        ahead[first[goes[first]]] = second[goes[first]]
        ahead[second[goes[second]]] = first[goes[second]]
    return ahead


def _cycles(ahead: IntArray) -> Iterator[list[int]]:
    step = ahead.tolist()
    waiting = np.ones(len(step), np.bool_).tolist()
    for start in range(len(step)):
        cycle = []
        at = start
        while waiting[at]:
            waiting[at] = False
            cycle.append(at)
            at = step[at]
        if cycle:
            yield cycle


def _loops(cycle: list[int], points: IntArray) -> list[list[int]]:
    """An outline cut at every point that it passes twice, so that each loop passes none twice."""
    places = list(map(tuple, points[cycle].tolist()))
    if len(set(places)) == len(places):
        return [cycle]
    loops: list[list[int]] = []
    path: list[int] = []
    on_path: dict[tuple[int, ...], int] = {}
    for corner, place in zip(cycle, places, strict=True):
        if place in on_path:
            at = on_path[place]
            loop, path = path[at:], path[:at]
            for passed in loop:
                del on_path[tuple(points[passed].tolist())]
            loops.append(loop)
        on_path[place] = len(path)
        path.append(corner)
    return [*loops, path]


def _is_hole(ring: FloatArray) -> bool:
    x, y = ring[:, 0], ring[:, 1]
    return bool(np.dot(x, np.roll(y, -1)) < np.dot(y, np.roll(x, -1)))
