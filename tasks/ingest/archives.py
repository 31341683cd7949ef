"""The only module that opens archives. Every name and number in an archive is untrusted until it is checked here.

Anything that could harm the machine refuses the whole archive before a byte is written. An entry that is merely
invalid is refused on its own and the rest is accepted. Only ZIP is supported so far.
Nothing is ever written under a name from an archive: the caller chooses where each entry's bytes go.
"""

from __future__ import annotations

import stat
import struct
import zipfile  # noqa: TID251 - the only module allowed to
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from types import TracebackType
from typing import BinaryIO

import structlog

from annotary_core.labels.names import escape_control
from tasks.ingest.archive_encodings import decode_names, unicode_path
from tasks.ingest.archive_names import clean_path, is_system_file, name_refusal
from tasks.ingest.errors import ArchiveRefused

logger = structlog.get_logger(__name__)

CHUNK = 256 * 1024
MIB = 1024 * 1024

# Below this size, a high ratio means a uniform background, not a bomb.
_RATIO_FLOOR = 64 * MIB
_CENTRAL, _LOCAL, _END = b"PK\x01\x02", b"PK\x03\x04", b"PK\x05\x06"
_END_SIZE, _CENTRAL_SIZE, _LOCAL_SIZE = 22, 46, 30
_METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
# What zipfile raises for an entry whose header or data are damaged; its name in the header need not be valid UTF-8.
_UNREADABLE = (
    *(zipfile.BadZipFile, zlib.error, struct.error),
    *(EOFError, NotImplementedError, RuntimeError, UnicodeDecodeError),
)
_NESTED = (".zip", ".tar", ".tgz", ".gz", ".bz2", ".xz", ".7z", ".rar", ".zst")


@dataclass(frozen=True, slots=True)
class ArchiveLimits:
    """Limits on one archive. Sizes are unpacked bytes; `max_ratio` is unpacked to packed size of the whole archive."""

    max_entries: int = 200_000
    max_entry: int = 256 * MIB
    max_total: int = 64 * 1024 * MIB
    max_ratio: int = 200


@dataclass(frozen=True, slots=True)
class Entry:
    """A file in an archive: its name as a relative POSIX path in Unicode NFC, its declared size in bytes."""

    name: str
    size: int
    position: int


@dataclass(frozen=True, slots=True)
class RefusedEntry:
    """An entry that is refused: its name made printable, a stable reason code, a sentence, and its number."""

    name: str
    reason: str
    sentence: str
    position: int


class Archive:
    """A checked archive, open for reading. `entries` is in stored order; `ignored` counts folders and system files.

    `notes` are sentences for the person who sent it, about names whose encoding had to be guessed. `repeated` are the
    names of accepted entries that refused ones have too.
    """

    def __init__(self, file: zipfile.ZipFile, limits: ArchiveLimits) -> None:
        self._file = file
        self._infos = file.infolist()
        self.entries: list[Entry] = []
        self.refused: list[RefusedEntry] = []
        self.repeated: set[str] = set()
        self.ignored = 0
        names, note = _decoded_names(self._infos)
        self.notes = [note] if note else []
        seen: set[str] = set()
        for position, (info, name) in enumerate(zip(self._infos, names, strict=True)):
            self._classify(position, info, name, seen, limits)

    def __enter__(self) -> Archive:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._file.close()

    def read(self, entry: Entry) -> Iterator[bytes]:
        """Yield the entry's bytes in chunks, never more than its declared size.

        Raises ArchiveRefused, after the last chunk at the latest, when the bytes do not match the declaration.
        """
        count = 0
        try:
            with self._file.open(self._infos[entry.position]) as stream:
                while chunk := stream.read(CHUNK):
                    count += len(chunk)
                    yield chunk
        except _UNREADABLE as error:
            raise _damaged(entry) from error
        if count != entry.size:
            raise _damaged(entry)

    def copy(self, entry: Entry, target: BinaryIO) -> int:
        """Write the entry's bytes to `target` and return their number. Raises ArchiveRefused, possibly midway."""
        count = 0
        for chunk in self.read(entry):
            target.write(chunk)
            count += len(chunk)
        return count

    def _classify(
        self, position: int, info: zipfile.ZipInfo, stored: str, seen: set[str], limits: ArchiveLimits
    ) -> None:
        name = clean_path(stored)
        if _is_folder(info, stored) or is_system_file(name):
            self.ignored += 1
            return
        refusal = name_refusal(name) or _content_refusal(info, name, limits)
        # Two names that differ only by case are two images; an exact repetition is refused.
        if refusal is None and name in seen:
            refusal = ("duplicate", "the archive contains this name twice. Only the first is used.")
            self.repeated.add(name)
        if refusal is not None:
            shown = escape_control(name)[:200]
            self.refused.append(RefusedEntry(shown, refusal[0], f"{shown}: {refusal[1]}", position))
            return
        seen.add(name)
        self.entries.append(Entry(name, info.file_size, position))


def open_archive(path: Path, limits: ArchiveLimits | None = None) -> Archive:
    """Check the archive at `path` and return it open, as a context manager. Raises ArchiveRefused."""
    try:
        return _open_checked(path, limits or ArchiveLimits())
    except ArchiveRefused as refusal:
        logger.warning("archive refused", problem=refusal.reason)
        raise


def _open_checked(path: Path, limits: ArchiveLimits) -> Archive:
    _check_is_zip(path)
    _check_count(path, limits)
    try:
        file = zipfile.ZipFile(path)
    except (zipfile.BadZipFile, UnicodeDecodeError, ValueError, NotImplementedError, struct.error, EOFError) as error:
        raise ArchiveRefused("damaged", "The archive is damaged. Create it again and upload the new file.") from error
    try:
        _check_structure(file, path, limits)
        return Archive(file, limits)
    except BaseException:
        file.close()
        raise


def _check_is_zip(path: Path) -> None:
    with path.open("rb") as file:
        head = file.read(8)
    if not head:
        raise ArchiveRefused("empty_file", "The file is empty. Upload it again.")
    if not zipfile.is_zipfile(path):
        if head.startswith(_LOCAL):
            raise ArchiveRefused("truncated", "The archive is truncated. Copy or upload it again.")
        raise ArchiveRefused("not_a_zip", "This is not a ZIP archive. Pack the images as a ZIP file.")


def _directory_range(file: BinaryIO) -> tuple[int, int]:
    """The start and end of the archive's directory, in bytes."""
    file.seek(0, 2)
    length = file.tell()
    tail_at = max(0, length - _END_SIZE - 0xFFFF)
    file.seek(tail_at)
    tail = file.read()
    at = tail.rfind(_END)
    if at < 0 or len(tail) - at < _END_SIZE:
        raise ArchiveRefused("damaged", "The archive is damaged. Create it again and upload the new file.")
    size = struct.unpack("<L", tail[at + 12 : at + 16])[0]
    end = tail_at + at
    if size == 0xFFFFFFFF or tail[max(0, at - 20) : at].startswith(b"PK\x06\x07"):
        # ZIP64: its end record and locator (56 and 20 bytes) lie between the directory and this record.
        end -= 20
        file.seek(max(0, end - 56))
        record = file.read(56)
        if not record.startswith(b"PK\x06\x06"):
            raise ArchiveRefused("damaged", "The archive is damaged. Create it again and upload the new file.")
        size, end = struct.unpack("<Q", record[40:48])[0], end - 56
    return max(0, end - size), end


def _check_count(path: Path, limits: ArchiveLimits) -> None:
    """Count the directory's entries without keeping them: a forged gigabyte must not become millions of objects."""
    with path.open("rb") as file:
        start, end = _directory_range(file)
        file.seek(start)
        count = 0
        while file.tell() < end:
            header = file.read(_CENTRAL_SIZE)
            if len(header) < _CENTRAL_SIZE or not header.startswith(_CENTRAL):
                raise ArchiveRefused("damaged", "The archive's directory is damaged. Create the archive again.")
            count += 1
            if count > limits.max_entries:
                raise ArchiveRefused(
                    "too_many_entries", f"The archive contains more than {limits.max_entries} files. Split it up."
                )
            file.seek(sum(struct.unpack("<3H", header[28:34])), 1)


def _check_structure(file: zipfile.ZipFile, path: Path, limits: ArchiveLimits) -> None:
    """Refuse the whole archive for encryption, overlapping entries or excessive size."""
    infos = file.infolist()
    if any(info.flag_bits & 0x2041 for info in infos):
        raise ArchiveRefused("encrypted", "The archive is password-protected. Create it again without a password.")
    total = sum(info.file_size for info in infos)
    if total > limits.max_total:
        limit = limits.max_total // MIB
        raise ArchiveRefused(
            "too_large", f"The archive unpacks to {total // MIB} MiB and the limit is {limit} MiB. Split it up."
        )
    if total > _RATIO_FLOOR and total > limits.max_ratio * path.stat().st_size:
        raise ArchiveRefused("ratio", "The archive looks like a ZIP bomb. Pack the images with ordinary compression.")
    _check_overlap(infos, path, file.start_dir)


def _check_overlap(infos: list[zipfile.ZipInfo], path: Path, directory_at: int) -> None:
    """Check that each entry's header and data end before the next begins: overlapping data multiplies when read."""
    ends = 0
    with path.open("rb") as raw:
        for info in sorted(infos, key=lambda each: each.header_offset):
            raw.seek(max(0, info.header_offset))
            header = raw.read(_LOCAL_SIZE)
            if len(header) < _LOCAL_SIZE or not header.startswith(_LOCAL):
                raise ArchiveRefused("damaged", "The archive is damaged. Create it again and upload the new file.")
            if info.header_offset < ends:
                raise ArchiveRefused("overlap", "Files in the archive overlap. Create the archive again.")
            name, extra = struct.unpack("<2H", header[26:30])
            ends = info.header_offset + _LOCAL_SIZE + name + extra + info.compress_size
    if ends > directory_at:
        raise ArchiveRefused("overlap", "Files in the archive overlap its directory. Create the archive again.")


def _content_refusal(info: zipfile.ZipInfo, name: str, limits: ArchiveLimits) -> tuple[str, str] | None:
    kind = stat.S_IFMT(info.external_attr >> 16)
    if kind == stat.S_IFLNK:
        return "link", "a symbolic link. Pack the file itself."
    # The upper bits hold the file type only in archives created on Unix.
    if info.create_system == 3 and kind not in (0, stat.S_IFREG):
        return "special", "not a regular file. Leave it out."
    if PurePosixPath(name).suffix.lower() in _NESTED:
        return "nested", "an archive inside the archive. Unpack it, or upload it separately."
    if info.compress_type not in _METHODS:
        return "method", "compressed with an unsupported method. Pack it again with the default ZIP compression."
    if info.file_size > limits.max_entry:
        return "entry_too_large", f"larger than {limits.max_entry // MIB} MiB unpacked. Reduce its size."
    return None


def _decoded_names(infos: list[zipfile.ZipInfo]) -> tuple[list[str], str]:
    """The stored names, and a note if their encoding had to be guessed; `info.filename` ends at the first NUL."""
    names = [_stated_name(info) for info in infos]
    unknown = [info.orig_filename.encode("cp437") for info, name in zip(infos, names, strict=True) if name is None]
    guessed, note = decode_names(unknown)
    rest = iter(guessed)
    return [next(rest) if name is None else name for name in names], note


def _stated_name(info: zipfile.ZipInfo) -> str | None:
    """The name of an entry whose encoding the archive states, else None.

    zipfile reads names without the UTF-8 flag as code page 437, as APPNOTE appendix D requires.
    """
    name = info.orig_filename
    if info.flag_bits & 0x800:
        return name
    stated = unicode_path(info.extra, name.encode("cp437"))
    return name if stated is None and name.isascii() else stated


def _is_folder(info: zipfile.ZipInfo, name: str) -> bool:
    """Whether the entry is a folder; Windows programs may end its name with a backslash."""
    return name.endswith("/") or (name.endswith("\\") and info.file_size == 0)


def _damaged(entry: Entry) -> ArchiveRefused:
    return ArchiveRefused(
        "entry_damaged", f"{entry.name}: its content does not match the archive's directory. Pack it again."
    )
