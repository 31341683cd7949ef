"""Blobs: store and open them, and sweep up those that nothing references.

The file is written before the row, so a ready row always has its file (I6). Writing a row and deleting a file both hold
an advisory lock named after the content, so a sweep cannot delete the file of a row that is being written.
"""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from itertools import islice
from pathlib import Path
from typing import BinaryIO

from django.db import IntegrityError, connection, transaction
from django.db.models import Exists, ManyToOneRel, Model, OuterRef

from kernel.clock import ClockTimestamp
from kernel.errors import Unavailable
from kernel.locks import lock_named, try_share_named
from storage import backends
from storage.models import Blob
from storage.temporary_files import spool_folder

STRAY_AFTER = timedelta(hours=1)
SWEEP_AT_MOST = 2_000
LOOKED_UP_AT_ONCE = 1_000
_ATTEMPTS = 3


class StorageBusy(Unavailable):
    """The file could not be stored. Send it again."""

    code = "storage_busy"


def store_blob(*, source: BinaryIO | Path, content_type: str) -> Blob:
    """Store a file (a path, or a stream from its current position) and return its ready row; equal content is one blob.

    Call outside transactions: the advisory lock lasts until the outermost one ends. Reference the blob within an hour,
    or the sweep deletes it. Raises StorageBusy.
    """
    start = None if isinstance(source, Path) or not source.seekable() else source.tell()
    for _ in range(_ATTEMPTS):
        stored = backends.put(source)
        blob = _write_row(stored, content_type)
        if blob is not None:
            return blob
        # A sweep deleted the file before the row was written: it had been unreferenced for an hour.
        if not isinstance(source, Path):
            if start is None:
                break
            source.seek(start)
    raise StorageBusy


def open_blob(blob: Blob) -> BinaryIO:
    """Open the file for reading. Raises backends.BlobMissing."""
    return backends.open_blob(blob.key)


@contextmanager
def blob_file(blob: Blob) -> Iterator[Path]:
    """Provide the blob as a read-only local file: the stored file itself, or a copy that exists during the block."""
    path = backends.local_path(blob.key)
    if path is not None:
        backends.open_blob(blob.key).close()
        yield path
        return
    with tempfile.NamedTemporaryFile(dir=spool_folder()) as copy, open_blob(blob) as source:
        while chunk := source.read(backends.CHUNK):
            copy.write(chunk)
        copy.flush()
        yield Path(copy.name)


def sweep_unreferenced() -> int:
    """Delete up to SWEEP_AT_MOST rows that nothing references, with their files; return how many."""
    return sum(_remove_unreferenced(pk) for pk in _unreferenced())


def sweep_blobs() -> tuple[int, int]:
    """Delete unreferenced rows, then files without a row, both older than an hour; return (rows, files) deleted.

    While a backup runs, nothing is deleted: it copies the files that the database had when it began.
    """
    rows = sweep_unreferenced()
    files = 0
    older_than = backends.storage_clock() - STRAY_AFTER.total_seconds()
    keys = backends.stray_keys(older_than=older_than)
    while files < SWEEP_AT_MOST and (some := list(islice(keys, LOOKED_UP_AT_ONCE))):
        names = {key.rsplit("/", 1)[1]: key for key in some}
        known = set(Blob.objects.filter(sha256__in=names).values_list("sha256", flat=True))
        files += sum(_remove_stray(names[name], older_than=older_than) for name in names.keys() - known)
    return rows, files


@transaction.atomic
def _write_row(stored: backends.StoredObject, content_type: str) -> Blob | None:
    """Locks the content. Write the ready row; return None if the file no longer exists."""
    _lock(stored.sha256)
    if not backends.exists(stored.key):
        return None
    blob, created = Blob.objects.get_or_create(
        sha256=stored.sha256,
        defaults={"size": stored.size, "content_type": content_type, "state": Blob.State.READY},
    )
    if not created:
        # The sweep treats a blob that is stored again as new: a reference to it is about to be written.
        Blob.objects.filter(pk=blob.pk).update(touched_at=ClockTimestamp(), state=Blob.State.READY)
        blob.state = Blob.State.READY
    return blob


def _lock(sha256: str) -> None:
    lock_named(f"storage.blob.{sha256}")


def _may_delete() -> bool:
    """Hold off backups until the transaction ends; return False if one is running, or waits to (`runtime.backup`)."""
    return try_share_named("storage.backup")


def _unreferenced() -> list[int]:
    """Return ids of blobs that no foreign key references and that were not stored within the last hour."""
    rows = Blob.objects.filter(touched_at__lt=ClockTimestamp() - STRAY_AFTER)
    for model, column in _references():
        rows = rows.exclude(Exists(model._base_manager.filter(**{column: OuterRef("pk")})))
    return list(rows.order_by("touched_at").values_list("pk", flat=True)[:SWEEP_AT_MOST])


def _references() -> list[tuple[type[Model], str]]:
    """Return the foreign keys to blobs, from Django's model registry: this app must not import the apps above it."""
    return [
        (field.field.model, field.field.attname)
        for field in Blob._meta.get_fields(include_hidden=True)
        if isinstance(field, ManyToOneRel)
    ]


def _remove_unreferenced(pk: int) -> int:
    try:
        with transaction.atomic():
            blob = Blob.objects.filter(pk=pk).first()
            if blob is None:
                return 0
            if not _may_delete():
                return 0
            _lock(blob.sha256)
            with connection.cursor() as cursor:
                # The foreign keys are deferred. Checked immediately, a reference written in the meantime prevents this
                # deletion, and a later one fails at its own commit, since the row is gone.
                cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
                cursor.execute(
                    "DELETE FROM storage_blob"
                    " WHERE id = %s AND touched_at < clock_timestamp() - make_interval(secs => %s)",
                    [pk, STRAY_AFTER.total_seconds()],
                )
                removed: int = cursor.rowcount
    except IntegrityError:
        return 0
    if removed:
        _remove_stray(blob.key, older_than=None)
    return removed


@transaction.atomic
def _remove_stray(key: str, *, older_than: float | None) -> int:
    """Locks the content. Delete a file unless it has a row or was written after `older_than` (Unix time, seconds)."""
    sha256 = key.rsplit("/", 1)[1]
    if not _may_delete():
        return 0
    _lock(sha256)
    if Blob.objects.filter(sha256=sha256).exists():
        return 0
    path = backends.local_path(key)
    if path is not None and older_than is not None:
        try:
            if path.stat().st_mtime >= older_than:
                return 0
        except FileNotFoundError:
            return 0
    backends.delete(key)
    return 1
