"""Conditional and partial requests for files that never change (RFC 9110, sections 13 and 14)."""

import re

from django.http import HttpRequest
from django.utils.http import parse_etags

from kernel.errors import Refused

_RANGE = re.compile(r"bytes=\s*([0-9]{0,18})-([0-9]{0,18})\s*\Z", re.IGNORECASE)


class RangeNotSatisfiable(Refused):
    """The file ends before the requested range starts. Request a range within it, or all of it."""

    status = 416
    code = "range_not_satisfiable"

    def __init__(self, size: int) -> None:
        super().__init__(f"The file has {size} bytes. Request a range within it, or all of it.")
        self.headers = {"Content-Range": f"bytes */{size}"}


class PreconditionFailed(Refused):
    """The file is not the version that If-Match names. Load it again without the header."""

    status = 412
    code = "precondition_failed"


def require_match(request: HttpRequest, etag: str) -> None:
    """Raises PreconditionFailed if the caller wants another version of the file (If-Match)."""
    wanted = request.headers.get("If-Match")
    # The comparison is strong: a weak tag never matches.
    if wanted is not None and not {"*", etag} & set(parse_etags(wanted)):
        raise PreconditionFailed


def is_current(request: HttpRequest, etag: str) -> bool:
    """Whether the caller says in If-None-Match that it already has the file."""
    known = [each.removeprefix("W/") for each in parse_etags(request.headers.get("If-None-Match", ""))]
    return "*" in known or etag in known


def requested_range(request: HttpRequest, *, size: int, etag: str) -> range | None:
    """The bytes that the Range header asks for; None for the whole file. Raises RangeNotSatisfiable.

    A header that is malformed or asks for several ranges is ignored, as RFC 9110 allows, and so is one for another
    version of the file (If-Range).
    """
    match = _RANGE.match(request.headers.get("Range", ""))
    if match is None or request.headers.get("If-Range", etag) != etag or not (match[1] or match[2]):
        return None
    if not match[1]:
        start, stop = max(0, size - int(match[2])), size
    else:
        start, stop = int(match[1]), min(int(match[2]) + 1, size) if match[2] else size
        if match[2] and int(match[2]) < start:
            return None
    if start >= size:
        raise RangeNotSatisfiable(size)
    return range(start, stop)
