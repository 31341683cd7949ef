"""Benchmark the class methods on real crowd labels: `python tests/benchmarks/consensus_accuracy.py [data folder]`.

Compares every method of the registry with those of crowd-kit, on the same machine in the same run. Accuracy is that on
gold tasks; ties count as fractions: a tie of two classes that includes the true one counts one half. crowd-kit's labels
are used with its own tie breaking, except for majority vote, where its vote shares are used. GLAD and MACE take minutes
on the largest data sets and are omitted there ("-").
"""

from __future__ import annotations

import time
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from annotary_core.aggregation.base import Answers, Consensus
from annotary_core.aggregation.classification.majority import EPSILON
from annotary_core.aggregation.registry import DEFAULT_METHOD, METHODS, get_method
from annotary_core.labels.arrays import IntArray
from tests.benchmarks.consensus_boxes import read_columns, run

CLASS_SETS = ("bluebirds", "dog", "rte", "d_possent", "d_product", "sp", "cf", "zencrowd_us", "s_rel")
#: crowd-kit's methods, with the maximum number of rows for each.
ORACLES = {
    "MajorityVote": 10**9,
    "Wawa": 10**9,
    "DawidSkene": 10**9,
    "OneCoinDawidSkene": 10**9,
    "GLAD": 21_000,
    "MACE": 30_000,
}
#: Percentage points that the default may be below the best method of crowd-kit.
ALLOWED = 2.0


def class_set(folder: Path) -> tuple[Answers, dict[int, int]]:
    """The answers and the gold classes of a data set."""
    rows = read_columns(folder / "answers.csv").astype(np.int64)
    return Answers.of(*rows.T), {int(task): int(label) for task, label in read_columns(folder / "gold.csv")}


def accuracy(result: Consensus, gold: dict[int, int]) -> tuple[float, float]:
    """Accuracy on gold tasks: with ties as fractions, and with ties as broken."""
    fraction, with_tie_breaks = [], []
    for index, task in enumerate(result.task):
        if int(task) not in gold:
            continue
        shares = result.posteriors.of(index)
        top = [label for label, share in shares.items() if share >= max(shares.values()) - EPSILON]
        fraction.append((gold[int(task)] in top) / len(top))
        with_tie_breaks.append(int(result.label[index]) == gold[int(task)])
    return float(np.mean(fraction)), float(np.mean(with_tie_breaks))


def measure_classes(folder: Path, method: str) -> tuple[float, float, float]:
    """Accuracy with ties as fractions, accuracy with ties as broken, seconds."""
    answers, gold = class_set(folder)
    start = time.perf_counter()
    result = get_method(method).fit_predict(answers)
    seconds = time.perf_counter() - start
    return *accuracy(result, gold), seconds


def measure_oracle(name: str, answers: Answers, gold: dict[int, int]) -> float:
    """Accuracy of a crowd-kit method."""
    import crowdkit.aggregation
    import pandas as pd

    frame: Any = pd.DataFrame({"task": answers.task, "worker": answers.worker, "label": answers.label})
    gold_tasks = np.intersect1d(np.array(list(gold)), answers.task)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        method = getattr(crowdkit.aggregation, name)()
        if name == "MajorityVote":
            shares = method.fit_predict_proba(frame).sort_index(axis=1)
            return _fraction(
                shares.loc[gold_tasks].to_numpy(), np.array(shares.columns), [gold[task] for task in gold_tasks]
            )
        labels = method.fit_predict(frame).loc[gold_tasks].to_numpy()
    return float(np.mean(labels == [gold[task] for task in gold_tasks]))


def _fraction(shares: Any, classes: IntArray, truth: list[int]) -> float:
    top = shares >= shares.max(axis=1, keepdims=True) - EPSILON
    contains_truth = top[np.arange(len(truth)), np.searchsorted(classes, truth)]
    return float((contains_truth / top.sum(axis=1)).mean())


def report(crowd: Path) -> Iterator[str]:
    names = [*METHODS, *ORACLES]
    yield "accuracy on gold tasks in percent; crowd-kit on the right"
    yield f"{'':<12}" + "".join(f"{_short(name):>10}" for name in names) + f"{'default':>10}{'best':>8}{'off by':>8}"
    table: dict[str, list[float]] = {name: [] for name in names}
    for name in CLASS_SETS:
        answers, gold = class_set(crowd / name)
        row = {method: accuracy(get_method(method).fit_predict(answers), gold)[0] * 100 for method in METHODS}
        for oracle, max_rows in ORACLES.items():
            fits = len(answers.task) <= max_rows
            row[oracle] = measure_oracle(oracle, answers, gold) * 100 if fits else float("nan")
        for method, value in row.items():
            table[method].append(value)
        best = float(np.nanmax([row[oracle] for oracle in ORACLES]))
        difference = row[DEFAULT_METHOD] - best
        yield (
            f"{name:<12}" + "".join(_cell(row[method]) for method in names) + f"{row[DEFAULT_METHOD]:>10.1f}"
            f"{best:>8.1f}{difference:>+8.1f}{'' if difference >= -ALLOWED else '  too far'}"
        )
    yield f"{'mean':<12}" + "".join(_cell(float(np.mean(table[name]))) for name in names)


def _cell(value: float) -> str:
    return f"{'-':>10}" if np.isnan(value) else f"{value:>10.1f}"


def _short(name: str) -> str:
    return {
        "weighted-majority": "weighted",
        "dawid-skene": "DS",
        "dawid-skene-map": "DS map",
        "MajorityVote": "|      MV",
        "DawidSkene": "DS",
        "OneCoinDawidSkene": "one-coin",
    }.get(name, name)


if __name__ == "__main__":
    raise SystemExit(run(report))
