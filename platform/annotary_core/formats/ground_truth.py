"""What a reader of existing labels returns: one record per image, and a list of problems. Pure.

Frame of every box: pixels of the decoded image as its annotator saw it, origin at the outer corner of the first
pixel, so a box that covers only the first pixel is x=0, y=0, w=1, h=1. If a file's EXIF orientation was not
applied during annotation, the caller rotates the boxes into the upright frame.

An image whose ground truth is partly broken is refused as a whole: incomplete ground truth is wrong ground truth.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import ClassVar, Protocol

from annotary_core.labels.characters import is_name
from annotary_core.labels.errors import AnswerError
from annotary_core.labels.geometry import OVERSHOOT, Frame, box_from_corners, canonical_box
from annotary_core.labels.names import normalize_name


@dataclass(frozen=True, slots=True)
class GroundTruthObject:
    """A box with its class."""

    class_name: str
    x: float
    y: float
    w: float
    h: float


@dataclass(frozen=True, slots=True)
class GroundTruthRecord:
    """The ground truth of one image. `file_name` is a relative POSIX path or a bare name, as the labels give it.

    `width` and `height` are None if the labels do not state them. A record without class and boxes means that the
    image was annotated and is empty.
    """

    file_name: str
    width: int | None
    height: int | None
    image_class: str | None
    boxes: tuple[GroundTruthObject, ...]


@dataclass(frozen=True, slots=True)
class Problem:
    """Something that could not be read: the file (or the image it describes), and one sentence why."""

    file: str
    sentence: str


@dataclass(slots=True)
class ReadResult:
    """The result of reading. `problems` is complete only after `records` has been exhausted."""

    reader: str
    records: Iterator[GroundTruthRecord]
    problems: list[Problem] = field(default_factory=list)


ReportProblem = Callable[[Problem], None]


class Reader(Protocol):
    """A format of existing labels: one file, one line in the registry, one golden test."""

    name: ClassVar[str]
    title: ClassVar[str]

    def accepts(self, path: Path) -> bool:
        """Whether the content of this file or folder has this format."""
        ...

    def read(self, path: Path, report: ReportProblem) -> Iterator[GroundTruthRecord]:
        """Yield the records of a file or folder; problems go to `report` and never stop the reading."""
        ...


class Unreadable(ValueError):
    """A label file, or the ground truth of one image in it, cannot be used; the text is shown to the user."""


def posix_name(name: str) -> str:
    """Normalize a name to a relative POSIX path in NFC without dots. Raises Unreadable if it is empty or has `..`."""
    parts = [part for part in normalize_name(name).replace("\\", "/").split("/") if part not in ("", ".")]
    if not parts or ".." in parts or len(name) > 1024 or any(ord(char) < 32 for char in name):
        raise Unreadable("The file name of the image is missing or invalid. Use the name of an image in this dataset.")
    return "/".join(parts)


def class_name(text: str | None) -> str:
    """Return a class name in NFC, without surrounding space. Raises Unreadable for a missing or unusable name."""
    name = normalize_name((text or "").strip())
    if len(name) > 100 or not is_name(name):
        raise Unreadable("An object has no usable class name. Use 1 to 100 characters without control characters.")
    return name


def ground_truth_object(
    name: str, x1: float, y1: float, x2: float, y2: float, size: tuple[int | None, int | None]
) -> GroundTruthObject:
    """Build a box from its outer corners, clipped and rounded like the boxes of answers.

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
    return GroundTruthObject(name, box.x, box.y, box.w, box.h)
