"""The sample images of the report: ground truth and agreed label, drawn over a thumbnail."""

import base64
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from annotary.demo.manager import Manager
from annotary.demo.scenario import RunResult
from annotary.demo.scoring import score
from annotary_core.labels.answer import Answer
from annotary_core.labels.geometry import Bounds
from annotary_core.labels.shapes import SHAPES

SHOWN = 9
# At most this many of them are labels that the crowd got wrong.
WRONG = 3

Label = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Drawing:
    """An object as the path data of an SVG element, its bounds, and the name and color of its class; in pixels of the
    upright image."""

    path: str
    bounds: Bounds
    name: str
    color: str


@dataclass(frozen=True, slots=True)
class Picture:
    """`pixels` is a data URI of the thumbnail. `verdict` is a phrase that says whether the agreed label is correct."""

    name: str
    pixels: str
    width: int
    height: int
    truth: Sequence[Drawing]
    agreed: Sequence[Drawing]
    truth_class: str
    agreed_class: str
    confidence: float
    verdict: str
    right: bool


def choose(labels: Sequence[Label], wrong: Sequence[Label], count: int = SHOWN) -> list[Label]:
    """Choose the most confident wrong labels, then labels evenly spaced from the least to the most confident."""
    shown = sorted(wrong, key=_by_confidence, reverse=True)[:WRONG]
    others = sorted((label for label in labels if label not in shown), key=_by_confidence)
    free = count - len(shown)
    if len(others) > free:
        step = (len(others) - 1) / (free - 1)
        others = [others[round(number * step)] for number in range(free)]
    return sorted([*shown, *others], key=_by_confidence)


def _by_confidence(label: Label) -> tuple[float, str]:
    return label["confidence"], label["source_key"]


def load_pictures(manager: Manager, outcome: RunResult) -> list[Picture]:
    """Load some of the measured images, with their labels before review."""
    known = outcome.ground_truth.answers
    labels = [label for label in outcome.labels if label["source_key"] in known]
    wrong = [label for label in labels if not _is_right(label, known[label["source_key"]])]
    return [_picture(manager, outcome, label) for label in choose(labels, wrong)]


def _is_right(label: Label, truth: Answer) -> bool:
    return score(Answer.from_json(label["answer"]), truth).exact == 1


def _picture(manager: Manager, outcome: RunResult, label: Label) -> Picture:
    image = next(row for row in outcome.images if row["id"] == label["image"])
    classes = {item["number"]: item for item in outcome.project["schema"]["classes"]}
    truth, agreed = outcome.ground_truth.answers[image["source_key"]], Answer.from_json(label["answer"])
    right = _is_right(label, truth)
    fixed = image["source_key"] in outcome.reviewed.fixed
    thumb = manager.image_bytes(image["id"], "thumb")
    return Picture(
        name=image["source_key"].rpartition("/")[2],
        pixels=f"data:{_type(thumb)};base64,{base64.b64encode(thumb).decode()}",
        width=image["width"],
        height=image["height"],
        truth=list(_drawings(truth, classes)),
        agreed=list(_drawings(agreed, classes)),
        truth_class=_class(truth, classes),
        agreed_class=_class(agreed, classes),
        confidence=label["confidence"],
        verdict="correct" if right else "wrong, corrected in review" if fixed else "differs from the ground truth",
        right=right,
    )


def _drawings(answer: Answer, classes: Mapping[int, Mapping[str, Any]]) -> Iterator[Drawing]:
    for item in answer.objects:
        cls = classes[item.class_number]
        yield Drawing(SHAPES[item.tool].svg_path(item.geom), item.geom.bounds(), cls["name"], cls["color"])


def _class(answer: Answer, classes: Mapping[int, Mapping[str, Any]]) -> str:
    number = answer.image.class_number
    return "" if number is None else str(classes[number]["name"])


def _type(pixels: bytes) -> str:
    if pixels.startswith(b"\xff\xd8"):
        return "image/jpeg"
    return "image/png" if pixels.startswith(b"\x89PNG") else "image/webp"
