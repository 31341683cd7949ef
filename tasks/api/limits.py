"""How much a caller may send at once, and how often: a wall against floods and guessing, far above what people do."""

import time
from typing import TYPE_CHECKING

from allauth.account.adapter import get_adapter
from django.conf import settings
from django.core.cache import cache
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest
from rest_framework.request import Request
from rest_framework.throttling import BaseThrottle

from accounts.models import User
from kernel.errors import Refused

if TYPE_CHECKING:
    from rest_framework.views import APIView

MINUTE = 60


class BodyTooLarge(Refused):
    """This is more than one call may send; send less at once."""

    status = 413
    code = "body_too_large"


def check_size(request: HttpRequest, most: int) -> None:
    """By the announced length, which the server holds the sender to; nothing is read yet."""
    if int(request.META.get("CONTENT_LENGTH") or 0) > most:
        raise BodyTooLarge(f"The request is larger than {_bytes(most)}; send less at once.")


def seconds_to_wait(kind: str, who: object) -> float | None:
    """Count one call in this minute; None when it is within `settings.ANNOTARY_API_LIMITS[kind]`, 0 for no limit.

    Windows are fixed and the count is one increment, so processes that share a cache share the limit.
    """
    limit = settings.ANNOTARY_API_LIMITS[kind]
    now = time.time()
    key = f"api:{kind}:{who}:{int(now // MINUTE)}"
    cache.add(key, 0, timeout=2 * MINUTE)
    try:
        calls = cache.incr(key)
    except ValueError:  # the cache lost the key between the two calls
        return None
    return None if not limit or calls <= limit else MINUTE - now % MINUTE


def client_address(request: HttpRequest) -> str:
    """Of the caller, seen through as many proxies as the settings trust; a socket file has none."""
    try:
        return str(get_adapter().get_client_ip(request))
    except PermissionDenied:
        return "local"


class PerMinute(BaseThrottle):
    """A person's calls by the person, whichever key or device they come from; anybody else's by address."""

    def __init__(self) -> None:
        self._wait: float | None = None

    def allow_request(self, request: Request, view: "APIView") -> bool:
        if isinstance(request.user, User):
            self._wait = seconds_to_wait("person", request.user.pk)
        else:
            self._wait = seconds_to_wait("anonymous", client_address(request._request))
        return self._wait is None

    def wait(self) -> float | None:
        return self._wait


def _bytes(number: int) -> str:
    for size, unit in ((1024**3, "GB"), (1024**2, "MB")):
        if number >= size:
            return f"{number // size} {unit}"
    return f"{number // 1024} kB"
