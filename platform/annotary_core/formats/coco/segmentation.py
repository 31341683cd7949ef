"""Reads the `segmentation` of a COCO annotation as a polygon, the way pycocotools reads it as a mask.

- A list of outlines, [x, y, x, y, ...] each, is the union of what they enclose. Outlines that cross themselves are
  filled by the even-odd rule; those that enclose nothing (fewer than three points, or all on one line) add nothing.
- An RLE mask, compressed or not, is traced along the edges of its pixels, so holes stay holes and the polygon covers
  exactly the pixels of the mask.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import msgspec
import numpy as np

from annotary_core.formats.errors import Unreadable
from annotary_core.formats.ground_truth import UnreadGeometry
from annotary_core.formats.loose_values import finite_number
from annotary_core.labels.answer import LabelObject
from annotary_core.labels.geometry import Frame
from annotary_core.labels.shapes.box import Box, BoxShape
from annotary_core.labels.shapes.contours import trace
from annotary_core.labels.shapes.mask import Window
from annotary_core.labels.shapes.polygon import Polygon, PolygonShape, enclosed_area, polygon_of
from annotary_core.labels.shapes.rle import Rle, decode, decode_counts

#: What programs write for an object without a mask, without the white space.
_NONE = (b"", b"null", b"[]", b"[[]]", b"{}", b'""')
#: With white space, they are not longer than this.
_SHORT = 256


@dataclass(frozen=True, slots=True)
class Segmentation(UnreadGeometry):
    """The segmentation of an annotation, undecoded: the outlines of a large file would take gigabytes as objects."""

    raw: msgspec.Raw = field(hash=False)

    @property
    def is_empty(self) -> bool:
        return bytes(memoryview(self.raw)[:_SHORT]).translate(None, b" \t\r\n") in _NONE

    def read(self, frame: Frame) -> Polygon:
        """See `UnreadGeometry.read`. The polygon is not yet checked against the image."""
        try:
            value = msgspec.json.decode(self.raw)
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
            raise Unreadable(f"The segmentation of an annotation cannot be read: {error}.") from error
        return read_segmentation(value, frame)


def read_segmentation(value: object, frame: Frame) -> Polygon:
    """Return the polygon that a decoded segmentation describes, in an image of this size. Raises Unreadable."""
    value = unquoted(value)
    if isinstance(value, Mapping):
        return _traced(value, frame)
    if not isinstance(value, list):
        raise Unreadable("The segmentation of an annotation is neither a list of outlines nor an RLE mask.")
    # Some programs write the only outline without the list around it.
    outlines = value if all(isinstance(each, list) for each in value) else [value]
    rings = [_vertices(outline) for outline in outlines]
    polygon = polygon_of([[ring] for ring in rings if len(ring) > 2])
    parts = tuple(part for part in polygon.parts if enclosed_area(part[0]) is not None)
    if not parts:
        raise Unreadable("The segmentation of an annotation encloses no area. Draw it with at least three points.")
    return Polygon(parts)


def label_objects(annotations: Iterable[Mapping[str, Any]], frame: Frame) -> tuple[LabelObject, ...]:
    """Return the objects of an image of one of our releases, from its annotations as pycocotools loads them.

    Their ids are those of the annotations. Raises Unreadable.
    """
    return tuple(_label_object(each, frame) for each in annotations)


def unquoted(value: object) -> object:
    """Return the value itself, or what its text says: a table that was converted to JSON has lists as text."""
    if not isinstance(value, str):
        return value
    try:
        return msgspec.json.decode(value)
    except (msgspec.MsgspecError, UnicodeEncodeError, RecursionError):
        return None


def _label_object(annotation: Mapping[str, Any], frame: Frame) -> LabelObject:
    number, segmentation = annotation["category_id"], annotation["segmentation"]
    if segmentation:
        return LabelObject(str(annotation["id"]), number, PolygonShape.name, read_segmentation(segmentation, frame))
    return LabelObject(str(annotation["id"]), number, BoxShape.name, Box(*annotation["bbox"]))


def _vertices(outline: list[object]) -> list[tuple[float, float]]:
    sides = [number for number in map(finite_number, outline) if number is not None]
    if len(sides) < len(outline) or len(sides) % 2:
        raise Unreadable("An outline of an annotation is not a list of pairs of finite numbers. Correct the file.")
    return list(zip(sides[::2], sides[1::2], strict=True))


def _traced(value: Mapping[str, object], frame: Frame) -> Polygon:
    size = [_whole(each) for each in _list(unquoted(value.get("size")))]
    if size != [frame.height, frame.width]:
        shown = f"{size[1]} x {size[0]}" if len(size) == 2 else "unknown"
        raise Unreadable(
            f"The mask of an annotation is for an image of {shown} pixels, not {frame.width} x {frame.height}."
        )
    mask = _mask(value.get("counts"), (frame.height, frame.width))
    parts = trace(mask)
    if not parts:
        raise Unreadable("The mask of an annotation is empty. Draw the object or remove it.")
    return polygon_of([[ring.tolist() for ring in part] for part in parts])


def _mask(counts: object, size: tuple[int, int]) -> Window:
    """Decode the runs of an RLE mask: packed as text, or a list of numbers."""
    runs = counts if isinstance(counts, str) else [_whole(each) for each in _list(counts)]
    try:
        if isinstance(runs, str):
            return decode(Rle(size, runs.encode("ascii")))
        return decode_counts(np.array(runs, np.int64), size)
    except (ValueError, OverflowError) as error:
        raise Unreadable(f"The mask of an annotation cannot be read. {error}") from error


def _list(value: object) -> list[object]:
    if not isinstance(value, list):
        raise Unreadable("The mask of an annotation needs a size, [height, width], and counts.")
    return value


def _whole(value: object) -> int:
    number = finite_number(value)
    if number is None or not number.is_integer():
        raise Unreadable("The mask of an annotation has a size or a run that is not a whole number.")
    return int(number)
