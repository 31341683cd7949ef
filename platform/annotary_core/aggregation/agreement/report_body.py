"""What the agreement reports consist of: plain JSON. Figures that are not defined are None; shares are from 0 to 1."""

from __future__ import annotations

from typing import Literal, NotRequired, TypedDict

from annotary_core.aggregation.agreement.alpha import Level


class AlphaFigures(TypedDict):
    """Krippendorff's alpha with its interval; observed, expected: disagreement. tasks: those with several answers."""

    value: float | None
    low: float | None
    high: float | None
    confidence: float
    observed: float | None
    expected: float | None
    tasks: int


class Fleiss(TypedDict):
    kappa: float | None
    agreement: float | None
    chance: float | None
    same_number: bool


class CohenPair(TypedDict):
    """Two workers, and the n tasks that both answered."""

    first: str
    second: str
    n: int
    agreement: float | None
    kappa: float | None


class Cohen(TypedDict):
    """complete: whether all pairs are listed."""

    mean_kappa: float | None
    complete: bool
    pairs: list[CohenPair]


class ClassAlpha(TypedDict):
    label: str
    alpha: float | None
    votes: int


#: from, to: in the unit of the table's times.
Period = TypedDict("Period", {"from": float, "to": float, "alpha": float | None, "tasks": int})


class Doubt(TypedDict):
    method: str
    expected_error: float | None
    expected_wrong: float | None
    entropy: float | None


class Confused(TypedDict):
    """Two labels that workers confuse; see `label_quality.class_confusions`. affected: a share of the workers."""

    a: str
    b: str
    a_as_b: float | None
    b_as_a: float | None
    score: float | None
    score_without_worst: float | None
    workers: int
    affected: float | None
    worst: str
    unclear: bool


class Suspect(TypedDict):
    """A label that is probably wrong. wrong: the probability; other: the likeliest other label."""

    task: str
    label: str
    wrong: float | None
    other: str
    n: int


#: The labels whose confidence is in a range, and the share of them that is right.
Reliability = TypedDict(
    "Reliability",
    {"from": float | None, "to": float | None, "n": int, "confidence": float | None, "right": float | None},
)


class WorkerOnGold(TypedDict):
    worker: str
    n: int
    right: float | None
    kappa: float | None


class GoldFigures(TypedDict):
    tasks: int
    accuracy: float | None
    confidence: float | None
    calibration_error: float | None
    brier: float | None
    log_loss: float | None
    reliability: list[Reliability]
    workers: list[WorkerOnGold]


class OverTime(TypedDict, total=False):
    """Empty if the table has no times."""

    over_time: list[Period]


class Uncertainty(TypedDict):
    """Of the labels of one method. gold: if there is any."""

    doubt: Doubt
    confused: list[Confused]
    suspects: list[Suspect]
    gold: NotRequired[GoldFigures]


class ClassReport(OverTime, Uncertainty):
    """The agreement of workers on classes. repeated: further answers of a worker to the same task."""

    kind: Literal["classes"]
    answers: int
    tasks: int
    workers: int
    labels: int
    repeated: int
    level: Level
    alpha: AlphaFigures
    fleiss: Fleiss
    cohen: Cohen
    by_class: list[ClassAlpha]


class ClassOfBoxes(TypedDict):
    label: str
    alpha: float | None
    boxes: int


class BoxPair(TypedDict):
    """The mean distance between the boxes of two workers: 0 for equal ones, 1 without overlap."""

    first: str
    second: str
    n: int
    distance: float | None


class DistanceFromGold(TypedDict):
    worker: str
    n: int
    distance: float | None


class BoxReport(TypedDict):
    """The agreement of workers on boxes. place: where they are; label: of boxes that were matched."""

    kind: Literal["boxes"]
    boxes: int
    tasks: int
    workers: int
    labels: int
    place: AlphaFigures
    place_and_label: AlphaFigures
    label: AlphaFigures
    by_class: list[ClassOfBoxes]
    pairs: list[BoxPair]
    gold: NotRequired[list[DistanceFromGold]]
