"""A refusal inside the decoder process, which knows neither Django nor the error tree of the platform."""

from __future__ import annotations


class Refusal(Exception):
    """This image is not taken: a stable code, and one plain sentence for the person who sent it."""

    def __init__(self, code: str, sentence: str) -> None:
        super().__init__(sentence)
        self.code = code
        self.sentence = sentence
