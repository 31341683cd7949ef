"""What COCO says of the geometry of an object: `bbox`, `area` and `segmentation`, for each shape that it can hold.

- A box has the `segmentation` `[]`. Without the key, readers that index it fail on load; a rectangle in it would be a
  contour that no annotator drew, and mask training would silently learn it. Decoding such an annotation's mask fails
  loudly.
- A polygon without holes is a list of outlines, one for each part, each a list of x, y, x, y, ...
- A polygon with a hole is a compressed RLE mask, because a list of outlines cannot say that one of them is a hole:
  readers fill it. The mask has the pixels whose centers lie inside, so a hole survives to the pixel.

`bbox` is [x, y, w, h], from the geometry and not from the mask. The `area` of a polygon is that of its mask, in pixels,
where its parts overlap counted once.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import numpy as np

from annotary_core.labels.geometry import DECIMALS, Frame, fixed
from annotary_core.labels.shapes.box import Box, BoxShape, box_area
from annotary_core.labels.shapes.mask import Window
from annotary_core.labels.shapes.polygon import Polygon, PolygonShape
from annotary_core.labels.shapes.rings import rasterize
from annotary_core.labels.shapes.rle import encode


class CocoGeometry(NamedTuple):
    """The values of an annotation's keys. `content` is what a reader has to find in the segmentation."""

    bbox: tuple[float, float, float, float]
    area: float
    segmentation: list[list[float]] | dict[str, Any]
    content: object


def mask_content(mask: Window) -> object:
    """Return the pixels of a mask in hashable form, equal for equal masks."""
    trimmed = mask.trimmed()
    return trimmed.x, trimmed.y, trimmed.pixels.shape, np.packbits(trimmed.pixels).tobytes()


def _box(box: Box, _frame: Frame) -> CocoGeometry:
    # The product of two numbers with two decimals is exact in four; further digits are floating-point noise.
    return CocoGeometry((box.x, box.y, box.w, box.h), round(box_area(box), 2 * DECIMALS), [], ())


def _polygon(polygon: Polygon, frame: Frame) -> CocoGeometry:
    left, top, right, bottom = polygon.bounds()
    bbox = left, top, fixed(right - left), fixed(bottom - top)
    mask = rasterize(tuple(tuple(np.array(ring) for ring in part) for part in polygon.parts))
    if any(len(part) > 1 for part in polygon.parts):
        rle = encode(mask, frame)
        segmentation = {"counts": rle.counts.decode("ascii"), "size": list(rle.size)}
        return CocoGeometry(bbox, float(mask.area), segmentation, mask_content(mask))
    outlines = [[side for vertex in part[0] for side in vertex] for part in polygon.parts]
    return CocoGeometry(bbox, float(mask.area), outlines, tuple(map(tuple, outlines)))


#: The shapes that COCO can hold. Objects of others are left out of a release and counted.
HELD: Mapping[str, Callable[[Any, Frame], CocoGeometry]] = {BoxShape.name: _box, PolygonShape.name: _polygon}
