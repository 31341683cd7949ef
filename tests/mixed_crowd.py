"""A crowd of honest and bad workers, and what each of them answers: shared by the fast simulation and the real one.

Honest workers differ in accuracy and pace. Bad ones do not look at the images: they answer at random (some of them
fast, some late), always alike, or as a friend answered: those who copy look the image up in a table that they share,
those who collude derive the answer from the image in a way that they agreed on.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal

Kind = Literal["honest", "random", "constant", "fast", "copying", "late", "colluding"]
BAD_KINDS: Sequence[Kind] = ("random", "constant", "fast", "copying", "late", "colluding")
Box = tuple[int, float, float, float, float]

WIDTH, HEIGHT = 640, 480


@dataclass(slots=True)
class Person:
    """accuracy: the share of images, or of boxes, that an honest worker gets right. pace: median seconds per answer."""

    number: int
    kind: Kind
    accuracy: float
    pace: float
    rng: random.Random
    favourite: int = 0
    shared: dict[int, object] = field(default_factory=dict)

    @property
    def is_bad(self) -> bool:
        return self.kind != "honest"

    def seconds(self) -> float:
        return self.pace * self.rng.lognormvariate(0, 0.4)

    def answer_class(self, image: int, truth: int, classes: int) -> int:
        match self.kind:
            case "honest":
                if self.rng.random() < self.accuracy:
                    return truth
                return (truth + self.rng.randrange(1, classes)) % classes
            case "constant":
                return self.favourite % classes
            case "copying":
                answer = self.shared.setdefault(image, self.rng.randrange(classes))
                assert isinstance(answer, int)
                return answer
            case "colluding":
                return random.Random(f"friends {image}").randrange(classes)
            case _:
                return self.rng.randrange(classes)

    def answer_boxes(self, image: int, truth: Sequence[Box], classes: int) -> list[Box]:
        match self.kind:
            case "honest":
                found = [_drawn(box, self.rng) for box in truth if self.rng.random() < self.accuracy]
                extra = [_random_box(self.rng, classes)] if self.rng.random() < 0.3 * (1 - self.accuracy) else []
                return found + extra
            case "constant":
                return [(self.favourite % classes, 160.0, 120.0, 320.0, 240.0)]
            case "copying":
                boxes = self.shared.setdefault(image, _random_boxes(self.rng, classes))
                assert isinstance(boxes, list)
                return boxes
            case "colluding":
                return _random_boxes(random.Random(f"friends {image}"), classes)
            case _:
                return _random_boxes(self.rng, classes)


def a_crowd(*, honest: int, bad: int, seed: int) -> list[Person]:
    """Honest workers with accuracies from .7 to .97 and a pace of 4 to 15 seconds; bad ones of all kinds in turn."""
    rng = random.Random(seed)
    shared: dict[int, object] = {}
    people = []
    for number in range(honest + bad):
        kind: Kind = "honest" if number < honest else BAD_KINDS[(number - honest) % len(BAD_KINDS)]
        accuracy = 0.7 + 0.27 * number / max(honest - 1, 1)
        pace = 1.0 if kind == "fast" else rng.uniform(4, 15)
        mind = random.Random(rng.getrandbits(64))
        people.append(Person(number, kind, accuracy, pace, mind, favourite=number, shared=shared))
    return people


def true_boxes(image: int, classes: int, *, seed: int) -> list[Box]:
    """One to four boxes."""
    rng = random.Random(seed * 1_000_003 + image)
    return [_random_box(rng, classes) for _ in range(rng.randint(1, 4))]


def _random_box(rng: random.Random, classes: int) -> Box:
    w, h = rng.uniform(60, 220), rng.uniform(60, 220)
    x, y = rng.uniform(0, WIDTH - w), rng.uniform(0, HEIGHT - h)
    return rng.randrange(classes), round(x, 1), round(y, 1), round(w, 1), round(h, 1)


def _random_boxes(rng: random.Random, classes: int) -> list[Box]:
    return [_random_box(rng, classes) for _ in range(rng.randint(1, 3))]


def _drawn(box: Box, rng: random.Random) -> Box:
    """The box as somebody draws it who sees it: its sides some pixels off."""
    number, x, y, w, h = box
    left, top = x + rng.gauss(0, 4), y + rng.gauss(0, 4)
    right, bottom = x + w + rng.gauss(0, 4), y + h + rng.gauss(0, 4)
    left, top = max(0.0, left), max(0.0, top)
    right, bottom = min(float(WIDTH), right), min(float(HEIGHT), bottom)
    return number, round(left, 1), round(top, 1), round(right - left, 1), round(bottom - top, 1)
