"""The readers of existing labels by name, and detection of the right ones for a file or folder."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from annotary_core.formats.coco.reader import Coco
from annotary_core.formats.conflicts import resolve_conflicts
from annotary_core.formats.errors import Unreadable
from annotary_core.formats.ground_truth import GroundTruthRecord, Problem, Reader, ReadResult, RefusedRecord
from annotary_core.formats.imagenet.reader import Folders
from annotary_core.formats.label_files import LabelFiles
from annotary_core.formats.voc.reader import Voc

# Label files are more specific than the folders that images happen to be in.
_LABEL_FILE_READERS: tuple[Reader, ...] = (Coco(), Voc())
READERS: dict[str, Reader] = {each.name: each for each in (*_LABEL_FILE_READERS, Folders())}


def detect(path: Path) -> tuple[str, ...]:
    """Return the names of the readers that recognize the content of this file or folder."""
    files = LabelFiles(path)
    accepting = tuple(reader.name for reader in _LABEL_FILE_READERS if reader.accepts(files))
    return accepting or tuple(name for name, reader in READERS.items() if reader.accepts(files))


def read_with(name: str, path: Path) -> ReadResult:
    """Read with a named reader, for content that several readers accept. Raises Unreadable for an unknown name."""
    if name not in READERS:
        raise Unreadable(f"Unknown reader “{name}”. Choose one of {', '.join(READERS)}.")
    return _read(name, [READERS[name]], LabelFiles(path))


def detect_and_read(path: Path, names: Mapping[str, str] | None = None) -> ReadResult:
    """Read the labels of a file or folder, detecting their formats; `names` as in LabelFiles.

    If any file contains labels, all formats of label files are read, and files that none of them can read are reported.
    Raises Unreadable if no reader recognizes the content.
    """
    accepting = detect(path)
    if not accepting:
        # Files that are stored under other names are those of an archive, unless it is a single one.
        shown = (names or {}).get(path.name, "The archive" if names else path.name)
        raise Unreadable(
            f"{shown} contains no readable labels. Upload COCO JSON, VOC XML, or images in one folder per class."
        )
    by_folder = [READERS[name] for name in accepting if READERS[name] not in _LABEL_FILE_READERS]
    return _read(", ".join(accepting), by_folder or _LABEL_FILE_READERS, LabelFiles(path, names or {}))


def _read(name: str, readers: Sequence[Reader], files: LabelFiles) -> ReadResult:
    problems: list[Problem] = []
    refused: list[RefusedRecord] = []

    def records() -> Iterator[GroundTruthRecord]:
        entries = (entry for reader in readers for entry in reader.read(files, problems.append))
        for entry in resolve_conflicts(entries):
            if isinstance(entry, RefusedRecord):
                refused.append(entry)
                problems.append(entry.problem)
            else:
                yield entry

    return ReadResult(name, records(), problems, refused)
