"""The refusal of an image inside the decoder process, which imports neither Django nor the platform's errors."""

from __future__ import annotations


class Refusal(Exception):
    """An image is refused: a stable code, and one plain sentence for the person who sent it."""

    def __init__(self, code: str, sentence: str) -> None:
        super().__init__(sentence)
        self.code = code
        self.sentence = sentence
