"""The errors that formats raise."""

from __future__ import annotations


class ReleaseError(Exception):
    """The release could not be written or verified. `detail` is a sentence for people."""

    def __init__(self, detail: str) -> None:
        super().__init__(detail)
        self.detail = detail


class Unreadable(ValueError):
    """A label file, or the ground truth of one image in it, cannot be used; the text is shown to the user."""
