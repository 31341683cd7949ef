"""Unknown URLs below /api/v1/: problem details instead of an HTML page."""

from typing import Any

from django.urls import Resolver404, resolve
from rest_framework.request import Request

from tasks.api.errors import AddressUnknown
from tasks.api.limits import PerMinute
from tasks.api.negotiation import ANYTHING, NegotiatedView


class UnknownView(NegotiatedView):
    authentication_classes = ()
    permission_classes = ()
    throttle_classes = (PerMinute,)
    schema = None
    produces = (ANYTHING,)

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        """Respond to every method. A redirect to the URL with a slash would lose the body of a POST."""
        super().initial(request, *args, **kwargs)
        raise AddressUnknown(_advice(request.path))


def _advice(path: str) -> str:
    try:
        match = resolve(path + "/")
    except Resolver404:
        return ""
    if getattr(match.func, "view_class", None) is UnknownView:
        return ""
    return f"API URLs end in a slash. Request {path}/ instead."
