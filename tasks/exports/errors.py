"""Errors of exports, as people read them."""

from kernel.errors import AnnotaryError, Refused, TransitionRefused


class UnknownFormat(Refused):
    """This export format does not exist. Choose one of the listed formats."""

    code = "unknown_format"


class ReleaseNotReady(TransitionRefused):
    """This release is not ready yet. Export it once it is."""

    code = "release_not_ready"


class ReleaseRetracted(TransitionRefused):
    """This release was retracted. Create a new release and export that."""

    code = "release_retracted"


class ExportFailed(AnnotaryError):
    """The release could not be written or verified. Create the export again."""

    code = "release_failed"
