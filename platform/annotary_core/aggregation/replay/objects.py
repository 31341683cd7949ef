"""Replay of object answers (see policies.py): an answer is all objects a worker drew in an image, or an empty one.

The decisions of an image are, for each cluster, whether the object exists and which class it has. There may also be
objects that no worker has drawn yet, some of which the next worker will find. Their number is estimated from the
detected objects: all workers so far would have missed a share q of the existing objects, so each detected object stands
for q / (1 - q) undetected ones.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Generic, TypeVar

import numpy as np

from annotary_core.aggregation.objects.clustering import ObjectAnswers, ObjectClustering, ObjectConsensus
from annotary_core.aggregation.registry import get_method
from annotary_core.aggregation.replay.answer_order import AnswerOrder
from annotary_core.aggregation.replay.policies import PolicyScore
from annotary_core.aggregation.stopping import binary_gains, sparse_gains, sum_by_task
from annotary_core.labels.arrays import BoolArray, FloatArray, IntArray
from annotary_core.labels.matching import SAME_OBJECT, assign, similarity_matrix
from annotary_core.labels.shapes.base import Column

#: Minimum existence posterior at which an object counts as detected.
EXISTENCE_THRESHOLD = 0.5
#: Assumed accuracy of an answer that names one of two classes.
_CLASS_ACCURACY = 0.8

C = TypeVar("C", bound=Column)


class ObjectReplayData(Generic[C]):
    """Object answers to replay. gold: task -> all of its objects, where they are known. full_consensus: the cached
    consensus of all answers by method.
    """

    def __init__(
        self,
        answers: ObjectAnswers[C],
        gold: Mapping[int, C] | None,
        method: str,
        seed: int,
        full_consensus: dict[str, ObjectConsensus[C]],
    ) -> None:
        pairs = np.unique(
            np.concatenate(
                [
                    np.stack([answers.seen_task, answers.seen_worker], axis=1),
                    np.stack([answers.task, answers.worker], axis=1),
                ]
            ),
            axis=0,
        )
        # Trust in pairs is dropped: it comes from gold on the platform, which a file does not have.
        self._answers = replace(answers, seen_task=pairs[:, 0], seen_worker=pairs[:, 1], weights=None)
        self._arrivals = AnswerOrder.of(pairs[:, 0], pairs[:, 1], seed=seed)
        self._pair_of = _pair_indices(pairs, np.stack([answers.task, answers.worker], axis=1))
        self._gold, self._full_consensus, self._name = gold, full_consensus, method
        self._clustering = ObjectClustering(method=get_method(method), fuse_exactly=False)

    @property
    def available(self) -> IntArray:
        return self._arrivals.available

    def gains(self, answers: IntArray, remaining: IntArray) -> FloatArray:
        consensus = self._consensus(answers)
        tasks = self._arrivals.tasks
        task_index = np.searchsorted(tasks, consensus.task)
        detection = consensus.rates.pooled_detection
        remaining_per_cluster = remaining[task_index]
        existence_gain = binary_gains(
            consensus.existence, (detection + 1 - consensus.rates.echo) / 2, remaining=remaining_per_cluster
        )
        class_gain = sparse_gains(
            consensus.classes.posteriors, _CLASS_ACCURACY, consensus.classes.label[:0], remaining=remaining_per_cluster
        )
        miss_probability = (1 - detection) ** answers[task_index]
        undetected = consensus.existence * miss_probability / np.maximum(1 - miss_probability, 1e-9)
        gain = (
            existence_gain
            + consensus.existence * class_gain
            + np.where(remaining_per_cluster > 0, detection * undetected, 0.0)
        )
        return sum_by_task(task_index, gain, len(tasks))

    def refit_if_stale(self) -> bool:
        return False

    def evaluate(self, answers: IntArray) -> PolicyScore:
        consensus = self._consensus(answers)
        if self._name not in self._full_consensus:
            self._full_consensus[self._name] = self._consensus(self.available)
        full = self._full_consensus[self._name]
        released, full_released = consensus.existence >= EXISTENCE_THRESHOLD, full.existence >= EXISTENCE_THRESHOLD
        kept = _by_task(full.task[full_released], full.geometry.take(np.flatnonzero(full_released)))
        nothing = full.geometry.take(np.empty(0, np.int64))
        truth = {task: kept.get(task, nothing) for task in self._arrivals.tasks.tolist()}
        agreement = f1(consensus.task[released], consensus.geometry.take(np.flatnonzero(released)), truth)
        return PolicyScore(
            accuracy=self._gold_f1(consensus, released),
            majority_accuracy=self._gold_f1(consensus, 2 * consensus.votes >= consensus.seen),
            agreement=1.0 if agreement is None else agreement,
        )

    def _gold_f1(self, consensus: ObjectConsensus[C], kept: BoolArray) -> float | None:
        gold = self._gold
        if gold is None:
            return None
        return f1(consensus.task[kept], consensus.geometry.take(np.flatnonzero(kept)), gold)

    def _consensus(self, answers: IntArray) -> ObjectConsensus[C]:
        arrived = self._arrivals.arrived(answers)
        rows = np.flatnonzero(arrived[self._pair_of])
        all_answers = self._answers
        return self._clustering.fit_predict(
            replace(
                all_answers,
                task=all_answers.task[rows],
                worker=all_answers.worker[rows],
                label=all_answers.label[rows],
                geometry=all_answers.geometry.take(rows),
                crowd=None if all_answers.crowd is None else all_answers.crowd[rows],
                seen_task=all_answers.seen_task[arrived],
                seen_worker=all_answers.seen_worker[arrived],
            )
        )


def f1(task: IntArray, geometry: C, truth: Mapping[int, C]) -> float | None:
    """Return the F1 of objects against the true ones, matched one to one regardless of class; None without any objects.

    task: of each object, shape (n,). truth: task -> all of its objects; other tasks do not count.
    """
    predicted = matched = true = 0
    objects = _by_task(task, geometry)
    for number, true_objects in truth.items():
        true += len(true_objects.boxes())
        if number in objects:
            similarity = similarity_matrix(objects[number], true_objects)
            predicted += len(similarity)
            matched += len(assign(similarity, similarity >= SAME_OBJECT)[0])
    return 2 * matched / (predicted + true) if predicted + true else None


def _by_task(task: IntArray, geometry: C) -> dict[int, C]:
    order = np.argsort(task, kind="stable").astype(np.int64)
    tasks, start = np.unique(task[order], return_index=True)
    return {
        number: geometry.take(rows) for number, rows in zip(tasks.tolist(), np.split(order, start[1:]), strict=False)
    }


def _pair_indices(pairs: IntArray, rows: IntArray) -> IntArray:
    """Return the index of each row (task, worker) in the pairs, all of which exist."""
    _, index = np.unique(np.concatenate([pairs, rows]), axis=0, return_inverse=True)
    return np.asarray(index.reshape(-1)[len(pairs) :], np.int64)
