"""The API description: OpenAPI for programs, a documentation page for people."""

from functools import cache
from typing import Any

from django.http import HttpResponse
from drf_spectacular.generators import SchemaGenerator
from drf_spectacular.renderers import OpenApiJsonRenderer
from drf_spectacular.views import SpectacularSwaggerSplitView
from rest_framework.request import Request
from rest_framework.response import Response

from tasks.api.limits import PerMinute
from tasks.api.negotiation import NegotiatedView
from tasks.api.operations import check_sent, operation

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
        return HttpResponse(_description(), content_type=DESCRIPTION_TYPE)


class DocsView(SpectacularSwaggerSplitView):
    """Swagger UI from our own static files; its script is served from this URL with `?script`, as the CSP requires."""

    throttle_classes = (PerMinute,)
    template_name = "tasks/api/docs.html"
    schema = None

    def get(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        response: Response = super().get(request, *args, **kwargs)  # type: ignore[no-untyped-call]
        return response


@cache
def _description() -> bytes:
    schema = SchemaGenerator().get_schema(request=None, public=True)  # type: ignore[no-untyped-call]
    return bytes(OpenApiJsonRenderer().render(schema, renderer_context={}))
