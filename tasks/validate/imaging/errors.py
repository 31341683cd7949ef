"""What the image module raises to the rest of the platform."""

from __future__ import annotations

from kernel.errors import Refused, Unavailable


class ImageRefused(Refused):
    """This image cannot be taken."""

    code = "image_refused"

    def __init__(self, reason: str, sentence: str) -> None:
        """`reason` is a stable word for counting and tests, `sentence` is for the person who sent the image."""
        super().__init__(sentence, reason=reason)
        self.reason = reason
        self.sentence = sentence

    def __reduce__(self) -> tuple[type[ImageRefused], tuple[str, str]]:
        return type(self), (self.reason, self.sentence)


class DecoderUnavailable(Unavailable):
    """Images cannot be read at the moment; try again shortly."""

    code = "image_reader_unavailable"
