"""Files by content: the key of a file is its SHA-256, so a stored file never changes and storing twice is harmless.

Local files stand below `ANNOTARY_DATA/files`, remote ones in the bucket of `STORAGE_URL`; which of the two it is
says Django's `STORAGES["default"]`. Rows about these files are `storage.models.Blob`, a matter of the callers.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import re
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import BinaryIO, cast

from django.core.files import File
from django.core.files.storage import FileSystemStorage, Storage, storages

from kernel.errors import NotFound, Refused

CHUNK = 1024 * 1024

_KEY = re.compile(r"blobs/([0-9a-f]{2})/(\1[0-9a-f]{62})\Z")


class ContentDiffers(Refused):
    """The file is not the one that was announced; send it again."""

    code = "content_differs"


class BlobMissing(NotFound):
    """This file is not in the storage."""

    code = "blob_missing"


@dataclass(frozen=True, slots=True)
class StoredObject:
    """A file in the storage: its key, the SHA-256 of its content in hex, its size in bytes."""

    key: str
    sha256: str
    size: int


def key_of(sha256: str) -> str:
    """Where the content with this SHA-256 (hex, lower case) stands. Raises ValueError for anything else."""
    key = f"blobs/{sha256[:2]}/{sha256}"
    if not _KEY.match(key):
        raise ValueError(f"not a SHA-256 in hex: {sha256!r}")
    return key


def put(source: BinaryIO | Path, *, sha256: str | None = None) -> StoredObject:
    """Store a file and return it, once its bytes are safe from a power cut.

    `sha256` is the content that the caller expects. Raises ContentDiffers when it is another; nothing is stored then.
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
    """Whether the file is in the storage."""
    return default_backend().exists(_checked(key))


def size(key: str) -> int:
    """Size in bytes. Raises BlobMissing."""
    try:
        return default_backend().size(_checked(key))
    except FileNotFoundError as error:
        raise BlobMissing from error


def delete(key: str) -> None:
    """Remove a file; one that is gone already is no error."""
    default_backend().delete(_checked(key))


def local_path(key: str) -> Path | None:
    """The file's path when it stands on this machine, for handing it on without a copy; None for remote storage."""
    storage = default_backend()
    return Path(storage.path(_checked(key))) if isinstance(storage, FileSystemStorage) else None


def keys_of_strays(*, older_than: float) -> Iterator[str]:
    """Keys of files written before `older_than` (seconds since the epoch): candidates for the sweep.

    Also removes what interrupted local writes left. Remote storage is asked for the time of each file, one by one.
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
    # By the 256 known folders: a bucket has no folders of its own to list, and a listing of all would be held whole.
    for number in range(256):
        folder = f"blobs/{number:02x}"
        with contextlib.suppress(FileNotFoundError):
            for name in storage.listdir(folder)[1]:
                with contextlib.suppress(FileNotFoundError):
                    if storage.get_modified_time(f"{folder}/{name}") < limit:
                        yield f"{folder}/{name}"


def default_backend() -> Storage:
    """The storage itself, not Django's lazy stand-in, whose class tells nothing."""
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
    found = digest.hexdigest()
    if expected is not None and found != expected:
        raise ContentDiffers
    return StoredObject(key=key_of(found), sha256=found, size=total)


def _put_local(source: BinaryIO, root: Path, expected: str | None) -> StoredObject:
    incoming = root / "incoming"
    incoming.mkdir(parents=True, exist_ok=True, mode=0o700)
    handle, name = tempfile.mkstemp(dir=incoming)
    temporary = Path(name)
    try:
        with os.fdopen(handle, "wb") as target:
            stored = _copy(source, target, expected)
            target.flush()
            os.fsync(target.fileno())
        final = root / stored.key
        final.parent.mkdir(parents=True, exist_ok=True)
        # Also when the file is there: its time is renewed, so a sweep that runs now does not take it for a stray.
        temporary.replace(final)
        # The name is in the folder, and after a power cut only if the folder was written too (fsync(2)).
        for folder in (final.parent, final.parent.parent, root):
            _sync_folder(folder)
    finally:
        temporary.unlink(missing_ok=True)
    return stored


def _sync_folder(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _put_remote(source: BinaryIO, storage: Storage, expected: str | None) -> StoredObject:
    # The key is known after the last byte alone, and an object store has no rename: so by way of a local file.
    with tempfile.TemporaryFile() as spool:
        stored = _copy(source, cast(BinaryIO, spool), expected)
        if not (storage.exists(stored.key) and storage.size(stored.key) == stored.size):
            spool.seek(0)
            storage.save(stored.key, File(spool))
    return stored
