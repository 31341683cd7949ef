"""The objects of an answer that a format can hold: classes resolved, geometry checked, the others counted.

A format names the shapes that it can hold. An object of any other shape is left out and reported, never dropped
silently.
"""

from __future__ import annotations

from collections.abc import Container, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from annotary_core.formats.base import ReleaseRecord
from annotary_core.formats.errors import ReleaseError
from annotary_core.formats.report import ExportReport
from annotary_core.labels.answer import LabelObject
from annotary_core.labels.schema import LabelClass
from annotary_core.labels.shapes import SHAPES


@dataclass(frozen=True, slots=True)
class HeldObject:
    """An object in the canonical frame, inside its image; `geom` is a geometry of the shape `tool`."""

    id: str
    cls: LabelClass
    tool: str
    geom: Any
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
    number = record.label.image.class_number
    return None if number is None else table.find(number, record)


def held_objects(
    record: ReleaseRecord, table: ClassTable, report: ExportReport, shapes: Container[str]
) -> list[HeldObject]:
    """Return the objects of these shapes in the answer's order; the others are reported as left out.

    Raises ReleaseError for an object that is not inside the image or a class that is not in the schema.
    """
    held = []
    for each in record.label.objects:
        if each.tool in shapes:
            held.append(_checked(each, record, table))
        else:
            report.leave_out_object(each.tool, f"{record.file_name} #{each.id}")
    return held


def _checked(each: LabelObject, record: ReleaseRecord, table: ClassTable) -> HeldObject:
    left, top, right, bottom = each.geom.bounds()
    # Written so that numbers that are not finite are refused as well.
    if not (0 <= left < right <= record.width and 0 <= top < bottom <= record.height):
        raise ReleaseError(
            f"A {SHAPES[each.tool].noun.one} of {record.file_name} is empty or extends outside the image. Review that"
            " label again."
        )
    return HeldObject(each.id, table.find(each.class_number, record), each.tool, each.geom, each.attrs)
