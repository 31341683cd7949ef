"""The readers of existing labels by name, and detection of the right one for a file or folder."""

from __future__ import annotations

from pathlib import Path

from annotary_core.formats.coco.reader import Coco
from annotary_core.formats.ground_truth import Problem, Reader, ReadResult, Unreadable
from annotary_core.formats.imagenet.reader import Folders
from annotary_core.formats.voc.reader import Voc

# In order of detection: label files are more specific than the folders that images happen to be in.
READERS: dict[str, Reader] = {each.name: each for each in (Coco(), Voc(), Folders())}


def detect(path: Path) -> Reader | None:
    """Return the first reader that recognizes the content of this file or folder, or None."""
    return next((reader for reader in READERS.values() if reader.accepts(path)), None)


def read_with(name: str, path: Path) -> ReadResult:
    """Read with a named reader, for content that several readers accept. Raises Unreadable for an unknown name."""
    if name not in READERS:
        raise Unreadable(f"Unknown reader “{name}”. Choose one of {', '.join(READERS)}.")
    problems: list[Problem] = []
    return ReadResult(name, READERS[name].read(path, problems.append), problems)


def detect_and_read(path: Path) -> ReadResult:
    """Read the labels of a file or folder, detecting their format.

    Records are streamed, and `problems` fills up meanwhile. Raises Unreadable if no reader recognizes the content.
    """
    reader = detect(path)
    if reader is None:
        raise Unreadable(
            f"{path.name} contains no readable labels. Upload COCO JSON, VOC XML, or images in one folder per class."
        )
    return read_with(reader.name, path)
