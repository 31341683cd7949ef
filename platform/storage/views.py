"""Serving blobs. Uploaded content is never served as a page of the site."""

import re
from typing import BinaryIO, cast

from django.conf import settings
from django.http import FileResponse, HttpRequest, HttpResponse, HttpResponseBase, HttpResponseNotModified
from django.utils.http import content_disposition_header

from storage import backends
from storage.composed_files import ComposedBlob, open_composed
from storage.models import Blob
from storage.ranges import is_current, requested_range, require_match
from storage.sending import order_of
from storage.services import open_blob

# The types that browsers may display; everything else is an untyped download.
SHOWN = frozenset({"image/jpeg", "image/png", "image/webp", "image/gif"})
DOWNLOADED = frozenset({"application/zip", "application/json", "text/csv; charset=utf-8"})
YEAR = 365 * 24 * 3600
# The front compares these with the file's age, and with the ETag that it does not know yet.
FRONT_MISREADS = frozenset({"If-Unmodified-Since", "If-Match"})
_UNSAFE = re.compile(r"[^\w.\- ]+")


def blob_response(
    *,
    request: HttpRequest,
    blob: Blob | ComposedBlob,
    name: str,
    download: bool = False,
    etag: str = "",
    max_age: int = YEAR,
) -> HttpResponseBase:
    """Return a response with a file's content: streamed, or sent by others so that no thread waits for a slow reader.

    The content type is the one that our own code assigned when it wrote the blob, never the uploader's. No header
    reveals the blob's age or id. `name` is the file name for saving; folders in it are dropped. The content of a blob
    never changes, so its hash is its ETag; `etag` replaces it where the hash must not be told. Returns 304 if the
    caller has the file, and 206 for a range of it. Conditions on dates are ignored: they would
    reveal the age. Raises PreconditionFailed, RangeNotSatisfiable.
    """
    tag = f'"{etag or blob.sha256}"'
    require_match(request, tag)
    if is_current(request, tag):
        response: HttpResponseBase = HttpResponseNotModified()
    else:
        displayed = blob.content_type in SHOWN
        typed = displayed or blob.content_type in DOWNLOADED
        filename = _UNSAFE.sub("_", name.rsplit("/", 1)[-1])[:150] or "file"
        headers = {
            "Content-Type": blob.content_type if typed else "application/octet-stream",
            "Content-Disposition": content_disposition_header(download or not displayed, filename) or "inline",
        }
        part = requested_range(request, size=blob.size, etag=tag)
        by_front = settings.ANNOTARY_FILES_BY_FRONT and FRONT_MISREADS.isdisjoint(request.headers)
        response = _content(blob, part, headers, by_front=by_front)
    response["ETag"] = tag
    response["X-Content-Type-Options"] = "nosniff"
    response["Content-Security-Policy"] = "default-src 'none'; sandbox"
    response["Cache-Control"] = f"private, max-age={max_age}, immutable"
    return response


def _content(
    blob: Blob | ComposedBlob, part: range | None, headers: dict[str, str], *, by_front: bool
) -> HttpResponseBase:
    if isinstance(blob, ComposedBlob):
        return _composed(blob, part, headers)
    if by_front and backends.local_path(blob.key) is not None:
        # Raises BlobMissing, or StorageUnavailable if the folder of all files is away. The front sends the range.
        open_blob(blob).close()
        return HttpResponse(headers=headers | {"X-Accel-Redirect": f"/front-files/{blob.key}"})
    return _sent(open_blob(blob) if part is None else backends.open_part(blob.key, part), blob.size, part, headers)


def _composed(blob: ComposedBlob, part: range | None, headers: dict[str, str]) -> HttpResponseBase:
    # Raises BlobMissing, or StorageUnavailable if the folder of all files is away.
    file = open_composed(blob.frame.key)
    if settings.ANNOTARY_FILES_BY_FRONT:
        file.close()
        order = order_of(frame=blob.frame, part=part, size=blob.size, content_type=headers["Content-Type"])
        return HttpResponse(headers=headers | {"X-Accel-Redirect": order})
    file.seek(part.start if part else 0)
    content = backends.FilePart(cast(BinaryIO, file), len(part or range(blob.size)))
    response = _sent(cast(BinaryIO, content), blob.size, part, headers)
    response.block_size = backends.CHUNK
    return response


def _sent(file: BinaryIO, size: int, part: range | None, headers: dict[str, str]) -> FileResponse:
    """Return a response that streams `file`, which is the part of a file of `size` bytes."""
    response = FileResponse(file, status=200 if part is None else 206)
    if part is not None:
        response["Content-Range"] = f"bytes {part.start}-{part.stop - 1}/{size}"
    response["Accept-Ranges"] = "bytes"  # the front says so itself
    response["Content-Length"] = str(size if part is None else len(part))
    for name, value in headers.items():  # in place of those that Django guesses from the name of the stored file
        response[name] = value
    return response
