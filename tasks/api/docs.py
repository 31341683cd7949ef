"""The description of the API, for programs as OpenAPI and for people as a page."""

from functools import cache
from typing import Any

from django.http import HttpResponse
from drf_spectacular.generators import SchemaGenerator
from drf_spectacular.renderers import OpenApiJsonRenderer
from drf_spectacular.views import SpectacularSwaggerSplitView
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from tasks.api.limits import PerMinute


class SchemaView(APIView):
    """The description as JSON. Made once a process: it takes a second and nobody has to be signed in for it."""

    authentication_classes = ()
    permission_classes = ()
    throttle_classes = (PerMinute,)
    schema = None

    def get(self, request: Request) -> HttpResponse:
        return HttpResponse(_description(), content_type="application/vnd.oai.openapi+json")


class DocsView(SpectacularSwaggerSplitView):
    """Swagger UI from our own files; its script comes from this address with `?script`, as the CSP wants it."""

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
