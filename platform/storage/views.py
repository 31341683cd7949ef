"""Handing out blobs. What people uploaded never becomes a page of the site."""

import re

from django.http import FileResponse

from storage.models import Blob
from storage.services import open_blob

# The types that a browser may show; anything else is a download of no type.
SHOWN = frozenset({"image/jpeg", "image/png", "image/webp", "image/gif"})
DOWNLOADED = frozenset({"application/zip", "application/json", "text/csv; charset=utf-8"})
_UNSAFE = re.compile(r"[^\w.\- ]+")


def blob_response(*, blob: Blob, name: str, download: bool = False) -> FileResponse:
    """A streamed response with the blob's content.

    The content type is the one that our own code gave the blob when it wrote it, never one that a sender named; no
    header tells the blob's age, number or hash. `name` is what a saved file is called, without folders.
    """
    shown = blob.content_type in SHOWN
    content_type = blob.content_type if shown or blob.content_type in DOWNLOADED else "application/octet-stream"
    response = FileResponse(
        open_blob(blob),
        as_attachment=download or not shown,
        filename=_UNSAFE.sub("_", name.rsplit("/", 1)[-1])[:150] or "file",
        content_type=content_type,
    )
    response["Content-Length"] = str(blob.size)
    response["X-Content-Type-Options"] = "nosniff"
    response["Content-Security-Policy"] = "default-src 'none'; sandbox"
    response["Cache-Control"] = "private, max-age=3600"
    return response
