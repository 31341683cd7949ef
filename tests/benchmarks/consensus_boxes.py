"""Measure consensus boxes on real crowd labels: `python tests/benchmarks/consensus_boxes.py [data folder]`.

The last two lines replay 3 to 5 answers per image until 90% sure, by the mean over the decisions about an image and by
the weakest one, as the platform asks.

F1 and mean IoU compare clusters with gold objects, one to one at IoU >= .5, regardless of class. Rates estimated with
gold are measured only on the other images.
"""

from __future__ import annotations

import csv
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment

from annotary_core.aggregation.io.tables import BoxGold
from annotary_core.aggregation.objects.clustering import ObjectAnswers, ObjectClustering, ObjectConsensus
from annotary_core.aggregation.objects.existence import DetectionRates
from annotary_core.aggregation.replay.objects import EXISTENCE_THRESHOLD, ObjectReplayData
from annotary_core.aggregation.replay.policies import Policy, PolicyResult, run_policy
from annotary_core.aggregation.stopping import DEFAULT_THRESHOLD, sum_by_task
from annotary_core.labels.arrays import FloatArray, IntArray
from annotary_core.labels.shapes.box import Boxes, pairwise_iou

ROOT = Path(__file__).resolve().parents[2]
CROWD = ROOT.parent / "shared" / "data" / "crowd"
BOX_SET = "cytocrowd_boxes"
#: Minimum IoU at which a consensus box matches a true object, regardless of class.
MATCH_IOU = 0.5
#: Confidence up to which answers are requested in the replay.
TARGET = 0.9
#: The share of gold images in the trials with gold, and the number of trials.
GOLD_SHARE, TRIALS = 0.2, 5

Table = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class BoxScore:
    precision: float
    recall: float
    f1: float
    mean_iou: float


def read_columns(path: Path) -> Table:
    """Read a CSV of numbers with one header line, shape (rows, columns)."""
    with path.open(newline="") as file:
        rows = list(csv.reader(file))
    return np.array(rows[1:], dtype=np.float64).reshape(len(rows) - 1, len(rows[0]))


def box_answers(folder: Path) -> ObjectAnswers[Boxes]:
    rows = read_columns(folder / "answers.csv")
    return ObjectAnswers.of(
        rows[:, 0].astype(int), rows[:, 1].astype(int), rows[:, 6].astype(int), Boxes.of(rows[:, 2:6])
    )


def cluster_boxes(folder: Path) -> tuple[ObjectConsensus[Boxes], float]:
    """Return all clusters of the box set, and the time in seconds."""
    answers = box_answers(folder)
    start = time.perf_counter()
    clusters = ObjectClustering().fit_predict(answers)
    return clusters, time.perf_counter() - start


def score_boxes(
    clusters: ObjectConsensus[Boxes], gold: Table, *, threshold: float, tasks: NDArray[np.int64] | None = None
) -> BoxScore:
    """Score clusters with at least this existence against gold rows of task, x1, y1, x2, y2, class, in these tasks."""
    counted = np.unique(gold[:, 0]) if tasks is None else tasks
    kept = (clusters.existence >= threshold) & np.isin(clusters.task, counted)
    true = gold[np.isin(gold[:, 0], counted)]
    overlaps: list[float] = []
    for task in counted:
        iou = pairwise_iou(clusters.geometry.box[kept & (clusters.task == task)], true[true[:, 0] == task, 1:5])
        matches = iou >= MATCH_IOU
        rows, columns = linear_sum_assignment(np.where(matches, iou + len(true), 0.0), maximize=True)
        overlaps.extend(iou[rows, columns][matches[rows, columns]])
    matched, predicted = len(overlaps), int(kept.sum())
    return BoxScore(
        matched / predicted, matched / len(true), 2 * matched / (predicted + len(true)), float(np.mean(overlaps))
    )


def with_gold(
    answers: ObjectAnswers[Boxes], gold: Table, *, trial: int
) -> tuple[ObjectConsensus[Boxes], NDArray[np.int64]]:
    """Return clusters fitted with a share of the images as gold, and the other images."""
    images = np.unique(answers.task)
    known = np.random.default_rng(trial).choice(images, int(len(images) * GOLD_SHARE), replace=False)
    truth = {int(image): Boxes(gold[gold[:, 0] == image, 1:5]) for image in known}
    return ObjectClustering().fit_predict(answers, gold=truth), np.setdiff1d(images, known)


def report(crowd: Path) -> Iterator[str]:
    folder = crowd / BOX_SET
    answers, gold = box_answers(folder), read_columns(folder / "gold.csv")
    clusters, seconds = cluster_boxes(folder)
    alone = ObjectClustering(rates=DetectionRates()).fit_predict(answers)
    yield f"{BOX_SET}: {len(clusters.task):,} clusters in {seconds:.2f} s; gold at IoU >= {MATCH_IOU}, class-agnostic"
    yield f"{'rates':<14}{'existence >=':<14}{'precision':>10}{'recall':>9}{'F1':>9}{'mean IoU':>10}"
    for name, result, threshold in (
        ("defaults", alone, 0.0),
        ("defaults", alone, 0.5),
        ("estimated", clusters, 0.0),
        ("estimated", clusters, 0.5),
        ("estimated", clusters, 0.75),
    ):
        yield _line(f"{name:<14}{threshold:<14.2f}", [score_boxes(result, gold, threshold=threshold)])
    quorum = replace(clusters, existence=np.where(clusters.votes >= 2, 1.0, 0.0))
    yield _line(f"{'none':<14}{'two drew it':<14}", [score_boxes(quorum, gold, threshold=0.5)])
    trials = [with_gold(answers, gold, trial=trial) for trial in range(TRIALS)]
    for name, results in (("estimated", [clusters] * TRIALS), ("20% gold", [result for result, _ in trials])):
        scores = [
            score_boxes(result, gold, threshold=0.5, tasks=rest)
            for result, (_, rest) in zip(results, trials, strict=True)
        ]
        yield _line(f"{name:<14}{'0.50, rest':<14}", scores)
    for name, weakest in (("mean", False), ("weakest", True)):
        asked = until_sure(answers, gold, weakest=weakest)
        yield f"until sure by the {name}: {asked.labels_per_task:.3f} answers per image, F1 {asked.accuracy:.4f}"


class _UntilSure(ObjectReplayData[Boxes]):
    """Requests answers while they have an expected gain and the image is below TARGET."""

    def __init__(self, answers: ObjectAnswers[Boxes], gold: BoxGold, method: str, seed: int, *, weakest: bool) -> None:
        super().__init__(answers, gold.by_task(), method, seed, {})
        self._weakest = weakest

    def gains(self, answers: IntArray, remaining: IntArray) -> FloatArray:
        gain, result = super().gains(answers, remaining), self._consensus(answers)
        released = result.existence >= EXISTENCE_THRESHOLD
        sure = np.where(released, result.existence * result.classes.confidence, 1 - result.existence)
        index = np.searchsorted(self._arrivals.tasks, result.task)
        decisions = np.maximum(np.bincount(index, minlength=len(gain)), 1)
        confidence = sum_by_task(index, sure, len(gain)) / decisions
        if self._weakest:
            confidence = np.ones(len(gain))
            np.minimum.at(confidence, index, sure)
        return np.where(confidence >= TARGET, 0.0, gain)


def until_sure(answers: ObjectAnswers[Boxes], gold: Table, *, weakest: bool) -> PolicyResult:
    """Replay the stopping rule of the platform."""
    true = BoxGold(np.unique(gold[:, 0]).astype(int), gold[:, 0].astype(int), gold[:, 5].astype(int), gold[:, 1:5])
    policy = Policy(threshold=DEFAULT_THRESHOLD, answers_min=3, answers_max=5, seed=TRIALS)
    return run_policy(_UntilSure(answers, true, policy.method, policy.seed, weakest=weakest), policy)


def _line(start: str, scores: list[BoxScore]) -> str:
    means = [np.mean([getattr(score, name) for score in scores]) for name in BoxScore.__slots__]
    return start + "".join(f"{mean:>{width}.4f}" for mean, width in zip(means, (10, 9, 9, 10), strict=True))


def run(report: Callable[[Path], Iterator[str]]) -> int:
    """Print a report on the data folder in argv, or on ../shared; return 1 if it does not exist."""
    crowd = Path(sys.argv[1]) if len(sys.argv) > 1 else CROWD
    if not (crowd / BOX_SET).is_dir():
        print("The benchmark data is missing; put it at ../shared/data/crowd next to the checkout or pass its folder.")
        return 1
    for line in report(crowd):
        print(line, flush=True)
    return 0


if __name__ == "__main__":
    raise SystemExit(run(report))
