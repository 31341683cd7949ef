"""Imports: receive files, archives, folders and tables, and send them off to be taken in."""

import os
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import IO, BinaryIO, cast

from django.conf import settings
from django.db import transaction
from django.db.models import F

from accounts.models import Actor
from kernel.errors import NotFound
from kernel.jobs import enqueue
from projects.models import Project
from storage.models import Blob
from storage.services import store_blob
from tasks.ingest.archive_names import is_litter, reason_against
from tasks.ingest.errors import FolderRefused, ImportClosed, ImportEmpty, ImportTooLarge
from tasks.ingest.models import Import, ImportItem
from tasks.ingest.tables import MAX_BYTES, clean_name, read_table

MAX_ITEMS = 200_000
MAX_FILE = 256 * 1024 * 1024
JOB = "flow.run_import"
# What people send is kept under no type of theirs; what it is, its content tells.
UNKNOWN_TYPE = "application/octet-stream"
METADATA_FILE = "metadata.csv"
_CHUNK = 1024 * 1024


def start_import(*, project: Project, by: Actor, source: str = Import.Source.FILES) -> Import:
    """Begin an import, in state receiving. `source` is files, archive or folder."""
    if source not in Import.Source.values:
        raise NotFound(f"There is no such source; choose one of {', '.join(Import.Source.values)}.")
    return Import.objects.create(dataset_id=project.dataset_id, project_id=project.pk, source=source, created_by=by)


@dataclass(frozen=True, slots=True)
class StagedFile:
    """A file that is stored and stands in no import yet; `refusal` is (code, sentence) of one that is not stored."""

    key: str
    blob: Blob | None
    refusal: tuple[str, str] | None


def add_file(*, batch_import: Import, name: str, source: BinaryIO) -> ImportItem:
    """Add a file under its owner's name, a relative path; read from where the stream stands.

    A file that cannot be taken for its name or size becomes a refused item and not an error. Raises ImportClosed,
    ImportTooLarge.
    """
    _require_receiving(batch_import)
    return add_staged(batch_import=batch_import, staged=stage_file(name=name, source=source))


def stage_file(*, name: str, source: BinaryIO) -> StagedFile:
    """Store a file for an import that is to come within the hour; call outside transactions, as `store_blob` says."""
    key = clean_name(name)
    refusal = _against_name(key)
    with tempfile.TemporaryFile() as spool:
        if refusal is None and not _spool(source, spool):
            refusal = "too_many_bytes", f"The file is larger than {MAX_FILE // 1024**2} MB; shrink it."
        blob = None
        if refusal is None:
            spool.seek(0)
            blob = store_blob(source=cast(BinaryIO, spool), content_type=UNKNOWN_TYPE)
    return StagedFile(key, blob, refusal)


def add_staged(*, batch_import: Import, staged: StagedFile) -> ImportItem:
    """Add a stored file to an import. Raises ImportClosed, ImportTooLarge."""
    _require_receiving(batch_import)
    return _add_item(batch_import, staged.key, staged.blob, staged.refusal)


def add_archive(*, batch_import: Import, source: BinaryIO, name: str) -> None:
    """Add a ZIP archive; it is opened later, by the job. One archive an import.

    Raises ImportClosed, ImportTooLarge.
    """
    _require_receiving(batch_import)
    add_staged_archive(batch_import=batch_import, archive=stage_archive(source=source, name=name))


def stage_archive(*, source: BinaryIO, name: str) -> Blob:
    """Store an archive for an import that is to come within the hour; call outside transactions."""
    with tempfile.TemporaryFile() as spool:
        if not _spool(source, spool, limit=settings.UPLOAD_MAX_BYTES):
            most = settings.UPLOAD_MAX_BYTES // 1024**3
            raise ImportTooLarge(f"The archive {name[:80]} is larger than {most} GB; send it in several parts.")
        spool.seek(0)
        return store_blob(source=cast(BinaryIO, spool), content_type=UNKNOWN_TYPE)


def add_staged_archive(*, batch_import: Import, archive: Blob) -> None:
    """Add a stored archive to an import. Raises ImportClosed, ImportTooLarge."""
    kept = Import.objects.filter(pk=batch_import.pk, state=Import.State.RECEIVING, archive__isnull=True)
    if not kept.update(archive=archive):
        _require_receiving(batch_import)
        raise ImportTooLarge("This import has an archive already; start another import for the second one.")
    batch_import.archive = archive


def add_metadata(*, batch_import: Import, source: BinaryIO) -> int:
    """Add a table of metadata (see `tables`); returns how many files it names. A later table adds to an earlier one.

    Raises MetadataRefused, ImportClosed.
    """
    table = read_table(source.read(MAX_BYTES + 1))
    with transaction.atomic():
        row = Import.objects.select_for_update(no_key=True).get(pk=batch_import.pk)
        if row.state != Import.State.RECEIVING:
            raise ImportClosed
        batch_import.metadata = row.metadata | table
        Import.objects.filter(pk=row.pk).update(metadata=batch_import.metadata)
    return len(table)


@transaction.atomic
def finish_upload(*, batch_import: Import) -> None:
    """Send the import off: receiving -> working, with its job in the same transaction.

    Raises ImportEmpty when nothing was added, ImportClosed when it was sent off before.
    """
    row = Import.objects.defer("metadata").select_for_update(no_key=True).get(pk=batch_import.pk)
    if row.state != Import.State.RECEIVING:
        raise ImportClosed
    if row.total == 0 and row.archive_id is None:
        raise ImportEmpty
    Import.objects.filter(pk=row.pk).update(state=Import.State.WORKING)
    batch_import.state = Import.State.WORKING
    enqueue_run(batch_import=row)


def enqueue_run(*, batch_import: Import) -> None:
    """Call in a transaction. Queue a run; one that waits already serves as well."""
    enqueue(JOB, project_id=batch_import.project_id, dedupe_key=f"import.{batch_import.pk}", import_id=batch_import.pk)


@transaction.atomic
def resume_import(*, batch_import: Import) -> None:
    """Queue another run of an import whose job gave up; what it took stays taken. Raises ImportClosed."""
    row = Import.objects.defer("metadata").select_for_update(no_key=True).get(pk=batch_import.pk)
    if row.state != Import.State.WORKING:
        raise ImportClosed("This import is over; start another one.")
    enqueue_run(batch_import=row)


def ingest_folder(*, project: Project, by: Actor, folder: Path) -> Import:
    """Import all files below a folder of this machine and send the import off. For commands, never for requests.

    Links are not followed, hidden files and system litter left out; `metadata.csv` at the top is the table. Raises
    FolderRefused, and what the steps raise.
    """
    if not folder.is_dir():
        raise FolderRefused(f"{folder.name} is not a folder; name the folder that holds the images.")
    batch_import = start_import(project=project, by=by, source=Import.Source.FOLDER)
    for path in _files_below(folder):
        name = path.relative_to(folder).as_posix()
        with path.open("rb") as file:
            if name.lower() == METADATA_FILE:
                add_metadata(batch_import=batch_import, source=file)
            else:
                add_file(batch_import=batch_import, name=name, source=file)
    finish_upload(batch_import=batch_import)
    batch_import.refresh_from_db()
    return batch_import


def _files_below(folder: Path) -> list[Path]:
    found: list[Path] = []
    for base, folders, names in os.walk(folder):
        folders[:] = sorted(name for name in folders if not name.startswith(".") and name != "__MACOSX")
        paths = (Path(base) / name for name in sorted(names) if not name.startswith(".") and not is_litter(name))
        found += [path for path in paths if path.is_file() and not path.is_symlink()]
    return found


def _require_receiving(batch_import: Import) -> None:
    state, total = Import.objects.values_list("state", "total").get(pk=batch_import.pk)
    if state != Import.State.RECEIVING:
        raise ImportClosed
    if total >= MAX_ITEMS:
        raise ImportTooLarge(f"An import takes {MAX_ITEMS:,} files; send the rest in another one.")


def _against_name(key: str) -> tuple[str, str] | None:
    if is_litter(key):
        return "system_file", "An operating system put this file there; it is not an image."
    against = reason_against(key)
    return None if against is None else (against[0], f"{against[1][:1].upper()}{against[1][1:]}")


def _spool(source: BinaryIO, target: IO[bytes], *, limit: int = MAX_FILE) -> bool:
    """Copy at most `limit` bytes; False when there are more."""
    left = limit
    while chunk := source.read(min(_CHUNK, left + 1)):
        left -= len(chunk)
        if left < 0:
            return False
        target.write(chunk)
    return True


@transaction.atomic
def _add_item(batch_import: Import, key: str, blob: Blob | None, refusal: tuple[str, str] | None) -> ImportItem:
    code, reason = refusal or ("", "")
    counted = Import.objects.filter(pk=batch_import.pk, state=Import.State.RECEIVING).update(
        total=F("total") + 1, refused=F("refused") + (1 if refusal else 0)
    )
    if not counted:
        raise ImportClosed
    return ImportItem.objects.create(
        batch_import_id=batch_import.pk,
        name=printable(key),
        state=ImportItem.State.REFUSED if refusal else ImportItem.State.WAITING,
        original=blob,
        code=code,
        reason=reason,
    )


def printable(name: str) -> str:
    """A refused name as it can be stored and shown; a good one stays as it is."""
    safe = name if name.isprintable() else name.encode("unicode_escape", "backslashreplace").decode()
    return safe[:1000] or "(no name)"
