"""The outline of what is visible of an object, from its mask."""

from __future__ import annotations

import numpy as np
import shapely
from scipy import ndimage

from annotary_core.labels.arrays import BoolArray, FloatArray
from annotary_core.labels.shapes.contours import trace
from annotary_core.labels.shapes.mask import Window
from annotary_core.labels.shapes.rings import simplify, to_shapely

#: In pixels, largest first: how far an outline may be from the edges of the pixels, for fewer vertices,
_TOLERANCES = (1.0, 0.5, 0.25)
#: as long as its area stays within this share of theirs.
_AREA_ERROR = 0.01
#: The smallest parts, specks of an antialiased edge, are left out up to this share of the area.
_SPECKS = 0.01


def outline_of(mask: BoolArray) -> tuple[FloatArray, ...]:
    """Return closed paths around the parts of a mask, shape (k, 2) each: x and y in pixels from the outer corner of the
    first pixel, without repeating the first vertex. Holes are filled, as people do when they outline a cup.
    """
    window = Window(0, 0, _without_specks(ndimage.binary_fill_holes(mask))).trimmed()
    exact = trace(window)
    for tolerance in _TOLERANCES:
        simpler = simplify(exact, tolerance)
        if abs(shapely.area(to_shapely(simpler)) - window.area) <= _AREA_ERROR * window.area:
            return tuple(ring for ring, *_ in simpler)
    return tuple(ring for ring, *_ in exact)


def _without_specks(mask: BoolArray) -> BoolArray:
    label = ndimage.label(mask)[0]
    sizes = np.bincount(label.ravel())[1:]
    order = np.argsort(sizes)
    specks = order[np.cumsum(sizes[order]) <= _SPECKS * sizes.sum()] + 1
    kept: BoolArray = mask & ~np.isin(label, specks)
    return kept
