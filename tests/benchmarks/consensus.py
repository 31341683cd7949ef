"""Measure the consensus methods on real crowd labels: `python tests/benchmarks/consensus.py [data folder]`.

The data lies beside the checkout in ../shared/data/crowd and is not part of the project. Ties count as fractions: a tie
of two classes with the true one among them is half right.
"""

from __future__ import annotations

import csv
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

from tasks.answers.geometry import pairwise_iou  # noqa: E402
from tasks.consensus.algorithms.base import Answers, Consensus  # noqa: E402
from tasks.consensus.algorithms.boxes import BoxAnswers, BoxClustering, BoxConsensus  # noqa: E402
from tasks.consensus.algorithms.majority import EPSILON  # noqa: E402
from tasks.consensus.algorithms.registry import METHODS, method_named  # noqa: E402

CROWD = ROOT.parent / "shared" / "data" / "crowd"
CLASS_SETS = ("bluebirds", "dog", "rte", "d_possent", "d_product", "sp", "cf", "zencrowd_us", "s_rel")
BOX_SET = "cytocrowd_boxes"
#: A consensus box finds a true object from this overlap on, without regard to class.
MATCH_IOU = 0.5


@dataclass(frozen=True, slots=True)
class BoxScore:
    precision: float
    recall: float
    f1: float
    mean_iou: float


def read_columns(path: Path) -> NDArray[np.float64]:
    """A CSV of numbers with one header line, shape (rows, columns)."""
    with path.open(newline="") as file:
        rows = list(csv.reader(file))
    return np.array(rows[1:], dtype=np.float64).reshape(len(rows) - 1, len(rows[0]))


def accuracy(result: Consensus, gold: dict[int, int]) -> tuple[float, float]:
    """Share of gold tasks that are right: with ties as fractions, and with ties as they were drawn."""
    fraction, drawn = [], []
    for index, task in enumerate(result.task):
        if int(task) not in gold:
            continue
        shares = result.posteriors.of(index)
        top = [label for label, share in shares.items() if share >= max(shares.values()) - EPSILON]
        fraction.append((gold[int(task)] in top) / len(top))
        drawn.append(int(result.label[index]) == gold[int(task)])
    return float(np.mean(fraction)), float(np.mean(drawn))


def measure_classes(folder: Path, method: str) -> tuple[float, float, float]:
    """Accuracy with fractional ties, accuracy with drawn ties, seconds."""
    rows = read_columns(folder / "answers.csv").astype(np.int64)
    gold = {int(task): int(label) for task, label in read_columns(folder / "gold.csv")}
    start = time.perf_counter()
    result = method_named(method).fit_predict(Answers.of(*rows.T))
    seconds = time.perf_counter() - start
    return *accuracy(result, gold), seconds


def cluster_boxes(folder: Path) -> tuple[BoxConsensus, float]:
    """All clusters of the box set, and the seconds that they took."""
    rows = read_columns(folder / "answers.csv")
    task, worker, label = rows[:, 0].astype(int), rows[:, 1].astype(int), rows[:, 6].astype(int)
    start = time.perf_counter()
    found = BoxClustering().fit_predict(BoxAnswers.of(task, worker, label, rows[:, 2:6]))
    return found, time.perf_counter() - start


def score_boxes(found: BoxConsensus, gold: NDArray[np.float64], *, threshold: float) -> BoxScore:
    """Clusters with at least this existence against gold rows of task, x1, y1, x2, y2, class."""
    kept = found.existence >= threshold
    overlaps: list[float] = []
    for task in np.unique(gold[:, 0]):
        table = pairwise_iou(found.box[kept & (found.task == task)], gold[gold[:, 0] == task, 1:5])
        hit = table >= MATCH_IOU
        rows, columns = linear_sum_assignment(np.where(hit, table + len(gold), 0.0), maximize=True)
        overlaps.extend(table[rows, columns][hit[rows, columns]])
    matched, made, true = len(overlaps), int(kept.sum()), len(gold)
    return BoxScore(matched / made, matched / true, 2 * matched / (made + true), float(np.mean(overlaps)))


def report(crowd: Path) -> Iterator[str]:
    yield f"{'set':<14}{'method':<12}{'accuracy':>9}{'drawn':>9}{'seconds':>9}"
    for name in CLASS_SETS:
        for method in METHODS:
            fraction, drawn, seconds = measure_classes(crowd / name, method)
            yield f"{name:<14}{method:<12}{fraction:>9.4f}{drawn:>9.4f}{seconds:>9.3f}"
    found, seconds = cluster_boxes(crowd / BOX_SET)
    gold = read_columns(crowd / BOX_SET / "gold.csv")
    yield ""
    yield f"{BOX_SET}: {len(found.task):,} clusters in {seconds:.2f} s; gold at IoU >= {MATCH_IOU}, class-agnostic"
    yield f"{'existence >=':<14}{'precision':>10}{'recall':>9}{'F1':>9}{'mean IoU':>10}"
    for threshold in (0.0, 0.5, 0.75):
        score = score_boxes(found, gold, threshold=threshold)
        yield (f"{threshold:<14.2f}{score.precision:>10.4f}{score.recall:>9.4f}{score.f1:>9.4f}{score.mean_iou:>10.4f}")


def main() -> int:
    crowd = Path(sys.argv[1]) if len(sys.argv) > 1 else CROWD
    if not (crowd / BOX_SET).is_dir():
        print("The measuring data is not here; put it at ../shared/data/crowd beside the checkout or name its folder.")
        return 1
    for line in report(crowd):
        print(line)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
