"""One tree of errors. The first line of a class's docstring is what a person reads; `detail` says more.

Domain code raises these and never the web framework's; `tasks.api.problems` and the pages turn them into answers.
"""

from collections.abc import Mapping
from typing import Any, ClassVar


class AnnotaryError(Exception):
    """Something went wrong."""

    status: ClassVar[int] = 500
    code: ClassVar[str] = "error"

    def __init__(self, detail: str = "", **facts: Any) -> None:
        self.title = (type(self).__doc__ or "").strip().splitlines()[0]
        self.detail = detail or self.title
        self.facts: Mapping[str, Any] = facts
        super().__init__(self.detail)


class Refused(AnnotaryError):
    """This cannot be taken as it is."""

    status = 422
    code = "refused"


class NotFound(AnnotaryError):
    """There is nothing here under that name, or it is not yours to see."""

    status = 404
    code = "not_found"


class Forbidden(AnnotaryError):
    """Your role does not allow this."""

    status = 403
    code = "forbidden"


class Conflict(AnnotaryError):
    """Things have moved on since; load the page again and repeat the step."""

    status = 409
    code = "conflict"


class Gone(AnnotaryError):
    """This is over and cannot be used any more."""

    status = 410
    code = "gone"


class Unavailable(AnnotaryError):
    """A part of the system does not answer at the moment; try again shortly."""

    status = 503
    code = "unavailable"


class TransitionRefused(Conflict):
    """That step is not open from the present state."""

    code = "wrong_state"
