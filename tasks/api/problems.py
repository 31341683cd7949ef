"""Errors as RFC 9457 problem details: the only place that turns exceptions into responses."""

from collections.abc import Iterator
from typing import Any

import structlog
from django.core import exceptions as django_exceptions
from django.http import Http404, HttpResponse, JsonResponse
from rest_framework import exceptions, serializers, status
from rest_framework.response import Response
from structlog.contextvars import bind_contextvars

from annotary_core.labels.errors import ShapeError
from kernel.errors import AnnotaryError, Unavailable
from kernel.outages import handle_outage
from tasks.api.negotiation import PROBLEM_TYPE
from tasks.api.problem_catalog import type_uri

logger = structlog.get_logger(__name__)

TITLES = {
    400: "The request is malformed",
    401: "Sign in or send an API key",
    403: "Your role or key does not allow this",
    404: "Not found, or you do not have access to it",
    405: "Method not allowed",
    413: "The request is too large",
    415: "Unsupported content type",
    429: "Too many requests",
}
# Raised by Django while it reads a request.
TOO_MUCH: dict[type[Exception], str] = {
    django_exceptions.TooManyFilesSent: "The request has too many files. Send fewer, or a ZIP archive of them.",
    django_exceptions.TooManyFieldsSent: "The request has too many fields. Send fewer.",
    django_exceptions.RequestDataTooBig: "The request is too large. Send less at once.",
}


class FieldProblemSerializer(serializers.Serializer[Any]):
    field = serializers.CharField()
    detail = serializers.CharField()


class ProblemSerializer(serializers.Serializer[Any]):
    """RFC 9457 problem details."""

    type = serializers.CharField(help_text="/problems/CODE/, a page of this site that explains it")
    title = serializers.CharField()
    status = serializers.IntegerField()
    detail = serializers.CharField(help_text="What is wrong and how to fix it")

    def get_fields(self) -> dict[str, serializers.Field[Any, Any, Any, Any]]:
        # Declared here, because a class attribute would shadow the serializer's `errors` property.
        return {**super().get_fields(), "errors": FieldProblemSerializer(many=True, required=False)}


def handle_exception(error: Exception, context: dict[str, Any]) -> Response:
    """The exception handler for DRF. Unexpected errors are logged in full and returned as a 500 without details."""
    if isinstance(error, Http404):
        error = exceptions.NotFound()
    elif isinstance(error, django_exceptions.PermissionDenied):
        error = exceptions.PermissionDenied()
    error = handle_outage(error) or error
    if isinstance(error, AnnotaryError):
        answer = problem(error.status, error.code, error.title, error.detail, **error.facts)
        for name, value in error.headers.items():
            answer[name] = value
        if isinstance(error, Unavailable):
            answer["Retry-After"] = str(error.retry_after)
        return answer
    if isinstance(error, ShapeError):
        where = [{"field": error.path, "detail": error.sentence}]
        return problem(
            422, "label_invalid", "This is not valid", error.sentence, errors=where, path=error.path, reason=error.code
        )
    if isinstance(error, exceptions.APIException):
        return _from_framework(error)
    if isinstance(error, tuple(TOO_MUCH)):
        return problem(413, "body_too_large", TITLES[413], TOO_MUCH[type(error)])
    if isinstance(error, django_exceptions.SuspiciousOperation):
        return problem(400, "bad_request", TITLES[400], "The request is malformed. Fix it and send it again.")
    logger.error("unexpected error", exc_info=error)
    return problem(
        500, "unexpected", "Internal server error", "An unexpected error occurred and was logged. Try again later."
    )


def outage_response(outage: Unavailable) -> HttpResponse:
    """Return the response to an API call that an outage ended before it reached a view, in a middleware."""
    body = _body(outage.status, outage.code, outage.title, outage.detail)
    answer = JsonResponse(body, status=outage.status, content_type=PROBLEM_TYPE)
    answer["Retry-After"] = str(outage.retry_after)
    return answer


def problem(status_code: int, code: str, title: str, detail: str, **facts: Any) -> Response:
    body = _body(status_code, code, title, detail)
    return Response({**facts, **body}, status=status_code, content_type=PROBLEM_TYPE)


def _body(status_code: int, code: str, title: str, detail: str) -> dict[str, Any]:
    # For the request's log line.
    bind_contextvars(problem=code)
    return {"type": type_uri(code), "title": title.rstrip("."), "status": status_code, "detail": detail}


def _from_framework(error: exceptions.APIException) -> Response:
    code = error.status_code
    title = TITLES.get(code, str(error.default_detail))
    facts: dict[str, Any] = {}
    if isinstance(error, exceptions.ValidationError):
        facts["errors"] = list(_fields(error.detail))
        first = facts["errors"][0] if facts["errors"] else {"field": "", "detail": title}
        detail = f"{first['field']}: {first['detail']}" if first["field"] else first["detail"]
    else:
        detail = str(error.detail)
    answer = problem(code, str(error.default_code), title, detail, **facts)
    if isinstance(error, exceptions.Throttled) and error.wait:  # type: ignore[attr-defined]  # the stubs lack it
        answer["Retry-After"] = str(int(error.wait) + 1)  # type: ignore[attr-defined]
    if code == status.HTTP_401_UNAUTHORIZED:
        answer["WWW-Authenticate"] = getattr(error, "auth_header", "Bearer")
    return answer


def _fields(detail: Any, path: str = "") -> Iterator[dict[str, str]]:
    """Flatten the tree of a validation error to {field, detail} items."""
    if isinstance(detail, dict):
        for name, below in detail.items():
            label = path if name == "non_field_errors" else f"{path}.{name}" if path else str(name)
            yield from _fields(below, label)
    elif isinstance(detail, list):
        for number, below in enumerate(detail):
            nested = isinstance(below, dict | list)
            yield from _fields(below, f"{path}.{number}" if nested else path)
    else:
        yield {"field": path, "detail": str(detail)}
