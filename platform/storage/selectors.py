"""Queries for blobs."""

from django.db.models import Count, Sum

from storage.models import Blob


def ready_blob(*, sha256: str) -> Blob | None:
    """Return the ready blob with this content, or None."""
    return Blob.objects.filter(sha256=sha256, state=Blob.State.READY).first()


def usage() -> tuple[int, int]:
    """Return (files, bytes) in storage."""
    totals = Blob.objects.aggregate(files=Count("pk"), size=Sum("size"))
    return totals["files"], totals["size"] or 0
