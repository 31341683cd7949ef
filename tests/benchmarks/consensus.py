"""Measure the consensus methods on real crowd labels: `python tests/benchmarks/consensus.py [data folder]`.

The data lies beside the checkout in ../shared/data/crowd and is not part of the project. Ties count as fractions: a tie
of two classes with the true one among them is half right.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

from tasks.consensus.algorithms.base import Answers, Consensus  # noqa: E402
from tasks.consensus.algorithms.majority import EPSILON  # noqa: E402
from tasks.consensus.algorithms.registry import METHODS, method_named  # noqa: E402
from tests.benchmarks.consensus_boxes import BOX_SET, CROWD, read_columns  # noqa: E402
from tests.benchmarks.consensus_boxes import report as box_report  # noqa: E402

CLASS_SETS = ("bluebirds", "dog", "rte", "d_possent", "d_product", "sp", "cf", "zencrowd_us", "s_rel")


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


def report(crowd: Path) -> Iterator[str]:
    yield f"{'set':<14}{'method':<12}{'accuracy':>9}{'drawn':>9}{'seconds':>9}"
    for name in CLASS_SETS:
        for method in METHODS:
            fraction, drawn, seconds = measure_classes(crowd / name, method)
            yield f"{name:<14}{method:<12}{fraction:>9.4f}{drawn:>9.4f}{seconds:>9.3f}"
    yield ""
    yield from box_report(crowd)


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
