"""Serving blobs. Uploaded content is never served as a page of the site."""

import re

from django.http import FileResponse

from storage.models import Blob
from storage.services import open_blob

# The types that browsers may display; everything else is an untyped download.
SHOWN = frozenset({"image/jpeg", "image/png", "image/webp", "image/gif"})
DOWNLOADED = frozenset({"application/zip", "application/json", "text/csv; charset=utf-8"})
_UNSAFE = re.compile(r"[^\w.\- ]+")


def blob_response(*, blob: Blob, name: str, download: bool = False) -> FileResponse:
    """Return a streamed response with the blob's content.

    The content type is the one that our own code assigned when it wrote the blob, never the uploader's. No header
    reveals the blob's age, id or hash. `name` is the file name for saving; folders in it are dropped.
    """
    displayed = blob.content_type in SHOWN
    content_type = blob.content_type if displayed or blob.content_type in DOWNLOADED else "application/octet-stream"
    response = FileResponse(
        open_blob(blob),
        as_attachment=download or not displayed,
        filename=_UNSAFE.sub("_", name.rsplit("/", 1)[-1])[:150] or "file",
        content_type=content_type,
    )
    response["Content-Length"] = str(blob.size)
    response["X-Content-Type-Options"] = "nosniff"
    response["Content-Security-Policy"] = "default-src 'none'; sandbox"
    response["Cache-Control"] = "private, max-age=3600"
    return response
