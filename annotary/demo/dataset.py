"""The images and the truth that a person brings, made ready to send."""

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from annotary.demo.errors import DemoError
from annotary_core.formats.archive import ZipSink
from annotary_core.formats.ground_truth import Problem, TruthRecord
from annotary_core.formats.label_files import IMAGE_SUFFIXES, files_with
from kernel.errors import AnnotaryError
from tasks.ingest.archives import open_archive
from tasks.ingest.ground_truth import Truth, read_truth

CHUNK = 256 * 1024
LABEL_SUFFIXES = frozenset({".xml", ".json"})


@dataclass(frozen=True)
class Dataset:
    """`archive` is a zip of images, `labels` the file to post as truth. `tools` and `classes` follow from the truth."""

    archive: Path
    labels: Path
    count: int
    reader: str
    records: dict[str, TruthRecord]
    problems: list[Problem]
    tools: tuple[str, ...]
    classes: tuple[str, ...]


def prepare(*, images: Path, truth: Path | None, workspace: Path) -> Dataset:
    """Read what was given and pack it into `workspace`. Raises DemoError with what is needed."""
    for path in (images, truth):
        if path is not None and not path.exists():
            raise DemoError(f"{path} is not there: name a folder or a zip of images, and their labels with --truth.")
    workspace.mkdir(parents=True, exist_ok=True)
    try:
        folder = images if images.is_dir() else _unpacked(images, workspace / "images")
        found = read_truth(path=truth if truth is not None else folder)
    except AnnotaryError as error:
        raise DemoError(_needed(images, truth, error.detail)) from error
    if not found.records:
        raise DemoError(_needed(images, truth, "No labels were found in it."))
    names = [file.relative_to(folder).as_posix() for file in files_with(folder, IMAGE_SUFFIXES)]
    if not names:
        raise DemoError(f"{images} holds no images: name a folder or a zip of JPEG, PNG or WebP files with --images.")
    return Dataset(
        archive=_packed(folder, names, workspace / "images.zip"),
        labels=_labels_file(found, truth or folder, workspace),
        count=len(names),
        reader=found.reader,
        records=found.records,
        problems=found.problems,
        tools=_tools(found.records.values()),
        classes=_classes(found.records.values()),
    )


def _needed(images: Path, truth: Path | None, why: str) -> str:
    if truth is None:
        return (
            f"The simulated crowd must know what is in {images}: give the labels with --truth (COCO JSON or VOC XML), "
            "or bring images in one folder for each class."
        )
    return f"The labels in {truth} cannot be used: {why} Bring COCO JSON or VOC XML."


def _tools(records: Iterable[TruthRecord]) -> tuple[str, ...]:
    wants_class = wants_box = False
    for record in records:
        wants_class |= record.image_class is not None
        wants_box |= bool(record.boxes)
    tools = (*(("class",) if wants_class else ()), *(("box",) if wants_box else ()))
    if not tools:
        raise DemoError("The labels name no class and no box, so there is nothing to ask the crowd for.")
    return tools


def _classes(records: Iterable[TruthRecord]) -> tuple[str, ...]:
    """Every class, once whatever its case, in the order of the alphabet."""
    names: dict[str, str] = {}
    for record in records:
        for name in [record.image_class, *(box.class_name for box in record.boxes)]:
            if name is not None:
                names.setdefault(name.casefold(), name)
    return tuple(names[key] for key in sorted(names))


def _unpacked(archive: Path, folder: Path) -> Path:
    with open_archive(archive) as opened:
        for entry in opened.entries:
            # Names were checked: relative, without dots, and no two of them the same.
            target = folder / entry.name
            target.parent.mkdir(parents=True, exist_ok=True)
            with target.open("wb") as file:
                opened.copy(entry, file)
    return folder


def _packed(folder: Path, names: Iterable[str], target: Path) -> Path:
    with ZipSink(target) as sink:
        for name in names:
            sink.write(name, _chunks(folder / name))
    return target


def _chunks(file: Path) -> Iterator[bytes]:
    with file.open("rb") as stream:
        while chunk := stream.read(CHUNK):
            yield chunk


def _labels_file(found: Truth, given: Path, workspace: Path) -> Path:
    """The person's own file or folder; classes that stand in folders and names alone are written down as COCO."""
    if found.reader == "folders":
        return _written_down(found.records, workspace / "truth.json")
    if given.is_file():
        return given
    names = [file.relative_to(given).as_posix() for file in files_with(given, LABEL_SUFFIXES)]
    return _packed(given, names, workspace / "truth.zip")


def _written_down(records: dict[str, TruthRecord], target: Path) -> Path:
    images: list[dict[str, Any]] = [
        {"id": number, "file_name": record.file_name, "annotary": {"class": record.image_class}}
        for number, record in enumerate(records.values(), start=1)
    ]
    body = {"images": images, "annotations": [], "categories": []}
    target.write_text(json.dumps(body), encoding="utf-8")
    return target
