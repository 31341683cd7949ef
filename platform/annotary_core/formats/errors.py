"""The one way in which writing or reading back a release can fail."""

from __future__ import annotations


class ReleaseError(Exception):
    """This release could not be written, or what was written does not read back. `detail` is a sentence for people."""

    def __init__(self, detail: str) -> None:
        super().__init__(detail)
        self.detail = detail
