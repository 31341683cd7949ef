"""The header `Idempotency-Key`, for calls that people with bad connections repeat."""

from collections.abc import Callable
from typing import Any

from drf_spectacular.utils import OpenApiParameter
from rest_framework.request import Request
from rest_framework.response import Response

from kernel.idempotency import KeyInvalid, once
from tasks.api.access import actor_of

HEADER = "Idempotency-Key"
PARAMETER = OpenApiParameter(
    HEADER,
    str,
    OpenApiParameter.HEADER,
    required=True,
    description="A random text of the caller's, the same when the same call is repeated. 1 to 200 characters.",
)


class KeyMissing(KeyInvalid):
    """Send the header Idempotency-Key with a random text, the same when you repeat the call."""

    code = "idempotency_key_missing"


def answer_once(
    request: Request, *, operation: str, body_sha256: str, act: Callable[[], tuple[int, dict[str, Any]]]
) -> Response:
    """Run `act` once for this caller, operation and key; a repeat gets the first answer, marked as one."""
    key = require_key(request)
    ran = False

    def noted() -> tuple[int, dict[str, Any]]:
        nonlocal ran
        ran = True
        return act()

    status, answer = once(
        actor_id=actor_of(request).pk, operation=operation, key=key, body_sha256=body_sha256, act=noted
    )
    response = Response(answer, status=status)
    if not ran:
        response["Idempotency-Replayed"] = "true"
    return response


def require_key(request: Request) -> str:
    """The key that the caller sent. Raises KeyMissing."""
    key = request.headers.get(HEADER, "")
    if not key:
        raise KeyMissing
    return key
