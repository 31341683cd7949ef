"""What an operation takes: the query parameters and the body that its view method declares, and nothing else.

`operation` and `tasks.api.pagination.listing` declare them, for the OpenAPI document and for every call alike.
"""

import math
import uuid
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC
from difflib import get_close_matches
from functools import partial
from itertools import islice
from types import MappingProxyType
from typing import Any, TypeVar

from django.utils.dateparse import parse_datetime
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiExample, OpenApiParameter, extend_schema
from rest_framework import serializers
from rest_framework.request import Request

from tasks.api.filters import Filter
from tasks.api.idempotent import HEADER, OPTIONAL_PARAMETER, honor_key

Method = TypeVar("Method", bound=Callable[..., Any])
UNSAFE = frozenset({"POST", "PUT", "PATCH", "DELETE"})
# An unknown name that is longer is cut in messages.
SHOWN = 60
# Unknown names of a request that its problem lists; looking for what was meant takes time, and a body may have 100,000.
MOST_UNKNOWN = 20
# Characters of a text to filter by; names of images have at most as many.
LONGEST = 1024


@dataclass(frozen=True, slots=True)
class Declared:
    """What the caller may send, query parameters by name and a body or none; why a POST needs no idempotency key.

    `filters` are those of the query parameters that narrow the rows of a list.
    """

    query: dict[str, OpenApiParameter]
    has_body: bool
    repeatable: str = ""
    filters: Sequence[Filter] = ()


def operation(
    *,
    request: Any = None,
    parameters: Sequence[OpenApiParameter] = (),
    repeatable: str = "",
    secrets: Sequence[str] = (),
    filters: Sequence[Filter] = (),
    bodies: Mapping[str, Any] = MappingProxyType({}),
    **options: Any,
) -> Callable[[Method], Method]:
    """`extend_schema` for a method of a view, which refuses everything that is not declared here.

    Every `post` honors an Idempotency-Key, unless `repeatable` says why repeating it does no harm. `secrets` are fields
    of the response that are shown once and never stored. `bodies` are examples of the body, by name.
    """
    parameters = [*(each.parameter for each in filters), *parameters]
    query = {each.name: each for each in parameters if each.location == OpenApiParameter.QUERY}
    has_own_key = any(each.name == HEADER for each in parameters)

    def declare(method: Method) -> Method:
        taken = list(parameters)
        if method.__name__ == "post" and not repeatable and not has_own_key:
            method = honor_key(method, secrets=secrets)
            taken.append(OPTIONAL_PARAMETER)
        examples = [OpenApiExample(name, value=body, request_only=True) for name, body in bodies.items()]
        described: Any = extend_schema(request=request, parameters=taken, examples=examples, **options)(method)
        described.declared = Declared(query, request is not None, repeatable, filters)
        return described  # type: ignore[no-any-return]

    return declare


def check_sent(request: Request, handler: Any) -> None:
    """Raises a validation error that names each query parameter, or field of a body, that `handler` does not take."""
    declared: Declared | None = getattr(handler, "declared", None)
    if declared is None:  # OPTIONS, or a method that the view does not have
        return
    if request._request.META.get("QUERY_STRING"):
        _check_query(request, declared.query)
    if not declared.has_body and request.method in UNSAFE and int(request._request.META.get("CONTENT_LENGTH") or 0):
        _check_no_body(request)


def unknown_errors(names: Iterable[tuple[str, Callable[[], str]]], *, what: str) -> dict[str, str]:
    """The errors of the first unknown names, of (name, its message), and how many more there are."""
    rest = iter(names)
    errors = {name: message() for name, message in islice(rest, MOST_UNKNOWN)}
    more = sum(1 for _ in rest)
    if more:
        them, plural = ("it", "") if more == 1 else ("them", "s")
        errors["non_field_errors"] = f"{more:,} more {what}{plural} cannot be sent. Leave {them} out."
    return errors


def unknown_message(name: object, known: Sequence[str], *, what: str) -> str:
    """The sentence about an unknown field or parameter, with the one that was probably meant."""
    near = get_close_matches(str(name)[:SHOWN], known, n=1)
    if near:
        return f"There is no such {what}. Did you mean {near[0]}?"
    if not known:
        return f"There is no such {what}; this call takes none. Leave it out."
    return f"There is no such {what}. Choose from {', '.join(sorted(known))}."


def _check_query(request: Request, known: dict[str, OpenApiParameter]) -> None:
    what = "query parameter"
    unknown = (name for name in request.query_params if name not in known)
    found = ((name[:SHOWN], partial(unknown_message, name, list(known), what=what)) for name in unknown)
    errors = unknown_errors(found, what=what)
    for name, values in request.query_params.lists():
        if name not in known:
            continue
        if len(values) > 1 and not known[name].many:
            errors[name] = "Send this parameter once."
        elif message := next(filter(None, (_fault(value, known[name]) for value in values)), ""):
            errors[name] = message
    if errors:
        raise serializers.ValidationError(errors)


def _fault(value: str, parameter: OpenApiParameter) -> str:
    """What is wrong with the value of a query parameter; empty if nothing is."""
    if parameter.enum is not None:
        allowed = [str(each) for each in parameter.enum]
        return "" if value in allowed else f"Choose one of {', '.join(allowed)}."
    return KINDS[parameter.type](value) if parameter.type in KINDS else ""


def _number_fault(value: str) -> str:
    return "" if value.isascii() and value.isdigit() and len(value) < 10 else "This must be a whole number."


def _decimal_fault(value: str) -> str:
    try:
        return "" if math.isfinite(float(value)) else "This must be a number."
    except ValueError:
        return "This must be a number."


def _id_fault(value: str) -> str:
    try:
        uuid.UUID(value)
    except ValueError:
        return "This is not a valid id."
    return ""


def _time_fault(value: str) -> str:
    try:
        moment = parse_datetime(value)
        moment = moment.astimezone(UTC) if moment is not None and moment.tzinfo is not None else None
    except (ValueError, OverflowError):  # the second: before the year 1 or after 9999 in UTC
        moment = None
    if moment is None:
        return "Write the time with its offset, such as 2026-11-27T21:45:56Z. In a URL, write + as %2B."
    return ""


def _text_fault(value: str) -> str:
    if not 0 < len(value) <= LONGEST:
        return f"This must have 1 to {LONGEST:,} characters."
    return "This contains a NUL character." if "\0" in value else ""


#: What is wrong with a value of each type.
KINDS: dict[Any, Callable[[str], str]] = {
    int: _number_fault,
    OpenApiTypes.INT: _number_fault,
    OpenApiTypes.FLOAT: _decimal_fault,
    OpenApiTypes.UUID: _id_fault,
    OpenApiTypes.DATETIME: _time_fault,
    OpenApiTypes.STR: _text_fault,
}


def _check_no_body(request: Request) -> None:
    if request.data:
        found = ((str(name)[:SHOWN], partial(unknown_message, name, [], what="field")) for name in request.data)
        raise serializers.ValidationError(unknown_errors(found, what="field"))
