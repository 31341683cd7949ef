"""Content-addressed files: the key of a file is its SHA-256, so stored files never change and storing is idempotent.

Files are local, below `ANNOTARY_DATA/files`, or in the bucket of `STORAGE_URL`, depending on Django's
`STORAGES["default"]`. The callers manage the database rows of these files (`storage.models.Blob`).
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import re
import tempfile
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import BinaryIO, cast

from django.core.files import File
from django.core.files.base import ContentFile
from django.core.files.storage import FileSystemStorage, Storage, storages

from kernel.errors import NotFound, Refused

CHUNK = 1024 * 1024

_KEY = re.compile(r"blobs/([0-9a-f]{2})/(\1[0-9a-f]{62})\Z")


class ContentDiffers(Refused):
    """The file does not match its announced checksum. Send it again."""

    code = "content_differs"


class BlobMissing(NotFound):
    """This file is missing from storage."""

    code = "blob_missing"


@dataclass(frozen=True, slots=True)
class StoredObject:
    """A stored file: its key, the SHA-256 of its content in hex, its size in bytes."""

    key: str
    sha256: str
    size: int


def key_of(sha256: str) -> str:
    """Return the key for content with this SHA-256 (lowercase hex). Raises ValueError for anything else."""
    key = f"blobs/{sha256[:2]}/{sha256}"
    if not _KEY.match(key):
        raise ValueError(f"not a SHA-256 in hex: {sha256!r}")
    return key


def put(source: BinaryIO | Path, *, sha256: str | None = None) -> StoredObject:
    """Store a file durably (it survives a power cut) and return it.

    `sha256` is the hash that the caller expects. Raises ContentDiffers if it differs; nothing is stored then.
    """
    if isinstance(source, Path):
        with source.open("rb") as file:
            return put(file, sha256=sha256)
    storage = default_backend()
    if isinstance(storage, FileSystemStorage):
        return _put_local(source, Path(storage.location), sha256)
    return _put_remote(source, storage, sha256)


def open_blob(key: str) -> BinaryIO:
    """Open a stored file for reading. Raises BlobMissing."""
    try:
        return cast(BinaryIO, default_backend().open(_checked(key), "rb"))
    except FileNotFoundError as error:
        raise BlobMissing from error


def exists(key: str) -> bool:
    """Return whether the file is in storage."""
    return default_backend().exists(_checked(key))


def delete(key: str) -> None:
    """Delete a file; it is not an error if it does not exist."""
    default_backend().delete(_checked(key))


def local_path(key: str) -> Path | None:
    """Return the file's path on this machine, to use it without a copy; None for remote storage."""
    storage = default_backend()
    return Path(storage.path(_checked(key))) if isinstance(storage, FileSystemStorage) else None


def storage_clock() -> float:
    """Return the time (seconds since the epoch) that a file written now gets.

    Shared storage stamps files by a clock of its own, which is not the one of this process.
    """
    storage = default_backend()
    if isinstance(storage, FileSystemStorage):
        with tempfile.TemporaryFile(dir=_incoming(Path(storage.location))) as probe:
            return os.fstat(probe.fileno()).st_mtime
    name = storage.save(f"probe/{uuid.uuid4().hex}", ContentFile(b"probe"))
    try:
        return storage.get_modified_time(name).timestamp()
    finally:
        storage.delete(name)


def stray_keys(*, older_than: float) -> Iterator[str]:
    """Yield keys of files written before `older_than` (seconds since the epoch): candidates for the sweep.

    Also deletes temporary files of interrupted local writes. For remote storage, this requests the time of each file.
    """
    storage = default_backend()
    if isinstance(storage, FileSystemStorage):
        yield from _old_local(Path(storage.location), older_than)
    else:
        yield from _old_remote(storage, older_than)


def _old_local(root: Path, older_than: float) -> Iterator[str]:
    for path in root.glob("incoming/*"):
        with contextlib.suppress(FileNotFoundError):
            if path.stat().st_mtime < older_than:
                path.unlink()
    for path in root.glob("blobs/??/*"):
        with contextlib.suppress(FileNotFoundError):
            if path.stat().st_mtime < older_than:
                yield path.relative_to(root).as_posix()


def _old_remote(storage: Storage, older_than: float) -> Iterator[str]:
    limit = datetime.fromtimestamp(older_than, tz=UTC)
    # One listing per known prefix (256): a listing of the whole bucket would be held in memory at once.
    for number in range(256):
        folder = f"blobs/{number:02x}"
        with contextlib.suppress(FileNotFoundError):
            for name in storage.listdir(folder)[1]:
                with contextlib.suppress(FileNotFoundError):
                    if storage.get_modified_time(f"{folder}/{name}") < limit:
                        yield f"{folder}/{name}"


def default_backend() -> Storage:
    """Return the storage itself, not Django's lazy proxy, whose class says nothing about it."""
    return storages["default"]


def _checked(key: str) -> str:
    if not _KEY.match(key):
        raise ValueError(f"not a blob key: {key!r}")
    return key


def _copy(source: BinaryIO, target: BinaryIO, expected: str | None) -> StoredObject:
    digest, total = hashlib.sha256(), 0
    while chunk := source.read(CHUNK):
        digest.update(chunk)
        total += len(chunk)
        target.write(chunk)
    sha256 = digest.hexdigest()
    if expected is not None and sha256 != expected:
        raise ContentDiffers
    return StoredObject(key=key_of(sha256), sha256=sha256, size=total)


def _put_local(source: BinaryIO, root: Path, expected: str | None) -> StoredObject:
    handle, name = tempfile.mkstemp(dir=_incoming(root))
    temporary = Path(name)
    try:
        with os.fdopen(handle, "wb") as target:
            stored = _copy(source, target, expected)
            target.flush()
            os.fsync(target.fileno())
        final = root / stored.key
        final.parent.mkdir(parents=True, exist_ok=True)
        # Even if the file exists: this renews its time, so a concurrent sweep does not take it for a stray.
        temporary.replace(final)
        # A new name survives a power cut only if its folder is synced too (fsync(2)).
        for folder in (final.parent, final.parent.parent, root):
            _sync_folder(folder)
    finally:
        temporary.unlink(missing_ok=True)
    return stored


def _incoming(root: Path) -> Path:
    """Return the folder in which files are written before they get their name."""
    incoming = root / "incoming"
    incoming.mkdir(parents=True, exist_ok=True, mode=0o700)
    return incoming


def _sync_folder(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _put_remote(source: BinaryIO, storage: Storage, expected: str | None) -> StoredObject:
    # The key is known only after the last byte, and object stores cannot rename, so this goes through a local file.
    with tempfile.TemporaryFile() as buffer:
        stored = _copy(source, cast(BinaryIO, buffer), expected)
        if not (storage.exists(stored.key) and storage.size(stored.key) == stored.size):
            buffer.seek(0)
            storage.save(stored.key, File(buffer))
    return stored
