"""Compare online posteriors with a batch fit of the same answers, in a replay of complete answers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np

from annotary_core.aggregation.base import Answers
from annotary_core.aggregation.classification.blend import Blend, fit_blend
from annotary_core.aggregation.classification.encoding import EncodedAnswers
from annotary_core.aggregation.classification.result import consensus_from_posteriors
from annotary_core.aggregation.online.posteriors import OnlinePosteriors
from annotary_core.aggregation.replay.classification import accuracy


@dataclass(frozen=True, slots=True)
class OnlinePoint:
    """Accuracy on the gold tasks that have answers, ties as fractions.

    answers: number of answers so far. before: online, with a state that predates the newest answers. after: online,
    with a state that was just refitted. batch: the default method fitted to the same answers.
    """

    answers: int
    before: float
    after: float
    batch: float


def replay_online(
    answers: Answers, gold: Mapping[int, int], *, refit_every: int, seed: int = 0, compiled: bool | None = None
) -> list[OnlinePoint]:
    """Replay the answers one at a time in random order, with a refit after every `refit_every` answers and at the end.

    gold: task -> true class, used only for the accuracy; points before the first answer to a gold task are omitted.
    """
    plain = replace(answers, gold={}, weights=None)
    order = np.random.default_rng(seed).permutation(len(plain.task))
    # Sorted canonically first, so that the order of the rows has no effect.
    order = np.lexsort((plain.label, plain.worker, plain.task))[order]
    task, worker, label = plain.task[order], plain.worker[order], plain.label[order]
    no_answers = replace(plain, task=task[:0], worker=worker[:0], label=label[:0])
    online = OnlinePosteriors(fit_blend(no_answers), compiled=compiled)
    points: list[OnlinePoint] = []
    for start in range(0, len(order), refit_every):
        part = slice(start, start + refit_every)
        online.add_all(task[part], worker[part], label[part])
        arrived = online.answers
        before = _accuracy(online, arrived, gold)
        online.swap(fit_blend(arrived))
        batch = accuracy(Blend().fit_predict(arrived), gold)
        after = _accuracy(online, arrived, gold)
        if before is not None and after is not None and batch is not None:
            points.append(OnlinePoint(len(arrived.task), before, after, batch))
    return points


def _accuracy(online: OnlinePosteriors, arrived: Answers, gold: Mapping[int, int]) -> float | None:
    encoded = EncodedAnswers.of(arrived, repeats="share")
    tasks, posterior = online.posteriors()
    return accuracy(
        consensus_from_posteriors(encoded, posterior[np.argsort(tasks)], np.ones(len(encoded.workers)), seed=0), gold
    )
