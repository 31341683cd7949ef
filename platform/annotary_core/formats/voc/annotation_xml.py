"""Writer for the VOC-like XML that ILSVRC uses for boxes.

Pixel convention of the VOC development kit (§8.1): pixels are counted from 1 and both corners belong to the box, so
xmin = left + 1 and xmax = right in the canonical outer-corner frame, and a box that covers only the first pixel is
(1, 1, 1, 1). Coordinates are integers: an edge is rounded to the nearest line between pixels (half away from zero),
so it moves by at most half a pixel, and a sliver keeps one whole pixel.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from typing import Any
from xml.sax.saxutils import escape

from annotary_core.formats.held_objects import HeldObject
from annotary_core.labels.names import replace_control
from annotary_core.labels.shapes.box import Box


def voc_corners(box: Box, width: int, height: int) -> tuple[int, int, int, int]:
    """Return xmin, ymin, xmax, ymax of a canonical box, in 1 to width and 1 to height."""
    left, top, right, bottom = box.bounds()
    xmin, xmax = _span(left, right, width)
    ymin, ymax = _span(top, bottom, height)
    return xmin, ymin, xmax, ymax


def _span(low: float, high: float, limit: int) -> tuple[int, int]:
    first, last = math.floor(low + 0.5), math.floor(high + 0.5)
    if last <= first:
        # Both edges round to the same line: keep the pixel that contains the sliver's center.
        first = min(math.floor((low + high) / 2), limit - 1)
        last = first + 1
    return first + 1, last


def annotation_xml(
    *, folder: str, file_name: str, size: tuple[int, int, int], boxes: Iterable[tuple[str, HeldObject]]
) -> bytes:
    """Return the file of one image. `size` is width, height, channels; each box comes with the name of its class."""
    width, height, depth = size
    lines = [
        "<annotation>",
        f"\t<folder>{_text(folder)}</folder>",
        f"\t<filename>{_text(file_name)}</filename>",
        "\t<source>\n\t\t<database>Annotary</database>\n\t</source>",
        f"\t<size>\n\t\t<width>{width}</width>\n\t\t<height>{height}</height>\n\t\t<depth>{depth}</depth>\n\t</size>",
        "\t<segmented>0</segmented>",
    ]
    for name, box in boxes:
        xmin, ymin, xmax, ymax = voc_corners(box.geom, width, height)
        lines += [
            f"\t<object>\n\t\t<name>{_text(name)}</name>",
            f"\t\t<pose>{_text(str(box.attrs.get('pose') or 'Unspecified'))}</pose>",
            f"\t\t<truncated>{_flag(box.attrs, 'truncated')}</truncated>",
            f"\t\t<difficult>{_flag(box.attrs, 'difficult')}</difficult>",
            f"\t\t<bndbox>\n\t\t\t<xmin>{xmin}</xmin>\n\t\t\t<ymin>{ymin}</ymin>",
            f"\t\t\t<xmax>{xmax}</xmax>\n\t\t\t<ymax>{ymax}</ymax>\n\t\t</bndbox>\n\t</object>",
        ]
    return ("\n".join([*lines, "</annotation>"]) + "\n").encode("ascii", "xmlcharrefreplace")


def _flag(attrs: Mapping[str, Any], name: str) -> int:
    return 1 if attrs.get(name) in (True, 1, "1", "true", "yes") else 0


def _text(value: str) -> str:
    # XML 1.0 allows no control characters or lone surrogates, not even escaped.
    return escape(replace_control(value))
