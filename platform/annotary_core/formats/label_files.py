"""Finding and reading the label files under a folder, in a fixed order and without following links out of it."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

from annotary_core.formats.ground_truth import Unreadable

IMAGE_SUFFIXES = frozenset({".jpg", ".jpeg", ".png", ".webp", ".bmp", ".gif", ".tif", ".tiff"})


def files_with(path: Path, suffixes: frozenset[str]) -> Iterator[Path]:
    """Yield the file itself, or every regular file below a folder with one of these extensions, sorted by path."""
    if path.is_file():
        if path.suffix.lower() in suffixes:
            yield path
        return
    for folder, folders, names in os.walk(path):
        folders[:] = sorted(name for name in folders if not name.startswith(".") and name != "__MACOSX")
        for name in sorted(names):
            file = Path(folder) / name
            if file.suffix.lower() in suffixes and not name.startswith(".") and not file.is_symlink():
                yield file


def bounded_bytes(file: Path, limit: int) -> bytes:
    """Return the file's content. Raises Unreadable if it is larger than `limit` bytes or cannot be opened."""
    try:
        with file.open("rb") as stream:
            body = stream.read(limit + 1)
    except OSError as error:
        raise Unreadable("The file cannot be opened. Check that it is complete and readable.") from error
    if len(body) > limit:
        raise Unreadable(f"The file is larger than {limit // (1024 * 1024)} MiB. Split it into smaller files.")
    return body


def shown(file: Path, under: Path) -> str:
    """Return the name of a file as shown to users: relative to what they uploaded."""
    return file.name if file == under else file.relative_to(under).as_posix()
