"""Exports: requesting, writing, verifying and publishing a release in a format."""

import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, BinaryIO, cast

from django.db import transaction

from accounts.models import Actor
from annotary_core.formats.base import ReleaseRecord
from annotary_core.formats.errors import ReleaseError
from annotary_core.formats.registry import FORMATS, verify_release
from annotary_core.formats.release_archive import ZipSink
from annotary_core.formats.report import ExportReport
from kernel.clock import ClockTimestamp
from kernel.events import record_event
from kernel.jobs import enqueue
from kernel.models import Job
from kernel.outages import outage_of
from kernel.progress import Progress as JobProgress
from kernel.statements import insert_unless_exists
from storage import backends
from storage.composed_files import ComposedFile, FrameWriter, digest
from storage.services import store_blob
from tasks.exports.errors import ExportFailed, ReleaseNotReady, ReleaseRetracted, UnknownFormat
from tasks.exports.models import Export
from tasks.exports.records import CHUNK, ReleaseImages, records, release_info
from tasks.exports.selectors import ARCHIVE, WRITE, ExportId
from tasks.snapshots.models import Snapshot
from tasks.snapshots.selectors import retraction_of

FRAME = "application/octet-stream"
EXPORT_INTERRUPTED = "The export was not finished. Request it again."
Progress = Callable[[int, int], None]


@transaction.atomic
def request_export(*, snapshot: Snapshot, format: str, by: Actor) -> Export:
    """Return the release's export in this format, queueing it if there is none yet or the last attempt failed.

    Repeated requests return the same export: a release in a format is always the same bytes. Raises UnknownFormat,
    ReleaseNotReady and ReleaseRetracted.
    """
    if format not in FORMATS:
        raise UnknownFormat(f"Unknown export format “{format}”. Choose one of {', '.join(FORMATS)}.")
    if snapshot.state != Snapshot.State.READY:
        raise ReleaseNotReady
    if retraction_of(snapshot=snapshot) is not None:
        raise ReleaseRetracted
    # Of two concurrent requests, the second waits at the unique index and then finds the row of the first.
    export = Export(snapshot=snapshot, format=format, project_id=snapshot.project_id, created_by=by)
    if insert_unless_exists(export):
        _enqueue(export)
        return export
    export = Export.objects.get(snapshot=snapshot, format=format)
    return retry_export(export=export) if _has_failed(export) else export


@transaction.atomic
def retry_export(*, export: Export) -> Export:
    """Locks the export. Queue it again if it failed or its job died; otherwise do nothing."""
    export = Export.objects.select_for_update(no_key=True).get(pk=export.pk)
    if _has_failed(export):
        Export.objects.filter(pk=export.pk).update(state=Export.State.QUEUED, error="")
        _enqueue(export)
        export.refresh_from_db()
    return export


def _enqueue(export: Export) -> None:
    dedupe_key = f"{WRITE.name}:{export.pk}"
    enqueue(WRITE, ExportId(export.pk), project_id=export.project_id, dedupe_key=dedupe_key)


def _has_failed(export: Export) -> bool:
    if export.state in (Export.State.READY, Export.State.FAILED):
        return export.state == Export.State.FAILED
    return not Job.objects.filter(
        kind=WRITE.name,
        project_id=export.project_id,
        args__export_id=export.pk,
        state__in=[Job.State.QUEUED, Job.State.RUNNING],
    ).exists()


def write_export(*, export_id: int, progress: Progress = lambda done, total: None) -> bool:
    """Write, verify, store and publish the export; return False if it is already ready. Call outside transactions.

    An interrupted attempt leaves nothing behind that is reused: the next one writes the same bytes from the start. The
    export is ready only after it was read back and its file is in storage. In local storage that is the frame of a
    composed file, so that images are stored once. In remote storage it is the whole file: to compose it, each download
    would take a request for each image. Raises ExportFailed.
    """
    export = Export.objects.select_related("snapshot__project__organisation", "snapshot__schema").get(pk=export_id)
    if not _move(export, Export.State.WRITING):
        return False
    with tempfile.TemporaryDirectory(prefix=f"export-{export_id}-") as folder:
        path, is_composed = Path(folder) / "release.zip", backends.is_local()
        try:
            report = _write(export, path, progress, is_composed=is_composed)
            _move(export, Export.State.VERIFYING)
            with path.open("rb") as written:
                whole = cast(BinaryIO, ComposedFile(written)) if is_composed else written
                verify_release(export.format, whole, report.counts())
                sha256, size = digest(whole)
        except ReleaseError as error:
            # The formats report what they cannot read as damage, even if the disk has no room for a copy of it.
            raise outage_of(error.__cause__) or ExportFailed(error.detail) from error
        stored = store_blob(source=path, content_type=FRAME if is_composed else ARCHIVE)
    files = {"blob": None, "frame": stored} if is_composed else {"blob": stored, "frame": None}
    return _publish(export, report, sha256=sha256, size=size, **files)


def _write(export: Export, path: Path, progress: Progress, *, is_composed: bool) -> ExportReport:
    """Write the archive, or its frame if its images are read from where they are."""
    snapshot, images = export.snapshot, ReleaseImages()
    stream = _with_progress(records(snapshot, images), snapshot.items_count, progress)
    format, info = FORMATS[export.format], release_info(snapshot)
    if not is_composed:
        with ZipSink(path) as sink:
            return format.write(info, stream, images, sink)
    with FrameWriter(path) as frame, ZipSink(frame.file, refer=frame.refer) as sink:
        return format.write(info, stream, images, sink)


def _with_progress(stream: Iterator[ReleaseRecord], total: int, progress: Progress) -> Iterator[ReleaseRecord]:
    for done, record in enumerate(stream):
        if done % CHUNK == 0:
            progress(done, total)
        yield record


def _move(export: Export, state: str) -> bool:
    """Set the state unless the export is ready; return whether it was set.

    A job whose lease has ended may run alongside its successor: both write the same bytes, the first to publish wins.
    """
    unfinished = Export.objects.filter(pk=export.pk).exclude(state=Export.State.READY)
    return unfinished.update(state=state, error="") > 0


@transaction.atomic
def _publish(export: Export, report: ExportReport, **file: Any) -> bool:
    unfinished = Export.objects.filter(pk=export.pk).exclude(state=Export.State.READY)
    if not unfinished.update(
        state=Export.State.READY,
        **file,
        report=report.as_json(),
        error="",
        ready_at=ClockTimestamp(),
    ):
        return False
    record_event(project_id=export.project_id, kind="export.ready", data=_event_data(export))
    return True


@transaction.atomic
def fail_export(*, export_id: int, error: str) -> None:
    """Any state but ready -> failed, with an error message."""
    unfinished = Export.objects.filter(pk=export_id).exclude(state=Export.State.READY)
    if unfinished.update(state=Export.State.FAILED, error=error):
        record_progress(export_id=export_id, kind="export.failed")


def record_progress(*, export_id: int, kind: str = "export.progress", progress: JobProgress | None = None) -> None:
    """Record an event about an export that is not ready; does nothing for one that does not exist."""
    export = Export.objects.select_related("snapshot").filter(pk=export_id).first()
    if export is not None:
        data = _event_data(export) | ({"progress": progress.as_json()} if progress else {})
        record_event(project_id=export.project_id, kind=kind, data=data)


def _event_data(export: Export) -> dict[str, Any]:
    return {"export": str(export.public_id), "format": export.format, "snapshot": str(export.snapshot.public_id)}
