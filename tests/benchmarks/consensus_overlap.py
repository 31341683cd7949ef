"""Benchmark the stopping rule (answers saved, accuracy kept), its guard, and online posteriors on real labels.

`python tests/benchmarks/consensus_overlap.py [--data FOLDER] [--seeds N] [--sets NAME,...] [--thresholds T,...]`.
Figures are means over seeds of the arrival order. Ties count as fractions.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from annotary_core.aggregation.io.tables import ClassTable, read_answers
from annotary_core.aggregation.replay.online import replay_online
from annotary_core.aggregation.replay.policies import Policy
from annotary_core.aggregation.replay.replay import replay_policies
from annotary_core.aggregation.stopping import DEFAULT_THRESHOLD

ROOT = Path(__file__).resolve().parents[2]
CROWD = ROOT.parent / "shared" / "data" / "crowd"
CLASS_SETS = ("bluebirds", "dog", "rte", "d_possent", "d_product", "sp", "cf", "zencrowd_us", "s_rel")
#: From requesting every answer that could change a label to stopping immediately.
LADDER = (1e-5, 1e-3, 5e-3, 2e-2, 5e-2, 0.2, 1.0)
#: Refits of a data set while its answers arrive.
REFITS = 10


@dataclass(frozen=True, slots=True)
class Saving:
    """Means over the seeds, as fractions. lead: minimum lead in accuracy over the majority vote on the same answers."""

    answers: float
    used: float
    whole: float
    accuracy: float
    majority: float
    lead: float


def classes_of(crowd: Path, name: str) -> ClassTable:
    """Read a data set of class labels with its gold."""
    table = read_answers(crowd / name / "answers.csv", crowd / name / "gold.csv")
    if not isinstance(table, ClassTable):
        raise ValueError(f"The data set {name} does not contain classes.")
    return table


def saving(table: ClassTable, threshold: float, seeds: Sequence[int]) -> Saving:
    """The answers that the stopping rule saves on a data set with gold, and the cost in accuracy."""
    rules = [Policy(threshold=threshold, seed=seed) for seed in seeds]
    full, *parts = replay_policies(table.answers, table.answers.gold, [Policy(), *rules])
    accuracy = [part.accuracy or 0.0 for part in parts]
    majority = [part.majority_accuracy or 0.0 for part in parts]
    return Saving(
        answers=float(np.mean([part.labels_per_task for part in parts])),
        used=float(np.mean([part.share_of_all for part in parts])),
        whole=full.accuracy or 0.0,
        accuracy=float(np.mean(accuracy)),
        majority=float(np.mean(majority)),
        lead=min(a - b for a, b in zip(accuracy, majority, strict=True)),
    )


def online_gaps(table: ClassTable, seeds: Sequence[int]) -> tuple[float, float, float]:
    """Online accuracy below the batch fit: maximum before a refit, before the last refit, and maximum after a refit."""
    size = len(table.answers.task)
    runs = [
        replay_online(table.answers, table.answers.gold, refit_every=-(-size // REFITS), seed=seed) for seed in seeds
    ]
    return (
        max(point.batch - point.before for points in runs for point in points),
        max(points[-1].batch - points[-1].before for points in runs),
        max(abs(point.batch - point.after) for points in runs for point in points),
    )


def overlap_table(crowd: Path, sets: Sequence[str], thresholds: Sequence[float], seeds: Sequence[int]) -> Iterator[str]:
    yield f"Stopping rule, mean of {len(seeds)} arrival orders. lead: minimum over majority vote on the same answers."
    yield (
        f"{'set':<13}{'threshold':>10}{'answers':>9}{'saved':>8}{'all':>8}{'rule':>8}{'change':>8}"
        f"{'majority':>10}{'lead':>8}"
    )
    for name in sets:
        table = classes_of(crowd, name)
        for threshold in thresholds:
            row = saving(table, threshold, seeds)
            yield (
                f"{name:<13}{threshold:>10g}{row.answers:>9.2f}{1 - row.used:>8.1%}{row.whole:>8.4f}"
                f"{row.accuracy:>8.4f}{100 * (row.accuracy - row.whole):>+8.2f}{row.majority:>10.4f}"
                f"{100 * row.lead:>+8.2f}"
            )


def guard_table(crowd: Path, sets: Sequence[str], seeds: Sequence[int]) -> Iterator[str]:
    yield f"Minimum lead over majority vote on the same answers, in points, of {len(seeds)} orders, by threshold."
    yield f"{'set':<13}" + "".join(f"{threshold:>9g}" for threshold in LADDER)
    for name in sets:
        table = classes_of(crowd, name)
        leads = [100 * saving(table, threshold, seeds).lead for threshold in LADDER]
        yield f"{name:<13}" + "".join(f"{lead:>+9.2f}" for lead in leads)


def online_table(crowd: Path, sets: Sequence[str], seeds: Sequence[int]) -> Iterator[str]:
    yield f"Online accuracy below the batch fit of the same answers, {REFITS} refits per data set, in points."
    yield f"{'set':<13}{'worst before refit':>22}{'before last':>17}{'worst after':>17}"
    for name in sets:
        worst, last, after = online_gaps(classes_of(crowd, name), seeds)
        yield f"{name:<13}{100 * worst:>22.2f}{100 * last:>17.2f}{100 * after:>17.2f}"


def report(
    crowd: Path,
    sets: Sequence[str] = CLASS_SETS,
    thresholds: Sequence[float] = (DEFAULT_THRESHOLD,),
    seeds: Sequence[int] = range(3),
) -> Iterator[str]:
    yield from overlap_table(crowd, sets, thresholds, seeds)
    yield ""
    yield from guard_table(crowd, sets, seeds[:2])
    yield ""
    yield from online_table(crowd, sets, seeds[:1])


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, default=CROWD)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--sets", default=",".join(CLASS_SETS))
    parser.add_argument("--thresholds", default=str(DEFAULT_THRESHOLD))
    options = parser.parse_args(arguments)
    sets, seeds = options.sets.split(","), range(options.seeds)
    if not (options.data / sets[0]).is_dir():
        print("The benchmark data is missing; put it in ../shared/data/crowd next to the checkout or pass its folder.")
        return 1
    thresholds = [float(text) for text in options.thresholds.split(",")]
    for line in report(options.data, sets, thresholds, seeds):
        print(line, flush=True)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
