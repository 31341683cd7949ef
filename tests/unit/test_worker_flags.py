"""Careless workers are flagged by each signal, and honest ones hardly ever, however few their answers are.

Whole crowds are simulated, looked at again and again as their answers arrive. Limits were tuned on `PHOTOS` alone.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cache
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from tasks.analytics.worker_flags import (
    Crowd,
    Flag,
    Signal,
    WorkerCounts,
    chance_agreement,
    count_repeats,
    flag_workers,
    interval,
)

Table = NDArray[Any]

#: Answers of each worker when a manager looks.
LOOKS = (3, 5, 8, 12, 20, 30, 45, 60)
#: Crowds simulated; each has eleven honest workers and one who is not.
CROWDS = 60
GOLD_RATE = 0.1
NEWEST = 30


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of task and crowd. shares: how frequent each class is. hard: share of images on which honest workers are
    right half as often, and wrong in the same way. exact: probability that a right answer equals the label, as with
    boxes drawn by hand. accuracies, seconds: the ranges of honest workers."""

    shares: tuple[float, ...]
    hard: float = 0.0
    exact: float = 1.0
    accuracies: tuple[float, float] = (0.70, 0.95)
    seconds: tuple[float, float] = (4.0, 9.0)


PHOTOS = Kind((0.4, 0.35, 0.25))
OTHER_KINDS = {
    "rare class": Kind((0.93, 0.07), hard=0.1),
    "ten confusable classes": Kind((0.1,) * 10, hard=0.3),
    "boxes": Kind((0.5, 0.5), hard=0.2, exact=0.6, seconds=(3.0, 30.0)),
    "poor crowd": Kind((0.5, 0.5), accuracies=(0.60, 0.80)),
}


@cache
def simulated(kind: Kind, careless: str, seed: int) -> dict[int, dict[str, list[Flag]]]:
    """{answers of each: flags} of one crowd, in which worker "11" is careless in this way, or honest for ""."""
    rng = np.random.default_rng(seed)
    size, images = 12, max(LOOKS)
    classes = len(kind.shares)
    accuracy = rng.uniform(*kind.accuracies, size)
    pace = rng.uniform(*kind.seconds, size)
    truth = rng.choice(classes, images, p=kind.shares)
    is_hard = rng.random(images) < kind.hard
    wrong = (truth + 1 + rng.integers(0, max(classes - 1, 1), images)) % classes
    right = rng.random((size, images)) < np.where(is_hard, 0.5, 1.0) * accuracy[:, None]
    votes = np.where(
        right, truth, np.where(is_hard, wrong, (truth + rng.integers(1, classes, (size, images))) % classes)
    )
    seconds = pace[:, None] * rng.lognormal(0, 0.5, (size, images))
    gold = rng.random((size, images)) < accuracy[:, None]
    if careless:
        votes[-1] = {"same": np.zeros(images, int), "random": rng.integers(0, classes, images), "fast": votes[-1]}[
            careless
        ]
        gold[-1] = gold[-1] if careless == "fast" else rng.random(images) < 1 / classes
        seconds[-1] *= 0.08 if careless == "fast" else 1
    labels = np.array([np.bincount(votes[:, image], minlength=classes).argmax() for image in range(images)])
    equal = (votes == labels) & (rng.random((size, images)) < kind.exact)
    return {
        look: _flags(kind, votes[:, :look], labels[:look], equal[:, :look], gold, seconds[:, :look]) for look in LOOKS
    }


def _flags(kind: Kind, votes: Table, labels: Table, equal: Table, gold: Table, seconds: Table) -> dict[str, list[Flag]]:
    answers = votes.shape[1]
    seen = int(answers * GOLD_RATE)
    newest = slice(max(0, answers - NEWEST), None)
    estimates = ((votes == labels).sum(axis=1) + 8 * 0.8) / (answers + 8)
    workers = {}
    for index in range(len(votes)):
        pairs = list(zip(votes[index, newest].astype(str), labels[newest].astype(str), strict=True))
        if kind.exact < 1:  # no two boxes drawn by hand have the same bytes
            pairs = [(f"{index} {image}", f"{image}") for image in range(len(pairs))]
        repeats, otherwise = count_repeats(pairs)
        workers[str(index)] = WorkerCounts(
            gold_correct=int(gold[index, :seen].sum()),
            gold_seen=seen,
            equal=int(equal[index, newest].sum()),
            compared=len(labels[newest]),
            chance=chance_agreement(pairs),
            repeats=repeats,
            otherwise=otherwise,
            accuracy=float(estimates[index]) if kind.exact == 1 and answers > 8 else None,
            answers=answers,
            seconds=float(np.median(seconds[index])),
            fast=float(np.quantile(seconds[index], 0.8)),
            timed=answers,
        )
    crowd = Crowd(classes=len(kind.shares), accuracy=float(estimates.mean()))
    return flag_workers(workers, crowd)


def false_alarms(kind: Kind, careless: str = "") -> tuple[int, int]:
    """Honest workers who were flagged at any look, of all; in crowds with a careless one if that is votes."""
    flagged = 0
    honest = 11 if careless else 12
    for seed in range(CROWDS):
        looks = simulated(kind, careless, seed)
        flagged += len({name for flags in looks.values() for name in flags if int(name) < honest})
    return flagged, CROWDS * honest


def found(kind: Kind, careless: str, look: int) -> float:
    """The share of crowds whose careless worker is flagged after this many answers."""
    return sum("11" in simulated(kind, careless, seed)[look] for seed in range(CROWDS)) / CROWDS


@pytest.mark.parametrize("careless", ["", "same", "random"])
def test_honest_workers_are_hardly_ever_flagged(careless: str) -> None:
    flagged, honest = false_alarms(PHOTOS, careless)
    assert flagged <= 0.002 * honest


@pytest.mark.parametrize("name", OTHER_KINDS)
def test_nor_are_they_in_kinds_of_crowds_that_limits_were_not_tuned_on(name: str) -> None:
    flagged, honest = false_alarms(OTHER_KINDS[name])
    assert flagged <= 0.005 * honest


@pytest.mark.parametrize(("careless", "least"), [("same", 0.95), ("random", 0.35), ("fast", 0.95)])
def test_careless_workers_are_found_within_thirty_answers(careless: str, least: float) -> None:
    assert found(PHOTOS, careless, 30) >= least


def test_they_are_found_in_other_kinds_of_crowds_too() -> None:
    assert found(OTHER_KINDS["ten confusable classes"], "random", 30) >= 0.85
    assert found(OTHER_KINDS["ten confusable classes"], "same", 30) >= 0.95
    assert found(OTHER_KINDS["boxes"], "fast", 30) >= 0.5


def test_more_answers_do_not_hide_them_again() -> None:
    assert found(PHOTOS, "random", 45) >= 0.5
    assert found(OTHER_KINDS["ten confusable classes"], "random", 45) >= 0.9
    assert all(found(kind, "same", 45) >= 0.95 for kind in (PHOTOS, OTHER_KINDS["poor crowd"]))


GOOD = WorkerCounts(
    gold_correct=9, gold_seen=10, equal=27, compared=30, otherwise=15, repeats=1, seconds=6.0, fast=9.0, timed=30
)


def flags_of(worker: WorkerCounts, crowd: Crowd | None = None) -> dict[str, Flag]:
    flags = flag_workers({"x": worker, "a": GOOD, "b": GOOD, "c": GOOD}, crowd or Crowd()).get("x", [])
    return {str(flag.signal): flag for flag in flags}


def test_a_spammer_is_flagged_by_agreement_with_gold_as_further_evidence() -> None:
    spammer = WorkerCounts(gold_correct=0, gold_seen=3, equal=0, compared=30)
    flags = flags_of(spammer)
    assert list(flags) == ["gold", "agreement"]
    assert [(flag.count, flag.of, flag.decisive) for flag in flags.values()] == [(0, 3, False), (0, 30, True)]
    assert flags["agreement"].high is not None and flags["agreement"].high < flags["agreement"].limit == 0.45
    assert flags["agreement"].value == 0


@pytest.mark.parametrize(
    ("signal", "counts"),
    [
        (Signal.GOLD, {"gold_correct": 0, "gold_seen": 8}),
        (Signal.REPEATS, {"repeats": 15, "otherwise": 15}),
        (Signal.REJECTED, {"rejected": 9, "judged": 9}),
        (Signal.TIME, {"fast": 0.8, "seconds": 0.5}),
        (Signal.RETURNS, {"returns": 51, "returns_limit": 50}),
        (Signal.ACCURACY, {"accuracy": 0.5, "answers": 400}),
        (Signal.OBJECTS_FOUND, {"detection": 0.02, "answers": 30}),
    ],
)
def test_each_signal_flags_by_itself(signal: Signal, counts: dict[str, float]) -> None:
    crowd = Crowd(classes=2, accuracy=0.9, detection=0.8)
    assert list(flags_of(replace(GOOD, **counts), crowd)) == [signal]  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "counts",
    [
        {"gold_correct": 0, "gold_seen": 3},
        {"equal": 0, "compared": 5},
        {"repeats": 5, "otherwise": 5},
        {"rejected": 4, "judged": 4},
        {"fast": 0.2, "seconds": 0.1, "timed": 19},
        {"accuracy": 0.5, "answers": 20},
    ],
)
def test_a_few_bad_answers_flag_nobody(counts: dict[str, float]) -> None:
    assert flags_of(replace(GOOD, **counts), Crowd(classes=2, accuracy=0.9)) == {}  # type: ignore[arg-type]


def test_between_two_workers_who_disagree_nobody_is_flagged() -> None:
    pair = {"a": WorkerCounts(equal=0, compared=30), "b": WorkerCounts(equal=30, compared=30)}
    assert flag_workers(pair, Crowd()) == {}


def test_the_worst_comes_first() -> None:
    bad, worse, fast = replace(GOOD, equal=4), replace(GOOD, equal=0), replace(GOOD, fast=0.5, seconds=0.4)
    workers = {"good": GOOD, "fast": fast, "bad": bad, "worse": worse, "other": GOOD, "another": GOOD}
    assert list(flag_workers(workers, Crowd())) == ["worse", "bad", "fast"]


def test_the_interval_of_a_share() -> None:
    assert interval(0, 0) == (0.0, 1.0)
    assert interval(0, 30) == pytest.approx((0.0, 1 - 0.005 ** (1 / 30)))
    assert interval(3, 3) == pytest.approx((0.005 ** (1 / 3), 1.0))
