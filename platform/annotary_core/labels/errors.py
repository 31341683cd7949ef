"""What is wrong with an answer or a schema, said once, for people and for programs."""

from __future__ import annotations


class ShapeError(ValueError):
    """A body does not have the shape that it should have.

    `code` is stable and for programs, `sentence` is for people, `path` says where in the body
    ("objects[2].geom.x"; empty for the body as a whole).
    """

    def __init__(self, code: str, sentence: str, path: str = "") -> None:
        super().__init__(f"{sentence} (at {path})" if path else sentence)
        self.code = code
        self.sentence = sentence
        self.path = path


class AnswerError(ShapeError):
    """The answer cannot be taken as it is."""


class SchemaError(ShapeError):
    """The label schema cannot be used as it is."""
