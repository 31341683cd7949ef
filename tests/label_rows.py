"""Synthetic crowds for tests of consensus methods."""

from __future__ import annotations

import numpy as np

from annotary_core.labels.arrays import IntArray


def crowd_columns(
    rng: np.random.Generator, *, tasks: int, workers: int, classes: int
) -> tuple[IntArray, IntArray, IntArray, IntArray]:
    """Columns task, worker, label of workers with different accuracy, some of whom answer a task twice, and the truth.

    The accuracy falls with the worker id from .95 to chance; wrong answers favor the next class. truth: class of each
    task, shape (tasks,).
    """
    truth = rng.integers(0, classes, tasks)
    rows = int(tasks * min(workers, 4))
    task = np.sort(np.concatenate([np.arange(tasks), rng.integers(0, tasks, rows)]))
    worker = rng.integers(0, workers, len(task))
    correct = rng.random(len(task)) < np.linspace(0.95, 1 / classes, workers)[worker]
    wrong = (truth[task] + rng.choice([1, 1, 2], len(task))) % classes
    return task, worker, np.where(correct, truth[task], wrong).astype(np.int64), truth
