"""Imported ground truth: read it and convert it to the project's schema. Pure except for the archive.

Frame: objects are used as they are if the labels state no image size, or the size of the upright image. If they state
the size of the stored pixels and it differs from the upright size (a camera rotated by 90 degrees whose EXIF
orientation the annotation program ignored), the objects are rotated with the image. A 180-degree rotation or a mirror
keeps the size and cannot be detected: such objects are treated as drawn on the upright image.

Shapes: of the shapes that the labels give an object, the project's tools decide which one is used, so a COCO file with
outlines is imported as polygons into a project that draws polygons, and as boxes into one that draws boxes.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Any

from annotary_core.formats.errors import Unreadable
from annotary_core.formats.ground_truth import (
    GroundTruthRecord,
    Problem,
    ReadResult,
    RefusedRecord,
)
from annotary_core.formats.readers import detect_and_read
from annotary_core.labels.errors import AnswerError
from annotary_core.labels.geometry import Frame, Vertex
from annotary_core.labels.names import normalize_name
from annotary_core.labels.natural_order import natural_key
from annotary_core.labels.parse import merged_sentence, parse_answer
from annotary_core.labels.schema import Schema
from annotary_core.labels.shapes import SHAPES
from annotary_core.labels.shapes.base import Geometry
from tasks.ingest.archives import open_archive
from tasks.ingest.errors import GroundTruthRefused
from tasks.ingest.name_matching import Claim

_LABEL_FILES = frozenset({".xml", ".json"})
# Files of other formats, which may be labels, too: YOLO, tables, JSON lines, CVAT and the like.
_OTHER_FORMATS = frozenset({".csv", ".jsonl", ".ndjson", ".parquet", ".tfrecord", ".tsv", ".txt", ".yaml", ".yml"})
_ZIP = b"PK\x03\x04"


@dataclass(slots=True)
class GroundTruthRecords:
    """The records that were read, as {key of the record: record}, and the problems found on the way.

    `refused` are entries that cannot be used, by key; their problems are among the others.
    """

    reader: str
    records: dict[str, GroundTruthRecord] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)
    refused: dict[str, RefusedRecord] = field(default_factory=dict)

    def claims(self) -> dict[str, Claim]:
        """Return what each record says about the name of its image; a refused entry keeps others from its image."""
        refused = {key: Claim(each.file_name, each.folder) for key, each in self.refused.items()}
        return refused | {
            key: Claim(each.file_name, each.folder, each.own_name, each.original_name, each.likely_folder)
            for key, each in self.records.items()
        }


@dataclass(frozen=True, slots=True)
class ImageFrame:
    """The upright and the stored size of an image in pixels, and the EXIF orientation (1 to 8) that relates them."""

    width: int
    height: int
    stored_width: int
    stored_height: int
    orientation: int


def read_ground_truth(*, path: Path, name: str = "") -> GroundTruthRecords:
    """Read COCO JSON or VOC XML (a file, a folder or a ZIP), or classes from the folders and names of images.

    `name` is what the owner calls a file that is stored under another name. Files in a ZIP that cannot be used are
    among the problems. Raises GroundTruthRefused if no reader recognizes the content, ArchiveRefused for a bad ZIP.
    """
    with tempfile.TemporaryDirectory(prefix="annotary-truth-") as folder:
        problems: list[Problem] = []
        unpacked = _is_zip(path)
        names = _unpack(path, Path(folder), problems) if unpacked else {path.name: name or path.name}
        try:
            return _collect(detect_and_read(Path(folder) if unpacked else path, names), problems)
        except Unreadable as error:
            raise GroundTruthRefused(_with_reason(str(error), problems)) from error


def to_answer(record: GroundTruthRecord, *, schema: Schema, frame: ImageFrame) -> dict[str, Any]:
    """Convert a record to the body of a canonical answer in the upright frame. Raises Unreadable with a sentence.

    Class names are compared case-insensitively. Identical objects are merged: see `merged_objects`. A record that lacks
    part of what the project asks for is refused: incomplete ground truth is wrong ground truth.
    """
    numbers = {_class_key(item.name): item.number for item in schema.classes}
    tools = _tools(record, schema)
    _check_image_class(record, schema)
    drawn_on = _frame_of_labels(record, frame)
    objects = [
        {
            "id": f"truth-{position}",
            "class": _number(item.class_name, numbers),
            "tool": tool,
            "geom": _upright(item.geometry(tool, drawn_on), tool, drawn_on, frame).to_json(),
            "attrs": {},
        }
        for position, (item, tool) in enumerate(zip(record.objects, tools, strict=True), start=1)
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


def merged_objects(record: GroundTruthRecord, answer: Mapping[str, Any]) -> Problem | None:
    """Return a warning if identical objects of the record are one in the answer that it was converted to."""
    count = len(record.objects) - len(answer["objects"])
    return Problem(record.key, f"{merged_sentence(count)}.", record.location, "warning") if count else None


def _tools(record: GroundTruthRecord, schema: Schema) -> list[str]:
    """Return the tool that each object is to be drawn with: of the project's, that of its most exact shape.

    Raises Unreadable if the project has no tool for one of them.
    """
    tools = [item.tool_among(schema.object_tools) for item in record.objects]
    fitting = [tool for tool in tools if tool is not None]
    if len(fitting) == len(tools):
        return fitting
    lacking = [item for item, tool in zip(record.objects, tools, strict=True) if tool is None]
    who = "Some labels" if fitting else "The labels"
    offered = " and ".join(_nouns(tool for item in lacking for tool in item.tools))
    if not schema.object_tools:
        raise Unreadable(
            f"{who} of {record.file_name} are {offered}, but this project draws nothing. Upload labels that give each"
            " image a class."
        )
    wanted = " or ".join(_nouns(schema.object_tools))
    raise Unreadable(
        f"{who} of {record.file_name} are {offered}, but this project draws {wanted}. Upload labels with {wanted}."
    )


def _nouns(tools: Iterable[str]) -> list[str]:
    """Return the words for objects of these shapes, each once."""
    return list(dict.fromkeys(SHAPES[tool].noun.many for tool in tools))


def _check_image_class(record: GroundTruthRecord, schema: Schema) -> None:
    if schema.has_image_class and record.image_class is None:
        raise Unreadable("The labels give the image no class, but this project requires one.")
    if record.image_class is not None and not schema.has_image_class:
        wanted = " or ".join(_nouns(schema.object_tools))
        raise Unreadable(f"The labels give the image a class, but this project only asks for {wanted}.")


def unknown_classes(truth: GroundTruthRecords, *, schema: Schema) -> list[str]:
    """Return the class names in the labels that the project lacks, in natural order and unique."""
    known = {_class_key(item.name) for item in schema.classes}
    used = {
        name
        for record in truth.records.values()
        for name in [record.image_class, *(item.class_name for item in record.objects)]
        if name is not None
    }
    return sorted((name for name in used if _class_key(name) not in known), key=natural_key)


def _class_key(name: str) -> str:
    return normalize_name(normalize_name(name).casefold())


def _number(name: str, numbers: Mapping[str, int]) -> int:
    number = numbers.get(_class_key(name))
    if number is None:
        raise Unreadable(f"The project has no class “{name}”. Add the class or leave out this image.")
    return number


def _frame_of_labels(record: GroundTruthRecord, frame: ImageFrame) -> Frame:
    """Return the size of the image as the labels were drawn on it: upright, or as it is stored."""
    stated, upright = (record.width, record.height), Frame(frame.width, frame.height)
    if None in stated or stated == (frame.width, frame.height) or not record.objects:
        return upright
    if stated != (frame.stored_width, frame.stored_height):
        raise Unreadable(
            f"The labels are for an image of {record.width} x {record.height} pixels, but this one has"
            f" {frame.width} x {frame.height}. Upload labels that were drawn on this image."
        )
    return Frame(frame.stored_width, frame.stored_height)


def _upright(geometry: Geometry, tool: str, drawn_on: Frame, frame: ImageFrame) -> Geometry:
    is_upright = drawn_on == Frame(frame.width, frame.height)
    return geometry if is_upright else rotate_to_upright(geometry, tool, frame)


def rotate_to_upright(geometry: Geometry, tool: str, frame: ImageFrame) -> Geometry:
    """Convert a geometry in stored pixels to the upright frame. Source: TIFF 6.0, tag 274 (Orientation)."""
    width, height = frame.stored_width, frame.stored_height

    def move(x: float, y: float) -> Vertex:
        # For each orientation: which of the four distances to the stored edges become x and y.
        left, top, right, bottom = x, y, width - x, height - y
        return {
            1: (left, top),
            2: (right, top),
            3: (right, bottom),
            4: (left, bottom),
            5: (top, left),
            6: (bottom, left),
            7: (bottom, right),
            8: (top, right),
        }[frame.orientation]

    return SHAPES[tool].moved(geometry, move)


def _is_zip(path: Path) -> bool:
    if not path.is_file():
        return False
    with path.open("rb") as file:
        return file.read(4) == _ZIP


def _unpack(path: Path, folder: Path, problems: list[Problem]) -> dict[str, str]:
    """Write the label files of a ZIP under numbered names; return {numbered name: name in the archive}."""
    names: dict[str, str] = {}
    others: set[str] = set()
    with open_archive(path) as archive:
        refused = [each for each in archive.refused if each.reason != "duplicate"]
        problems += [Problem(each.name, each.sentence, each.name) for each in refused]
        for entry in archive.entries:
            suffix = PurePosixPath(entry.name).suffix.lower()
            if suffix not in _LABEL_FILES:
                others |= {suffix} & _OTHER_FORMATS
                continue
            # No one can tell which of them is right.
            if entry.name in archive.repeated:
                problems.append(Problem(entry.name, "The archive has several files of this name. None was used."))
                continue
            number = f"{entry.position:08}{suffix}"
            names[number] = entry.name
            with (folder / number).open("wb") as target:
                archive.copy(entry, target)
    if others:
        sentence = "Nothing was read from files of these formats. Convert labels in them to COCO JSON or VOC XML."
        problems.append(Problem(", ".join(sorted(others)), sentence, severity="warning" if names else "error"))
    if not names:
        raise GroundTruthRefused(
            _with_reason("The archive contains no XML or JSON files. Add the label files.", problems)
        )
    return names


def _with_reason(sentence: str, problems: list[Problem]) -> str:
    """Add the first file that was refused before, which may be the one that is missing."""
    return f"{sentence} {problems[0].file}: {problems[0].sentence}" if problems else sentence


def _collect(reading: ReadResult, problems: list[Problem]) -> GroundTruthRecords:
    records = {record.key: record for record in reading.records}
    refused = {each.key: each for each in reading.refused}
    return GroundTruthRecords(reading.reader, records, problems + reading.problems, refused)
