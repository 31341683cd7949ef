"""The user's images and ground truth, prepared for upload."""

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from annotary.demo.errors import DemoError
from annotary_core.formats.ground_truth import GroundTruthRecord, Problem
from annotary_core.formats.label_files import IMAGE_SUFFIXES, files_with
from annotary_core.formats.release_archive import ZipSink
from kernel.errors import AnnotaryError
from tasks.ingest.archives import open_archive
from tasks.ingest.ground_truth import GroundTruthRecords, read_ground_truth

CHUNK = 256 * 1024
LABEL_SUFFIXES = frozenset({".xml", ".json"})


@dataclass(frozen=True)
class Dataset:
    """`archive` is a ZIP of images, `labels` the ground truth file to upload, which sets `tools` and `classes`."""

    archive: Path
    labels: Path
    count: int
    reader: str
    records: dict[str, GroundTruthRecord]
    problems: list[Problem]
    tools: tuple[str, ...]
    classes: tuple[str, ...]


def prepare(*, images: Path, truth: Path | None, workspace: Path) -> Dataset:
    """Read images and labels and pack them into `workspace`. Raises DemoError with what is missing."""
    for path in (images, truth):
        if path is not None and not path.exists():
            raise DemoError(
                f"{path} does not exist. Pass a folder or ZIP of images with --images, and their labels with --truth."
            )
    workspace.mkdir(parents=True, exist_ok=True)
    try:
        folder = images if images.is_dir() else _unpack(images, workspace / "images")
        labels = read_ground_truth(path=truth if truth is not None else folder)
    except AnnotaryError as error:
        raise DemoError(_explain(images, truth, error.detail)) from error
    if not labels.records:
        raise DemoError(_explain(images, truth, "It contains no labels."))
    names = [file.relative_to(folder).as_posix() for file in files_with(folder, IMAGE_SUFFIXES)]
    if not names:
        raise DemoError(f"{images} contains no images. Pass a folder or ZIP of JPEG, PNG, or WebP files with --images.")
    return Dataset(
        archive=_pack(folder, names, workspace / "images.zip"),
        labels=_labels_file(labels, truth or folder, workspace),
        count=len(names),
        reader=labels.reader,
        records=labels.records,
        problems=labels.problems,
        tools=_tools(labels.records.values()),
        classes=_classes(labels.records.values()),
    )


def _explain(images: Path, truth: Path | None, reason: str) -> str:
    if truth is None:
        return (
            f"The simulated crowd needs the labels of {images}. Pass them with --truth (COCO JSON or VOC XML), "
            "or use a folder with one subfolder of images per class."
        )
    return f"The labels in {truth} cannot be used: {reason} Use COCO JSON or VOC XML."


def _tools(records: Iterable[GroundTruthRecord]) -> tuple[str, ...]:
    has_class = has_box = False
    for record in records:
        has_class |= record.image_class is not None
        has_box |= bool(record.boxes)
    tools = (*(("class",) if has_class else ()), *(("box",) if has_box else ()))
    if not tools:
        raise DemoError("The labels contain neither classes nor boxes, so there is nothing for the crowd to label.")
    return tools


def _classes(records: Iterable[GroundTruthRecord]) -> tuple[str, ...]:
    """Return every class once, compared case-insensitively, in alphabetical order."""
    names: dict[str, str] = {}
    for record in records:
        for name in [record.image_class, *(box.class_name for box in record.boxes)]:
            if name is not None:
                names.setdefault(name.casefold(), name)
    return tuple(names[key] for key in sorted(names))


def _unpack(archive: Path, folder: Path) -> Path:
    with open_archive(archive) as opened:
        for entry in opened.entries:
            # Names have been checked: relative, without `..`, and unique.
            target = folder / entry.name
            target.parent.mkdir(parents=True, exist_ok=True)
            with target.open("wb") as file:
                opened.copy(entry, file)
    return folder


def _pack(folder: Path, names: Iterable[str], target: Path) -> Path:
    with ZipSink(target) as sink:
        for name in names:
            sink.write(name, _chunks(folder / name))
    return target


def _chunks(file: Path) -> Iterator[bytes]:
    with file.open("rb") as stream:
        while chunk := stream.read(CHUNK):
            yield chunk


def _labels_file(labels: GroundTruthRecords, source: Path, workspace: Path) -> Path:
    """Return the user's own file, or a ZIP of their folder; classes given only by folder names are written as COCO."""
    if labels.reader == "folders":
        return _write_coco(labels.records, workspace / "truth.json")
    if source.is_file():
        return source
    names = [file.relative_to(source).as_posix() for file in files_with(source, LABEL_SUFFIXES)]
    return _pack(source, names, workspace / "truth.zip")


def _write_coco(records: dict[str, GroundTruthRecord], target: Path) -> Path:
    images: list[dict[str, Any]] = [
        {"id": number, "file_name": record.file_name, "annotary": {"class": record.image_class}}
        for number, record in enumerate(records.values(), start=1)
    ]
    body = {"images": images, "annotations": [], "categories": []}
    target.write_text(json.dumps(body), encoding="utf-8")
    return target
