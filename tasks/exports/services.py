"""A release in a format: asked for, written, read back, published."""

import shutil
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from django.conf import settings
from django.db import transaction

from accounts.models import Actor
from annotary_core.formats.archive import ZipSink
from annotary_core.formats.base import ReleaseRecord
from annotary_core.formats.errors import ReleaseError
from annotary_core.formats.registry import FORMATS, verify_release
from annotary_core.formats.report import ExportReport
from kernel.clock import ClockTimestamp
from kernel.errors import AnnotaryError, Refused, TransitionRefused
from kernel.events import record_event
from kernel.jobs import enqueue
from kernel.models import Job
from storage.models import Blob
from storage.services import store_blob
from tasks.exports.models import Export
from tasks.exports.records import CHUNK, Images, records, release_info
from tasks.snapshots.models import Snapshot
from tasks.snapshots.selectors import retraction_of

WRITE = "exports.write"
LEFT_BEHIND = 24 * 3600
DIED = "The export was not finished; ask for it again."
Progress = Callable[[int, int], None]


class UnknownFormat(Refused):
    """There is no such format."""

    code = "unknown_format"


class ReleaseNotReady(TransitionRefused):
    """This release is not ready yet; export it when it is."""

    code = "release_not_ready"


class ReleaseRetracted(TransitionRefused):
    """This release was retracted; make a new one and export that."""

    code = "release_retracted"


class ExportFailed(AnnotaryError):
    """This release could not be written, or what was written does not read back."""

    code = "release_failed"


@transaction.atomic
def request_export(*, snapshot: Snapshot, format: str, by: Actor) -> Export:
    """The export of the release in this format, queued if there is none yet or if the last try failed.

    Asking twice gives the same export: a release in a format is the same bytes. Raises UnknownFormat,
    ReleaseNotReady and ReleaseRetracted.
    """
    if format not in FORMATS:
        raise UnknownFormat(f"There is no format “{format}”; choose one of {', '.join(FORMATS)}.")
    if snapshot.state != Snapshot.State.READY:
        raise ReleaseNotReady
    if retraction_of(snapshot=snapshot) is not None:
        raise ReleaseRetracted
    # Of two requests at once, the second waits at the unique index and finds the first one's row.
    export, created = Export.objects.get_or_create(
        snapshot=snapshot, format=format, defaults={"project_id": snapshot.project_id, "created_by": by}
    )
    if created:
        _enqueue(export)
        return export
    return retry_export(export=export) if _has_failed(export) else export


@transaction.atomic
def retry_export(*, export: Export) -> Export:
    """Locks the export. Queue it again when it failed, or when its job died; otherwise it is left alone."""
    export = Export.objects.select_for_update(no_key=True).get(pk=export.pk)
    if _has_failed(export):
        Export.objects.filter(pk=export.pk).update(state=Export.State.QUEUED, error="")
        _enqueue(export)
        export.refresh_from_db()
    return export


def _enqueue(export: Export) -> None:
    enqueue(WRITE, project_id=export.project_id, dedupe_key=f"{WRITE}:{export.pk}", export_id=export.pk)


def _has_failed(export: Export) -> bool:
    if export.state in (Export.State.READY, Export.State.FAILED):
        return export.state == Export.State.FAILED
    return not Job.objects.filter(
        kind=WRITE,
        project_id=export.project_id,
        args__export_id=export.pk,
        state__in=[Job.State.QUEUED, Job.State.RUNNING],
    ).exists()


def write_export(*, export_id: int, progress: Progress = lambda done, total: None) -> bool:
    """Write, read back, store and publish; False when the export is ready already. Call outside transactions.

    Nothing is kept of a try that was cut short: the next one writes the same bytes from the start. It is ready only
    after the format's own reader has read it back and the file stands in the storage. Raises ExportFailed.
    """
    export = Export.objects.select_related("snapshot__project__organisation", "snapshot__schema").get(pk=export_id)
    if not _move(export, Export.State.WRITING):
        return False
    _remove_left_behind()
    with tempfile.TemporaryDirectory(dir=_workplace(), prefix=f"export-{export_id}-") as folder:
        path = Path(folder) / "release.zip"
        try:
            report = _write(export, path, progress)
            _move(export, Export.State.VERIFYING)
            verify_release(export.format, path, report.counts())
        except ReleaseError as error:
            raise ExportFailed(error.detail) from error
        blob = store_blob(source=path, content_type="application/zip")
    return _publish(export, blob, report)


def _write(export: Export, path: Path, progress: Progress) -> ExportReport:
    snapshot, images = export.snapshot, Images()
    stream = _told(records(snapshot, images), snapshot.items_count, progress)
    with ZipSink(path) as sink:
        return FORMATS[export.format].write(release_info(snapshot), stream, images, sink)


def _told(stream: Iterator[ReleaseRecord], total: int, progress: Progress) -> Iterator[ReleaseRecord]:
    for done, record in enumerate(stream):
        if done % CHUNK == 0:
            progress(done, total)
        yield record


def _move(export: Export, state: str) -> bool:
    """A job whose lease ended may meet its successor here: both write the same bytes, and the first to publish wins."""
    unfinished = Export.objects.filter(pk=export.pk).exclude(state=Export.State.READY)
    return unfinished.update(state=state, error="") > 0


@transaction.atomic
def _publish(export: Export, blob: Blob, report: ExportReport) -> bool:
    published = Export.objects.filter(pk=export.pk).exclude(state=Export.State.READY)
    if not published.update(
        state=Export.State.READY,
        blob=blob,
        sha256=blob.sha256,
        size=blob.size,
        report=report.as_json(),
        error="",
        ready_at=ClockTimestamp(),
    ):
        return False
    data = {"export": str(export.public_id), "format": export.format}
    record_event(project_id=export.project_id, kind="export.ready", data=data)
    return True


def fail_export(*, export_id: int, error: str) -> None:
    Export.objects.filter(pk=export_id).exclude(state=Export.State.READY).update(state=Export.State.FAILED, error=error)


def _workplace() -> Path:
    """In the data folder, which is sized for archives; the system's folder for temporary files may live in memory."""
    folder = Path(settings.ANNOTARY_DATA) / "exports"
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def _remove_left_behind() -> None:
    """Folders of tries that were killed; one that is younger may still be at work."""
    for folder in _workplace().glob("export-*"):
        if folder.stat().st_mtime < time.time() - LEFT_BEHIND:
            shutil.rmtree(folder, ignore_errors=True)
