"""The user's images and ground truth, prepared for upload."""

import json
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from annotary.demo.errors import DemoError
from annotary_core.formats.ground_truth import GroundTruthRecord, Problem
from annotary_core.formats.label_files import IMAGE_SUFFIXES, files_with
from annotary_core.formats.release_archive import ZipSink
from annotary_core.labels.shapes.base import Shape
from annotary_core.synthesis.scenes.synthesize import IMAGES_NAME, Figure, read_figures
from kernel.errors import AnnotaryError
from tasks.ingest.archives import open_archive
from tasks.ingest.ground_truth import GroundTruthRecords, read_ground_truth

CHUNK = 256 * 1024
LABEL_SUFFIXES = frozenset({".xml", ".json"})


@dataclass(frozen=True)
class Dataset:
    """`archive` is a ZIP of images, `labels` the ground truth file to upload, from which `records` were read.

    Without `labels`, no label format can hold what workers draw; the ground truth is `figures` then, by file name.
    """

    archive: Path
    labels: Path | None
    count: int
    reader: str
    tools: tuple[str, ...]
    classes: tuple[str, ...]
    records: dict[str, GroundTruthRecord] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)
    figures: dict[str, list[Figure]] = field(default_factory=dict)


def prepare(*, images: Path, truth: Path | None, workspace: Path, shape: Shape) -> Dataset:
    """Read images and labels and pack them into `workspace`. Raises DemoError with what is missing.

    Objects in the labels are what workers draw, in this shape.
    """
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
        tools=_tools(labels.records.values(), shape),
        classes=_classes(labels.records.values()),
    )


def prepare_scenes(*, truth: Path, workspace: Path, shape: Shape) -> Dataset:
    """Like `prepare`, for the ground truth of synthetic scenes, which has figures for every shape."""
    images = truth.parent / IMAGES_NAME
    if _holds(read_ground_truth(path=truth).records.values(), shape):
        return prepare(images=images, truth=truth, workspace=workspace, shape=shape)
    workspace.mkdir(parents=True, exist_ok=True)
    figures = read_figures(truth)
    return Dataset(
        archive=_pack(images, figures, workspace / "images.zip"),
        labels=None,
        count=len(figures),
        reader="",
        tools=(shape.name,),
        classes=tuple(sorted({figure.class_name for each in figures.values() for figure in each})),
        figures=figures,
    )


def _explain(images: Path, truth: Path | None, reason: str) -> str:
    if truth is None:
        return (
            f"The simulated crowd needs the labels of {images}. Pass them with --truth (COCO JSON or VOC XML), "
            "or use a folder with one subfolder of images per class."
        )
    return f"The labels in {truth} cannot be used: {reason} Use COCO JSON or VOC XML."


def _tools(records: Collection[GroundTruthRecord], shape: Shape) -> tuple[str, ...]:
    has_class = any(record.image_class is not None for record in records)
    has_objects = _holds(records, shape)
    if not has_objects and any(record.objects for record in records):
        many = shape.noun.many
        raise DemoError(f"The labels contain no {many}. Pass labels with {many}, or choose another shape with --shape.")
    if not has_class and not has_objects:
        raise DemoError(
            f"The labels contain neither classes nor {shape.noun.many}, so there is nothing for the crowd to label."
        )
    return (*(("class",) if has_class else ()), *((shape.name,) if has_objects else ()))


def _holds(records: Collection[GroundTruthRecord], shape: Shape) -> bool:
    """Whether an import of these labels finds objects of the shape in any of them."""
    return any(shape.name in record.tools for record in records)


def _classes(records: Collection[GroundTruthRecord]) -> tuple[str, ...]:
    """Return every class once, compared case-insensitively, in alphabetical order."""
    names: dict[str, str] = {}
    for record in records:
        for name in [record.image_class, *(each.class_name for each in record.objects)]:
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
