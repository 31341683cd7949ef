"""The answer model: what a simulated person answers for an image whose ground truth is known.

Pure and reproducible: the same seed, name and image give the same answer, in whatever order the images come.
"""

import random
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from annotary.demo.skills import Skill
from annotary_core.labels.answer import Answer
from annotary_core.labels.geometry import Frame
from annotary_core.labels.shapes import SHAPES
from annotary_core.labels.shapes.base import Geometry
from annotary_core.labels.shapes.hand_drawing import span

# Class number, name of the tool, geometry.
_Drawn = tuple[int, str, Geometry]


@dataclass(frozen=True, slots=True)
class Question:
    """An image to label: its upright size, the tools, the class numbers, and the ground truth if known."""

    frame: Frame
    tools: Sequence[str]
    classes: Sequence[int]
    truth: Answer | None

    @property
    def object_tools(self) -> list[str]:
        return [tool for tool in self.tools if tool in SHAPES]


def seeded_random(seed: int, worker: str, image: str, purpose: str = "") -> random.Random:
    """Return the random generator of one person for one image."""
    return random.Random(f"{seed}/{worker}/{image}/{purpose}")


def answer(question: Question, skill: Skill, rng: random.Random) -> dict[str, Any]:
    """Return the answer to send. Without ground truth an honest person answers `cannot_tell`."""
    if question.truth is None and not skill.guesses:
        return {"image": {"class": None}, "objects": [], "verdict": "cannot_tell"}
    image_class = _image_class(question, skill, rng) if "class" in question.tools else None
    drawn = _objects(question, skill, rng) if question.object_tools else []
    objects = [
        {"id": f"o{at}", "class": number, "tool": tool, "geom": geometry.to_json(), "attrs": {}}
        for at, (number, tool, geometry) in enumerate(drawn, start=1)
    ]
    verdict = "labels" if objects or image_class is not None else "empty"
    return {"image": {"class": image_class}, "objects": objects, "verdict": verdict}


def _image_class(question: Question, skill: Skill, rng: random.Random) -> int:
    true = question.truth.image.class_number if question.truth is not None else None
    if skill.guesses or true is None:
        return rng.choice(question.classes)
    return _answered_class(true, question.classes, skill, rng)


def _answered_class(true: int, classes: Sequence[int], skill: Skill, rng: random.Random) -> int:
    """Return the class that the person chooses; half of all mistakes go to the look-alike, the next in the list."""
    others = [number for number in classes if number != true]
    if not others or rng.random() >= skill.wrong_class:
        return true
    if rng.random() < 0.5:
        return classes[(classes.index(true) + 1) % len(classes)] if true in classes else others[0]
    return rng.choice(others)


def _objects(question: Question, skill: Skill, rng: random.Random) -> list[_Drawn]:
    if skill.guesses or question.truth is None:
        return [_random_object(question, rng) for _ in range(rng.randint(1, 3))]
    objects = []
    for item in question.truth.objects:
        if rng.random() >= skill.missed:
            number = _answered_class(item.class_number, question.classes, skill, rng)
            shape = SHAPES[item.tool]
            geometry = shape.redraw(item.geom, error=skill.jitter, rng=rng, frame=question.frame)
            objects.append((number, item.tool, geometry))
    if rng.random() < skill.false_objects:
        objects.append(_random_object(question, rng))
    return objects


def _random_object(question: Question, rng: random.Random) -> _Drawn:
    """Return an object of the first tool along a random rectangle."""
    frame, tool = question.frame, question.object_tools[0]
    width, height = (side * rng.uniform(0.08, 0.4) for side in (frame.width, frame.height))
    x, y = rng.uniform(0, frame.width - width), rng.uniform(0, frame.height - height)
    (left, right), (top, bottom) = span(x, x + width, frame.width), span(y, y + height, frame.height)
    corners = np.array([(left, top), (right, top), (right, bottom), (left, bottom)])
    number = rng.choice(question.classes)
    return number, tool, SHAPES[tool].along([corners], frame=frame)
