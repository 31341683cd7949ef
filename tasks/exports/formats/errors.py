"""The one way in which an export can fail."""

from __future__ import annotations

from kernel.errors import AnnotaryError


class ReleaseError(AnnotaryError):
    """This release could not be written, or what was written does not read back."""

    code = "release_failed"
