"""Queries on exports."""

from django.db.models import QuerySet
from django.utils.text import slugify

from annotary_core.formats.registry import FORMATS
from storage.composed_files import ComposedBlob
from storage.models import Blob
from tasks.exports.models import Export
from tasks.snapshots.models import Snapshot

ARCHIVE = "application/zip"


def format_choices() -> list[tuple[str, str]]:
    """Return (name, title) of every format."""
    return [(each.name, each.title) for each in FORMATS.values()]


def exports_of(*, snapshot: Snapshot) -> QuerySet[Export]:
    """Return the release's exports, in the order of their formats."""
    return Export.objects.filter(snapshot=snapshot).select_related("snapshot").order_by("format")


def file_of(export: Export) -> Blob | ComposedBlob | None:
    """Return the export's file; None if it is not ready."""
    if export.state != Export.State.READY:
        return None
    if export.frame is None:
        return export.blob
    return ComposedBlob(export.frame, sha256=export.sha256, size=export.size, content_type=ARCHIVE)


def download_name(export: Export) -> str:
    project = slugify(export.project.name)[:60] or "release"
    return f"{project}-{export.snapshot.number}-{export.format}.zip"
