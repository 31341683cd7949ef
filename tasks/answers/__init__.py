"""The canonical answer and its geometry: pure, imported by all stages, imports none."""

from tasks.answers.canonical import canonical_bytes, content_hash
from tasks.answers.errors import AnswerError, SchemaError, ShapeError
from tasks.answers.geometry import Box, Frame
from tasks.answers.model import VERDICTS, Answer, ImageLabel, LabelObject, Verdict
from tasks.answers.parse import MAX_OBJECTS, parse_answer
from tasks.answers.reading import MAX_BODY_BYTES, read_body
from tasks.answers.schema import LabelClass, Schema

__all__ = [
    "MAX_BODY_BYTES",
    "MAX_OBJECTS",
    "VERDICTS",
    "Answer",
    "AnswerError",
    "Box",
    "Frame",
    "ImageLabel",
    "LabelClass",
    "LabelObject",
    "Schema",
    "SchemaError",
    "ShapeError",
    "Verdict",
    "canonical_bytes",
    "content_hash",
    "parse_answer",
    "read_body",
]
