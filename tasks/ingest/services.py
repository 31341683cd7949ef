"""Imports: receive files, archives, folders and metadata tables, then submit them for processing."""

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, cast

from django.conf import settings
from django.db import transaction
from django.db.models import F

from accounts.models import Actor
from annotary_core.labels.names import escape_control
from annotary_core.labels.natural_order import natural_key
from kernel.errors import NotFound
from kernel.job_kinds import JobKind
from kernel.jobs import enqueue
from kernel.queues import Queue
from projects.models import Project
from projects.selectors import require_not_closed
from storage.models import Blob
from storage.services import store_blob
from storage.temporary_files import spool_folder
from tasks.ingest.archive_names import MAX_NAME, is_system_file, name_refusal
from tasks.ingest.errors import FolderRefused, ImportClosed, ImportEmpty, ImportTooLarge
from tasks.ingest.groups import read_grouping, require_column
from tasks.ingest.models import Import, ImportItem
from tasks.ingest.tables import MAX_BYTES, clean_name, read_table

MAX_ITEMS = 200_000
MAX_FILE = 256 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class ImportId:
    import_id: int


RUN = JobKind("flow.run_import", ImportId, queue=Queue.IMPORT)
# Declared content types are ignored; the type is determined from the content.
UNKNOWN_TYPE = "application/octet-stream"
METADATA_FILE = "metadata.csv"
#: Code and reason of a file whose name another file of the import has.
NAME_TWICE = ("duplicate", "The import already has a file with this name. Only the first is used.")
_CHUNK = 1024 * 1024


def start_import(
    *,
    project: Project,
    by: Actor,
    source: str = Import.Source.FILES,
    keep_together: str = Import.KeepTogether.NOTHING,
    group_column: str = "",
) -> Import:
    """Create an import in state receiving. `source` is files, archive or folder; `keep_together` is nothing, folder or
    column, which needs the name of the column. Raises ProjectClosed, GroupingRefused.
    """
    together, column = read_grouping(keep_together=keep_together, group_column=group_column)
    require_not_closed(project_id=project.pk)
    if source not in Import.Source.values:
        raise NotFound(f"Unknown import source. Choose one of {', '.join(Import.Source.values)}.")
    return Import.objects.create(
        dataset_id=project.dataset_id,
        project_id=project.pk,
        source=source,
        keep_together=together,
        group_column=column,
        created_by=by,
    )


@dataclass(frozen=True, slots=True)
class StagedFile:
    """A stored file that belongs to no import yet; `refusal` is (code, sentence) if the file was not stored."""

    key: str
    blob: Blob | None
    refusal: tuple[str, str] | None


def add_file(*, batch_import: Import, name: str, source: BinaryIO) -> ImportItem:
    """Add a file under its owner's name, a relative path, reading from the stream's current position.

    A file with an unacceptable name or size becomes a refused item, not an error. Raises ImportClosed,
    ImportTooLarge.
    """
    _require_receiving(batch_import)
    return add_staged(batch_import=batch_import, staged=stage_file(name=name, source=source))


def stage_file(*, name: str, source: BinaryIO) -> StagedFile:
    """Store a file for an import that follows within the hour. Call outside transactions, as `store_blob` requires."""
    key = clean_name(name)
    refusal = _name_refusal(key)
    if refusal is not None:
        return StagedFile(key, None, refusal)
    with _within(MAX_FILE, source) as bounded:
        if bounded is None:
            refusal = "too_many_bytes", f"The file is larger than {MAX_FILE // 1024**2} MB. Reduce its size."
            return StagedFile(key, None, refusal)
        return StagedFile(key, store_blob(source=bounded, content_type=UNKNOWN_TYPE), None)


def add_staged(*, batch_import: Import, staged: StagedFile) -> ImportItem:
    """Add a stored file to an import. Raises ImportClosed, ImportTooLarge."""
    _require_receiving(batch_import)
    return _add_item(batch_import, staged.key, staged.blob, staged.refusal)


def stage_archive(*, source: BinaryIO, name: str) -> Blob:
    """Store a ZIP archive for an import that follows within the hour; the job opens it later.

    Call outside transactions. Raises ImportTooLarge.
    """
    with _within(settings.UPLOAD_MAX_BYTES, source) as bounded:
        if bounded is None:
            limit = settings.UPLOAD_MAX_BYTES // 1024**3
            raise ImportTooLarge(f"The archive {name[:80]} is larger than {limit} GB. Split it into several archives.")
        return store_blob(source=bounded, content_type=UNKNOWN_TYPE)


def add_staged_archive(*, batch_import: Import, archive: Blob) -> None:
    """Add a stored archive to an import, which takes one. Raises ImportClosed, ImportTooLarge."""
    without_archive = Import.objects.filter(pk=batch_import.pk, state=Import.State.RECEIVING, archive__isnull=True)
    if not without_archive.update(archive=archive):
        _require_receiving(batch_import)
        raise ImportTooLarge("This import already has an archive. Start another import for the second one.")
    batch_import.archive = archive


def add_metadata(*, batch_import: Import, source: BinaryIO) -> int:
    """Add a metadata table (see `tables`) and return how many files it names. A later table adds to an earlier one.

    Raises MetadataRefused, ImportClosed.
    """
    table = read_table(source.read(MAX_BYTES + 1))
    with transaction.atomic():
        row = Import.objects.select_for_update(no_key=True).get(pk=batch_import.pk)
        if row.state != Import.State.RECEIVING:
            raise ImportClosed
        require_not_closed(project_id=row.project_id)
        batch_import.metadata = row.metadata | table
        Import.objects.filter(pk=row.pk).update(metadata=batch_import.metadata)
    return len(table)


@transaction.atomic
def finish_upload(*, batch_import: Import) -> None:
    """Submit the import: receiving -> working, queueing its job in the same transaction.

    Raises ImportEmpty if nothing was added, ImportClosed if the import was already submitted, GroupingRefused if no
    metadata that can still come has the column to group by, and ProjectClosed.
    """
    row = Import.objects.defer("metadata").select_for_update(no_key=True).get(pk=batch_import.pk)
    if row.state != Import.State.RECEIVING:
        raise ImportClosed
    require_not_closed(project_id=row.project_id)
    if row.total == 0 and row.archive_id is None:
        raise ImportEmpty
    if row.archive_id is None:  # an archive may have the table
        require_column(row)
    Import.objects.filter(pk=row.pk).update(state=Import.State.WORKING)
    batch_import.state = Import.State.WORKING
    enqueue_run(batch_import=row)


def enqueue_run(*, batch_import: Import) -> None:
    """Queue a run of the import; a run that is already waiting is reused. Call inside a transaction."""
    enqueue(
        RUN,
        ImportId(batch_import.pk),
        project_id=batch_import.project_id,
        dedupe_key=f"import.{batch_import.pk}",
    )


@transaction.atomic
def resume_import(*, batch_import: Import) -> None:
    """Queue another run of an import whose job gave up; processed items stay processed.

    Raises ImportClosed, ProjectClosed.
    """
    require_not_closed(project_id=batch_import.project_id)
    row = Import.objects.defer("metadata").select_for_update(no_key=True).get(pk=batch_import.pk)
    if row.state != Import.State.WORKING and not row.is_interrupted:
        raise ImportClosed("This import is not running and cannot be resumed. Start another import.")
    Import.objects.filter(pk=row.pk).update(state=Import.State.WORKING, error="", finished_at=None)
    batch_import.state, batch_import.error, batch_import.finished_at = Import.State.WORKING, "", None
    enqueue_run(batch_import=row)


def ingest_folder(
    *,
    project: Project,
    by: Actor,
    folder: Path,
    keep_together: str = Import.KeepTogether.NOTHING,
    group_column: str = "",
) -> Import:
    """Import all files below a local folder and submit the import. For management commands, never for requests.

    Links are not followed; hidden files and system files are skipped; `metadata.csv` at the top level is the metadata
    table. Raises FolderRefused and whatever the individual steps raise.
    """
    if not folder.is_dir():
        raise FolderRefused(f"{folder.name} is not a folder. Pass the folder that contains the images.")
    batch_import = start_import(
        project=project, by=by, source=Import.Source.FOLDER, keep_together=keep_together, group_column=group_column
    )
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
    files: list[Path] = []
    for base, folders, names in os.walk(folder):
        folders[:] = sorted(filter(_is_visible, folders), key=natural_key)
        paths = (Path(base) / name for name in sorted(filter(_is_visible, names), key=natural_key))
        files += [path for path in paths if path.is_file() and not path.is_symlink()]
    return files


def _is_visible(name: str) -> bool:
    return not name.startswith(".") and not is_system_file(name)


def _require_receiving(batch_import: Import) -> None:
    state, total = Import.objects.values_list("state", "total").get(pk=batch_import.pk)
    if state != Import.State.RECEIVING:
        raise ImportClosed
    require_not_closed(project_id=batch_import.project_id)
    if total >= MAX_ITEMS:
        raise ImportTooLarge(f"An import holds up to {MAX_ITEMS:,} files. Put the rest in another import.")


def _name_refusal(key: str) -> tuple[str, str] | None:
    if is_system_file(key):
        return "system_file", "This is an operating system file, not an image. Leave it out."
    refusal = name_refusal(key)
    return None if refusal is None else (refusal[0], f"{refusal[1][:1].upper()}{refusal[1][1:]}")


@contextmanager
def _within(limit: int, source: BinaryIO) -> Iterator[BinaryIO | None]:
    """Provide the source if at most `limit` bytes are left in it, else None; a stream of unknown size is copied."""
    if source.seekable():
        start = source.tell()
        size = source.seek(0, os.SEEK_END) - start
        source.seek(start)
        yield source if size <= limit else None
        return
    with tempfile.TemporaryFile(dir=spool_folder()) as buffer:
        remaining = limit
        while remaining >= 0 and (chunk := source.read(min(_CHUNK, remaining + 1))):
            remaining -= len(chunk)
            buffer.write(chunk)
        buffer.seek(0)
        yield cast(BinaryIO, buffer) if remaining >= 0 else None


@transaction.atomic
def _add_item(batch_import: Import, name: str, blob: Blob | None, refusal: tuple[str, str] | None) -> ImportItem:
    """Locks the import, so that the first of several files with one name is taken and the others are refused."""
    counted = Import.objects.filter(pk=batch_import.pk, state=Import.State.RECEIVING).update(total=F("total") + 1)
    if not counted:
        raise ImportClosed
    if refusal is None and _has_name(batch_import, name):
        refusal = NAME_TWICE
    item = ImportItem(batch_import_id=batch_import.pk, name=printable_name(name), key=name, original=blob)
    if refusal is not None:
        refuse_on_arrival(item, *refusal)
        Import.objects.filter(pk=batch_import.pk).update(refused=F("refused") + 1)
    item.save()
    return item


def _has_name(batch_import: Import, name: str) -> bool:
    items = ImportItem.objects.filter(batch_import_id=batch_import.pk)
    # Files that arrived before items had a key have none, as have refused ones.
    older = items.filter(key="", name=name).exclude(state=ImportItem.State.REFUSED)
    return items.filter(key=name).exists() or older.exists()


def refuse_on_arrival(item: ImportItem, code: str, reason: str) -> None:
    """Change an item that is not saved yet: it is refused, and holds neither a file nor a name."""
    item.state, item.original, item.key = ImportItem.State.REFUSED, None, ""
    item.code, item.reason = code[:40], reason[:500]


def printable_name(name: str) -> str:
    """Return a name in a form that can be stored and displayed; a valid name is returned unchanged."""
    return escape_control(name)[:MAX_NAME] or "(no name)"
