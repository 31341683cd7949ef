"""Made-up crowds for the tests of consensus methods."""

from __future__ import annotations

import numpy as np

from annotary_core.labels.arrays import IntArray


def crowd_columns(
    rng: np.random.Generator, *, tasks: int, workers: int, classes: int
) -> tuple[IntArray, IntArray, IntArray, IntArray]:
    """Columns task, worker, label of an uneven crowd, some answering a task twice, and the truth of each task.

    Worker w is right with a probability from .95 down to chance; wrong answers favour the next class.
    """
    truth = rng.integers(0, classes, tasks)
    rows = int(tasks * min(workers, 4))
    task = np.sort(np.concatenate([np.arange(tasks), rng.integers(0, tasks, rows)]))
    worker = rng.integers(0, workers, len(task))
    right = rng.random(len(task)) < np.linspace(0.95, 1 / classes, workers)[worker]
    wrong = (truth[task] + rng.choice([1, 1, 2], len(task))) % classes
    return task, worker, np.where(right, truth[task], wrong).astype(np.int64), truth
