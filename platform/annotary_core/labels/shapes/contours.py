"""Exact contour tracing of a boolean window along pixel edges: rasterizing the polygons restores the window.

Pixels that touch only at a corner are separate parts, so each part is one 4-connected component with one outer ring,
and its holes are the rings inside; a component inside a hole is a part of its own. This is the nesting of the even-odd
rule, obtained without comparing rings. Rings never touch themselves (an outline that passes a corner twice is split
there into outline and hole), so the polygons are valid OGC simple features.

A contour has a corner where the four pixels around a grid point are neither all equal nor split two and two by a line.
Between corners it runs straight, alternately along a row and a column, so sorting the corners by row pairs the ends of
horizontal runs, and by column those of vertical ones. Runs go clockwise on the screen around the mask: rightward above
it, leftward below it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from scipy import ndimage

from annotary_core.labels.arrays import BoolArray, FloatArray, IntArray
from annotary_core.labels.shapes.mask import Window
from annotary_core.labels.shapes.rings import Parts


@dataclass(frozen=True, slots=True)
class _Corners:
    """Corners of all contours, shape (c,); a grid point between two diagonal pixels appears twice.

    x, y: the grid point. right, down: whether the runs that meet here lie right of and below it. leaves: whether the
    contour leaves along the row. part: the component of the mask that the contour belongs to, from 1.
    """

    x: IntArray
    y: IntArray
    right: BoolArray
    down: BoolArray
    leaves: BoolArray
    part: IntArray


def trace(window: Window, scale: float = 1.0) -> Parts:
    """Trace the contours of a mask in pixels of the image; `scale` is window cells per pixel, 1 if cells are pixels.

    Parts are ordered by their first pixels, row by row; outer rings run clockwise on the screen (y down), holes
    counterclockwise. An empty mask has no parts.
    """
    corners = _corners(np.pad(window.pixels, 1))
    successor = _successors(corners)
    origin = np.array([window.x, window.y])
    points = np.stack([corners.x, corners.y], axis=1)
    parts: dict[int, list[FloatArray]] = {}
    for cycle in _cycles(successor):
        part = int(corners.part[cycle[0]])
        for loop in _loops(cycle, points):
            parts.setdefault(part, []).append((points[loop] + origin) / scale)
    return tuple(tuple(sorted(rings, key=_is_hole)) for _, rings in sorted(parts.items()))


def _corners(padded: BoolArray) -> _Corners:
    label = ndimage.label(padded)[0]
    a, b, c, d = padded[:-1, :-1], padded[:-1, 1:], padded[1:, :-1], padded[1:, 1:]
    is_corner = (a ^ b ^ c ^ d) | ((a == d) & (b == c) & (a != b))
    y, x = np.nonzero(is_corner)
    a, b, c, d = a[y, x], b[y, x], c[y, x], d[y, x]
    is_diagonal = (a == d) & (b == c)
    # At a diagonal each pixel has its own corner: the upper pixel's first, then the lower one's.
    right = np.where(is_diagonal, b, b != d)
    down = np.where(is_diagonal, False, c != d)
    x, y = np.concatenate([x, x[is_diagonal]]), np.concatenate([y, y[is_diagonal]])
    right, down = (
        np.concatenate([right, ~b[is_diagonal]]),
        np.concatenate([down, np.ones(int(is_diagonal.sum()), np.bool_)]),
    )
    # The mask lies right of the direction: below a rightward run, above a leftward one.
    leaves = np.where(right, padded[y + 1, x + 1] & ~padded[y, x + 1], padded[y, x] & ~padded[y + 1, x])
    # The run next to the corner borders the mask on one of its two sides.
    adjacent_column = x + right
    part = np.where(padded[y, adjacent_column], label[y, adjacent_column], label[y + 1, adjacent_column])
    return _Corners(x=x, y=y, right=right, down=down, leaves=leaves, part=part.astype(np.int64))


def _successors(corners: _Corners) -> IntArray:
    """Return the next corner of the contour for each corner."""
    successor = np.empty(len(corners.x), np.int64)
    for order, goes in (
        (np.lexsort((corners.right, corners.x, corners.y)), corners.leaves),
        (np.lexsort((corners.down, corners.y, corners.x)), ~corners.leaves),
    ):
        first, second = order[::2], order[1::2]
        successor[first[goes[first]]] = second[goes[first]]
        successor[second[goes[second]]] = first[goes[second]]
    return successor


def _cycles(successor: IntArray) -> Iterator[list[int]]:
    step = successor.tolist()
    unvisited = np.ones(len(step), np.bool_).tolist()
    for start in range(len(step)):
        cycle = []
        at = start
        while unvisited[at]:
            unvisited[at] = False
            cycle.append(at)
            at = step[at]
        if cycle:
            yield cycle


def _loops(cycle: list[int], points: IntArray) -> list[list[int]]:
    """Split a contour at every repeated point, so that no loop passes a point twice."""
    grid_points = list(map(tuple, points[cycle].tolist()))
    if len(set(grid_points)) == len(grid_points):
        return [cycle]
    loops: list[list[int]] = []
    path: list[int] = []
    on_path: dict[tuple[int, ...], int] = {}
    for corner, grid_point in zip(cycle, grid_points, strict=True):
        if grid_point in on_path:
            at = on_path[grid_point]
            loop, path = path[at:], path[:at]
            for visited in loop:
                del on_path[tuple(points[visited].tolist())]
            loops.append(loop)
        on_path[grid_point] = len(path)
        path.append(corner)
    return [*loops, path]


def _is_hole(ring: FloatArray) -> bool:
    x, y = ring[:, 0], ring[:, 1]
    return bool(np.dot(x, np.roll(y, -1)) < np.dot(y, np.roll(x, -1)))
