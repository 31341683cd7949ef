"""Reader for Pascal VOC XML: one file per image, as VOC, ILSVRC and labelImg write it.

Pixel convention (VOC development kit §8.1): pixels are counted from 1 and both corners belong to the box, so the
canonical outer corners are (xmin - 1, ymin - 1) and (xmax, ymax). Many tools count from 0 nevertheless; their boxes
come out one pixel larger at the top and left, and an xmin of 0 is clipped to the image like any overshoot of
one pixel. Nothing in a file distinguishes the two conventions.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import ClassVar
from xml.etree.ElementTree import Element

from defusedxml import DefusedXmlException
from defusedxml.ElementTree import ParseError, fromstring

from annotary_core.formats.ground_truth import (
    GroundTruthObject,
    GroundTruthRecord,
    Problem,
    ReportProblem,
    Unreadable,
    class_name,
    ground_truth_object,
    posix_name,
)
from annotary_core.formats.label_files import bounded_bytes, files_with, shown

_SUFFIXES = frozenset({".xml"})
# A VOC file describes one image; this is enough for ten thousand objects.
_LIMIT = 4 * 1024 * 1024


class Voc:
    """Pascal VOC XML."""

    name: ClassVar[str] = "voc"
    title: ClassVar[str] = "Pascal VOC XML"

    def accepts(self, path: Path) -> bool:
        """Whether any XML file contains an annotation; a broken file does not hide the good ones."""
        return any(_looks_like(file) for file in files_with(path, _SUFFIXES))

    def read(self, path: Path, report: ReportProblem) -> Iterator[GroundTruthRecord]:
        """See `Reader.read`. A file that cannot be read or has one bad box is refused as a whole."""
        for file in files_with(path, _SUFFIXES):
            try:
                record = _record(bounded_bytes(file, _LIMIT))
            except Unreadable as error:
                report(Problem(shown(file, path), str(error)))
            else:
                yield record


def _looks_like(file: Path) -> bool:
    with file.open("rb") as stream:
        return b"<annotation" in stream.read(4096)


def _record(body: bytes) -> GroundTruthRecord:
    try:
        root: Element = fromstring(body, forbid_dtd=True)
    except DefusedXmlException as error:
        raise Unreadable(
            "The file declares a document type or entities, which labels never need. Remove them."
        ) from error
    except (ParseError, ValueError, LookupError) as error:
        raise Unreadable(f"The file is not well-formed XML: {error}.") from error
    if root.tag != "annotation":
        raise Unreadable("The file is not Pascal VOC: its root element is not <annotation>.")
    size = _side(root, "width"), _side(root, "height")
    boxes = tuple(_box(each, size) for each in root.iterfind("object"))
    return GroundTruthRecord(posix_name(root.findtext("filename") or ""), *size, None, boxes)


def _side(root: Element, key: str) -> int | None:
    """Return the width or height, or None: tools that do not know it omit it or write 0."""
    text = root.findtext(f"size/{key}")
    if text is None or not text.strip():
        return None
    side = _number(text)
    if side < 0 or side != int(side):
        raise Unreadable(f"The {key} is {text.strip()[:20]}. Use a whole number of pixels.")
    return int(side) or None


def _box(each: Element, size: tuple[int | None, int | None]) -> GroundTruthObject:
    name = class_name(each.findtext("name"))
    corners = each.find("bndbox")
    if corners is None:
        raise Unreadable(f"An object of class {name} has no bndbox. Only boxes are supported in VOC files.")
    xmin, ymin, xmax, ymax = (_number(corners.findtext(key) or "") for key in ("xmin", "ymin", "xmax", "ymax"))
    return ground_truth_object(name, xmin - 1, ymin - 1, xmax, ymax, size)


def _number(text: str) -> float:
    try:
        number = float(text)
    except ValueError:
        number = float("nan")
    if not abs(number) < 1e9:  # false for NaN too
        raise Unreadable(f"“{text.strip()[:20]}” is not a number of pixels. Correct the label file.")
    return number
