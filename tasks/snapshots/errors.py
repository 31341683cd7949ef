"""Errors of snapshots, as people read them."""

from kernel.errors import Conflict, Refused, Unavailable


class NothingToRelease(Refused):
    """No labels are approved yet. Approve some on the Review page, then create the release."""

    code = "nothing_to_release"


class ReleaseInProgress(Conflict):
    """Another release of this project is being created. Wait until it is ready."""

    code = "release_in_work"


class NoteMissing(Refused):
    """The note is empty or too long. Write 1 to 2,000 characters."""

    code = "note_missing"


class AlreadyRetracted(Conflict):
    """This release is already retracted. Create a new release to replace it."""

    code = "already_retracted"


class RepairUnfinished(Unavailable):
    """A worker's answers are being voided or restored, or the project's classes are being changed.

    The release is built once that has ended.
    """

    code = "repair_unfinished"
