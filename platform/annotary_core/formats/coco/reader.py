"""Reader for COCO JSON: object detection as cocodataset.org describes it, and Annotary's own releases.

`bbox` is [x, y, width, height] and already in the canonical frame, as is `segmentation`: an annotation with both offers
a box and a polygon. An image that is listed without annotations was
annotated and is empty, unless annotations of the file lead to no image that it lists: their image may be another name
of this one. An annotation without image id may belong to any image, so then none of the file's can be used.
Annotary's releases keep the class of a whole image in the image's entry under `annotary`.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import ClassVar

import msgspec

from annotary_core.formats.coco.entries import (
    Category,
    ImageEntry,
    LinkedAnnotation,
    image_id_of,
    object_of,
    read_categories,
    read_document,
    read_image,
)
from annotary_core.formats.errors import Unreadable
from annotary_core.formats.ground_truth import Entry, GroundTruthRecord, Problem, RefusedRecord, ReportProblem
from annotary_core.formats.label_files import LabelFile, LabelFiles, bounded_bytes

_SUFFIXES = frozenset({".json"})
# COCO's instances_train2017.json has 448 MB with its polygons. Entries stay undecoded bytes until they are needed.
_LIMIT = 512 * 1024 * 1024
_SNIFF_BYTES = 64 * 1024
_KEYS = (b'"images"', b'"annotations"', b'"categories"', b'"bbox"')

_Id = int | str


class Coco:
    """COCO JSON."""

    name: ClassVar[str] = "coco"
    title: ClassVar[str] = "COCO JSON"

    def accepts(self, files: LabelFiles) -> bool:
        return any(_looks_like(file) for file in files.with_suffix(_SUFFIXES))

    def read(self, files: LabelFiles, report: ReportProblem) -> Iterator[Entry]:
        """See `Reader.read`."""
        for file in files.with_suffix(_SUFFIXES):
            if not files.is_single and not _looks_like(file):
                report(Problem(file.name, "This is not COCO JSON, so nothing was read from it.", file.name))
                continue
            try:
                yield from _CocoFile.read(file, report).entries()
            except Unreadable as error:
                report(Problem(file.name, str(error), file.name))


def _looks_like(file: LabelFile) -> bool:
    """Whether the file has COCO keys at either end, in any order; small files are checked completely."""
    with file.path.open("rb") as stream:
        head = stream.read(_SNIFF_BYTES)
        stream.seek(max(0, file.path.stat().st_size - _SNIFF_BYTES))
        ends = head + stream.read(_SNIFF_BYTES)
    return head.lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"{") and sum(key in ends for key in _KEYS) >= 2


@dataclass(slots=True)
class _CocoFile:
    """The entries of one file, linked by their ids. `unlinked` counts the annotations that lead to no single image.
    `anywhere` counts those of them without any valid id.

    An entry of an image without a usable name still counts: nobody knows which image its id means.
    """

    file: LabelFile
    report: ReportProblem
    categories: dict[_Id, Category]
    images: dict[_Id, list[ImageEntry]] = field(default_factory=dict)
    without_id: list[ImageEntry] = field(default_factory=list)
    annotations: dict[_Id, list[LinkedAnnotation]] = field(default_factory=dict)
    unlinked: int = 0
    anywhere: int = 0

    @classmethod
    def read(cls, file: LabelFile, report: ReportProblem) -> _CocoFile:
        """Link the entries and report those that cannot be. Raises Unreadable if the file as a whole is not COCO."""
        document = read_document(bounded_bytes(file.path, _LIMIT))
        linked = cls(file, report, read_categories(document.categories, report, file.name))
        linked._read_images(document.images)
        linked._link(document.annotations)
        return linked

    def entries(self) -> Iterator[Entry]:
        """Yield what the file says about each image."""
        yield from (self._refused(each, each.refusal) for each in self.without_id)
        for image_id, images in self.images.items():
            names = list(dict.fromkeys(each.file_name for each in images))
            if len(set(images)) > 1:
                yield from (self._ambiguous(each, image_id, names) for each in images if each.file_name)
                continue
            image = images[0]
            if not image.file_name:
                continue
            if image.refusal:
                yield self._refused(image, image.refusal)
            else:
                yield self._entry(image, self.annotations.get(image_id, []))

    def _read_images(self, raws: list[msgspec.Raw]) -> None:
        for position, raw in enumerate(raws, start=1):
            location = f"{self.file.name}, entry {position} of images"
            try:
                image_id, image = read_image(raw, location)
            except Unreadable as error:
                self.report(Problem(self.file.name, str(error), location))
                continue
            if image_id is None:
                self.without_id.append(image)
                continue
            self.images.setdefault(image_id, []).append(image)
            if not image.file_name:
                self.report(Problem(self.file.name, image.refusal, location))

    def _link(self, raws: list[msgspec.Raw]) -> None:
        """Group the annotations by image id, and report the ids that lead to no image."""
        groups: dict[_Id | None, list[LinkedAnnotation]] = defaultdict(list)
        for position, raw in enumerate(raws, start=1):
            groups[image_id_of(raw)].append(LinkedAnnotation(raw, position))
        for image_id, group in groups.items():
            images = set() if image_id is None else set(self.images.get(image_id, ()))
            is_named = any(each.file_name for each in images)
            if len(images) != 1 or not is_named:
                self.unlinked += len(group)
            if image_id is None:
                self.anywhere = len(group)
                sentence = f"{_annotations(group)} no valid image_id. Correct the file."
                self.report(Problem(self.file.name, sentence, self._location(group[0])))
            elif not is_named:
                verb = "refers" if len(group) == 1 else "refer"
                sentence = f"{_annotations(group, verb)} to image {str(image_id)[:40]}, which the file does not list."
                self.report(Problem(self.file.name, sentence, self._location(group[0])))
            else:
                self.annotations[image_id] = group

    def _entry(self, image: ImageEntry, annotations: list[LinkedAnnotation]) -> Entry:
        if self.anywhere:
            verb = "has" if self.anywhere == 1 else "have"
            return self._refused(
                image,
                f"{self.anywhere} of the file's annotations {verb} no valid image_id and may belong to this image, so"
                " its labels may be incomplete. Correct the file.",
            )
        if not annotations and image.image_class is None and self.unlinked:
            return self._refused(
                image,
                f"It is listed without annotations, but {self.unlinked} of the file's annotations cannot be linked to"
                " an image, so it may not be empty. Correct the file.",
            )
        objects = []
        for each in annotations:
            try:
                objects.append(object_of(each.raw, (image.width, image.height), self.categories))
            except Unreadable as error:
                return self._refused(image, str(error), self._location(each))
        return GroundTruthRecord(
            image.file_name,
            image.width,
            image.height,
            image.image_class,
            tuple(objects),
            image.location,
            self.file.folder,
            original_name=image.original_name,
        )

    def _ambiguous(self, image: ImageEntry, image_id: _Id, names: list[str]) -> RefusedRecord:
        shown = str(image_id)[:40]
        other = next((name for name in names if name != image.file_name), None)
        if other is not None:
            other = other or "an image without a valid name"
            sentence = f"It shares the id {shown} with {other}, so neither was used. Give each image its own id."
        else:
            sentence = f"The file lists this image twice under the id {shown}, with differences. Correct the file."
        return self._refused(image, sentence)

    def _location(self, annotation: LinkedAnnotation) -> str:
        return f"{self.file.name}, entry {annotation.position} of annotations"

    def _refused(self, image: ImageEntry, sentence: str, location: str = "") -> RefusedRecord:
        problem = Problem(image.file_name, sentence, location or image.location)
        return RefusedRecord(image.file_name, problem, self.file.folder)


def _annotations(group: list[LinkedAnnotation], verb: str = "") -> str:
    count = len(group)
    return f"{count} {'annotation' if count == 1 else 'annotations'} {verb or ('has' if count == 1 else 'have')}"
