"""Addresses below /api/v1/ that are none: a problem, not a page."""

from typing import Any

from django.urls import Resolver404, resolve
from rest_framework.request import Request
from rest_framework.views import APIView

from kernel.errors import NotFound
from tasks.api.limits import PerMinute


class AddressUnknown(NotFound):
    """There is no such address here; /api/v1/docs/ lists them all."""

    code = "address_unknown"


class UnknownView(APIView):
    authentication_classes = ()
    permission_classes = ()
    throttle_classes = (PerMinute,)
    schema = None

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        """Every method ends here; a redirect to the address with a slash would lose the body of a POST."""
        super().initial(request, *args, **kwargs)
        raise AddressUnknown(_advice(request.path))


def _advice(path: str) -> str:
    try:
        found = resolve(path + "/")
    except Resolver404:
        return ""
    if getattr(found.func, "view_class", None) is UnknownView:
        return ""
    return f"Addresses here end in a slash: ask for {path}/"
