"""Error pages that say what to do next. The only place that turns errors into pages.

The pages of 500 and 503 are rendered without the request: its session, user and messages are read from the database,
which may be what failed.
"""

import sys
from collections.abc import Callable

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.template.loader import render_to_string
from structlog.contextvars import bind_contextvars

from accounts.rate_limits import seconds_until_allowed
from kernel.errors import AnnotaryError, Unavailable
from kernel.outages import handle_outage
from tasks.api.problems import outage_response

API = "/api/"

HEADINGS = {
    403: "You do not have access to this page",
    404: "Page not found",
    409: "You cannot do this right now",
    410: "This is no longer available",
    411: "Your browser sent the form in an unusual way",
    422: "Check what you entered",
    429: "Too many attempts",
}


def bad_request(request: HttpRequest, exception: Exception) -> HttpResponse:
    return render(request, "400.html", status=400)


def forbidden(request: HttpRequest, exception: Exception) -> HttpResponse:
    return render(request, "403.html", status=403)


def not_found(request: HttpRequest, exception: Exception) -> HttpResponse:
    return render(request, "404.html", status=404)


def too_many(request: HttpRequest) -> HttpResponse:
    response = render(request, "429.html", status=429)
    response["Retry-After"] = str(seconds_until_allowed(request))
    return response


def server_error(request: HttpRequest) -> HttpResponse:
    """Answer after an unhandled exception, from a middleware or another error page too, which Django is handling."""
    outage = handle_outage(sys.exc_info()[1])
    if outage is None:
        return HttpResponse(render_to_string("500.html"), status=500)
    return outage_response(outage) if request.path.startswith(API) else outage_page(outage)


def outage_page(outage: Unavailable) -> HttpResponse:
    bind_contextvars(problem=outage.code)
    page = HttpResponse(render_to_string("503.html", {"detail": outage.detail}), status=outage.status)
    page["Retry-After"] = str(outage.retry_after)
    return page


def csrf_failure(request: HttpRequest, reason: str = "") -> HttpResponse:
    return render(request, "403_csrf.html", status=403)


def problem_page(request: HttpRequest, error: AnnotaryError, *, heading: str = "") -> HttpResponse:
    """Render a domain error as a page: a heading and the error's detail, which defaults to its own sentence."""
    if isinstance(error, Unavailable):
        return outage_page(error)
    bind_contextvars(problem=error.code)
    context = {
        "heading": heading or HEADINGS.get(error.status, "Something went wrong"),
        "sentence": error.detail,
        "status": error.status,
    }
    return render(request, "workers_ui/problem.html", context, status=error.status)


class AnnotaryErrorMiddleware:
    """Turns domain errors and outages in page views into pages; the API turns its own into problem details.

    Outages in middlewares reach `server_error`.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        response = self.get_response(request)
        if response.status_code == Unavailable.status:
            response.headers.setdefault("Retry-After", str(Unavailable.retry_after))
        return response

    def process_exception(self, request: HttpRequest, exception: Exception) -> HttpResponse | None:
        error = handle_outage(exception) or exception
        return problem_page(request, error) if isinstance(error, AnnotaryError) else None
