"""The answer model: what a simulated person answers for an image whose ground truth is known.

Pure and reproducible: the same seed, name and image give the same answer, in whatever order the images come.
"""

import random
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from annotary.demo.skills import Skill
from annotary_core.labels.answer import Answer
from annotary_core.labels.shapes.box import Box

# In pixels. A smaller box would be an accidental click.
SMALLEST = 4.0


@dataclass(frozen=True, slots=True)
class Question:
    """An image to label: its upright size in pixels, the tools, the class numbers, and the ground truth if known."""

    width: int
    height: int
    tools: Sequence[str]
    classes: Sequence[int]
    truth: Answer | None


def seeded_random(seed: int, worker: str, image: str, purpose: str = "") -> random.Random:
    """Return the random generator of one person for one image."""
    return random.Random(f"{seed}/{worker}/{image}/{purpose}")


def answer(question: Question, skill: Skill, rng: random.Random) -> dict[str, Any]:
    """Return the answer to send. Without ground truth an honest person answers `cannot_tell`."""
    if question.truth is None and not skill.guesses:
        return {"image": {"class": None}, "objects": [], "verdict": "cannot_tell"}
    image_class = _image_class(question, skill, rng) if "class" in question.tools else None
    boxes = _boxes(question, skill, rng) if "box" in question.tools else []
    objects = [
        {"id": f"o{at}", "class": number, "tool": "box", "geom": box.to_json(), "attrs": {}}
        for at, (number, box) in enumerate(boxes, start=1)
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


def _boxes(question: Question, skill: Skill, rng: random.Random) -> list[tuple[int, Box]]:
    if skill.guesses or question.truth is None:
        return [_random_box(question, rng) for _ in range(rng.randint(1, 3))]
    boxes = []
    for item in question.truth.objects:
        if rng.random() >= skill.missed:
            number = _answered_class(item.class_number, question.classes, skill, rng)
            boxes.append((number, _jittered(item.geom, question, skill.jitter, rng)))
    if rng.random() < skill.false_boxes:
        boxes.append(_random_box(question, rng))
    return boxes


def _jittered(box: Box, question: Question, jitter: float, rng: random.Random) -> Box:
    """Shift each edge independently: Gaussian, relative to the side, truncated at 2.5 standard deviations."""
    x1, y1, x2, y2 = box.bounds()

    def shift(side: float) -> float:
        return max(-2.5, min(2.5, rng.gauss(0, 1))) * jitter * side

    return _clipped(x1 + shift(box.w), y1 + shift(box.h), x2 + shift(box.w), y2 + shift(box.h), question)


def _clipped(x1: float, y1: float, x2: float, y2: float, question: Question) -> Box:
    """Clip the box to the image; it is at least SMALLEST pixels wide and high unless the image is smaller."""
    left, right = _span(x1, x2, question.width)
    top, bottom = _span(y1, y2, question.height)
    return Box(x=left, y=top, w=right - left, h=bottom - top)


def _span(low: float, high: float, limit: int) -> tuple[float, float]:
    size = min(max(high - low, SMALLEST), float(limit))
    start = min(max(low, 0.0), limit - size)
    return start, min(start + size, float(limit))


def _random_box(question: Question, rng: random.Random) -> tuple[int, Box]:
    width, height = (side * rng.uniform(0.08, 0.4) for side in (question.width, question.height))
    x, y = rng.uniform(0, question.width - width), rng.uniform(0, question.height - height)
    return rng.choice(question.classes), _clipped(x, y, x + width, y + height, question)
