"""The file that `backup` writes: an uncompressed tar archive that is written and read in one pass.

    backup.json       first: what the archive contains, and the versions that wrote it
    secrets.json      if the installation has its own
    database.dump     by pg_dump, in its custom format, which is compressed
    files/blobs/...   images and releases, named by the SHA-256 of their content
    checksums.json    last: the checksums of everything before it; a truncated archive lacks it

Nothing is stored twice on the way: the size of the dump, which its header needs, is filled in after the dump.
"""

import hashlib
import json
import os
import re
import tarfile
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, BinaryIO

from annotary.runtime.errors import EmbeddedError

FORMAT = 1
MANIFEST, SECRETS, DUMP, CHECKSUMS = "backup.json", "secrets.json", "database.dump", "checksums.json"
BLOB = re.compile(r"files/blobs/([0-9a-f]{2})/(\1[0-9a-f]{62})\Z")
CHUNK = 1024 * 1024
LONGEST_TEXT = 16 * CHUNK


class ArchiveDamagedError(EmbeddedError):
    """The archive is truncated, was changed, or is none of ours."""


@dataclass
class Checksums:
    """What `checksums.json` holds. The files are summed up by their names, which are their checksums."""

    members: dict[str, str] = field(default_factory=dict)
    files: int = 0
    bytes: int = 0
    _names: Any = field(default_factory=hashlib.sha256)

    def add(self, name: str, sha256: str, size: int) -> None:
        if BLOB.match(name):
            self.files += 1
            self.bytes += size
            self._names.update(f"{name}\n".encode())
        else:
            self.members[name] = sha256

    def content(self) -> dict[str, Any]:
        files = {"count": self.files, "bytes": self.bytes, "names": self._names.hexdigest()}
        return {"members": self.members, "files": files}


class ArchiveWriter:
    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self.checksums = Checksums()

    def add_text(self, name: str, content: str) -> None:
        body = content.encode()
        self._file.write(_header(name, len(body)))
        self._file.write(body)
        self._finish(name, hashlib.sha256(body).hexdigest(), len(body))

    def add_stream(self, name: str, source: BinaryIO, size: int | None = None) -> str:
        """Copy the stream to its end and return its SHA-256; without `size`, the file must be seekable.

        Raises ArchiveDamagedError if the stream has another size.
        """
        start = self._file.tell() if size is None else 0
        self._file.write(_header(name, size or 0))
        digest, written = hashlib.sha256(), 0
        while chunk := source.read(CHUNK):
            digest.update(chunk)
            written += len(chunk)
            if size is not None and written > size:
                break
            self._file.write(chunk)
        if size is None:
            end = self._file.tell()
            self._file.seek(start)
            self._file.write(_header(name, written))
            self._file.seek(end)
        elif written != size:
            raise ArchiveDamagedError(f"{name} has another size than the database says.")
        self._finish(name, digest.hexdigest(), written)
        return digest.hexdigest()

    def close(self) -> None:
        """Write the checksums and the end of the archive, and make all of it durable."""
        self.add_text(CHECKSUMS, json.dumps(self.checksums.content(), indent=2) + "\n")
        self._file.write(bytes(2 * tarfile.BLOCKSIZE))
        self._file.flush()
        os.fsync(self._file.fileno())

    def _finish(self, name: str, sha256: str, size: int) -> None:
        self._file.write(bytes(-size % tarfile.BLOCKSIZE))
        self.checksums.add(name, sha256, size)


def _header(name: str, size: int) -> bytes:
    """Return the header of a member. It is one block for sizes above 8 GB too, so that it can be overwritten."""
    info = tarfile.TarInfo(name)
    info.size, info.mode = size, 0o600
    return info.tobuf(format=tarfile.GNU_FORMAT)


# Takes a member's name and returns where its content goes, or None to only check it.
Target = Callable[[str], BinaryIO | None]


def read(file: BinaryIO, *, accept: Callable[[dict[str, Any]], None], target: Target) -> dict[str, Any]:
    """Read an archive in one pass, verify every checksum, and return the manifest.

    `accept` gets the manifest before anything else is read and may raise. Raises ArchiveDamagedError.
    """
    checksums = Checksums()
    manifest: dict[str, Any] | None = None
    expected: dict[str, Any] | None = None
    try:
        with tarfile.open(fileobj=file, mode="r|") as members:
            for member in members:
                source = _opened(members, member, first=manifest is None, last=expected is not None)
                if member.name in {MANIFEST, CHECKSUMS}:
                    body = _text(source, member)
                    content = json.loads(body)
                    if member.name == CHECKSUMS:
                        expected = content
                        continue
                    manifest = content
                    accept(manifest)
                    checksums.add(member.name, hashlib.sha256(body).hexdigest(), len(body))
                else:
                    checksums.add(member.name, _copy(source, member, target(member.name)), member.size)
    except (tarfile.TarError, EOFError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise ArchiveDamagedError("It is truncated or damaged, or it is no backup of Annotary.") from error
    if manifest is None or expected is None:
        raise ArchiveDamagedError("It is truncated: its end is missing.")
    if expected != checksums.content():
        raise ArchiveDamagedError("Its content does not match its checksums.")
    return manifest


def _opened(members: tarfile.TarFile, member: tarfile.TarInfo, *, first: bool, last: bool) -> BinaryIO:
    """Open a member after its name and type were checked; an archive names no other path, so none can be written."""
    known = member.name in {MANIFEST, SECRETS, DUMP, CHECKSUMS} or BLOB.match(member.name)
    source = members.extractfile(member) if known and member.isreg() else None
    if source is None:
        raise ArchiveDamagedError(f"It contains {member.name!r}, which no backup of Annotary contains.")
    if last or first != (member.name == MANIFEST):
        raise ArchiveDamagedError("Its parts are in another order than a backup writes them.")
    return source  # type: ignore[return-value]  # the stubs say IO[bytes]


def _text(source: BinaryIO, member: tarfile.TarInfo) -> bytes:
    body = source.read(LONGEST_TEXT)
    if len(body) != member.size:
        raise ArchiveDamagedError(f"{member.name} is truncated.")
    return body


def _copy(source: BinaryIO, member: tarfile.TarInfo, target: BinaryIO | None) -> str:
    """Copy a member and return its SHA-256. Raises ArchiveDamagedError if it is cut off or a file belies its name."""
    digest, size = hashlib.sha256(), 0
    try:
        while chunk := source.read(CHUNK):
            digest.update(chunk)
            size += len(chunk)
            if target is not None:
                target.write(chunk)
    finally:
        if target is not None:
            target.close()
    sha256 = digest.hexdigest()
    blob = BLOB.match(member.name)
    if size != member.size or (blob and blob.group(2) != sha256):
        raise ArchiveDamagedError(f"{member.name} is damaged.")
    return sha256
