"""The API description: OpenAPI for programs. The reference for people is a page of `workers_ui`."""

from functools import cache
from threading import Lock
from typing import Any

from django.http import HttpResponse
from drf_spectacular.generators import SchemaGenerator
from drf_spectacular.renderers import OpenApiJsonRenderer
from rest_framework.request import Request

from tasks.api.limits import PerMinute
from tasks.api.negotiation import NegotiatedView
from tasks.api.operations import check_sent, operation

_building = Lock()
DESCRIPTION_TYPE = "application/vnd.oai.openapi+json"


class SchemaView(NegotiatedView):
    """The description as JSON, without authentication. Cached per process, since building it takes a second."""

    authentication_classes = ()
    permission_classes = ()
    throttle_classes = (PerMinute,)
    schema = None
    produces = (DESCRIPTION_TYPE,)

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        super().initial(request, *args, **kwargs)
        check_sent(request, self.get)

    @operation()
    def get(self, request: Request) -> HttpResponse:
        return HttpResponse(description(), content_type=DESCRIPTION_TYPE)


def description() -> bytes:
    """Return the OpenAPI document as JSON. The first thread that asks builds it; the others wait for it."""
    with _building:
        return _description()


@cache
def _description() -> bytes:
    schema = SchemaGenerator().get_schema(request=None, public=True)  # type: ignore[no-untyped-call]
    return bytes(OpenApiJsonRenderer().render(schema, renderer_context={}))
