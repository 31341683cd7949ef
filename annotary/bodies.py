"""Refuses bodies of unknown length, which Django would read as empty.

WSGI applications know a body by its CONTENT_LENGTH (PEP 3333). A proxy that buffers requests, as ours does, sets it
whatever the client sent; only one that passes chunks on leads here. The API refuses them with its other limits.
"""

from collections.abc import Callable

from django.http import HttpRequest, HttpResponse

from tasks.api.errors import LengthRequired
from tasks.api.limits import check_length
from workers_ui.views.errors import problem_page


class LengthRequiredMiddleware:
    """Answers page requests before a view, or the CSRF check, reads the form."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if not request.path.startswith("/api/"):
            try:
                check_length(request)
            except LengthRequired as error:
                return problem_page(request, error)
        return self.get_response(request)
