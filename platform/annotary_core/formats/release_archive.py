"""Storage of a written release: a folder, or a ZIP archive with reproducible bytes."""

from __future__ import annotations

import os
import zipfile  # noqa: TID251 - the ban is for foreign archives; this writes and re-reads our own
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from types import TracebackType
from typing import BinaryIO, cast

from annotary_core.formats.base import Tree
from annotary_core.formats.errors import ReleaseError

# The earliest date that ZIP supports: an archive must not depend on when it was created.
_EPOCH = (1980, 1, 1, 0, 0, 0)
_FILE_MODE = 0o100644


class FolderSink:
    """Writes files under a folder."""

    def __init__(self, root: Path) -> None:
        self._root = root
        root.mkdir(parents=True, exist_ok=True)

    def write(self, path: str, chunks: Iterable[bytes]) -> None:
        """Write one file. Raises ReleaseError for an unsafe path or one that was already written."""
        target = self._root / _checked(path)
        target.parent.mkdir(parents=True, exist_ok=True)
        try:
            with target.open("xb") as stream:
                for chunk in chunks:
                    stream.write(chunk)
        except FileExistsError as error:
            raise ReleaseError(
                f"Two files of the release are named {path}. Rename one of the source images."
            ) from error


class ZipSink:
    """Writes files into a ZIP archive: stored (images are already compressed), ZIP64, streamed, without dates.

    `target` must be seekable, so that sizes precede the data and any reader can stream the archive. Memory grows with
    the archive's directory, under 1 kB per file, never with the content of the files. After an error the target is not
    a valid release and the caller discards it.
    """

    def __init__(self, target: Path | BinaryIO) -> None:
        self._zip = zipfile.ZipFile(target, "w", zipfile.ZIP_STORED, allowZip64=True)
        self._written: set[str] = set()

    def write(self, path: str, chunks: Iterable[bytes]) -> None:
        """Write one file. Raises ReleaseError for an unsafe path or one that was already written."""
        if _checked(path) in self._written:
            raise ReleaseError(f"Two files of the release are named {path}. Rename one of the source images.")
        self._written.add(path)
        entry = zipfile.ZipInfo(path, _EPOCH)
        entry.create_system = 3
        entry.external_attr = _FILE_MODE << 16
        with self._zip.open(entry, "w", force_zip64=True) as stream:
            for chunk in chunks:
                stream.write(chunk)

    def close(self) -> None:
        self._zip.close()

    def __enter__(self) -> ZipSink:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()


class FolderTree:
    """Reads back a release in a folder."""

    def __init__(self, root: Path) -> None:
        self._root = root

    def names(self) -> Iterator[str]:
        for folder, folders, files in os.walk(self._root):
            folders.sort()
            for name in sorted(files):
                yield (Path(folder) / name).relative_to(self._root).as_posix()

    def open(self, name: str) -> BinaryIO:
        return (self._root / name).open("rb")


class ZipTree:
    """Reads back a release in one of our own archives. Reading an entry to its end verifies its CRC."""

    def __init__(self, archive: zipfile.ZipFile) -> None:
        self._zip = archive

    def names(self) -> Iterator[str]:
        yield from sorted(self._zip.namelist())

    def open(self, name: str) -> BinaryIO:
        return cast(BinaryIO, self._zip.open(name))


@contextmanager
def open_tree(path: Path) -> Iterator[Tree]:
    """Open the release at `path`, a folder or a ZIP archive. Raises ReleaseError if it is neither or is damaged."""
    if path.is_dir():
        yield FolderTree(path)
        return
    try:
        with zipfile.ZipFile(path) as archive:
            yield ZipTree(archive)
    except (zipfile.BadZipFile, FileNotFoundError) as error:
        raise ReleaseError(f"The release {path.name} is missing or damaged. Create the export again.") from error


def _checked(path: str) -> str:
    parts = PurePosixPath(path).parts
    if (
        not parts
        or path.startswith("/")
        or ".." in parts
        or "\\" in path
        or "\0" in path
        or str(PurePosixPath(path)) != path
    ):
        raise ReleaseError(f"The release cannot contain a file named {path!r}.")
    return path
