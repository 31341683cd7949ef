"""Files composed of others when they are read: an archive of images that are stored already needs no copy of them.

What is stored of a composed file is its *frame*: its bytes without the parts, then one record for each part, then a
footer. A part is a stored file, named by its SHA-256. The owner of a composed file must keep references to the blobs of
its parts, as a release does to its images: the frame does not protect them from the sweep.
"""

from __future__ import annotations

import hashlib
import io
import os
import struct
from bisect import bisect_right
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from tempfile import SpooledTemporaryFile
from types import TracebackType
from typing import BinaryIO, NamedTuple, cast

from kernel.errors import NotFound
from storage import backends
from storage.models import Blob
from storage.services import open_blob

# Where the part begins in the whole, its size, the bytes of the frame before it, its SHA-256.
_PART = struct.Struct(">3Q32s")
# The size of the whole, the number of parts, and what tells a frame from other files.
_FOOTER = struct.Struct(">2Q8s")
_SIGN = b"composed"
_WINDOW = 256
_IN_MEMORY = 1024 * 1024


class PartDamaged(NotFound):
    """A stored file that this download consists of is damaged. Restore it from a backup."""

    code = "part_damaged"


@dataclass(frozen=True, slots=True)
class ComposedBlob:
    """A composed file: its frame, and the SHA-256 and the size in bytes of the whole."""

    frame: Blob
    sha256: str
    size: int
    content_type: str


class FrameWriter:
    """Writes a frame to `path`: write the bytes of the whole to `file`, and call `refer` in place of each part."""

    def __init__(self, path: Path) -> None:
        self.file: BinaryIO = path.open("wb")
        # Closed with the frame.
        self._parts = cast(BinaryIO, SpooledTemporaryFile(max_size=_IN_MEMORY))  # noqa: SIM115
        self._count, self._left_out = 0, 0

    def refer(self, start: int, size: int, sha256: str) -> None:
        """Leave out the stored file with this SHA-256, which begins at `start` in the whole; parts come in order."""
        backends.key_of(sha256)
        self._parts.write(_PART.pack(start, size, start - self._left_out, bytes.fromhex(sha256)))
        self._count += 1
        self._left_out += size

    def __enter__(self) -> FrameWriter:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        with self.file, self._parts:
            if error is None:
                size = self.file.seek(0, os.SEEK_END) + self._left_out
                self._parts.seek(0)
                while chunk := self._parts.read(backends.CHUNK):
                    self.file.write(chunk)
                self.file.write(_FOOTER.pack(size, self._count, _SIGN))


class _Part(NamedTuple):
    start: int
    size: int
    frame_at: int
    sha256: bytes

    @property
    def stop(self) -> int:
        return self.start + self.size


class ComposedFile(io.RawIOBase):
    """The whole file, seekable. Holds the frame and one part open, and a few hundred records in memory.

    Reading raises PartDamaged and BlobMissing if a part does not have its size or does not exist.
    """

    def __init__(self, frame: BinaryIO, *, open_part: Callable[[str], BinaryIO] = backends.open_blob) -> None:
        super().__init__()
        self._frame, self._open_part = frame, open_part
        end = frame.seek(0, os.SEEK_END) - _FOOTER.size
        frame.seek(max(end, 0))
        footer = frame.read(_FOOTER.size)
        if len(footer) < _FOOTER.size or not footer.endswith(_SIGN):
            raise PartDamaged
        self.size, self._count, _ = _FOOTER.unpack(footer)
        self._records_at = end - self._count * _PART.size
        self._at = 0
        self._window: list[_Part] = []
        self._window_at = 0
        # What is being read: from where to where in the whole, and the part, or None for the frame from `frame_at`.
        self._start = self._stop = self._frame_at = 0
        self._source: BinaryIO | None = None

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._at

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        base = {os.SEEK_SET: 0, os.SEEK_CUR: self._at, os.SEEK_END: self.size}[whence]
        self._at = max(0, base + offset)
        return self._at

    def read(self, size: int | None = -1) -> bytes:
        """Return `size` bytes, fewer only at the end of the file."""
        left = max(0, self.size - self._at)
        left = left if size is None or size < 0 else min(size, left)
        chunks = []
        while left:
            chunks.append(self._read_some(left))
            left -= len(chunks[-1])
        return b"".join(chunks)

    def close(self) -> None:
        if not self.closed:
            self._close_part()
            self._frame.close()
        super().close()

    def _read_some(self, size: int) -> bytes:
        """Return at least one byte, and no more than the current part or stretch of the frame has."""
        if not self._start <= self._at < self._stop:
            self._go_to(self._at)
        size = min(size, self._stop - self._at)
        source, offset = self._frame, self._frame_at + self._at - self._start
        if self._source is not None:
            source, offset = self._source, self._at - self._start
        if source.tell() != offset:
            source.seek(offset)
        chunk = source.read(size)
        if not chunk:
            raise PartDamaged
        self._at += len(chunk)
        return chunk

    def _go_to(self, position: int) -> None:
        self._close_part()
        number = self._parts_until(position)
        before = self._part(number - 1) if number else _Part(0, 0, 0, b"")
        if position < before.stop:
            self._start, self._stop = before.start, before.stop
            self._source = self._open_part(backends.key_of(before.sha256.hex()))
        else:
            after = self._part(number).start if number < self._count else self.size
            self._start, self._stop, self._frame_at = before.stop, after, before.frame_at

    def _close_part(self) -> None:
        source, self._source = self._source, None
        self._start = self._stop = 0
        if source is not None:
            source.close()

    def _parts_until(self, position: int) -> int:
        """Return how many parts begin at or before the position; usually one of those that were read last."""
        window = self._window
        known = window and window[0].start <= position
        if known and (position < window[-1].start or self._window_at + len(window) == self._count):
            return self._window_at + bisect_right(window, position, key=lambda part: part.start)
        low, high = 0, self._count
        while low < high:
            middle = (low + high) // 2
            if self._read_parts(middle, 1)[0].start <= position:
                low = middle + 1
            else:
                high = middle
        return low

    def _part(self, number: int) -> _Part:
        if not self._window_at <= number < self._window_at + len(self._window):
            self._window_at = max(0, number - 1)
            self._window = self._read_parts(self._window_at, min(_WINDOW, self._count - self._window_at))
        return self._window[number - self._window_at]

    def _read_parts(self, number: int, count: int) -> list[_Part]:
        self._frame.seek(self._records_at + number * _PART.size)
        body = self._frame.read(count * _PART.size)
        if len(body) < count * _PART.size:
            raise PartDamaged
        return [_Part._make(fields) for fields in _PART.iter_unpack(body)]


def open_composed(key: str) -> ComposedFile:
    """Open the composed file with the frame of this key. Raises BlobMissing, StorageUnavailable and PartDamaged."""
    return ComposedFile(backends.open_blob(key))


def open_file(file: Blob | ComposedBlob) -> BinaryIO:
    """Open a stored or composed file for reading. Raises like `open_composed`."""
    return open_blob(file) if isinstance(file, Blob) else cast(BinaryIO, open_composed(file.frame.key))


def digest(file: BinaryIO) -> tuple[str, int]:
    """Read the file from its beginning; return its SHA-256 in hex and its size in bytes."""
    found, size = hashlib.sha256(), 0
    file.seek(0)
    while chunk := file.read(backends.CHUNK):
        found.update(chunk)
        size += len(chunk)
    return found.hexdigest(), size
