"""Who saw which task, and from that who was silent about each cluster."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from annotary_core.aggregation.objects.existence import BLANK_LOOKS, stray_odds
from annotary_core.aggregation.objects.matching import Similarity, alike_pairs
from annotary_core.aggregation.objects.sightings import Sightings
from annotary_core.labels.arrays import BoolArray, FloatArray, IntArray


@dataclass(frozen=True, slots=True)
class Witnesses:
    """Pairs of a task and a worker who saw it, each once, by task, then worker; shape (s,).

    drawn: how many objects the worker drew in the task. trust: 0 to 1 and above.
    """

    task: IntArray
    worker: IntArray
    drawn: IntArray
    trust: FloatArray

    @classmethod
    def of(
        cls, task: IntArray, worker: IntArray, seen_task: IntArray, seen_worker: IntArray, trust: FloatArray | None
    ) -> Witnesses:
        """From the rows drawn and the pairs named. Whoever drew has seen; pairs that are not named have trust 1.

        Of a pair that is named twice the last counts.
        """
        pairs = np.stack([np.concatenate([task, seen_task]), np.concatenate([worker, seen_worker])], axis=1)
        unique, at = np.unique(pairs, axis=0, return_inverse=True)
        at = at.reshape(-1)
        weight = np.ones(len(unique))
        if trust is not None:
            weight[at[len(task) :]] = trust
        drawn = np.bincount(at[: len(task)], minlength=len(unique))
        return cls(unique[:, 0], unique[:, 1], drawn.astype(np.int64), weight)

    def trust_of(self, task: IntArray, worker: IntArray) -> FloatArray:
        """The trust of each of these pairs, which are all there."""
        keys = np.stack([np.concatenate([self.task, task]), np.concatenate([self.worker, worker])], axis=1)
        at = np.unique(keys, axis=0, return_inverse=True)[1].reshape(-1)
        return self.trust[at[len(self.task) :]]

    def counts(self, task: IntArray) -> IntArray:
        """How many saw each of these tasks."""
        return self._end(task) - self._start(task)

    def seen_among(self, tasks: Iterable[int]) -> list[int]:
        """Those of the tasks that anybody saw, ascending."""
        return sorted(set(tasks) & set(self.task.tolist()))

    def _start(self, task: IntArray) -> IntArray:
        return np.searchsorted(self.task, task, side="left").astype(np.int64)

    def _end(self, task: IntArray) -> IntArray:
        return np.searchsorted(self.task, task, side="right").astype(np.int64)

    def sightings(
        self, task: IntArray, drawers: Sequence[IntArray], stray: FloatArray, excused: Sequence[IntArray] = ()
    ) -> Sightings:
        """For clusters in these tasks, shape (m,), with the workers who drew each; a cluster may have none.

        excused: workers of each cluster whose silence says nothing of it.
        """
        first, count = self._start(task), self.counts(task)
        start = np.concatenate([[0], np.cumsum(count)]).astype(np.int64)
        cluster = np.repeat(np.arange(len(task)), count)
        row = np.arange(len(cluster)) - start[cluster] + first[cluster]
        drew = _named(cluster, self.worker[row], drawers)
        looks = np.where(self.drawn[row] > 0, 1.0, BLANK_LOOKS)
        looks[_named(cluster, self.worker[row], excused)] = 0.0
        return Sightings(start, self.worker[row], drew, looks, self.trust[row], stray)


def stray_of(similarity: Similarity, task: IntArray, drawers: Sequence[IntArray], *, threshold: float) -> FloatArray:
    """The odds of each cluster to be a stray drawing of a neighbour, shape (m,).

    A neighbour counts when none of its workers drew the cluster (who drew both saw two objects) and at least as many
    drew it; of two with equally many either may be the stray one, which halves the odds.
    """
    order = np.argsort(task, kind="stable").astype(np.int64)
    pairs = alike_pairs(similarity, task, np.arange(len(task), dtype=np.int64), order)
    odds = np.zeros(len(task))
    workers = [frozenset(each.tolist()) for each in drawers]
    for a, b, value in zip(pairs.first.tolist(), pairs.second.tolist(), pairs.value.tolist(), strict=True):
        one, other = int(order[a]), int(order[b])
        if workers[one] & workers[other]:
            continue
        chance = float(stray_odds(np.array(value), threshold=threshold))
        ours, theirs = len(workers[one]), len(workers[other])
        for cluster, mine, its in ((one, ours, theirs), (other, theirs, ours)):
            if its >= mine:
                odds[cluster] = max(odds[cluster], chance / 2 if its == mine else chance)
    return odds


def _named(cluster: IntArray, worker: IntArray, named: Sequence[IntArray]) -> BoolArray:
    """Whether the worker of each entry is named for its cluster."""
    if not len(named):
        return np.zeros(len(cluster), np.bool_)
    owner = np.repeat(np.arange(len(named)), [len(each) for each in named])
    who = np.concatenate(named) if len(named) else np.empty(0, np.int64)
    code = np.unique(np.concatenate([worker, who]), return_inverse=True)[1]
    width = int(code.max(initial=0)) + 1
    return np.isin(cluster * width + code[: len(worker)], owner * width + code[len(worker) :])
