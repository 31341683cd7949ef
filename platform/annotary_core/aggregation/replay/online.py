"""How near online posteriors stay to a fit of the same answers, played back over answers that were all given."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np

from annotary_core.aggregation.base import Answers
from annotary_core.aggregation.classification.blend import Blend, fit_blend
from annotary_core.aggregation.classification.encoding import Coded
from annotary_core.aggregation.classification.result import outcome
from annotary_core.aggregation.online.posteriors import OnlinePosteriors
from annotary_core.aggregation.replay.classification import accuracy


@dataclass(frozen=True, slots=True)
class OnlinePoint:
    """Accuracy on the gold tasks that have answers, ties as fractions.

    answers: how many had come. before: online, by a state that has not seen the newest of them. after: online, by a
    state fitted just now. batch: of the default method fitted to the same answers.
    """

    answers: int
    before: float
    after: float
    batch: float


def replay_online(
    answers: Answers, gold: Mapping[int, int], *, refit_every: int, seed: int = 0, compiled: bool | None = None
) -> list[OnlinePoint]:
    """The answers in an order drawn by lot, one at a time; a refit after every `refit_every` of them and at the end.

    gold: task -> true class, for the accuracy alone; a point is left out while no gold task has an answer.
    """
    bare = replace(answers, gold={}, weights=None)
    order = np.random.default_rng(seed).permutation(len(bare.task))
    # Canonical first, so that the order of the rows plays no part.
    order = np.lexsort((bare.label, bare.worker, bare.task))[order]
    task, worker, label = bare.task[order], bare.worker[order], bare.label[order]
    nothing = replace(bare, task=task[:0], worker=worker[:0], label=label[:0])
    online = OnlinePosteriors(fit_blend(nothing), compiled=compiled)
    points: list[OnlinePoint] = []
    for at in range(0, len(order), refit_every):
        part = slice(at, at + refit_every)
        online.add_all(task[part], worker[part], label[part])
        come = online.answers
        before = _accuracy(online, come, gold)
        online.swap(fit_blend(come))
        batch = accuracy(Blend().fit_predict(come), gold)
        after = _accuracy(online, come, gold)
        if before is not None and after is not None and batch is not None:
            points.append(OnlinePoint(len(come.task), before, after, batch))
    return points


def _accuracy(online: OnlinePosteriors, come: Answers, gold: Mapping[int, int]) -> float | None:
    coded = Coded.of(come, repeats="share")
    tasks, posterior = online.posteriors()
    return accuracy(outcome(coded, posterior[np.argsort(tasks)], np.ones(len(coded.workers)), seed=0), gold)
