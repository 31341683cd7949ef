"""Reader for Pascal VOC XML: one file per image, as VOC, ILSVRC and labelImg write it.

Pixel convention (VOC development kit §8.1): pixels are counted from 1 and both corners belong to the box, so the
canonical outer corners are (xmin - 1, ymin - 1) and (xmax, ymax). Many tools count from 0 nevertheless; their boxes
come out one pixel larger at the top and left, and an xmin of 0 is clipped to the image like any overshoot of
one pixel. Nothing in a file distinguishes the two conventions.

A file has the name of its image (VOC development kit §2). <filename> repeats it, but goes stale when files are renamed
or copied, so both must lead to the same image. <folder> decides only if it names a split. If it is the name of the
folder that the file is in, the image probably is in one of that name, too.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import ClassVar
from xml.etree.ElementTree import Element

from defusedxml import DefusedXmlException
from defusedxml.ElementTree import ParseError, fromstring

from annotary_core.formats.errors import Unreadable
from annotary_core.formats.ground_truth import (
    Entry,
    GroundTruthObject,
    GroundTruthRecord,
    Problem,
    RefusedRecord,
    ReportProblem,
    box_of_corners,
    boxed,
    class_name,
    posix_name,
)
from annotary_core.formats.label_files import LabelFile, LabelFiles, bounded_bytes
from annotary_core.formats.loose_values import finite_number, side_length
from annotary_core.formats.split_folders import folder_key, last_folder, split_folder, split_of

_SUFFIXES = frozenset({".xml"})
# A VOC file describes one image; this is enough for ten thousand objects.
_LIMIT = 4 * 1024 * 1024
# ILSVRC's files contain a placeholder that was never replaced.
_NO_NAME = ("", "%s")


class Voc:
    """Pascal VOC XML."""

    name: ClassVar[str] = "voc"
    title: ClassVar[str] = "Pascal VOC XML"

    def accepts(self, files: LabelFiles) -> bool:
        """Whether any XML file contains an annotation; a broken file does not hide the good ones."""
        return any(_looks_like(file) for file in files.with_suffix(_SUFFIXES))

    def read(self, files: LabelFiles, report: ReportProblem) -> Iterator[Entry]:
        """See `Reader.read`. A file that cannot be read or has one bad box is refused as a whole."""
        for file in files.with_suffix(_SUFFIXES):
            try:
                yield _entry(file)
            except Unreadable as error:
                report(Problem(file.name, str(error), file.name))


def _looks_like(file: LabelFile) -> bool:
    with file.path.open("rb") as stream:
        return b"<annotation" in stream.read(4096)


def _entry(file: LabelFile) -> Entry:
    """Return the file's image. Raises Unreadable if it names none."""
    root = _root(bounded_bytes(file.path, _LIMIT))
    name, folder = _file_name(root, file), _label_folder(root, file)
    try:
        size = (side_length(root.findtext("size/width"), "width"), side_length(root.findtext("size/height"), "height"))
        boxes = tuple(_box(each, size) for each in _objects(root))
    except Unreadable as error:
        return RefusedRecord(name, Problem(file.name, str(error), file.name), folder)
    return GroundTruthRecord(
        name, *size, None, boxes, file.name, folder, own_name=_own_name(file), likely_folder=_likely_folder(root, file)
    )


def _root(body: bytes) -> Element:
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
    return root


def _file_name(root: Element, file: LabelFile) -> str:
    """Return the image's name, or that of the label file if the file gives none."""
    names = {(each.text or "").strip() for each in root.iterfind("filename")} - {*_NO_NAME}
    if len(names) > 1:
        raise Unreadable("The file has more than one <filename>. Keep the right one.")
    return posix_name(names.pop() if names else file.stem)


def _own_name(file: LabelFile) -> str:
    try:
        return posix_name(file.stem)
    except Unreadable:
        return ""


def _label_folder(root: Element, file: LabelFile) -> str:
    """Return the file's folder; if it is in no split's folder, but <folder> is one, then that one."""
    stated = _stated_folder(root)
    return stated if split_of(stated) and not split_folder(file.folder) else file.folder


def _likely_folder(root: Element, file: LabelFile) -> str:
    own, stated = last_folder(file.folder), _stated_folder(root)
    return own if own and folder_key(own) == folder_key(stated) else ""


def _stated_folder(root: Element) -> str:
    return last_folder((root.findtext("folder") or "").strip().replace("\\", "/").rstrip("/"))


def _objects(root: Element) -> list[Element]:
    """Return the objects. Raises Unreadable if any is not where it belongs: it would be missing from the labels."""
    objects = root.findall("object")
    anywhere = [each for each in root.iter() if isinstance(each.tag, str) and _local_name(each) == "object"]
    if len(anywhere) != len(objects):
        raise Unreadable("The file has objects in an unexpected place. Put each <object> directly into <annotation>.")
    return objects


def _local_name(element: Element) -> str:
    return str(element.tag).rpartition("}")[2].lower()


def _box(each: Element, size: tuple[int | None, int | None]) -> GroundTruthObject:
    name = class_name(each.findtext("name"))
    corners = each.findall("bndbox")
    if len(corners) != 1:
        count = "no bndbox" if not corners else f"{len(corners)} bndbox elements"
        raise Unreadable(f"An object of class {name} has {count}. Only objects with one box are supported.")
    xmin, ymin, xmax, ymax = (_number(corners[0].findtext(key) or "") for key in ("xmin", "ymin", "xmax", "ymax"))
    return boxed(name, box_of_corners(name, xmin - 1, ymin - 1, xmax, ymax, size))


def _number(text: str) -> float:
    number = finite_number(text)
    if number is None or abs(number) >= 1e9:
        raise Unreadable(f"“{text.strip()[:20]}” is not a number of pixels. Correct the label file.")
    return number
