"""Structured logs: JSON lines in production, readable lines elsewhere.

Every line of a request carries its id, route, user or API key, and project; every line of a job carries its kind, id
and project (bound by `kernel.jobs`). Paths are never logged, because invitations and password resets have their secret
in the path: the route of the URL configuration stands for it.
"""

import logging
import re
import uuid
from collections.abc import Callable, Mapping, MutableMapping
from contextvars import ContextVar
from typing import Any

import orjson
import structlog
from django.http import HttpRequest, HttpResponseBase
from django.utils.functional import SimpleLazyObject
from structlog.contextvars import bind_contextvars, clear_contextvars, merge_contextvars
from structlog.typing import EventDict, Processor, WrappedLogger

HEADER = "X-Request-ID"
# What a proxy in front may send; anything else could forge lines or fill the log.
_ACCEPTED_ID = re.compile(r"[A-Za-z0-9-]{8,64}")
logger = structlog.get_logger(__name__)
_request: ContextVar[HttpRequest | None] = ContextVar("request", default=None)


class RequestLogMiddleware:
    """Gives each request an id, which its log lines and its response carry. Outermost, so that no line comes before."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        request_id = _id_of(request)
        clear_contextvars()
        bind_contextvars(request_id=request_id)
        token = _request.set(request)
        try:
            response = self.get_response(request)
            # The handler of an unexpected exception has logged a 500 already, with its traceback.
            if response.status_code >= 400 and response.status_code != 500:
                logger.warning("request refused", status=response.status_code)
        finally:
            _request.reset(token)
            clear_contextvars()
        response.headers[HEADER] = request_id
        return response


def _id_of(request: HttpRequest) -> str:
    sent = request.headers.get(HEADER, "")
    return sent if _ACCEPTED_ID.fullmatch(sent) else uuid.uuid4().hex


def add_request_facts(logger: WrappedLogger, method: str, event: EventDict) -> EventDict:
    """Adds who asks for what, as far as the request is understood by now. Reads what is loaded; never the database."""
    request = _request.get()
    if request is None:
        return event
    for name, value in _facts(request).items():
        event.setdefault(name, value)
    if isinstance(event["event"], str):
        # Other libraries' lines may quote the path, such as Django's "Internal Server Error: /join/SECRET/".
        event["event"] = event["event"].replace(request.path, event.get("route", "(no route)"))
    return event


def _facts(request: HttpRequest) -> dict[str, str]:
    facts = {"method": str(request.method)}
    match = request.resolver_match
    if match is not None:
        facts["route"] = f"/{match.route}"
        if "project_id" in match.kwargs:
            facts["project"] = str(match.kwargs["project_id"])
    # Django REST framework puts both on the request once it has authenticated; for pages Django caches the user. A lazy
    # object that nothing has read yet would ask the database.
    loaded: Mapping[str, Any] = request.__dict__
    key = getattr(loaded.get("auth"), "public_id", None)
    user = loaded.get("_cached_user") or loaded.get("user")
    if key is not None:
        facts["key"] = str(key)
    elif user is not None and not isinstance(user, SimpleLazyObject) and user.is_authenticated:
        facts["user"] = str(user.pk)
    return facts


SHARED: list[Processor] = [
    merge_contextvars,
    add_request_facts,
    structlog.stdlib.add_logger_name,
    structlog.stdlib.add_log_level,
    structlog.processors.TimeStamper(fmt="iso", utc=True),
    structlog.processors.StackInfoRenderer(),
]


def configure(*, json: bool, level: str) -> dict[str, Any]:
    """Set structlog up for this process and return Django's LOGGING, so that all libraries' lines look alike."""
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            *SHARED,
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
    )
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "formatters": {"structured": {"()": formatter, "json": json}},
        "filters": {"with_traceback": {"()": WithTraceback}},
        # Django logs refused requests after the middleware, without their context; `RequestLogMiddleware` does instead.
        # Celery logs every message twice, and `kernel.jobs` what became of each job.
        "loggers": {
            "django.request": {"filters": ["with_traceback"]},
            "celery.worker.strategy": {"level": "WARNING"},
            "celery.app.trace": {"level": "WARNING"},
        },
        "handlers": {"console": {"class": "logging.StreamHandler", "formatter": "structured"}},
        "root": {"handlers": ["console"], "level": level},
    }


class WithTraceback(logging.Filter):
    """Keeps records of exceptions alone, except outages, which `kernel.outages` reports."""

    def filter(self, record: logging.LogRecord) -> bool:
        return record.exc_info is not None and getattr(record, "status_code", None) != 503


def formatter(*, json: bool) -> logging.Formatter:
    """Format structlog's events and other libraries' records alike."""
    return structlog.stdlib.ProcessorFormatter(
        foreign_pre_chain=SHARED,
        processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *_renderers(json=json)],
    )


def _renderers(*, json: bool) -> list[Processor]:
    if json:
        return [structlog.processors.format_exc_info, structlog.processors.JSONRenderer(serializer=_json)]
    plain = structlog.dev.plain_traceback
    return [structlog.dev.ConsoleRenderer(colors=False, exception_formatter=plain, pad_event_to=0)]


def _json(event: MutableMapping[str, Any], **options: Any) -> str:
    return orjson.dumps(event, default=str).decode()
