"""What a reader of existing labels returns: one record per image, and a list of problems. Pure.

Frame of every geometry: pixels of the decoded image as its annotator saw it, origin at the outer corner of the first
pixel, so a box that covers only the first pixel is x=0, y=0, w=1, h=1. If a file's EXIF orientation was not
applied during annotation, the caller rotates the geometries into the upright frame.

Labels may give one object in several shapes: an annotation in COCO has a box and an outline. A reader offers all of
them, and the project that the labels are for decides which one is used.

An image whose ground truth is partly broken is refused as a whole: incomplete ground truth is wrong ground truth. The
same holds for an image whose entries disagree: see conflicts.py.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Callable, Container, Iterator
from dataclasses import dataclass, field
from typing import ClassVar, Literal, Protocol

from annotary_core.formats.errors import Unreadable
from annotary_core.formats.label_files import LabelFiles
from annotary_core.labels.errors import AnswerError
from annotary_core.labels.geometry import OVERSHOOT, Frame
from annotary_core.labels.names import has_control, is_name, normalize_name
from annotary_core.labels.shapes.base import Geometry
from annotary_core.labels.shapes.box import Box, BoxShape, box_from_corners, canonical_box


class UnreadGeometry(ABC):
    """A geometry that is still as the label file has it: reading it takes time and memory that few objects need."""

    __slots__ = ()

    @abstractmethod
    def read(self, frame: Frame) -> Geometry:
        """Return the geometry, for labels of an image of this size. Raises Unreadable."""


@dataclass(frozen=True, slots=True)
class GroundTruthObject:
    """An object with its class.

    `geometries` are (name of a shape, geometry) in every shape that the labels give the object, the most exact first.
    """

    class_name: str
    geometries: tuple[tuple[str, Geometry | UnreadGeometry], ...]

    @property
    def tools(self) -> tuple[str, ...]:
        return tuple(name for name, _ in self.geometries)

    def tool_among(self, tools: Container[str]) -> str | None:
        """Return the most exact of these shapes that the labels give the object, None if they give none of them."""
        return next((name for name in self.tools if name in tools), None)

    def geometry(self, tool: str, frame: Frame) -> Geometry:
        """Return the object's geometry of this shape, for labels of an image of this size. Raises Unreadable."""
        found = dict(self.geometries)[tool]
        return found.read(frame) if isinstance(found, UnreadGeometry) else found

    def only(self, tools: Container[str]) -> GroundTruthObject:
        """Return the object in these shapes alone."""
        return GroundTruthObject(self.class_name, tuple(each for each in self.geometries if each[0] in tools))


@dataclass(frozen=True, slots=True)
class GroundTruthRecord:
    """The ground truth of one image. `file_name` is a relative POSIX path or a bare name, as the labels give it.

    `width` and `height` are None if the labels do not state them. A record without class and objects means that the
    image was annotated and is empty.

    The other fields say where the record comes from and help to find its image. `location` names the label file and
    the entry. `label_folder` is the folder that the label file is in. `own_name` is the name that the label file
    shares with its image, if the format has one file per image. `original_name` is a second name that the labels give
    the image. `folder` is set if the image must not be in another folder: see conflicts.py. `likely_folder` is the
    folder that both the place of the label file and its content state for the image.
    """

    file_name: str
    width: int | None
    height: int | None
    image_class: str | None
    objects: tuple[GroundTruthObject, ...]
    location: str = field(default="", compare=False)
    label_folder: str = field(default="", compare=False)
    own_name: str = field(default="", compare=False)
    original_name: str = field(default="", compare=False)
    folder: str = field(default="", compare=False)
    likely_folder: str = field(default="", compare=False)

    @property
    def tools(self) -> frozenset[str]:
        """The shapes in which the labels give every object, so that each of them says all of the objects."""
        return (
            frozenset.intersection(*(frozenset(each.tools) for each in self.objects)) if self.objects else frozenset()
        )

    @property
    def boxes(self) -> tuple[GroundTruthObject, ...]:
        """The objects that the labels give as boxes."""
        return tuple(each for each in self.objects if BoxShape.name in each.tools)

    @property
    def key(self) -> str:
        """The name that identifies the record among all records: the file name, in its folder if that is set."""
        return f"{self.folder}/{self.file_name}" if self.folder else self.file_name


@dataclass(frozen=True, slots=True)
class Problem:
    """A warning about labels, or why they cannot be used.

    `file` is the label file, or the image that it describes. `location` names the label file and the entry, if the
    sentence is about one. An `error` means that the labels were not used, a `warning` that they were.
    """

    file: str
    sentence: str
    location: str = ""
    severity: Literal["error", "warning"] = "error"


@dataclass(frozen=True, slots=True)
class RefusedRecord:
    """An entry for an image whose name is known but whose labels cannot be used.

    Other entries for the same image cannot be used either: nobody knows whether they are complete.
    """

    file_name: str
    problem: Problem
    label_folder: str = ""
    folder: str = ""

    @property
    def key(self) -> str:
        return f"{self.folder}/{self.file_name}" if self.folder else self.file_name


#: What a label file says about one image.
Entry = GroundTruthRecord | RefusedRecord


@dataclass(slots=True)
class ReadResult:
    """The result of reading. `problems` and `refused` are complete only after `records` has been exhausted.

    `reader` is the format's name; several formats are separated by commas.
    """

    reader: str
    records: Iterator[GroundTruthRecord]
    problems: list[Problem] = field(default_factory=list)
    refused: list[RefusedRecord] = field(default_factory=list)


ReportProblem = Callable[[Problem], None]


class Reader(Protocol):
    """A format of existing labels: one file, one line in the registry, one golden test."""

    name: ClassVar[str]
    title: ClassVar[str]

    def accepts(self, files: LabelFiles) -> bool:
        """Whether any of these files has this format."""
        ...

    def read(self, files: LabelFiles, report: ReportProblem) -> Iterator[Entry]:
        """Yield what the files say about images; problems go to `report` and never stop the reading.

        Every file with an extension of this format is either read or reported.
        """
        ...


def posix_name(name: object) -> str:
    """Normalize a name to a relative POSIX path in NFC without empty parts and dots; `..` stays.

    The name is only compared and displayed, never opened. Raises Unreadable for a missing or unusable name.
    """
    text = name if isinstance(name, str) else ""
    parts = [part for part in text.strip().replace("\\", "/").split("/") if part not in ("", ".")]
    path = normalize_name("/".join(parts))
    if not parts or parts[-1] == ".." or len(path) > 1024 or has_control(path):
        raise Unreadable("The file name of the image is missing or invalid. Use the name of an image in this dataset.")
    return path


def class_name(text: str | None) -> str:
    """Return a class name in NFC, without surrounding space. Raises Unreadable for a missing or unusable name."""
    name = normalize_name((text or "").strip())
    if len(name) > 100 or not is_name(name):
        raise Unreadable("An object has no usable class name. Use 1 to 100 characters without control characters.")
    return name


def box_of_corners(name: str, x1: float, y1: float, x2: float, y2: float, size: tuple[int | None, int | None]) -> Box:
    """Build the box of an object of class `name` from its outer corners, clipped and rounded like those of answers.

    An overshoot of up to one pixel is clipped. Raises Unreadable for a box without area, with a coordinate that is
    not finite, or further outside the image (if the labels state its size; otherwise the caller has to check).
    """
    if not all(map(math.isfinite, (x1, y1, x2, y2))):
        raise Unreadable("A box has a coordinate that is not a finite number. Correct the label file.")
    width, height = size
    try:
        if width is not None and height is not None:
            box = canonical_box(x1, y1, x2 - x1, y2 - y1, frame=Frame(width, height))
        elif min(x1, y1) < -OVERSHOOT:
            raise Unreadable("A box starts outside the image. Correct its coordinates.")
        else:
            box = box_from_corners(max(x1, 0.0), max(y1, 0.0), x2, y2)
    except AnswerError as error:
        raise Unreadable(f"A box of class {name} is invalid: {error}") from error
    if box.w <= 0 or box.h <= 0:
        raise Unreadable(f"A box of class {name} has no area. Correct its coordinates.")
    return box


def boxed(name: str, box: Box) -> GroundTruthObject:
    """Return an object that the labels give as a box alone."""
    return GroundTruthObject(name, ((BoxShape.name, box),))
