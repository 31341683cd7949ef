"""ETags of JSON responses: a client that polls gets 304 and no body until something has changed (RFC 9110)."""

import hashlib
from functools import partial
from typing import Any, cast

from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.utils.cache import get_conditional_response
from rest_framework.response import Response


def with_validator(request: HttpRequest, response: HttpResponseBase) -> HttpResponseBase:
    """Give a successful GET an ETag, or make it a 304 if the caller has the same content. Files have their own."""
    if request.method not in {"GET", "HEAD"} or response.status_code != 200 or response.has_header("ETag"):
        return response
    if isinstance(response, Response) and not response.is_rendered:
        response.add_post_render_callback(partial(_validated, request))
        return response
    return response if response.streaming else _validated(request, response)


def _validated(request: HttpRequest, response: Any) -> HttpResponse:
    # Weak, because the front compresses the body. Not security: a short digest is enough to notice a change.
    response["ETag"] = f'W/"{hashlib.blake2b(response.content, digest_size=16).hexdigest()}"'
    response.headers.setdefault("Cache-Control", "private, no-cache")
    sent: Any = get_conditional_response(request, etag=response["ETag"], response=response)
    for name in ("RateLimit", "RateLimit-Policy"):  # a 304 is counted too
        if name in response:
            sent[name] = response[name]
    return cast(HttpResponse, sent)
