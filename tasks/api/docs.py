"""The API description: OpenAPI for programs. The reference for people is a page of `workers_ui`."""

from functools import cache

from django.http import HttpResponse
from drf_spectacular.generators import SchemaGenerator
from drf_spectacular.renderers import OpenApiJsonRenderer
from rest_framework.request import Request
from rest_framework.views import APIView

from tasks.api.limits import PerMinute


class SchemaView(APIView):
    """The description as JSON, without authentication. Cached per process, since building it takes a second."""

    authentication_classes = ()
    permission_classes = ()
    throttle_classes = (PerMinute,)
    schema = None

    def get(self, request: Request) -> HttpResponse:
        return HttpResponse(description(), content_type="application/vnd.oai.openapi+json")


@cache
def description() -> bytes:
    """Return the OpenAPI document as JSON."""
    schema = SchemaGenerator().get_schema(request=None, public=True)  # type: ignore[no-untyped-call]
    return bytes(OpenApiJsonRenderer().render(schema, renderer_context={}))
