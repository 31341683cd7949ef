"""What a simulated person says of an image whose truth is known. Pure, and repeatable: the same seed, name and image
give the same answer, whatever the order in which images come."""

import random
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from annotary.demo.skills import Skill
from annotary_core.labels.answer import Answer
from annotary_core.labels.geometry import Box

# Below this a drawn box would be a slip of the hand.
SMALLEST = 4.0


@dataclass(frozen=True, slots=True)
class Question:
    """An image as it is asked: its upright size in pixels, the tools, the class numbers, and the truth where known."""

    width: int
    height: int
    tools: Sequence[str]
    classes: Sequence[int]
    truth: Answer | None


def chance(seed: int, worker: str, image: str, purpose: str = "") -> random.Random:
    """The dice of one person for one image."""
    return random.Random(f"{seed}/{worker}/{image}/{purpose}")


def answer(question: Question, skill: Skill, dice: random.Random) -> dict[str, Any]:
    """The body to send. Without truth an honest person says that they cannot tell."""
    if question.truth is None and not skill.guesses:
        return {"image": {"class": None}, "objects": [], "verdict": "cannot_tell"}
    image_class = _image_class(question, skill, dice) if "class" in question.tools else None
    boxes = _boxes(question, skill, dice) if "box" in question.tools else []
    objects = [
        {"id": f"o{at}", "class": number, "tool": "box", "geom": box.to_json(), "attrs": {}}
        for at, (number, box) in enumerate(boxes, start=1)
    ]
    verdict = "labels" if objects or image_class is not None else "empty"
    return {"image": {"class": image_class}, "objects": objects, "verdict": verdict}


def _image_class(question: Question, skill: Skill, dice: random.Random) -> int:
    true = question.truth.image.class_number if question.truth is not None else None
    if skill.guesses or true is None:
        return dice.choice(question.classes)
    return _said(true, question.classes, skill, dice)


def _said(true: int, classes: Sequence[int], skill: Skill, dice: random.Random) -> int:
    """Mistakes are not spread evenly: half of them go to the class that looks alike, the next in the list."""
    others = [number for number in classes if number != true]
    if not others or dice.random() >= skill.wrong_class:
        return true
    if dice.random() < 0.5:
        return classes[(classes.index(true) + 1) % len(classes)] if true in classes else others[0]
    return dice.choice(others)


def _boxes(question: Question, skill: Skill, dice: random.Random) -> list[tuple[int, Box]]:
    if skill.guesses or question.truth is None:
        return [_random_box(question, dice) for _ in range(dice.randint(1, 3))]
    drawn = []
    for item in question.truth.objects:
        if dice.random() >= skill.missed:
            number = _said(item.class_number, question.classes, skill, dice)
            drawn.append((number, _moved(item.geom, question, skill.jitter, dice)))
    if dice.random() < skill.false_boxes:
        drawn.append(_random_box(question, dice))
    return drawn


def _moved(box: Box, question: Question, jitter: float, dice: random.Random) -> Box:
    """Every edge moves on its own, by a normal share of the side that is cut at two and a half spreads."""
    x1, y1, x2, y2 = box.corners()

    def shift(side: float) -> float:
        return max(-2.5, min(2.5, dice.gauss(0, 1))) * jitter * side

    return _inside(x1 + shift(box.w), y1 + shift(box.h), x2 + shift(box.w), y2 + shift(box.h), question)


def _inside(x1: float, y1: float, x2: float, y2: float, question: Question) -> Box:
    """The box on the image, never thinner than SMALLEST unless the image is."""
    left, right = _span(x1, x2, question.width)
    top, bottom = _span(y1, y2, question.height)
    return Box(x=left, y=top, w=right - left, h=bottom - top)


def _span(low: float, high: float, limit: int) -> tuple[float, float]:
    size = min(max(high - low, SMALLEST), float(limit))
    start = min(max(low, 0.0), limit - size)
    return start, min(start + size, float(limit))


def _random_box(question: Question, dice: random.Random) -> tuple[int, Box]:
    width, height = (side * dice.uniform(0.08, 0.4) for side in (question.width, question.height))
    x, y = dice.uniform(0, question.width - width), dice.uniform(0, question.height - height)
    return dice.choice(question.classes), _inside(x, y, x + width, y + height, question)
