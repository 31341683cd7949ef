"""The layout of our own ZIP archives: stored entries in ZIP64 headers, without dates, comments or data descriptors.

Source: APPNOTE.TXT 6.3.10, sections 4.3 to 4.5. The bytes are those that Python's `zipfile` writes with `force_zip64`,
so archives written before and after this module are equal; a test compares them. Archives are written here because
`zipfile` keeps an object of 700 bytes for each entry, and cannot leave out the content of an entry.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import BinaryIO, NamedTuple

_LOCAL = struct.Struct("<4s5H3L2H")
_CENTRAL = struct.Struct("<4s2B5H3L5H2L")
_END = struct.Struct("<4s4H2LH")
_END_64 = struct.Struct("<4sQ2H2L4Q")
_LOCATOR = struct.Struct("<4sLQL")
_SIZES_64 = struct.Struct("<2H2Q")
LOCAL_SIZE = _LOCAL.size
_LOCAL_SIGN, _CENTRAL_SIGN, _END_SIGN = b"PK\x03\x04", b"PK\x01\x02", b"PK\x05\x06"
_END_64_SIGN, _LOCATOR_SIGN = b"PK\x06\x06", b"PK\x06\x07"
_ZIP64_VERSION, _UNIX, _UTF8 = 45, 3, 0x800
# 1 January 1980, the earliest date that ZIP knows: an archive must not depend on when it was written.
_DATE = 1 << 5 | 1
_FILE_MODE = 0o100644 << 16
# Signed, as `zipfile` does it, for readers that read signed numbers.
_LIMIT, _COUNT_LIMIT = 2**31 - 1, 2**16 - 1
_ALL_ONES, _ALL_ONES_16 = 2**32 - 1, 2**16 - 1


class ArchiveDamaged(Exception):
    """The archive is torn, or none of ours."""


class Entry(NamedTuple):
    """A file in the archive; `offset` is that of its local header."""

    name: str
    crc: int
    size: int
    offset: int


def encoded_name(name: str) -> tuple[bytes, int]:
    """Return the name's bytes, and the flag that says how they are encoded."""
    return (name.encode(), 0) if name.isascii() else (name.encode(), _UTF8)


def local_header(name: str, *, crc: int, size: int) -> bytes:
    encoded, flags = encoded_name(name)
    head = _LOCAL.pack(
        *(_LOCAL_SIGN, _ZIP64_VERSION, flags, 0, 0, _DATE, crc, _ALL_ONES, _ALL_ONES, len(encoded), _SIZES_64.size)
    )
    return head + encoded + _SIZES_64.pack(1, _SIZES_64.size - 4, size, size)


def central_record(entry: Entry) -> bytes:
    """Return the entry's record in the directory at the end of the archive."""
    encoded, flags = encoded_name(entry.name)
    large = [entry.size, entry.size] if entry.size > _LIMIT else []
    size = _ALL_ONES if large else entry.size
    offset = entry.offset
    if offset > _LIMIT:
        large, offset = [*large, offset], _ALL_ONES
    extra = struct.pack(f"<2H{len(large)}Q", 1, 8 * len(large), *large) if large else b""
    head = _CENTRAL.pack(
        *(_CENTRAL_SIGN, _ZIP64_VERSION, _UNIX, _ZIP64_VERSION, flags, 0, 0, _DATE, entry.crc, size, size),
        *(len(encoded), len(extra), 0, 0, 0, _FILE_MODE, offset),
    )
    return head + encoded + extra


def end_records(*, count: int, size: int, offset: int) -> bytes:
    """Return what follows the directory, which has `count` records and `size` bytes and begins at `offset`."""
    end_64 = b""
    if count > _COUNT_LIMIT or offset > _LIMIT or size > _LIMIT:
        version = _ZIP64_VERSION
        end_64 = _END_64.pack(_END_64_SIGN, _END_64.size - 12, version, version, 0, 0, count, count, size, offset)
        end_64 += _LOCATOR.pack(_LOCATOR_SIGN, 0, offset + size, 1)
    count = min(count, _ALL_ONES_16)
    return end_64 + _END.pack(_END_SIGN, 0, 0, count, count, min(size, _ALL_ONES), min(offset, _ALL_ONES), 0)


def entries(archive: BinaryIO) -> Iterator[Entry]:
    """Yield the entries in the order of the directory, one at a time. Raises ArchiveDamaged."""
    position, count = _directory(archive)
    for _ in range(count):
        archive.seek(position)
        head = _exactly(archive, _CENTRAL.size)
        sign, _, _, _, flags, method, _, _, crc, packed, size, name_size, extra_size, comment_size, *rest = (
            _CENTRAL.unpack(head)
        )
        if sign != _CENTRAL_SIGN or method != 0 or packed != size or comment_size:
            raise ArchiveDamaged("not a stored entry")
        name = _name(_exactly(archive, name_size), flags)
        large = _large_numbers(_exactly(archive, extra_size))
        if size == _ALL_ONES:
            size, _ = large.pop(0), large.pop(0)
        offset = large.pop(0) if rest[-1] == _ALL_ONES else rest[-1]
        yield Entry(name, crc, size, offset)
        position += _CENTRAL.size + name_size + extra_size


def content_offset(archive: BinaryIO, entry: Entry) -> int:
    """Return where the entry's content begins. Raises ArchiveDamaged if its header is not that of the directory."""
    archive.seek(entry.offset)
    expected = local_header(entry.name, crc=entry.crc, size=entry.size)
    if _exactly(archive, len(expected)) != expected:
        raise ArchiveDamaged(f"the header of {entry.name} differs from the directory")
    return entry.offset + len(expected)


def _directory(archive: BinaryIO) -> tuple[int, int]:
    """Return where the directory begins, and its number of records."""
    end = archive.seek(0, 2) - _END.size
    if end < 0:
        raise ArchiveDamaged("too short")
    archive.seek(end)
    sign, *_, count, _, offset, _ = _END.unpack(_exactly(archive, _END.size))
    if sign != _END_SIGN:
        raise ArchiveDamaged("no end record")
    if end >= _LOCATOR.size + _END_64.size:
        archive.seek(end - _LOCATOR.size)
        sign, _, end_64, _ = _LOCATOR.unpack(_exactly(archive, _LOCATOR.size))
        if sign == _LOCATOR_SIGN:
            archive.seek(end_64)
            sign, *_, count, _, offset = _END_64.unpack(_exactly(archive, _END_64.size))
            if sign != _END_64_SIGN:
                raise ArchiveDamaged("no ZIP64 end record")
    return offset, count


def _name(encoded: bytes, flags: int) -> str:
    try:
        return encoded.decode("utf-8" if flags & _UTF8 else "ascii")
    except UnicodeDecodeError as error:
        raise ArchiveDamaged("a name in another encoding") from error


def _large_numbers(extra: bytes) -> list[int]:
    """Return the numbers that are too large for the record. Two zeros follow, so that a damaged record is refused."""
    if not extra:
        return [0, 0, 0]
    if len(extra) < 4 or struct.unpack("<2H", extra[:4]) != (1, len(extra) - 4) or (len(extra) - 4) % 8:
        raise ArchiveDamaged("an extra field of another kind")
    return [*struct.unpack(f"<{(len(extra) - 4) // 8}Q", extra[4:]), 0, 0, 0]


def _exactly(archive: BinaryIO, size: int) -> bytes:
    found = archive.read(size)
    while len(found) < size:
        more = archive.read(size - len(found))
        if not more:
            raise ArchiveDamaged("it ends too early")
        found += more
    return found
