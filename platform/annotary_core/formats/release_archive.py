"""Storage of a written release: a folder, or a ZIP archive with reproducible bytes."""

from __future__ import annotations

import os
from array import array
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path, PurePosixPath
from tempfile import SpooledTemporaryFile
from types import TracebackType
from typing import BinaryIO, cast
from zlib import crc32

from annotary_core.formats.base import CHUNK, OpenImage, ReleaseRecord, Tree, image_chunks
from annotary_core.formats.errors import ReleaseError
from annotary_core.formats.zip_layout import (
    ArchiveDamaged,
    Entry,
    central_record,
    content_offset,
    end_records,
    entries,
    local_header,
)

_IN_MEMORY = 1024 * 1024


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

    def write_image(self, path: str, record: ReleaseRecord, open_image: OpenImage) -> None:
        """Write the record's image. Raises ReleaseError like `write`, and if it cannot be read."""
        self.write(path, image_chunks(record, open_image))


#: Takes the place in the whole archive, the size in bytes and the SHA-256 of content that the target lacks.
Refer = Callable[[int, int, str], None]


class ZipSink:
    """Writes files into a ZIP archive: stored (images are already compressed), ZIP64, without dates.

    `target` must be seekable, so that sizes precede the data and any reader can stream the archive. Memory grows by the
    hash of each name, never with the content of the files. After an error the target is not a valid release and the
    caller discards it.

    With `refer`, the target is the archive without its images: they are stored already, so the sink only tells where
    each of them belongs.
    """

    def __init__(self, target: Path | BinaryIO, *, refer: Refer | None = None) -> None:
        self._target: BinaryIO = target.open("wb") if isinstance(target, Path) else target
        self._owns_target, self._refer = isinstance(target, Path), refer
        # Closed with the sink.
        self._directory = cast(BinaryIO, SpooledTemporaryFile(max_size=_IN_MEMORY))  # noqa: SIM115
        self._count, self._referred = 0, 0
        self._written: set[int] = set()

    def write(self, path: str, chunks: Iterable[bytes]) -> None:
        """Write one file. Raises ReleaseError for an unsafe path or one that was already written."""
        self._claim(path)
        position, crc, size = self._target.tell(), 0, 0
        self._target.write(local_header(path, crc=0, size=0))
        for chunk in chunks:
            crc, size = crc32(chunk, crc), size + len(chunk)
            self._target.write(chunk)
        self._target.seek(position)
        self._target.write(local_header(path, crc=crc, size=size))
        self._target.seek(0, os.SEEK_END)
        self._list(Entry(path, crc, size, position + self._referred))

    def write_image(self, path: str, record: ReleaseRecord, open_image: OpenImage) -> None:
        """Write the record's image, or refer to it. Raises ReleaseError like `write`, and if it cannot be read."""
        if self._refer is None:
            self.write(path, image_chunks(record, open_image))
            return
        self._claim(path)
        crc, size = 0, 0
        for chunk in image_chunks(record, open_image):
            crc, size = crc32(chunk, crc), size + len(chunk)
        offset = self._target.tell() + self._referred
        header = local_header(path, crc=crc, size=size)
        self._target.write(header)
        self._refer(offset + len(header), size, record.image_sha256)
        self._referred += size
        self._list(Entry(path, crc, size, offset))

    def close(self) -> None:
        """Write the directory, which ends the archive."""
        try:
            offset, size = self._target.tell() + self._referred, self._directory.tell()
            self._directory.seek(0)
            while chunk := self._directory.read(CHUNK):
                self._target.write(chunk)
            self._target.write(end_records(count=self._count, size=size, offset=offset))
            self._target.flush()
        finally:
            self._directory.close()
            if self._owns_target:
                self._target.close()

    def __enter__(self) -> ZipSink:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()

    def _claim(self, path: str) -> None:
        # 8 bytes of hash: with a million files, one release in 30 million is refused for two names that differ.
        key = hash(_checked(path))
        if key in self._written:
            raise ReleaseError(f"Two files of the release are named {path}. Rename one of the source images.")
        self._written.add(key)

    def _list(self, entry: Entry) -> None:
        self._directory.write(central_record(entry))
        self._count += 1


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
    """Reads back a release in one of our own archives. Reading an entry to its end verifies its CRC.

    Memory grows by about 100 bytes for each entry: the place of its record, by the hash of its name.
    """

    def __init__(self, archive: BinaryIO) -> None:
        self._archive = archive
        self._crcs, self._sizes, self._offsets = array("L"), array("Q"), array("Q")
        self._places: dict[int, int] = {}
        for number, entry in enumerate(entries(archive)):
            if self._places.setdefault(hash(entry.name), number) != number:
                raise ArchiveDamaged(f"two entries named {entry.name}")
            self._crcs.append(entry.crc)
            self._sizes.append(entry.size)
            self._offsets.append(entry.offset)

    def names(self) -> Iterator[str]:
        return (entry.name for entry in entries(self._archive))

    def open(self, name: str) -> BinaryIO:
        """Raises FileNotFoundError if there is no such entry, ArchiveDamaged if its header is not the directory's."""
        number = self._places.get(hash(name))
        if number is None:
            raise FileNotFoundError(name)
        entry = Entry(name, self._crcs[number], self._sizes[number], self._offsets[number])
        return cast(BinaryIO, _EntryReader(self._archive, entry))


class _EntryReader:
    """Reads one entry; several can be read in turns, because each knows where it is."""

    def __init__(self, archive: BinaryIO, entry: Entry) -> None:
        self._archive, self._entry = archive, entry
        self._at, self._left, self._crc = content_offset(archive, entry), entry.size, 0

    def read(self, size: int = -1) -> bytes:
        if self._left == 0 or size == 0:
            return b""
        self._archive.seek(self._at)
        chunk = self._archive.read(self._left if size < 0 else min(size, self._left))
        if not chunk:
            raise ArchiveDamaged(f"{self._entry.name} ends too early")
        self._at, self._left, self._crc = self._at + len(chunk), self._left - len(chunk), crc32(chunk, self._crc)
        if self._left == 0 and self._crc != self._entry.crc:
            raise ArchiveDamaged(f"{self._entry.name} does not have its checksum")
        # Images and labels are read in chunks; a file that is read whole may come in several.
        return chunk if size >= 0 or self._left == 0 else chunk + self.read()

    def __iter__(self) -> Iterator[bytes]:
        rest = b""
        while chunk := self.read(CHUNK):
            *lines, rest = (rest + chunk).split(b"\n")
            yield from (line + b"\n" for line in lines)
        if rest:
            yield rest

    def close(self) -> None:
        """The archive stays open."""

    def __enter__(self) -> _EntryReader:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()


@contextmanager
def open_tree(source: Path | BinaryIO) -> Iterator[Tree]:
    """Open a release: a folder or a ZIP archive. Raises ReleaseError if it is neither or is damaged."""
    if isinstance(source, Path) and source.is_dir():
        yield FolderTree(source)
        return
    try:
        with source.open("rb") if isinstance(source, Path) else nullcontext(source) as archive:
            yield ZipTree(archive)
    except (ArchiveDamaged, FileNotFoundError) as error:
        name = source.name if isinstance(source, Path) else "file"
        raise ReleaseError(f"The release {name} is missing or damaged. Create the export again.") from error


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
