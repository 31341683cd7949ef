"""Truth that somebody brings along: read it, and say it in the project's own terms. Pure but for the archive.

Frame: boxes are taken as they stand when the labels state no image size, or that of the upright image. Where they
state the size of the stored pixels and it differs from the upright one (a camera turned by a quarter, whose EXIF
orientation the annotator's program ignored), the boxes are turned with the image. A half turn or a mirror leaves the
size as it is and cannot be seen: such boxes are taken as drawn on the upright image.
"""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Any

from annotary_core.formats.ground_truth import Problem, Reading, TruthBox, TruthRecord, Unreadable
from annotary_core.formats.readers import detect_and_read
from annotary_core.labels.errors import AnswerError
from annotary_core.labels.parse import parse_answer
from annotary_core.labels.schema import Schema
from kernel.errors import Refused
from tasks.ingest.archives import open_archive

_LABEL_FILES = frozenset({".xml", ".json"})
_ZIP = b"PK\x03\x04"


class TruthRefused(Refused):
    """These labels cannot be read."""

    code = "truth_refused"


@dataclass(slots=True)
class Truth:
    """What was read: {file name as the labels give it: record}, and what could not be taken."""

    reader: str
    records: dict[str, TruthRecord] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class ImageFrame:
    """Sizes in pixels of an image: upright, and as stored, with the EXIF orientation (1 to 8) between the two."""

    width: int
    height: int
    stored_width: int
    stored_height: int
    orientation: int


def read_truth(*, path: Path) -> Truth:
    """Read COCO JSON, VOC XML (a folder, or a ZIP of either), or classes from the folders and names of images.

    Raises TruthRefused when no reader knows the content, ArchiveRefused for a bad ZIP.
    """
    with tempfile.TemporaryDirectory(prefix="annotary-truth-") as folder:
        names = _unpack(path, Path(folder)) if _is_zip(path) else None
        try:
            reading = detect_and_read(path if names is None else Path(folder))
        except Unreadable as error:
            raise TruthRefused(str(error)) from error
        return _exhaust(reading, names or {})


def answer_of(record: TruthRecord, *, schema: Schema, frame: ImageFrame) -> dict[str, Any]:
    """The record as a canonical answer's body in the upright frame. Raises Unreadable with a sentence.

    Class names are compared without regard to case. A record that says only half of what the project asks for is
    refused: truth that lacks an object is wrong truth.
    """
    numbers = {item.name.casefold(): item.number for item in schema.classes}
    wants_boxes = "box" in schema.tools
    if record.boxes and not wants_boxes:
        raise Unreadable("It has boxes, and this project draws none.")
    if schema.wants_class and record.image_class is None:
        raise Unreadable("It gives the image no class, and this project asks for one.")
    if record.image_class is not None and not schema.wants_class:
        raise Unreadable("It gives the image a class, and this project asks for boxes alone.")
    boxes = [_upright(box, record, frame) for box in record.boxes]
    objects = [
        {
            "id": f"truth-{at}",
            "class": _number(box.class_name, numbers),
            "tool": "box",
            "geom": {"x": box.x, "y": box.y, "w": box.w, "h": box.h},
            "attrs": {},
        }
        for at, box in enumerate(boxes, start=1)
    ]
    raw = {
        "image": {"class": None if record.image_class is None else _number(record.image_class, numbers)},
        "objects": objects,
        "verdict": "labels" if objects or record.image_class is not None else "empty",
    }
    try:
        return parse_answer(raw, schema=schema, width=frame.width, height=frame.height).to_json()
    except AnswerError as error:
        raise Unreadable(error.sentence) from error


def unknown_classes(truth: Truth, *, schema: Schema) -> list[str]:
    """Class names of the labels that the project does not have, each once."""
    known = {item.name.casefold() for item in schema.classes}
    used = {
        name
        for record in truth.records.values()
        for name in [record.image_class, *(box.class_name for box in record.boxes)]
        if name is not None
    }
    return sorted(name for name in used if name.casefold() not in known)


def _number(name: str, numbers: Mapping[str, int]) -> int:
    number = numbers.get(name.casefold())
    if number is None:
        raise Unreadable(f"The project has no class “{name}”; add it, or leave this image out.")
    return number


def _upright(box: TruthBox, record: TruthRecord, frame: ImageFrame) -> TruthBox:
    stated = (record.width, record.height)
    if None in stated or stated == (frame.width, frame.height):
        return box
    if stated != (frame.stored_width, frame.stored_height):
        raise Unreadable(
            f"The labels tell of an image of {record.width} x {record.height} pixels, this one has"
            f" {frame.width} x {frame.height}; bring labels for this very image."
        )
    return turned(box, frame)


def turned(box: TruthBox, frame: ImageFrame) -> TruthBox:
    """A box in stored pixels as a box in the upright frame. Source: TIFF 6.0, tag 274 (Orientation)."""
    width, height = frame.stored_width, frame.stored_height
    left, top, right, bottom = box.x, box.y, width - box.x - box.w, height - box.y - box.h
    # For each orientation: which of the four distances to the stored edges become x and y, and whether sides swap.
    x, y, swaps = {
        1: (left, top, False),
        2: (right, top, False),
        3: (right, bottom, False),
        4: (left, bottom, False),
        5: (top, left, True),
        6: (bottom, left, True),
        7: (bottom, right, True),
        8: (top, right, True),
    }[frame.orientation]
    w, h = (box.h, box.w) if swaps else (box.w, box.h)
    return TruthBox(box.class_name, x, y, w, h)


def _is_zip(path: Path) -> bool:
    if not path.is_file():
        return False
    with path.open("rb") as file:
        return file.read(4) == _ZIP


def _unpack(path: Path, folder: Path) -> dict[str, str]:
    """Write the label files of a ZIP under numbers; returns {number: name in the archive}."""
    names: dict[str, str] = {}
    with open_archive(path) as archive:
        for entry in archive.entries:
            suffix = PurePosixPath(entry.name).suffix.lower()
            if suffix not in _LABEL_FILES:
                continue
            number = f"{entry.position:08}{suffix}"
            names[number] = entry.name
            with (folder / number).open("wb") as target:
                archive.copy(entry, target)
    if not names:
        raise TruthRefused("The archive holds no XML and no JSON files; pack the label files.")
    return names


def _exhaust(reading: Reading, names: Mapping[str, str]) -> Truth:
    truth = Truth(reader=reading.reader)
    doubles: list[Problem] = []
    for record in reading.records:
        known = truth.records.setdefault(record.file_name, record)
        if known is not record and known != record:
            doubles.append(
                Problem(record.file_name, "Two label files tell of this image differently; the first counts.")
            )
    found = [Problem(names.get(each.file, each.file), each.sentence) for each in reading.problems]
    truth.problems = found + doubles
    return truth
