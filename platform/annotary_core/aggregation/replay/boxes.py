"""Boxes played back (see policies.py): an answer is all that a worker drew in an image, or that nothing is there.

The decisions of an image are, for each object found, whether it exists and which class it has; and there may be more
objects that nobody drew yet, of which the next worker finds a part. These are counted by the objects found: of those
that exist, everybody so far would have missed a share q, so for each of them q / (1 - q) are still to be found.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from scipy.optimize import linear_sum_assignment

from annotary_core.aggregation.io.tables import BoxGold
from annotary_core.aggregation.objects.box_clustering import BoxAnswers, BoxClustering, BoxConsensus
from annotary_core.aggregation.registry import method_named
from annotary_core.aggregation.replay.answer_order import Arrivals
from annotary_core.aggregation.replay.policies import Outcome
from annotary_core.aggregation.stopping import binary_gains, of_tasks, sparse_gains
from annotary_core.labels.arrays import FloatArray, IntArray
from annotary_core.labels.geometry import pairwise_iou

#: A box found is a true one from this overlap on, without regard to class.
MATCH_IOU = 0.5
#: Existence from which on an object counts as found.
EXISTS = 0.5
#: How often an answer for one of two classes is right, where no more is known.
_CLASS_ACCURACY = 0.8


class BoxScene:
    """Boxes to play back. whole: what all answers say by method, filled as it is asked."""

    def __init__(
        self, answers: BoxAnswers, gold: BoxGold | None, method: str, seed: int, whole: dict[str, BoxConsensus]
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
        # Trust in pairs is left out: it comes from check images of a platform, which a file does not have.
        self._answers = replace(answers, seen_task=pairs[:, 0], seen_worker=pairs[:, 1], weights=None)
        self._arrivals = Arrivals.of(pairs[:, 0], pairs[:, 1], seed=seed)
        self._pair_of = _places(pairs, np.stack([answers.task, answers.worker], axis=1))
        self._gold, self._whole, self._name = gold, whole, method
        self._clustering = BoxClustering(method=method_named(method))

    @property
    def available(self) -> IntArray:
        return self._arrivals.available

    def gains(self, answers: IntArray, remaining: IntArray) -> FloatArray:
        found = self._found(answers)
        tasks = self._arrivals.tasks
        at = np.searchsorted(tasks, found.task)
        detection = found.rates.pooled_detection
        left = remaining[at]
        exists = binary_gains(found.existence, (detection + 1 - found.rates.echo) / 2, remaining=left)
        classes = sparse_gains(found.classes.posteriors, _CLASS_ACCURACY, found.classes.label[:0], remaining=left)
        unseen = (1 - detection) ** answers[at]
        missed = found.existence * unseen / np.maximum(1 - unseen, 1e-9)
        gain = exists + found.existence * classes + np.where(left > 0, detection * missed, 0.0)
        return of_tasks(at, gain, len(tasks))

    def refreshed(self) -> bool:
        return False

    def outcome(self, answers: IntArray) -> Outcome:
        found = self._found(answers)
        if self._name not in self._whole:
            self._whole[self._name] = self._found(self.available)
        whole = self._whole[self._name]
        released = found.existence >= EXISTS
        quorum = 2 * found.votes >= found.seen
        sure = whole.existence >= EXISTS
        tasks = self._arrivals.tasks
        right = majority = None
        if self._gold is not None:
            right = f1(found.task[released], found.box[released], self._gold.task, self._gold.box, self._gold.tasks)
            majority = f1(found.task[quorum], found.box[quorum], self._gold.task, self._gold.box, self._gold.tasks)
        same = f1(found.task[released], found.box[released], whole.task[sure], whole.box[sure], tasks)
        return Outcome(accuracy=right, majority_accuracy=majority, agreement=1.0 if same is None else same)

    def _found(self, answers: IntArray) -> BoxConsensus:
        come = self._arrivals.come(answers)
        rows = come[self._pair_of]
        given = self._answers
        return self._clustering.fit_predict(
            replace(
                given,
                task=given.task[rows],
                worker=given.worker[rows],
                label=given.label[rows],
                box=given.box[rows],
                crowd=None if given.crowd is None else given.crowd[rows],
                seen_task=given.seen_task[come],
                seen_worker=given.seen_worker[come],
            )
        )


def f1(task: IntArray, box: FloatArray, true_task: IntArray, true_box: FloatArray, among: IntArray) -> float | None:
    """F1 of boxes against true ones in the tasks `among`, matched one to one; None when there are none of either."""
    made = matched = true = 0
    for number in among.tolist():
        ours, theirs = box[task == number], true_box[true_task == number]
        made, true = made + len(ours), true + len(theirs)
        if len(ours) and len(theirs):
            overlap = pairwise_iou(ours, theirs)
            # The bonus makes the number of matches count before their overlap.
            value = np.where(overlap >= MATCH_IOU, overlap + len(theirs), 0.0)
            rows, columns = linear_sum_assignment(value, maximize=True)
            matched += int((overlap[rows, columns] >= MATCH_IOU).sum())
    return 2 * matched / (made + true) if made + true else None


def _places(pairs: IntArray, rows: IntArray) -> IntArray:
    """Where each row (task, worker) stands among the pairs, all of which are there."""
    _, place = np.unique(np.concatenate([pairs, rows]), axis=0, return_inverse=True)
    return np.asarray(place.reshape(-1)[len(pairs) :], np.int64)
