"""A fit over tasks that no one machine holds: shards add up what they know, one reduce adds the shards.

A shard is a `Coded` of some of the tasks, coded by the workers and classes of the whole (`Coded.of(..., workers=...)`
with all `classes` in the answers). An iteration sends the parameters to the shards, each job reads its shard and
returns its statistics (`shard_statistics`), and one job adds them and moves the parameters (`step`). Addition in the
fixed order of the shards makes results repeat; from a fit of all tasks at once they differ by rounding alone.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from annotary_core.aggregation.classification.em import (
    ClassModel,
    Climb,
    Parameters,
    WorkerModel,
    climb,
    expect,
    maximise,
)
from annotary_core.aggregation.classification.encoding import Coded
from annotary_core.aggregation.classification.kernels import Choice, kernel_for
from annotary_core.aggregation.classification.sufficient_statistics import Statistics
from annotary_core.labels.arrays import FloatArray


@dataclass(frozen=True, slots=True)
class Step:
    """What one reduce gives: the next parameters, and the bound of those that the statistics came from."""

    parameters: Parameters
    bound: float


def start_statistics(shard: Coded, *, kernel: Choice = "auto") -> Statistics:
    """The statistics that a fit starts from: those of each class's share of the votes."""
    return kernel_for(shard, kernel).count(shard.shares())


def shard_statistics(
    shard: Coded, log_theta: FloatArray, log_class_prior: FloatArray, *, kernel: Choice = "auto"
) -> Statistics:
    """The E-step of one shard; log_theta of shape (w, k, l), log_class_prior of shape (k,)."""
    return expect(shard, log_theta, log_class_prior, kernel=kernel)[1]


def reduce(parts: Iterable[Statistics]) -> Statistics:
    """The sum in the given order; raises ValueError when there is no part."""
    total: Statistics | None = None
    for part in parts:
        total = part if total is None else total + part
    if total is None:
        raise ValueError("A fit needs at least one shard.")
    return total


def step(statistics: Statistics, before: Parameters, worker_model: WorkerModel, class_model: ClassModel) -> Step:
    """The reduce of one iteration, `statistics` being those of all shards under the parameters `before`."""
    prior = worker_model.log_prior(before.log_theta) + class_model.log_prior(before.log_class_prior)
    return Step(parameters=maximise(statistics, worker_model, class_model), bound=statistics.log_likelihood + prior)


def fit_sharded(
    shards: Callable[[], Iterable[Coded]],
    worker_model: WorkerModel,
    class_model: ClassModel,
    *,
    max_iterations: int = 100,
    tolerance: float = 1e-6,
    kernel: Choice = "auto",
) -> Climb:
    """em.fit with one shard in memory at a time; `shards` is called anew for each iteration.

    The posteriors of a shard are `em.expect` under the parameters returned.
    """
    return climb(
        reduce(start_statistics(shard, kernel=kernel) for shard in shards()),
        lambda now: reduce(
            shard_statistics(shard, now.log_theta, now.log_class_prior, kernel=kernel) for shard in shards()
        ),
        worker_model,
        class_model,
        max_iterations=max_iterations,
        tolerance=tolerance,
    )


def split(coded: Coded, *, rows: int) -> list[Coded]:
    """Shards of about so many rows each, in the order of the tasks; at least one."""
    marks = np.searchsorted(coded.start, np.arange(rows, len(coded.cell), rows))
    edges = np.unique(np.concatenate([[0], marks, [len(coded.tasks)]]))
    return [coded.part(int(first), int(last)) for first, last in pairwise(edges)] or [coded]
