"""Serving blobs. Uploaded content is never served as a page of the site."""

import re

from django.conf import settings
from django.http import FileResponse, HttpResponse, HttpResponseBase
from django.utils.http import content_disposition_header

from storage import backends
from storage.models import Blob
from storage.services import open_blob

# The types that browsers may display; everything else is an untyped download.
SHOWN = frozenset({"image/jpeg", "image/png", "image/webp", "image/gif"})
DOWNLOADED = frozenset({"application/zip", "application/json", "text/csv; charset=utf-8"})
_UNSAFE = re.compile(r"[^\w.\- ]+")


def blob_response(*, blob: Blob, name: str, download: bool = False) -> HttpResponseBase:
    """Return a response with the blob's content: streamed, or sent by the front server so that no thread waits for it.

    The content type is the one that our own code assigned when it wrote the blob, never the uploader's. No header
    reveals the blob's age, id or hash. `name` is the file name for saving; folders in it are dropped.
    """
    displayed = blob.content_type in SHOWN
    content_type = blob.content_type if displayed or blob.content_type in DOWNLOADED else "application/octet-stream"
    filename = _UNSAFE.sub("_", name.rsplit("/", 1)[-1])[:150] or "file"
    response = _content(blob, content_type, filename, attachment=download or not displayed)
    response["X-Content-Type-Options"] = "nosniff"
    response["Content-Security-Policy"] = "default-src 'none'; sandbox"
    response["Cache-Control"] = "private, max-age=3600"
    return response


def _content(blob: Blob, content_type: str, filename: str, *, attachment: bool) -> HttpResponseBase:
    response: HttpResponseBase
    path = backends.local_path(blob.key) if settings.ANNOTARY_FILES_BY_FRONT else None
    if path is None:
        response = FileResponse(open_blob(blob), as_attachment=attachment, filename=filename, content_type=content_type)
        response["Content-Length"] = str(blob.size)
        return response
    # Raises BlobMissing, or StorageUnavailable if the folder of all files is away.
    open_blob(blob).close()
    response = HttpResponse(content_type=content_type)
    response["Content-Disposition"] = content_disposition_header(attachment, filename) or "inline"
    response["X-Accel-Redirect"] = f"/front-files/{blob.key}"
    return response
