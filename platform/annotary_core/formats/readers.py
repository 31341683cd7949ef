"""The readers of existing labels by name, and which of them a folder or file is for."""

from __future__ import annotations

from pathlib import Path

from annotary_core.formats.coco.reader import Coco
from annotary_core.formats.ground_truth import Problem, Reader, Reading, Unreadable
from annotary_core.formats.imagenet.reader import Folders
from annotary_core.formats.voc.reader import Voc

# In order of detection: label files say more than the folders in which images happen to lie.
READERS: dict[str, Reader] = {each.name: each for each in (Coco(), Voc(), Folders())}


def detect(path: Path) -> Reader | None:
    """The first reader that knows the content of this file or folder."""
    return next((reader for reader in READERS.values() if reader.accepts(path)), None)


def read_with(name: str, path: Path) -> Reading:
    """Read with a reader by name, for content that several readers would take. Raises Unreadable for another name."""
    if name not in READERS:
        raise Unreadable(f"There is no reader “{name}”; choose one of {', '.join(READERS)}.")
    problems: list[Problem] = []
    return Reading(name, READERS[name].read(path, problems.append), problems)


def detect_and_read(path: Path) -> Reading:
    """Read the labels of a file or folder, whatever they are.

    The records stream; `problems` fills while they do. Raises Unreadable when no reader knows the content.
    """
    reader = detect(path)
    if reader is None:
        raise Unreadable(
            f"{path.name} holds no labels that can be read; bring COCO JSON, VOC XML, or images in a folder a class."
        )
    return read_with(reader.name, path)
