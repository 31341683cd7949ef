"""Content negotiation: every view responds with JSON, or with the other types that it names in `produces`."""

from collections.abc import Sequence
from typing import Any, ClassVar

from django.http import HttpRequest, HttpResponseBase
from django.utils.cache import patch_vary_headers
from drf_spectacular.types import OpenApiTypes
from rest_framework.renderers import JSONRenderer
from rest_framework.request import Request
from rest_framework.utils.mediatypes import media_type_matches
from rest_framework.views import APIView

from tasks.api.errors import NotAcceptable
from tasks.api.limits import set_rate_headers
from tasks.api.validators import with_validator

ANYTHING = "*/*"
JSON_TYPE = "application/json"
PROBLEM_TYPE = "application/problem+json"
OCTETS = "application/octet-stream"
# What nearly every client sends, which needs no parsing.
USUAL = frozenset({ANYTHING, JSON_TYPE})
JSON = JSONRenderer()


class NegotiatedView(APIView):
    """A view whose successful responses have one of the types in `produces`.

    Errors are JSON, whatever the Accept header names: a client that asked for an image can still read why it got none.
    """

    produces: ClassVar[Sequence[str]] = (JSON_TYPE,)

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        return with_validator(request, super().dispatch(request, *args, **kwargs))

    def finalize_response(self, request: Request, response: Any, *args: Any, **kwargs: Any) -> Any:
        final = super().finalize_response(request, response, *args, **kwargs)
        set_rate_headers(self.request._request, final)
        return final

    def perform_content_negotiation(self, request: Request, force: bool = False) -> Any:
        accepted = accept_header(request)
        offered = (*self.produces, JSON_TYPE, PROBLEM_TYPE)
        if accepted not in USUAL and not force and not accepts(accepted, offered):
            kinds = " or ".join(self.produces)
            raise NotAcceptable(f"This URL responds with {kinds}. Name that type in the Accept header, or */*.")
        return JSON, JSON.media_type


def accept_header(request: Request) -> str:
    return str(request._request.META.get("HTTP_ACCEPT") or ANYTHING)


def accepts(header: str, types: Sequence[str]) -> bool:
    """Whether an Accept header names one of the types, which may have wildcards themselves."""
    asked = [part.strip() for part in header.split(",") if "/" in part]
    return any(media_type_matches(offered, wanted) for wanted in asked for offered in types)


def file_types(*types: str) -> dict[tuple[int, str], Any]:
    """The responses of a view that sends a file, for `extend_schema`."""
    # Generated clients decode text, so that its schema must not be one of bytes.
    return {(200, each): OpenApiTypes.STR if each.startswith("text/") else OpenApiTypes.BINARY for each in types}


def as_negotiated(request: Request, response: HttpResponseBase, produces: Sequence[str]) -> HttpResponseBase:
    """Send a file as plain octets to a client that accepts those alone, as generated clients may."""
    accepted = accept_header(request)
    own = [each for each in produces if each != OCTETS]
    if accepted not in USUAL and not accepts(accepted, own) and accepts(accepted, [OCTETS]):
        response["Content-Type"] = OCTETS
    patch_vary_headers(response, ["Accept"])
    return response
