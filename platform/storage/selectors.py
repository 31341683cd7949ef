"""Reading about blobs."""

from django.db.models import Count, Sum

from storage.models import Blob


def ready_blob(*, sha256: str) -> Blob | None:
    """The blob of this content, None when there is none that is ready."""
    return Blob.objects.filter(sha256=sha256, state=Blob.State.READY).first()


def usage() -> tuple[int, int]:
    """(files, bytes) in the storage."""
    totals = Blob.objects.aggregate(files=Count("pk"), size=Sum("size"))
    return totals["files"], totals["size"] or 0
