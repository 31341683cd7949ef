"""Every type of problem that the API responds with, what it means and what to do."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache

from rest_framework import exceptions

from kernel.errors import AnnotaryError

# By status, for callers that know nothing more about a type.
ADVICE = {
    400: "Correct the request; repeating it does not help.",
    401: "Sign in again, or create a new API key.",
    403: "Ask an owner of the organization for the role, or create an API key that has the scope.",
    404: "Check the id, and the organization of the API key.",
    405: "Use one of the methods in the response header Allow.",
    406: "Name a type in the Accept header that the response has, or */*.",
    409: "Read the object again, then decide again.",
    410: "Get a new invitation or a new set, or go on as `detail` says.",
    411: "Send the header Content-Length.",
    412: "Leave out If-Match, or name the present ETag in it.",
    413: "Send less at once.",
    414: "Send a shorter URL.",
    415: "Send the body in the content type that the description of the API names.",
    416: "Request a range within the file, or all of it.",
    422: "Correct the request; repeating it does not help.",
    429: "Wait for the number of seconds in the response header Retry-After.",
    500: "Try again, with increasing delays. The error was logged with the id in X-Request-ID.",
    502: "Send the request again, with its Idempotency-Key: it may have been processed.",
    503: "Try again after the number of seconds in the response header Retry-After.",
}
# Those without an exception of their own, which Django, its REST framework or the front server raise.
OTHERS = {
    "invalid": (400, "Some fields or query parameters are not valid. `errors` lists each of them."),
    "parse_error": (400, "The body cannot be read: it is not valid JSON, or not a single JSON object."),
    "bad_request": (400, "The request is malformed."),
    "not_authenticated": (401, "The call needs a session or an API key."),
    "authentication_failed": (401, "The API key is unknown, expired or revoked."),
    "permission_denied": (403, "The session has ended, or its CSRF token is missing or outdated."),
    "not_found": (404, "The object does not exist, or you do not have access to it."),
    "method_not_allowed": (405, "The URL does not support this method."),
    "uri_too_long": (414, "The URL is too long."),
    "unsupported_media_type": (415, "The call does not take a body of this content type."),
    "label_invalid": (
        422,
        "An answer, or a class or attribute of a schema, is not valid. `reason` says what is wrong.",
    ),
    "throttled": (429, "The limit of calls a minute is used up. RateLimit-Policy names it."),
    "too_many_connections": (429, "Too many requests from this address are in progress."),
    "unexpected": (500, "An unexpected error on the server."),
    "interrupted": (502, "The connection to the application ended before it responded."),
    "unavailable": (503, "The database, the file storage or another service is unavailable."),
}


@dataclass(frozen=True, slots=True)
class ProblemType:
    code: str
    status: int
    meaning: str

    @property
    def uri(self) -> str:
        return type_uri(self.code)

    @property
    def advice(self) -> str:
        return ADVICE[self.status]

    def to_json(self) -> dict[str, object]:
        return {"type": self.uri, "status": self.status, "meaning": self.meaning, "advice": self.advice}


def type_uri(code: str) -> str:
    """The type of a problem: a reference, relative to the site, to the page that explains it."""
    return f"/problems/{code}/"


@cache
def problem_types() -> dict[str, ProblemType]:
    found = {code: ProblemType(code, *rest) for code, rest in OTHERS.items()}
    for error in _below(AnnotaryError):
        meaning = (error.__doc__ or "").strip().splitlines()[0]
        # Classes that share a code explain it in the class that introduced it.
        found.setdefault(error.code, ProblemType(error.code, error.status, meaning))
    return dict(sorted(found.items()))


def framework_codes() -> set[str]:
    """The codes of the framework's exceptions, as `tasks.api.problems` sends them."""
    return {str(error.default_code) for error in _framework_errors()}


def _below(base: type[AnnotaryError]) -> Iterator[type[AnnotaryError]]:
    """Yield the classes below `base`, those nearest to it first."""
    waiting = [base]
    while waiting:
        error = waiting.pop(0)
        yield error
        waiting.extend(error.__subclasses__())


def _framework_errors() -> Iterator[type[exceptions.APIException]]:
    for each in vars(exceptions).values():
        if isinstance(each, type) and issubclass(each, exceptions.APIException) and each is not exceptions.APIException:
            yield each
