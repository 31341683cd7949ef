"""Errors of the HTTP API, as people read them."""

from kernel.errors import Conflict, Forbidden, NotFound, Refused


class ScopeMissing(Forbidden):
    """This API key lacks the scope that the call needs. Create a key that has it."""

    code = "scope_missing"


class SecretShownOnce(Conflict):
    """This was already created, and its secret cannot be shown again. Revoke it, and create another with a new key."""

    code = "secret_shown_once"


class BodyTooLarge(Refused):
    """The request is too large. Send less at once."""

    status = 413
    code = "body_too_large"


class LengthRequired(Refused):
    """The request has a body of unknown length. Send it with a Content-Length header instead of in chunks."""

    status = 411
    code = "length_required"


class NotAcceptable(Refused):
    """This URL does not respond with a type that the Accept header names. Use */*."""

    status = 406
    code = "not_acceptable"


class ExportNotReady(Conflict):
    """This export is not ready yet. Try again in a moment."""

    code = "export_not_ready"


class FileUnfinished(Refused):
    """The file is not complete, because it was read too slowly. Read it faster, or less of it at once with filters."""

    status = 503
    code = "file_unfinished"


class AddressUnknown(NotFound):
    """This URL does not exist. Find all URLs at /api/v1/docs/."""

    code = "address_unknown"
