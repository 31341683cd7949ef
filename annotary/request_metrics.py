"""The metrics of `django_prometheus` about requests, under the same names, for a fraction of the time.

Its two middlewares look up every labeled metric again, 15 times a request. The series of a route rarely change, so this
one looks them up once for each route, method, transport, status and charset.
"""

import time
from collections.abc import Callable
from typing import Any, NamedTuple

from django.http import HttpRequest, HttpResponseBase
from django.template.response import SimpleTemplateResponse
from django_prometheus.middleware import Metrics

METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "DELETE", "TRACE", "OPTIONS", "CONNECT", "PATCH"})
UNNAMED = "<unnamed view>"
MAX_SERIES = 10_000


class _Series(NamedTuple):
    """What a response adds one to, and where it adds its time."""

    counters: tuple[Any, ...]
    latency: Any


class RequestMetricsMiddleware:
    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response
        self.metrics = Metrics.get_instance()
        self._series: dict[tuple[str, ...], _Series] = {}

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        metrics = self.metrics
        metrics.requests_total.inc()
        start = time.perf_counter()
        response = self.get_response(request)
        seconds = time.perf_counter() - start
        metrics.requests_body_bytes.observe(int(request.META.get("CONTENT_LENGTH") or 0))
        metrics.requests_latency_before.observe(seconds)
        metrics.responses_total.inc()
        series = self._series_of(request, response)
        for counter in series.counters:
            counter.inc()
        series.latency.observe(seconds)
        if response.streaming:
            metrics.responses_streaming.inc()
        else:
            metrics.responses_body_bytes.observe(len(response.content))  # type: ignore[attr-defined]
        return response

    def process_exception(self, request: HttpRequest, exception: Exception) -> None:
        self.metrics.exceptions_by_type.labels(type=type(exception).__name__).inc()
        self.metrics.exceptions_by_view.labels(view=_view_of(request)).inc()

    def process_template_response(
        self, request: HttpRequest, response: SimpleTemplateResponse
    ) -> SimpleTemplateResponse:
        self.metrics.responses_by_templatename.labels(templatename=str(response.template_name)).inc()
        return response

    def _series_of(self, request: HttpRequest, response: HttpResponseBase) -> _Series:
        method = str(request.method) if request.method in METHODS else "<invalid method>"
        ajax = request.META.get("HTTP_X_REQUESTED_WITH") == "XMLHttpRequest"
        key = (_view_of(request), method, str(request.scheme), str(response.status_code), str(response.charset))
        series = self._series.get((*key, str(ajax)))
        if series is None:
            if len(self._series) >= MAX_SERIES:
                self._series.clear()
            series = self._series[(*key, str(ajax))] = self._look_up(*key, ajax=ajax)
        return series

    def _look_up(self, view: str, method: str, transport: str, status: str, charset: str, *, ajax: bool) -> _Series:
        metrics = self.metrics
        counters: list[Any] = [
            metrics.requests_by_method.labels(method=method),
            metrics.requests_by_transport.labels(transport=transport),
            metrics.responses_by_status.labels(status=status),
            metrics.responses_by_status_view_method.labels(status=status, view=view, method=method),
            metrics.responses_by_charset.labels(charset=charset),
        ]
        if view != UNNAMED:
            routed = metrics.requests_by_view_transport_method
            counters.append(routed.labels(view=view, transport=transport, method=method))
        if ajax:
            counters.append(metrics.requests_ajax)
        return _Series(tuple(counters), metrics.requests_latency_by_view_method.labels(view=view, method=method))


def _view_of(request: HttpRequest) -> str:
    match = request.resolver_match
    return match.view_name or UNNAMED if match is not None else UNNAMED
