"""The entries of a COCO file, decoded one by one, so that a bad entry costs one image and not the file.

Programs write numbers in many ways (see loose_values.py); all that mean the same are read the same.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, TypeVar

import msgspec

from annotary_core.formats.coco.segmentation import Segmentation, unquoted
from annotary_core.formats.errors import Unreadable
from annotary_core.formats.ground_truth import (
    GroundTruthObject,
    Problem,
    ReportProblem,
    box_of_corners,
    class_name,
    posix_name,
)
from annotary_core.formats.loose_values import entry_id, finite_number, flag, side_length, without_nan
from annotary_core.labels.shapes.box import BoxShape
from annotary_core.labels.shapes.polygon import PolygonShape

_T = TypeVar("_T")
# A full turn in degrees; CVAT writes the rotation of every box, mostly 0.
_TURN = 360.0


class Document(msgspec.Struct):
    """A COCO file. Its entries stay undecoded bytes, so that 448 MB of polygons do not become Python objects."""

    images: list[msgspec.Raw]
    categories: list[msgspec.Raw]
    annotations: list[msgspec.Raw]


class _RawCategory(msgspec.Struct):
    id: Any = None
    name: Any = None


class _RawImage(msgspec.Struct):
    id: Any = None
    file_name: Any = None
    width: Any = None
    height: Any = None
    annotary: Any = None
    extra: Any = None


class _RawAnnotation(msgspec.Struct):
    category_id: Any = None
    bbox: Any = None
    segmentation: msgspec.Raw = msgspec.Raw()
    iscrowd: Any = None
    attributes: Any = None


class _RawLink(msgspec.Struct):
    image_id: Any = None


@dataclass(frozen=True, slots=True)
class Category:
    """A category; `ambiguous` if the file gives its id several names."""

    name: str
    ambiguous: bool = False


@dataclass(frozen=True, slots=True)
class ImageEntry:
    """An entry of `images`; equal if they say the same. `refusal` says why its labels cannot be used.

    `file_name` is empty if the entry has no usable one.
    """

    file_name: str
    width: int | None = None
    height: int | None = None
    image_class: str | None = None
    original_name: str = ""
    refusal: str = ""
    location: str = field(default="", compare=False)


@dataclass(frozen=True, slots=True)
class LinkedAnnotation:
    """An annotation, undecoded, and its position among the annotations of the file, from 1."""

    raw: msgspec.Raw
    position: int


def read_document(body: bytes) -> Document:
    """Return the file's entries, undecoded. Raises Unreadable if the file as a whole is not COCO."""
    body = body.removeprefix(b"\xef\xbb\xbf")
    try:
        try:
            return msgspec.json.decode(body, type=Document)
        except msgspec.DecodeError:
            return msgspec.json.decode(without_nan(body), type=Document)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise Unreadable(f"The file is not COCO JSON with objects: {error}.") from error


def read_categories(raws: list[msgspec.Raw], report: ReportProblem, file: str) -> dict[int | str, Category]:
    """Return the categories by id; unusable entries are reported, and annotations that refer to them are refused."""
    categories: dict[int | str, Category] = {}
    nameless: set[int | str] = set()
    for position, raw in enumerate(raws, start=1):
        location = f"{file}, entry {position} of categories"
        try:
            entry = _decode(raw, _RawCategory)
        except Unreadable as error:
            report(Problem(file, f"A category cannot be read: {error}.", location))
            continue
        category_id, number = entry_id(entry.id), entry_id(entry.name)
        name = entry.name.strip() if isinstance(entry.name, str) else "" if number is None else str(number)
        if category_id is None or not name:
            report(Problem(file, "A category has no valid id or name. Correct the file.", location))
            nameless |= set() if category_id is None else {category_id}
            continue
        earlier = categories.setdefault(category_id, Category(name))
        if earlier.name != name:
            categories[category_id] = Category(name, ambiguous=True)
    return categories | {each: Category(categories[each].name, ambiguous=True) for each in nameless & categories.keys()}


def read_image(raw: msgspec.Raw, location: str) -> tuple[int | str | None, ImageEntry]:
    """Return an image's id, or None if it has no valid one, and its entry, which is refused if it lacks id or name.

    Raises Unreadable if neither can be used.
    """
    try:
        entry = _decode(raw, _RawImage)
    except Unreadable as error:
        raise Unreadable(f"An image entry cannot be read: {error}.") from error
    image_id = entry_id(entry.id)
    try:
        file_name = posix_name(entry.file_name)
    except Unreadable as error:
        if image_id is None:
            raise Unreadable(
                "An image entry has neither a valid id nor a valid file name. Correct the file."
            ) from error
        return image_id, ImageEntry("", refusal=str(error), location=location)
    if image_id is None:
        sentence = "Its entry has no valid id, so nobody knows which annotations are its own. Correct the file."
        return None, ImageEntry(file_name, refusal=sentence, location=location)
    try:
        size = side_length(entry.width, "width"), side_length(entry.height, "height")
        own = entry.annotary.get("class") if isinstance(entry.annotary, dict) else None
        image_class = None if own is None else class_name(own if isinstance(own, str) else None)
    except Unreadable as error:
        return image_id, ImageEntry(file_name, refusal=str(error), location=location)
    return image_id, ImageEntry(
        file_name, *size, image_class, original_name=_original_name(entry.extra), location=location
    )


def image_id_of(raw: msgspec.Raw) -> int | str | None:
    """Return the id of the image that an annotation belongs to, or None if it has no valid one."""
    try:
        return entry_id(_decode(raw, _RawLink).image_id)
    except Unreadable:
        return None


def object_of(
    raw: msgspec.Raw, size: tuple[int | None, int | None], categories: dict[int | str, Category]
) -> GroundTruthObject:
    """Return the object of an annotation in an image of this size (width, height). Raises Unreadable with a sentence.

    It has a polygon and a box, if the annotation has both; the polygon is read later, by those who use it.
    """
    try:
        entry = _decode(raw, _RawAnnotation)
    except Unreadable as error:
        raise Unreadable(f"One of its annotations is not an object: {error}.") from error
    crowd = flag(entry.iscrowd)
    if crowd is None:
        raise Unreadable(f"One of its annotations has the iscrowd {str(entry.iscrowd)[:20]}. Use 0 or 1.")
    if crowd:
        raise Unreadable("It contains a crowd region, not single objects. Draw the objects or leave out the image.")
    segmentation = Segmentation(entry.segmentation)
    outline = () if segmentation.is_empty else ((PolygonShape.name, segmentation),)
    if entry.bbox is None and outline:
        return GroundTruthObject(_category_name(entry.category_id, categories), outline)
    x, y, w, h = _bbox(entry.bbox)
    if _is_rotated(entry.attributes):
        raise Unreadable("One of its boxes is rotated. Only upright boxes are supported.")
    name = _category_name(entry.category_id, categories)
    box = box_of_corners(name, x, y, x + w, y + h, size)
    return GroundTruthObject(name, (*outline, (BoxShape.name, box)))


def _category_name(value: object, categories: dict[int | str, Category]) -> str:
    category_id = entry_id(value)
    category = None if category_id is None else categories.get(category_id)
    if category is None:
        shown = str(value if category_id is None else category_id)[:40]
        raise Unreadable(f"One of its annotations has category {shown}, which the file does not list.")
    if category.ambiguous:
        raise Unreadable(
            f"Two categories have the same id, {str(category_id)[:40]}, but not the same name. Give each its own id."
        )
    return class_name(category.name)


def _bbox(value: object) -> tuple[float, float, float, float]:
    """Return the four numbers of a bbox."""
    value = unquoted(value)
    numbers = [finite_number(each) for each in value] if isinstance(value, list) else []
    usable = [number for number in numbers if number is not None]
    if len(numbers) != 4 or len(usable) != 4:
        raise Unreadable("One of its annotations is not a box: bbox must be four finite numbers.")
    return usable[0], usable[1], usable[2], usable[3]


def _is_rotated(attributes: object) -> bool:
    angle = finite_number(attributes.get("rotation")) if isinstance(attributes, dict) else None
    return angle is not None and min(angle % _TURN, -angle % _TURN) > 0.01


def _original_name(extra: object) -> str:
    """Return the name that an image had before Roboflow renamed it, or the empty string."""
    try:
        return posix_name(extra.get("name")) if isinstance(extra, dict) else ""
    except Unreadable:
        return ""


def _decode(raw: msgspec.Raw, type_: type[_T]) -> _T:
    try:
        return msgspec.json.decode(raw, type=type_)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise Unreadable(str(error)) from error
