"""What a reader of existing labels gives: one record an image, and a list of what it could not take. Pure.

Frame of every box: pixels of the image as its annotator saw it decoded, origin at the outer corner of the first
pixel, so a box that covers the first pixel alone is x=0, y=0, w=1, h=1. Where a file's EXIF orientation was not
applied when it was annotated, the caller turns the boxes into the upright frame.

An image whose truth is partly broken is refused whole: truth that lacks an object is wrong truth.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import ClassVar, Protocol

from annotary_core.labels.errors import AnswerError
from annotary_core.labels.geometry import OVERSHOOT, Frame, box_from_corners, canonical_box


@dataclass(frozen=True, slots=True)
class TruthBox:
    """One box of a class."""

    class_name: str
    x: float
    y: float
    w: float
    h: float


@dataclass(frozen=True, slots=True)
class TruthRecord:
    """The truth of one image. `file_name` is a relative POSIX path or bare name, as the labels give it.

    `width` and `height` are None where the labels do not state them. A record without class and boxes says that the
    image was looked at and is empty.
    """

    file_name: str
    width: int | None
    height: int | None
    image_class: str | None
    boxes: tuple[TruthBox, ...]


@dataclass(frozen=True, slots=True)
class Problem:
    """What was not taken: the file (or the image it tells of), and one sentence why."""

    file: str
    sentence: str


@dataclass(slots=True)
class Reading:
    """The outcome of reading. `problems` is complete only when `records` has been exhausted."""

    reader: str
    records: Iterator[TruthRecord]
    problems: list[Problem] = field(default_factory=list)


Report = Callable[[Problem], None]


class Reader(Protocol):
    """One format of existing labels: one file, one line in the registry, one golden test."""

    name: ClassVar[str]
    title: ClassVar[str]

    def accepts(self, path: Path) -> bool:
        """Whether the content of this file or folder is of this format."""
        ...

    def read(self, path: Path, report: Report) -> Iterator[TruthRecord]:
        """The records of a file or folder; what cannot be taken goes to `report` and never ends the reading."""
        ...


class Unreadable(ValueError):
    """A label file, or the truth of one image in it, that cannot be taken; the text is a sentence for people."""


def posix_name(name: str) -> str:
    """A relative POSIX path without dots. Raises Unreadable for an empty or climbing name."""
    parts = [part for part in name.replace("\\", "/").split("/") if part not in ("", ".")]
    if not parts or ".." in parts or len(name) > 1024 or any(ord(char) < 32 for char in name):
        raise Unreadable("It names no image; give the file name of an image in this dataset.")
    return "/".join(parts)


def class_name(text: str | None) -> str:
    """A class's name without space around it. Raises Unreadable when there is none."""
    name = (text or "").strip()
    if not name or len(name) > 100 or not name.isprintable():
        raise Unreadable("An object has no usable class name; name its class in 1 to 100 characters.")
    return name


def truth_box(name: str, x1: float, y1: float, x2: float, y2: float, size: tuple[int | None, int | None]) -> TruthBox:
    """A box from its outer corners, clipped and rounded like an answer's.

    An overshoot of up to one pixel is clipped. Raises Unreadable for a box without size, with a number that is none,
    or further outside the image (where the labels state its size; else the caller finds out).
    """
    if not all(map(math.isfinite, (x1, y1, x2, y2))):
        raise Unreadable("A box has a coordinate that is not a number.")
    width, height = size
    try:
        if width is not None and height is not None:
            box = canonical_box(x1, y1, x2 - x1, y2 - y1, frame=Frame(width, height))
        elif min(x1, y1) < -OVERSHOOT:
            raise Unreadable("A box begins outside the image.")
        else:
            box = box_from_corners(max(x1, 0.0), max(y1, 0.0), x2, y2)
    except AnswerError as error:
        raise Unreadable(f"A box of class {name} cannot be taken: {error}") from error
    if box.w <= 0 or box.h <= 0:
        raise Unreadable(f"A box of class {name} has no size.")
    return TruthBox(name, box.x, box.y, box.w, box.h)
