"""The exception hierarchy. The first line of a class's docstring is shown to people: its first sentence is the title,
and all of it is the detail, unless one is passed.

Domain code raises these and never the web framework's; `tasks.api.problems` and the pages turn them into responses.
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, ClassVar


class AnnotaryError(Exception):
    """Something went wrong. Try again in a moment."""

    status: ClassVar[int] = 500
    code: ClassVar[str] = "error"
    headers: Mapping[str, str] = MappingProxyType({})

    def __init__(self, detail: str = "", **facts: Any) -> None:
        message = (type(self).__doc__ or "").strip().splitlines()[0]
        self.title = message.partition(". ")[0]
        self.detail = detail or message
        self.facts: Mapping[str, Any] = facts
        super().__init__(self.detail)


class Refused(AnnotaryError):
    """This request cannot be processed."""

    status = 422
    code = "refused"


class NotFound(AnnotaryError):
    """This does not exist, or you do not have access to it."""

    status = 404
    code = "not_found"


class Forbidden(AnnotaryError):
    """Your role does not allow this. Ask an owner of your organization for access."""

    status = 403
    code = "forbidden"


class Conflict(AnnotaryError):
    """This changed in the meantime. Reload the page and try again."""

    status = 409
    code = "conflict"


class Gone(AnnotaryError):
    """This is no longer available."""

    status = 410
    code = "gone"


class Unavailable(AnnotaryError):
    """A part of the system is unavailable. Try again shortly."""

    status = 503
    code = "unavailable"
    # Seconds after which a client should try again, for the header Retry-After.
    retry_after: ClassVar[int] = 5


class TransitionRefused(Conflict):
    """This is not possible right now. Reload the page and try again."""

    code = "wrong_state"
