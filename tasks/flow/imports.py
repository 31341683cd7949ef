"""Runs an import from files to tasks: unpack, validate, create tasks. Every step is stored, so a killed run resumes.

There is no single large transaction: each unpacked file, validated item and chunk of tasks commits on its own, and the
next run finds the remaining work in the tables. Concurrent runs may repeat some work, but count nothing twice.
"""

import random
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from itertools import islice
from typing import BinaryIO, cast

from django.db import transaction
from django.db.models import Exists, F, OuterRef

from kernel.clock import ClockTimestamp
from kernel.events import record_event
from projects.models import Project
from storage.backends import BlobMissing
from storage.services import blob_file, store_blob
from storage.temporary_files import spool_folder
from tasks.batching.groups import Run, runs_of
from tasks.batching.models import Task
from tasks.batching.services import create_runs, refresh_statistics
from tasks.ingest.archives import Archive, Entry, RefusedEntry, open_archive
from tasks.ingest.errors import ArchiveRefused, GroupingRefused, MetadataRefused
from tasks.ingest.groups import require_column
from tasks.ingest.models import IMPORT_INTERRUPTED, Import, ImportItem
from tasks.ingest.selectors import metadata_by_item
from tasks.ingest.services import (
    MAX_ITEMS,
    METADATA_FILE,
    NAME_TWICE,
    UNKNOWN_TYPE,
    enqueue_run,
    printable_name,
    refuse_on_arrival,
)
from tasks.ingest.tables import MAX_BYTES, read_table
from tasks.validate.item_pool import ItemWorkerPool

CHUNK = 50
TASKS_AT_ONCE = 500
# However quickly files are checked, consoles and programs need no more news than this.
ANNOUNCE_SECONDS = 1.0
DECODERS = 2
# A run stops after this time and queues its continuation, so that a large import does not block a worker for hours.
RUN_SECONDS = 300.0
# While another import waits, a run goes on for this long, and then makes room for it.
TURN_SECONDS = 2.0
BETWEEN_LOOKS = 1.0
ANALYSE_FROM = 1_000

_rng = random.SystemRandom()


class _Turn:
    """How long a run may go on: until its time is over, or for a short turn while another import waits."""

    def __init__(self, seconds: float, others_wait: Callable[[], bool]) -> None:
        self._others_wait = others_wait
        self._started = time.monotonic()
        self._end = self._started + seconds
        self._next_look: float | None = None

    def is_over(self) -> bool:
        now = time.monotonic()
        if now > self._end:
            return True
        if self._next_look is None:
            # The first step is done. Opening a large archive takes longer than a turn: work at least as long as that.
            self._next_look = now + max(TURN_SECONDS, now - self._started)
        if now < self._next_look:
            return False
        self._next_look = now + BETWEEN_LOOKS
        return self._others_wait()


def run_import(
    *,
    import_id: int,
    decoders: int = DECODERS,
    seconds: float = RUN_SECONDS,
    others_wait: Callable[[], bool] = lambda: False,
) -> bool:
    """Process an import for up to `seconds`, or until another one waits; returns True if it is finished, False if a
    continuation was queued.

    With `decoders=1` everything runs in the calling thread. Has no effect on a finished import. A refused archive fails
    the import with its error message. Raises DecoderUnavailable, StorageBusy: retry later.
    """
    row = Import.objects.defer("metadata").filter(pk=import_id, state=Import.State.WORKING).first()
    if row is None:
        return True
    turn = _Turn(seconds, others_wait)
    try:
        finished = _unpack(row, turn) and _validate(row, turn, decoders) and _make_tasks(row, turn)
    except (ArchiveRefused, GroupingRefused) as error:
        fail_import(import_id=import_id, error=error.detail)
        return True
    except BlobMissing:
        fail_import(import_id=import_id, error="The archive was lost before it could be read. Upload it again.")
        return True
    if not finished:
        with transaction.atomic():
            enqueue_run(batch_import=row)
        return False
    _finish(import_id)
    return True


class _Announcer:
    """Announces the progress of an import at most once in `ANNOUNCE_SECONDS`, if there is any."""

    def __init__(self, import_id: int) -> None:
        self._import_id = import_id
        self._due = time.monotonic() + ANNOUNCE_SECONDS

    def step(self) -> None:
        now = time.monotonic()
        if now >= self._due:
            self._due = now + ANNOUNCE_SECONDS
            announce(import_id=self._import_id)


@transaction.atomic
def announce(*, import_id: int) -> None:
    """Locks the import. Publish the images accepted since the last announcement: each image is in exactly one delta."""
    row = Import.objects.defer("metadata").select_for_update(no_key=True).get(pk=import_id)
    new = row.taken - row.announced
    if row.project_id is None:
        return
    Import.objects.filter(pk=import_id).update(announced=row.taken)
    data = {
        "import": str(row.public_id),
        "state": row.state,
        "taken": row.taken,
        "duplicates": row.duplicates,
        "refused": row.refused,
        "total": row.total,
        "progress": row.progress.as_json(),
    }
    delta = {"images": new} if new else {}
    record_event(project_id=row.project_id, kind="import.progress", data=data, **delta)


def fail_import(*, import_id: int, error: str) -> None:
    """working -> failed, with an error message. Images accepted before are kept."""
    failed = Import.objects.filter(pk=import_id, state=Import.State.WORKING).update(
        state=Import.State.FAILED, error=error, finished_at=ClockTimestamp(), archive=None
    )
    if failed:
        announce(import_id=import_id)


def interrupt_import(*, import_id: int) -> None:
    """working -> failed when the job gives up. Keeps what is left to do, so that the import can be resumed."""
    failed = Import.objects.filter(pk=import_id, state=Import.State.WORKING).update(
        state=Import.State.FAILED, error=IMPORT_INTERRUPTED, finished_at=ClockTimestamp()
    )
    if failed:
        announce(import_id=import_id)


def _unpack(row: Import, turn: _Turn) -> bool:
    """Create an item for every file in the archive; returns False if time ran out. Raises ArchiveRefused."""
    if row.archive is None:
        return True
    with blob_file(row.archive) as path, open_archive(path) as archive:
        if len(archive.entries) + len(archive.refused) > MAX_ITEMS:
            raise ArchiveRefused("too_many_entries", f"The archive holds more than {MAX_ITEMS:,} files. Split it up.")
        unpacked, announcer = _Unpacked(row), _Announcer(row.pk)
        refused = [each for each in archive.refused if not unpacked.has_refused(each)]
        _add_items(row, [_refused_item(row, each, each.reason, each.sentence) for each in refused])
        remaining = (entry for entry in archive.entries if not unpacked.has(entry))
        while entries := list(islice(remaining, CHUNK)):
            _unpack_entries(row, archive, entries)
            announcer.step()
            if turn.is_over():
                return False
        note = " ".join(archive.notes)
    # Everything in it is an item now: later runs need not fetch and check it again.
    Import.objects.filter(pk=row.pk, state=Import.State.WORKING).update(archive=None, note=note)
    row.archive = None
    return True


class _Unpacked:
    """Which entries of the archive earlier runs have made items of."""

    def __init__(self, row: Import) -> None:
        items = ImportItem.objects.filter(batch_import=row)
        self._numbers = set(items.filter(entry__isnull=False).values_list("entry", flat=True))
        # Rows of an older version have neither number nor key, as have loose files that this version refused.
        older = items.filter(entry__isnull=True, key="")
        self._names = set(older.exclude(state=ImportItem.State.REFUSED).values_list("name", flat=True))
        refused = older.filter(state=ImportItem.State.REFUSED) if self._names else older.none()
        self._refused = set(refused.values_list("name", "code"))

    def has(self, entry: Entry) -> bool:
        return entry.position in self._numbers or entry.name in self._names

    def has_refused(self, entry: RefusedEntry) -> bool:
        return entry.position in self._numbers or (entry.name, entry.reason) in self._refused


def _unpack_entries(row: Import, archive: Archive, entries: Sequence[Entry]) -> None:
    items: list[ImportItem] = []
    for entry in entries:
        with tempfile.SpooledTemporaryFile(max_size=8 * 1024 * 1024, dir=str(spool_folder())) as buffer:
            try:
                archive.copy(entry, cast(BinaryIO, buffer))
                buffer.seek(0)
                if entry.name.lower() == METADATA_FILE:
                    _add_table(row, buffer.read(MAX_BYTES + 1))
                    continue
            except ArchiveRefused as error:
                items.append(_refused_item(row, entry, error.reason, error.sentence))
                continue
            except MetadataRefused as error:
                items.append(_refused_item(row, entry, error.code, error.detail))
                continue
            blob = store_blob(source=cast(BinaryIO, buffer), content_type=UNKNOWN_TYPE)
        items.append(ImportItem(batch_import=row, name=entry.name, key=entry.name, entry=entry.position, original=blob))
    _add_items(row, items)


def _add_table(row: Import, body: bytes) -> None:
    """Locks the import. Add the metadata table in the archive; a table uploaded separately takes precedence."""
    table = read_table(body)
    with transaction.atomic():
        locked = Import.objects.select_for_update(no_key=True).get(pk=row.pk)
        Import.objects.filter(pk=row.pk).update(metadata=table | locked.metadata)


def _refused_item(row: Import, entry: Entry | RefusedEntry, code: str, reason: str) -> ImportItem:
    item = ImportItem(batch_import=row, name=printable_name(entry.name), entry=entry.position)
    refuse_on_arrival(item, code, reason)
    return item


@transaction.atomic
def _add_items(row: Import, items: Sequence[ImportItem]) -> None:
    """Locks the import, so that concurrent runs cannot add an entry twice, or two files with one name."""
    if not items:
        return
    Import.objects.defer("metadata").select_for_update(no_key=True).get(pk=row.pk)
    present = ImportItem.objects.filter(batch_import=row)
    entries = set(present.filter(entry__in=[item.entry for item in items]).values_list("entry", flat=True))
    names = set(present.filter(key__in=[item.key for item in items if item.key]).values_list("key", flat=True))
    new = [item for item in items if item.entry not in entries]
    for item in new:
        if item.key in names:
            refuse_on_arrival(item, *NAME_TWICE)
    ImportItem.objects.bulk_create(new)
    refused = sum(item.state == ImportItem.State.REFUSED for item in new)
    Import.objects.filter(pk=row.pk).update(total=F("total") + len(new), refused=F("refused") + refused)


def _validate(row: Import, turn: _Turn, decoders: int) -> bool:
    """Process every waiting item; returns False if time ran out. Raises GroupingRefused."""
    require_column(row)
    table = metadata_by_item(batch_import=row)
    try:
        return _process_all(row, turn, decoders, table)
    finally:
        announce(import_id=row.pk)


def _process_all(row: Import, turn: _Turn, decoders: int, table: dict[str, dict[str, str]]) -> bool:
    announcer = _Announcer(row.pk)
    with ItemWorkerPool(decoders, table) as pool:
        for item in _waiting(row):
            pool.submit(item)
            announcer.step()
            if turn.is_over():
                return False
    return True


def _waiting(row: Import) -> Iterator[ImportItem]:
    """Waiting items in insertion order; paged by key, since earlier items change state during the iteration."""
    last = 0
    rows = ImportItem.objects.filter(batch_import=row, state=ImportItem.State.WAITING).order_by("id")
    while chunk := list(rows.filter(pk__gt=last)[:CHUNK]):
        yield from chunk
        last = chunk[-1].pk


def _make_tasks(row: Import, turn: _Turn) -> bool:
    """Create the missing tasks for every image of this import, including images that the dataset already had.

    In random order over the whole import: see `create_runs`. Images of a group stay together if the import says so.
    Returns False if time ran out; the next run finds the images that have none.
    """
    project = Project.objects.filter(pk=row.project_id).first() if row.project_id else None
    if project is None:
        return True
    has_task = Exists(Task.objects.filter(project=project, image=OuterRef("image")))
    items = ImportItem.objects.filter(~has_task, batch_import=row, image__isnull=False)
    if row.keep_together == Import.KeepTogether.NOTHING:
        runs = [Run("", (image_id,)) for image_id in set(items.values_list("image_id", flat=True))]
    else:
        runs = runs_of(items.values_list("image_id", "image__group_key", "image__source_key"))
    _rng.shuffle(runs)
    made, finished = 0, True
    for chunk in _chunks(runs):
        if made and turn.is_over():
            finished = False
            break
        made += create_runs(project=project, runs=sorted(chunk, key=lambda run: run.image_ids))
    if made >= ANALYSE_FROM:
        refresh_statistics()
    return finished


def _chunks(runs: Sequence[Run]) -> Iterator[list[Run]]:
    """Whole runs, together about `TASKS_AT_ONCE` images."""
    chunk: list[Run] = []
    size = 0
    for run in runs:
        chunk.append(run)
        size += len(run.image_ids)
        if size >= TASKS_AT_ONCE:
            yield chunk
            chunk, size = [], 0
    if chunk:
        yield chunk


def _finish(import_id: int) -> None:
    """working -> done, or failed if no file was accepted. Drops the archive, whose files are now items."""
    row = Import.objects.defer("metadata").get(pk=import_id)
    if row.taken + row.duplicates == 0:
        fail_import(
            import_id=import_id, error="No file of this import was accepted. The list below gives the reason for each."
        )
        return
    done = Import.objects.filter(pk=import_id, state=Import.State.WORKING).update(
        state=Import.State.DONE, finished_at=ClockTimestamp(), archive=None
    )
    if done:
        announce(import_id=import_id)
