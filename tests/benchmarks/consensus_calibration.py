"""Benchmark the calibration of confidence: `python tests/benchmarks/consensus_calibration.py [folder]`.

No method sees the gold classes. Log loss is in nats per gold task, lower is better; "ECE" is the expected calibration
error in percentage points; "conf" and "acc" are the mean confidence and the accuracy in percent.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np

from annotary_core.aggregation.base import Answers, Consensus
from annotary_core.aggregation.classification.blend import fit_blend
from annotary_core.aggregation.classification.predict import FittedBlend
from annotary_core.aggregation.label_quality.calibration import calibrate
from annotary_core.aggregation.registry import get_method
from tests.benchmarks.consensus_accuracy import CLASS_SETS, class_set
from tests.benchmarks.consensus_boxes import run

NAMES = ("majority", "one-coin", "dawid-skene", "untempered", "blend")


def result_of(name: str, answers: Answers) -> Consensus:
    """The consensus of a method; "untempered" is the blend without tempering."""
    if name != "untempered":
        return get_method(name).fit_predict(answers)
    return FittedBlend(replace(fit_blend(answers), error_correlation=0.0)).fit_predict(answers)


def report(crowd: Path) -> Iterator[str]:
    yield f"{'':<12}" + "".join(f"{name:^32}" for name in NAMES)
    yield f"{'':<12}" + "".join(f"{'log loss':>10}{'ECE':>7}{'conf':>7}{'acc':>7} " for _ in NAMES)
    losses: dict[str, list[float]] = {name: [] for name in NAMES}
    for folder in CLASS_SETS:
        answers, gold = class_set(crowd / folder)
        line = f"{folder:<12}"
        for name in NAMES:
            calibration = calibrate(result_of(name, answers), gold)
            losses[name].append(calibration.log_loss)
            line += f"{calibration.log_loss:>10.3f}{calibration.error * 100:>7.1f}{calibration.confidence * 100:>7.1f}"
            line += f"{calibration.accuracy * 100:>7.1f} "
        yield line
    yield f"{'mean':<12}" + "".join(f"{np.mean(losses[name]):>10.3f}{'':>22}" for name in NAMES)


if __name__ == "__main__":
    raise SystemExit(run(report))
