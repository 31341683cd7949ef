"""Answers and questions for the demo tests."""

import numpy as np

from annotary.demo.answer_model import Question
from annotary_core.labels.answer import Answer, ImageLabel, LabelObject
from annotary_core.labels.geometry import Frame
from annotary_core.labels.shapes import SHAPES
from annotary_core.labels.shapes.box import Box

FRAME = Frame(400, 300)


def boxes(*items: tuple[int, float, float, float, float]) -> Answer:
    """Return an answer with boxes: class, x, y, w, h."""
    objects = tuple(LabelObject(f"t{at}", item[0], "box", Box(*item[1:])) for at, item in enumerate(items, 1))
    return Answer("labels" if objects else "empty", ImageLabel(), objects)


def drawn(tool: str, *items: tuple[int, float, float, float, float]) -> Answer:
    """Return an answer with objects of any shape, each along a rectangle: class, x, y, w, h."""
    objects = []
    for at, (number, x, y, w, h) in enumerate(items, 1):
        corners = np.array([(x, y), (x + w, y), (x + w, y + h), (x, y + h)])
        objects.append(LabelObject(f"t{at}", number, tool, SHAPES[tool].along([corners], frame=FRAME)))
    return Answer("labels" if objects else "empty", ImageLabel(), tuple(objects))


def of_class(number: int | None) -> Answer:
    return Answer("cannot_tell" if number is None else "labels", ImageLabel(number))


def a_question(truth: Answer | None, *, tools: tuple[str, ...] = ("box",)) -> Question:
    return Question(frame=FRAME, tools=tools, classes=(1, 2, 3), truth=truth)
