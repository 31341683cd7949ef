"""Limits on request size and rate: protection against floods and guessing, far above normal use."""

import threading
import time
from collections import Counter
from typing import TYPE_CHECKING

from allauth.account.adapter import get_adapter
from django.conf import settings
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponseBase
from rest_framework.request import Request
from rest_framework.throttling import BaseThrottle

from accounts.models import User
from tasks.api.errors import BodyTooLarge, LengthRequired

if TYPE_CHECKING:
    from rest_framework.views import APIView

MINUTE = 60
RATE = "annotary.rate"  # the key of the count in a request's environment; None if the caller has no limit


def check_length(request: HttpRequest) -> None:
    """Raises LengthRequired for a chunked body, which Django would read as empty."""
    if request.META.get("HTTP_TRANSFER_ENCODING", "identity").lower() != "identity":
        raise LengthRequired


def check_size(request: HttpRequest, most: int) -> None:
    """Check the declared content length, which the server enforces, before anything is read."""
    check_length(request)
    if int(request.META.get("CONTENT_LENGTH") or 0) > most:
        raise BodyTooLarge(f"The request is larger than {_bytes(most)}. Send less at once.")


class CallCounter:
    """Counts the calls in the current minute by caller, per process: a limit of N applies to each process separately.

    Shared counters would take three round trips per call, a fifth of the cost of an answer.
    """

    MAX_CALLERS = 100_000  # callers per minute; the proxy in front handles floods from more addresses

    def __init__(self) -> None:
        self._minute = 0
        self._calls: Counter[tuple[str, object]] = Counter()
        self._lock = threading.Lock()

    def add(self, minute: int, caller: tuple[str, object]) -> int:
        """Count one call; returns the number of calls by the caller in this minute."""
        with self._lock:
            if minute != self._minute or len(self._calls) > self.MAX_CALLERS:
                self._minute = minute
                self._calls.clear()
            self._calls[caller] += 1
            return self._calls[caller]


calls = CallCounter()


def seconds_to_wait(request: HttpRequest, kind: str, who: object) -> float | None:
    """Count one call; returns None within the limit `settings.ANNOTARY_API_LIMITS[kind]` per minute; 0 is no limit."""
    limit = settings.ANNOTARY_API_LIMITS[kind]
    if not limit:
        request.META[RATE] = None
        return None
    now = time.time()
    made = calls.add(int(now // MINUTE), (kind, who))
    wait = MINUTE - now % MINUTE
    request.META[RATE] = (kind, limit, max(0, limit - made), int(wait) + 1)
    return None if made <= limit else wait


def set_rate_headers(request: HttpRequest, response: HttpResponseBase) -> None:
    """Tell the limit that this call was counted against, and what is left of it in this minute.

    As in draft-ietf-httpapi-ratelimit-headers-10: `q` calls in `w` seconds; `r` remain for `t` seconds.
    """
    if RATE not in request.META:
        limit = settings.ANNOTARY_API_LIMITS["anonymous"]
        if limit:  # refused before it was known who calls
            response["RateLimit-Policy"] = f'"anonymous";q={limit};w={MINUTE}'
        return
    if request.META[RATE] is None:  # counted against no limit
        return
    kind, limit, left, wait = request.META[RATE]
    response["RateLimit-Policy"] = f'"{kind}";q={limit};w={MINUTE}'
    response["RateLimit"] = f'"{kind}";r={left};t={wait}'


def client_address(request: HttpRequest) -> str:
    """The caller's IP address, behind as many proxies as the settings trust; "local" for a Unix socket."""
    try:
        return str(get_adapter().get_client_ip(request))
    except PermissionDenied:
        return "local"


class PerMinute(BaseThrottle):
    """Throttles signed-in people per person, whatever key or device they use, and everyone else per address."""

    def __init__(self) -> None:
        self._wait: float | None = None

    def allow_request(self, request: Request, view: "APIView") -> bool:
        if isinstance(request.user, User):
            self._wait = seconds_to_wait(request._request, "person", request.user.pk)
        else:
            self._wait = seconds_to_wait(request._request, "anonymous", client_address(request._request))
        return self._wait is None

    def wait(self) -> float | None:
        return self._wait


def _bytes(number: int) -> str:
    for size, unit in ((1024**3, "GB"), (1024**2, "MB")):
        if number >= size:
            return f"{number // size} {unit}"
    return f"{number // 1024} kB"
