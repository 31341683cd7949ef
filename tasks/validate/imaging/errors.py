"""Errors that the imaging package raises to the rest of the platform."""

from __future__ import annotations

from kernel.errors import Refused, Unavailable


class ImageRefused(Refused):
    """This image cannot be used. Export it as JPEG or PNG and upload it again."""

    code = "image_refused"

    def __init__(self, reason: str, sentence: str) -> None:
        """`reason` is a stable code for counting and tests; `sentence` is shown to the person who sent the image."""
        super().__init__(sentence, reason=reason)
        self.reason = reason
        self.sentence = sentence

    def __reduce__(self) -> tuple[type[ImageRefused], tuple[str, str]]:
        return type(self), (self.reason, self.sentence)


class DecoderUnavailable(Unavailable):
    """Images cannot be read right now. Try again shortly."""

    code = "image_reader_unavailable"
