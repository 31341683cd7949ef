"""JSON responses of hot calls, encoded directly: serializer and renderer would take longer than their statements."""

from typing import Any

import orjson
from django.http import HttpResponse


def json_response(body: Any, *, status: int = 200) -> HttpResponse:
    """A response with plain values, encoded once. Equal bodies have equal bytes."""
    return HttpResponse(orjson.dumps(body), status=status, content_type="application/json")
