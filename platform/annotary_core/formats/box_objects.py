"""The objects of a canonical answer, prepared for box formats: classes resolved, geometry checked."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from annotary_core.formats.base import ReleaseRecord
from annotary_core.formats.errors import ReleaseError
from annotary_core.formats.report import ExportReport
from annotary_core.labels.schema import LabelClass
from annotary_core.labels.shapes.box import Box, box_from_corners


@dataclass(frozen=True, slots=True)
class BoxObject:
    """A box in the canonical frame, inside its image."""

    id: str
    cls: LabelClass
    geom: Box
    attrs: Mapping[str, Any]


class ClassTable:
    """The classes of a release, indexed by the number that answers use."""

    def __init__(self, classes: Iterable[LabelClass]) -> None:
        self._by_number = {each.number: each for each in classes}

    def find(self, number: int, record: ReleaseRecord) -> LabelClass:
        """Return the class. Raises ReleaseError if the schema has no such class: a format never invents one."""
        cls = self._by_number.get(number)
        if cls is None:
            raise ReleaseError(
                f"The label of {record.file_name} uses class number {number}, which is not in the release's label"
                " schema. Review that label again."
            )
        return cls


def image_class(record: ReleaseRecord, table: ClassTable) -> LabelClass | None:
    """Return the class that the answer gives the whole image, or None."""
    number = (record.label.get("image") or {}).get("class")
    return None if number is None else table.find(number, record)


def boxes_of(record: ReleaseRecord, table: ClassTable, report: ExportReport) -> list[BoxObject]:
    """Return the boxes of an answer in its order; objects of other shapes are reported as left out.

    Raises ReleaseError for a box that is not inside the image or a class that is not in the schema.
    """
    boxes = []
    for each in record.label.get("objects") or ():
        tool = str(each["tool"])
        if tool == "box":
            boxes.append(_box(each, record, table))
        else:
            sentence = f"This format only contains boxes. Objects drawn with the tool {tool} are left out."
            report.leave_out(f"tool:{tool}", sentence, f"{record.file_name} #{each['id']}")
    return boxes


def _box(each: Mapping[str, Any], record: ReleaseRecord, table: ClassTable) -> BoxObject:
    x, y, w, h = (float(each["geom"][key]) for key in ("x", "y", "w", "h"))
    geom = box_from_corners(x, y, x + w, y + h) if all(map(math.isfinite, (x, y, w, h))) else Box(0, 0, 0, 0)
    left, top, right, bottom = geom.bounds()
    if not (0 <= left < right <= record.width and 0 <= top < bottom <= record.height):
        raise ReleaseError(
            f"A box of {record.file_name} is empty or extends outside the image. Review that label again."
        )
    return BoxObject(str(each["id"]), table.find(each["class"], record), geom, each.get("attrs") or {})
