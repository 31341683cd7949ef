"""Finding and reading the label files of an upload, in a fixed order and without following links out of it."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from annotary_core.formats.errors import Unreadable

IMAGE_SUFFIXES = frozenset({".jpg", ".jpeg", ".png", ".webp", ".bmp", ".gif", ".tif", ".tiff"})


@dataclass(frozen=True, slots=True)
class LabelFile:
    """A label file: where it is stored, and its name as shown to users, relative to what they uploaded."""

    path: Path
    name: str

    @property
    def folder(self) -> str:
        """The folder that the file is in, empty for the top level."""
        return self.name.rpartition("/")[0]

    @property
    def stem(self) -> str:
        """The name without folder and extension."""
        base = self.name.rpartition("/")[2]
        return base.rpartition(".")[0] or base


@dataclass(frozen=True, slots=True)
class LabelFiles:
    """The files of an upload: `root` is a file or a folder.

    `names` are the names of files that are stored under others: {name in `root`: name in the upload}.
    """

    root: Path
    names: Mapping[str, str] = field(default_factory=dict)

    @property
    def is_single(self) -> bool:
        return self.root.is_file()

    def with_suffix(self, suffixes: frozenset[str]) -> Iterator[LabelFile]:
        """Yield the files with one of these extensions, as `files_with`."""
        for path in files_with(self.root, suffixes):
            name = path.name if self.is_single else path.relative_to(self.root).as_posix()
            yield LabelFile(path, self.names.get(name, name))


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
