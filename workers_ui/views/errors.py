"""Error pages that say what to do next. The only place that turns errors into pages."""

from collections.abc import Callable

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from structlog.contextvars import bind_contextvars

from accounts.rate_limits import seconds_until_allowed
from kernel.errors import AnnotaryError

HEADINGS = {
    403: "You do not have access to this page",
    404: "Page not found",
    409: "You cannot do this right now",
    410: "This is no longer available",
    422: "Check what you entered",
    429: "Too many attempts",
    503: "Temporarily unavailable",
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
    return render(request, "500.html", status=500)


def csrf_failure(request: HttpRequest, reason: str = "") -> HttpResponse:
    return render(request, "403_csrf.html", status=403)


def problem_page(request: HttpRequest, error: AnnotaryError, *, heading: str = "") -> HttpResponse:
    """Render a domain error as a page: a heading and the error's detail, which defaults to its own sentence."""
    bind_contextvars(problem=error.code)
    context = {
        "heading": heading or HEADINGS.get(error.status, "Something went wrong"),
        "sentence": error.detail,
        "status": error.status,
    }
    return render(request, "workers_ui/problem.html", context, status=error.status)


class AnnotaryErrorMiddleware:
    """Turns domain errors that page views raise into pages; the API turns its own into problem details."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        return self.get_response(request)

    def process_exception(self, request: HttpRequest, exception: Exception) -> HttpResponse | None:
        return problem_page(request, exception) if isinstance(exception, AnnotaryError) else None
