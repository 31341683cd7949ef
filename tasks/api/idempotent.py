"""The `Idempotency-Key` header, for calls that clients on bad connections retry."""

from collections.abc import Callable
from typing import Any

from drf_spectacular.utils import OpenApiParameter
from rest_framework.request import Request
from rest_framework.response import Response

from kernel.idempotency import KeyInvalid, once
from tasks.api.access import actor_of

HEADER = "Idempotency-Key"
REPLAYED = "Idempotency-Replayed"
PARAMETER = OpenApiParameter(
    HEADER,
    str,
    OpenApiParameter.HEADER,
    required=True,
    description="A random string chosen by the caller. Send the same one when you retry the call. 1 to 200 characters.",
)


class KeyMissing(KeyInvalid):
    """Send the header Idempotency-Key with a random string. Use the same one when you retry the call."""

    code = "idempotency_key_missing"


def respond_once(
    request: Request, *, operation: str, body_sha256: str, act: Callable[[], tuple[int, dict[str, Any]]]
) -> Response:
    """Run `act` once per caller, operation and key; a retry gets the first response, marked as replayed."""
    key = require_key(request)
    has_run = False

    def run() -> tuple[int, dict[str, Any]]:
        nonlocal has_run
        has_run = True
        return act()

    status, body = once(actor_id=actor_of(request).pk, operation=operation, key=key, body_sha256=body_sha256, act=run)
    response = Response(body, status=status)
    if not has_run:
        response[REPLAYED] = "true"
    return response


def require_key(request: Request) -> str:
    """The idempotency key of the request. Raises KeyMissing."""
    key = request.headers.get(HEADER, "")
    if not key:
        raise KeyMissing
    return key
