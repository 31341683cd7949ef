"""Answers and questions for the demo tests."""

from annotary.demo.answer_model import Question
from annotary_core.labels.answer import Answer, ImageLabel, LabelObject
from annotary_core.labels.shapes.box import Box


def boxes(*items: tuple[int, float, float, float, float]) -> Answer:
    """Return an answer with boxes: class, x, y, w, h."""
    objects = tuple(LabelObject(f"t{at}", item[0], "box", Box(*item[1:])) for at, item in enumerate(items, 1))
    return Answer("labels" if objects else "empty", ImageLabel(), objects)


def of_class(number: int | None) -> Answer:
    return Answer("cannot_tell" if number is None else "labels", ImageLabel(number))


def a_question(truth: Answer | None, *, tools: tuple[str, ...] = ("box",)) -> Question:
    return Question(width=400, height=300, tools=tools, classes=(1, 2, 3), truth=truth)
