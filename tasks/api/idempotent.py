"""The `Idempotency-Key` header, for calls that clients on bad connections retry.

`tasks.api.operations.operation` lets every POST honor it, except those that are named there as repeatable by nature.
"""

import functools
import hashlib
from collections.abc import Callable, Sequence
from typing import Any, TypeVar, cast

import orjson
from drf_spectacular.utils import OpenApiParameter
from rest_framework.exceptions import ParseError
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.models import ApiToken, User
from kernel.idempotency import KeyInvalid, once
from tasks.api.errors import SecretShownOnce
from tasks.api.negotiation import JSON

Method = TypeVar("Method", bound=Callable[..., Any])

HEADER = "Idempotency-Key"
REPLAYED = "Idempotency-Replayed"
ADVICE = "A random string chosen by the caller. Send the same one when you retry the call. 1 to 200 characters."
PARAMETER = OpenApiParameter(HEADER, str, OpenApiParameter.HEADER, required=True, description=ADVICE)
OPTIONAL_PARAMETER = OpenApiParameter(
    HEADER, str, OpenApiParameter.HEADER, description=f"{ADVICE} Without it, a repeated call does its work again."
)


class KeyMissing(KeyInvalid):
    """Send the header Idempotency-Key with a random string. Use the same one when you retry the call."""

    code = "idempotency_key_missing"


def honor_key(method: Method, *, secrets: Sequence[str] = ()) -> Method:
    """Let the method of a view do its work once for each Idempotency-Key; calls without the header are unchanged.

    A retry gets the first response, byte for byte, marked as replayed. The fields in `secrets` are not stored: a retry
    is refused with the id of what the first call created.
    """

    @functools.wraps(method)
    def honoring(view: Any, request: Request, *args: Any, **kwargs: Any) -> Any:
        if HEADER not in request.headers:
            return method(view, request, *args, **kwargs)
        # The caller may have lost access since the first call. Before the body is parsed and hashed, which costs more.
        view.check_access(request, **kwargs)
        first: Response | None = None

        def act() -> tuple[int, Any]:
            nonlocal first
            first = method(view, request, *args, **kwargs)
            return first.status_code, _stored(first, secrets)

        status, body = _once(request, f"post:{_address_hash(request)}", body_hash(request), act)
        if first is not None:
            return first
        view.check_replay(request, body)
        if secrets:
            raise SecretShownOnce(id=body["id"])
        return _replay(body, status)

    return cast(Method, honoring)


def respond_once(
    request: Request, *, operation: str, body_sha256: str, act: Callable[[], tuple[int, dict[str, Any]]]
) -> Response:
    """Run `act` once per caller, operation and key; a retry gets the first response, marked as replayed."""
    status, body, has_run = run_once(request, operation=operation, body_sha256=body_sha256, act=act)
    return Response(body, status=status) if has_run else _replay(body, status)


def run_once(
    request: Request, *, operation: str, body_sha256: str, act: Callable[[], tuple[int, Any]]
) -> tuple[int, Any, bool]:
    """As `respond_once`, for a part of a response: returns status and body, and whether this call did the work."""
    has_run = False

    def run() -> tuple[int, Any]:
        nonlocal has_run
        has_run = True
        return act()

    status, body = _once(request, operation, body_sha256, run)
    return status, body, has_run


def require_key(request: Request) -> str:
    """The idempotency key of the request. Raises KeyMissing."""
    key = request.headers.get(HEADER, "")
    if not key:
        raise KeyMissing
    return key


def _once(request: Request, operation: str, body_sha256: str, act: Callable[[], tuple[int, Any]]) -> tuple[int, Any]:
    actor_id = cast(User, request.user).actor.pk
    return once(actor_id=actor_id, operation=operation, key=require_key(request), body_sha256=body_sha256, act=act)


def _replay(body: Any, status: int) -> Response:
    response = Response(body, status=status)
    response[REPLAYED] = "true"
    return response


def _stored(response: Response, secrets: Sequence[str]) -> Any:
    """The body as JSON values, so that rendering it again gives the same bytes."""
    if response.data is None:
        return None
    body = orjson.loads(JSON.render(response.data))
    return {name: value for name, value in body.items() if name not in secrets}


def _address_hash(request: Request) -> str:
    """Of the path, and of the organization to which a key is limited: its owner may have keys for others."""
    organisation = request.auth.organisation_id if isinstance(request.auth, ApiToken) else ""
    return hashlib.sha256(f"{organisation} {request.path}".encode()).hexdigest()[:40]


def body_hash(request: Request) -> str:
    """Of the decoded body: spaces and the order of fields do not matter, and neither does a multipart boundary."""
    data: Any = request.data
    if hasattr(data, "lists"):
        data = {name: [_part(value) for value in values] for name, values in data.lists()}
    try:
        return hashlib.sha256(orjson.dumps(data, option=orjson.OPT_SORT_KEYS)).hexdigest()
    except TypeError as error:  # orjson reads deeper nesting than it writes
        raise ParseError("The body is nested too deeply.") from error


def _part(value: Any) -> str:
    if not hasattr(value, "chunks"):
        return str(value)
    digest = hashlib.sha256()
    for chunk in value.chunks():
        digest.update(chunk)
    value.seek(0)
    return f"{value.name} {digest.hexdigest()}"
