"""Reader for COCO JSON with boxes: object detection as cocodataset.org describes it, and Annotary's own releases.

`bbox` is [x, y, width, height] and already in the canonical frame. An image that is listed without annotations was
annotated and is empty. Annotary's releases keep the class of a whole image in the image's entry under `annotary`.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import ClassVar

import msgspec

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

_SUFFIXES = frozenset({".json"})
# COCO's instances_train2017.json has 448 MB with its polygons. Entries stay undecoded bytes until they are needed.
_LIMIT = 512 * 1024 * 1024
_SNIFF_BYTES = 64 * 1024
_KEYS = (b'"images"', b'"annotations"', b'"categories"', b'"bbox"')


class _Document(msgspec.Struct):
    """A COCO file whose entries are decoded one by one later, so that a bad entry costs one image and not the file."""

    images: list[msgspec.Raw]
    categories: list[msgspec.Raw]
    annotations: list[msgspec.Raw]


class _Category(msgspec.Struct):
    id: int
    name: str


class _OwnImage(msgspec.Struct):
    cls: str | None = msgspec.field(name="class", default=None)


class _Image(msgspec.Struct):
    id: int | str
    file_name: str
    width: int | None = None
    height: int | None = None
    annotary: _OwnImage | None = None


class _Annotation(msgspec.Struct):
    image_id: int | str
    category_id: int
    bbox: tuple[float, float, float, float]
    iscrowd: int = 0


class _ImageOf(msgspec.Struct):
    image_id: int | str


class Coco:
    """COCO JSON."""

    name: ClassVar[str] = "coco"
    title: ClassVar[str] = "COCO JSON"

    def accepts(self, path: Path) -> bool:
        return any(_looks_like(file) for file in files_with(path, _SUFFIXES))

    def read(self, path: Path, report: ReportProblem) -> Iterator[GroundTruthRecord]:
        """See `Reader.read`. If several files describe one image, the first is used; a disagreement is reported."""
        seen: dict[str, GroundTruthRecord] = {}
        for file in files_with(path, _SUFFIXES):
            if path.is_dir() and not _looks_like(file):
                continue
            try:
                for record in _records(bounded_bytes(file, _LIMIT), report, shown(file, path)):
                    first = seen.setdefault(record.file_name, record)
                    if first is record:
                        yield record
                    elif first != record:
                        report(Problem(record.file_name, "Two entries disagree on this image. The first one is used."))
            except Unreadable as error:
                report(Problem(shown(file, path), str(error)))


def _looks_like(file: Path) -> bool:
    """Whether the file has COCO keys at either end, in any order; small files are checked completely."""
    with file.open("rb") as stream:
        head = stream.read(_SNIFF_BYTES)
        stream.seek(max(0, file.stat().st_size - _SNIFF_BYTES))
        ends = head + stream.read(_SNIFF_BYTES)
    return head.lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"{") and sum(key in ends for key in _KEYS) >= 2


def _records(body: bytes, report: ReportProblem, file: str) -> Iterator[GroundTruthRecord]:
    """Yield the records of one file. Raises Unreadable if the file as a whole is not COCO."""
    try:
        document = msgspec.json.decode(body.removeprefix(b"\xef\xbb\xbf"), type=_Document)
        categories = [msgspec.json.decode(raw, type=_Category) for raw in document.categories]
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise Unreadable(f"The file is not COCO JSON with boxes: {error}.") from error
    names = {each.id: each.name for each in categories}
    if len(names) != len(categories):
        raise Unreadable("Two categories have the same id, so their labels are ambiguous. Give each its own id.")
    by_image = _annotations_by_image(document.annotations, report, file)
    seen: set[int | str] = set()
    for raw in document.images:
        try:
            image = msgspec.json.decode(raw, type=_Image)
        except (msgspec.MsgspecError, UnicodeDecodeError) as error:
            report(Problem(file, f"An image entry cannot be read: {error}."))
            continue
        if image.id in seen:
            report(Problem(file, f"Two images have the id {image.id}. The first one is used."))
            continue
        seen.add(image.id)
        try:
            yield _record(image, by_image.pop(image.id, []), names)
        except Unreadable as error:
            report(Problem(image.file_name, str(error)))
    for image_id, orphans in by_image.items():
        report(Problem(file, f"{len(orphans)} annotations refer to image {image_id}, which the file does not list."))


def _annotations_by_image(
    raws: list[msgspec.Raw], report: ReportProblem, file: str
) -> dict[int | str, list[msgspec.Raw]]:
    by_image: dict[int | str, list[msgspec.Raw]] = defaultdict(list)
    for raw in raws:
        try:
            by_image[msgspec.json.decode(raw, type=_ImageOf).image_id].append(raw)
        except (msgspec.MsgspecError, UnicodeDecodeError) as error:
            report(Problem(file, f"An annotation has no valid image_id: {error}."))
    return dict(by_image)


def _record(image: _Image, raws: list[msgspec.Raw], names: dict[int, str]) -> GroundTruthRecord:
    size = image.width or None, image.height or None
    if any(side is not None and side < 0 for side in size):
        raise Unreadable("Its width or height is negative. Correct the label file.")
    boxes = tuple(_box(raw, size, names) for raw in raws)
    image_class = image.annotary.cls if image.annotary else None
    image_class = None if image_class is None else class_name(image_class)
    return GroundTruthRecord(posix_name(image.file_name), *size, image_class, boxes)


def _box(raw: msgspec.Raw, size: tuple[int | None, int | None], names: dict[int, str]) -> GroundTruthObject:
    try:
        each = msgspec.json.decode(raw, type=_Annotation)
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise Unreadable(f"One of its annotations is not a box: {error}.") from error
    if each.iscrowd:
        raise Unreadable("It contains a crowd region, not single objects. Draw the objects or leave out the image.")
    if each.category_id not in names:
        raise Unreadable(f"One of its annotations has category {each.category_id}, which the file does not list.")
    x, y, w, h = each.bbox
    return ground_truth_object(class_name(names[each.category_id]), x, y, x + w, y + h, size)
