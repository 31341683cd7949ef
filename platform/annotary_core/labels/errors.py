"""Errors in an answer or a schema, for people and for programs."""

from __future__ import annotations


class ShapeError(ValueError):
    """A body does not have the expected shape.

    `code` is stable and meant for programs, `sentence` is meant for people, `path` locates the error in the body
    ("objects[2].geom.x"; empty for the whole body).
    """

    def __init__(self, code: str, sentence: str, path: str = "") -> None:
        super().__init__(f"{sentence} (at {path})" if path else sentence)
        self.code = code
        self.sentence = sentence
        self.path = path


class AnswerError(ShapeError):
    """The answer is invalid."""


class SchemaError(ShapeError):
    """The label schema is invalid."""
