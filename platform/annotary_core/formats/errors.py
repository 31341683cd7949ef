"""The error that all export formats raise."""

from __future__ import annotations


class ReleaseError(Exception):
    """The release could not be written or verified. `detail` is a sentence for people."""

    def __init__(self, detail: str) -> None:
        super().__init__(detail)
        self.detail = detail
