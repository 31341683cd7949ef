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
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import BinaryIO, cast

from django.core.files import File
from django.core.files.base import ContentFile
from django.core.files.storage import FileSystemStorage, Storage, storages
from django.http.request import UnreadablePostError

from kernel.errors import NotFound, Refused
from kernel.outages import StorageUnavailable, outage_of
from storage.temporary_files import spool_folder

CHUNK = 1024 * 1024

# Errors of the client who sends the file, not of the storage.
SOURCE_ERRORS = (ConnectionError, UnreadablePostError)

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

    `sha256` is the hash that the caller expects. Raises ContentDiffers if it differs, StorageFull and
    StorageUnavailable; nothing is stored then.
    """
    if isinstance(source, Path):
        with source.open("rb") as file:
            return put(file, sha256=sha256)
    storage = default_backend()
    with _outages(keep=SOURCE_ERRORS):
        if isinstance(storage, FileSystemStorage):
            return _put_local(source, Path(storage.location), sha256)
        return _put_remote(source, storage, sha256)


def open_blob(key: str) -> BinaryIO:
    """Open a stored file for reading. Raises BlobMissing, and StorageUnavailable if no file can be found at all."""
    try:
        with _outages(keep=(FileNotFoundError,)):
            return cast(BinaryIO, default_backend().open(_checked(key), "rb"))
    except FileNotFoundError as error:
        if _is_unmounted():
            raise StorageUnavailable from error
        raise BlobMissing from error


def open_part(key: str, part: range) -> BinaryIO:
    """Open a range of a stored file for reading, without reading what comes before it. Raises like `open_blob`."""
    storage = default_backend()
    if isinstance(storage, FileSystemStorage) or not hasattr(storage, "bucket"):
        file = open_blob(key)
        file.seek(part.start)
        return cast(BinaryIO, FilePart(file, len(part)))
    open_blob(key).close()  # S3 has its own error for a file that does not exist
    with _outages():
        stored = storage.bucket.Object(storage._normalize_name(_checked(key)))  # type: ignore[attr-defined]
        return cast(BinaryIO, stored.get(Range=f"bytes={part.start}-{part.stop - 1}")["Body"])


class FilePart:
    """Reads at most `size` bytes from where a file is."""

    def __init__(self, file: BinaryIO, size: int) -> None:
        self._file = file
        self._left = size

    def read(self, size: int = -1) -> bytes:
        content = self._file.read(self._left if size < 0 else min(size, self._left))
        self._left -= len(content)
        return content

    def close(self) -> None:
        self._file.close()


def exists(key: str) -> bool:
    """Return whether the file is in storage."""
    with _outages():
        return default_backend().exists(_checked(key))


def delete(key: str) -> None:
    """Delete a file; it is not an error if it does not exist."""
    with _outages():
        default_backend().delete(_checked(key))


def local_path(key: str) -> Path | None:
    """Return the file's path on this machine, to use it without a copy; None for remote storage."""
    storage = default_backend()
    return Path(storage.path(_checked(key))) if isinstance(storage, FileSystemStorage) else None


def is_local() -> bool:
    """Whether the files are on this machine, where reading many small ones costs no more than reading a large one."""
    return isinstance(default_backend(), FileSystemStorage)


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


@contextlib.contextmanager
def _outages(*, keep: tuple[type[Exception], ...] = ()) -> Iterator[None]:
    """Turn errors of the file system, such as a file where a folder belongs, into outages, except those to `keep`."""
    try:
        yield
    except keep:
        raise
    except OSError as error:
        raise (outage_of(error) or StorageUnavailable()) from error


def _is_unmounted() -> bool:
    """Return whether the folder of all files is missing: the disk is away, and a single file may still exist."""
    storage = default_backend()
    return isinstance(storage, FileSystemStorage) and not Path(storage.location, "blobs").is_dir()


def _checked(key: str) -> str:
    if not _KEY.match(key):
        raise ValueError(f"not a blob key: {key!r}")
    return key


def _digest(
    source: BinaryIO, expected: str | None, write: Callable[[bytes], object] = lambda chunk: None
) -> StoredObject:
    """Read the source to its end, passing every chunk to `write`. Raises ContentDiffers."""
    digest, total = hashlib.sha256(), 0
    while chunk := source.read(CHUNK):
        digest.update(chunk)
        total += len(chunk)
        write(chunk)
    sha256 = digest.hexdigest()
    if expected is not None and sha256 != expected:
        raise ContentDiffers
    return StoredObject(key=key_of(sha256), sha256=sha256, size=total)


def _put_local(source: BinaryIO, root: Path, expected: str | None) -> StoredObject:
    temporary = _incoming(root) / uuid.uuid4().hex
    try:
        stored = _link(source, temporary, expected) or _write(source, temporary, expected)
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


def _link(source: BinaryIO, target: Path, expected: str | None) -> StoredObject | None:
    """Give a finished file in the spool a second name instead of a copy; return None if `source` is no such file.

    The writer deletes the first name and does not write to the file again.
    """
    name = getattr(source, "name", None)
    if not isinstance(name, str | Path) or spool_folder() not in Path(name).parents or source.tell() != 0:
        return None
    source.flush()
    try:
        os.link(name, target)
    except OSError:
        # On another file system, or one without links.
        return None
    with target.open("rb") as file:
        stored = _digest(file, expected)
        os.fsync(file.fileno())
    # For the sweep, the time of storing counts.
    os.utime(target)
    return stored


def _write(source: BinaryIO, target: Path, expected: str | None) -> StoredObject:
    with os.fdopen(os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        stored = _digest(source, expected, file.write)
        file.flush()
        os.fsync(file.fileno())
    return stored


def _sync_folder(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _put_remote(source: BinaryIO, storage: Storage, expected: str | None) -> StoredObject:
    # The key is known only after the last byte, and object stores cannot rename, so this goes through a local file.
    with tempfile.TemporaryFile(dir=spool_folder()) as buffer:
        stored = _digest(source, expected, buffer.write)
        if not (storage.exists(stored.key) and storage.size(stored.key) == stored.size):
            buffer.seek(0)
            storage.save(stored.key, File(buffer))
    return stored
