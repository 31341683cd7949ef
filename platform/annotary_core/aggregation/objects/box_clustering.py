"""Agreed boxes: boxes of several workers that mean the same object become one.

1. Boxes cluster without regard to class (objects/matching.py), at most one a worker in a cluster.
2. The class of a cluster is a class result of any method, its box a precision-weighted estimate (objects/location.py).
3. Its existence is a posterior from what each worker detects and invents (objects/existence.py). Who answered "empty"
   has seen the task; who could not tell has not.
4. Crowd regions take in the boxes that lie in them, or yield to them (objects/crowds.py).

The workers' rates are learnt from all answers given and from gold, or handed in to judge a task alone. No cluster is
dropped here: the threshold belongs to whoever releases. One half is right for it, as the posterior means what it says;
the share of those who saw the task does not (a quorum of two loses a third of the true objects on CytoCrowd).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import ArrayLike

from annotary_core.aggregation.base import FARTHEST, Consensus, Method, check_weights
from annotary_core.aggregation.objects.clustering import ObjectAnswers, ObjectClustering
from annotary_core.aggregation.objects.existence import DetectionRates
from annotary_core.aggregation.objects.existence_em import History
from annotary_core.aggregation.objects.geometry_types import Boxes
from annotary_core.labels.arrays import BoolArray, FloatArray, IntArray


@dataclass(frozen=True, slots=True)
class BoxAnswers:
    """Boxes in columns, and who saw what.

    task, worker, label: shape (n,); box: shape (n, 4), x1, y1, x2, y2 in pixels of the upright image.
    seen_task, seen_worker: shape (s,), the workers who looked at each task, with boxes or without, each pair once; a
    pair that drew a box is added when it is missing. weights: trust in each of these pairs, shape (s,), None means 1.
    crowd: which rows are regions of many instances (COCO's iscrowd), shape (n,), None means none.
    Raises ValueError for columns that do not fit together.
    """

    task: IntArray
    worker: IntArray
    label: IntArray
    box: FloatArray
    seen_task: IntArray
    seen_worker: IntArray
    weights: FloatArray | None = None
    crowd: BoolArray | None = None

    def __post_init__(self) -> None:
        if not len(self.task) == len(self.worker) == len(self.label) == len(self.box):
            raise ValueError("The columns task, worker, label and box must have the same length.")
        if not (np.abs(self.box) <= FARTHEST).all() or (self.box[:, 2:] <= self.box[:, :2]).any():
            raise ValueError("Every box needs finite corners below 1e9, the second one right of and below the first.")
        if self.weights is not None:
            check_weights(self.weights, len(self.seen_task))
        if self.crowd is not None and self.crowd.shape != self.task.shape:
            raise ValueError("The column crowd must have one entry a box.")

    @classmethod
    def of(
        cls,
        task: ArrayLike,
        worker: ArrayLike,
        label: ArrayLike,
        box: ArrayLike,
        *,
        seen: ArrayLike = (),
        weights: ArrayLike | None = None,
        crowd: ArrayLike | None = None,
    ) -> BoxAnswers:
        """Columns from anything that numpy reads; `seen` has rows (task, worker)."""
        pairs = np.asarray(seen, np.int64).reshape(-1, 2)
        return cls(
            task=np.asarray(task, np.int64),
            worker=np.asarray(worker, np.int64),
            label=np.asarray(label, np.int64),
            box=np.asarray(box, np.float64).reshape(-1, 4),
            seen_task=pairs[:, 0],
            seen_worker=pairs[:, 1],
            weights=None if weights is None else np.asarray(weights, np.float64),
            crowd=None if crowd is None else np.asarray(crowd, np.bool_),
        )

    def as_objects(self) -> ObjectAnswers[Boxes]:
        return ObjectAnswers(
            task=self.task,
            worker=self.worker,
            label=self.label,
            drawn=Boxes(self.box),
            seen_task=self.seen_task,
            seen_worker=self.seen_worker,
            weights=self.weights,
            crowd=self.crowd,
        )


@dataclass(frozen=True, slots=True)
class BoxConsensus:
    """Clusters in columns of shape (m,), by task, then by box.

    box: shape (m, 4), x1, y1, x2, y2. existence: 0 to 1. votes: boxes in the cluster. seen: workers who saw the task.
    agreement: mean IoU of the members with the agreed box. classes: class result of each cluster, its `task` is the
    index of the cluster. members: for each cluster the row numbers of its boxes in the input. crowd: regions of many
    instances; absorbed: the rows of the boxes that each region took in. rates: what existence and boxes follow from.
    """

    task: IntArray
    box: FloatArray
    label: IntArray
    existence: FloatArray
    votes: IntArray
    seen: IntArray
    agreement: FloatArray
    classes: Consensus
    members: tuple[tuple[int, ...], ...]
    crowd: BoolArray
    absorbed: tuple[tuple[int, ...], ...]
    rates: DetectionRates


@dataclass(frozen=True, slots=True)
class BoxClustering:
    """See the module's docstring.

    iou: mean overlap that two groups of boxes need to be one object. seed: turns the lots of the class. method: finds
    the class of each cluster, which it gets as a task; None means majority. rates: what is known of the workers; None
    means to learn it from the answers given. history: what workers did in earlier projects, heeded while learning.
    """

    iou: float = 0.33
    seed: int = 0
    method: Method | None = None
    rates: DetectionRates | None = None
    history: Mapping[int, History] = field(default_factory=dict)

    def fit_predict(self, answers: BoxAnswers, *, gold: Mapping[int, ArrayLike] | None = None) -> BoxConsensus:
        """All clusters of all tasks. The order of rows changes nothing but the row numbers in `members`.

        gold: task -> all of its objects, shape (g, 4); what was found there is clamped to it, and learnt from.
        """
        clustering = ObjectClustering(self.iou, self.seed, self.method, self.rates, self.history)
        truth = {task: Boxes(np.asarray(boxes, np.float64).reshape(-1, 4)) for task, boxes in (gold or {}).items()}
        found = clustering.fit_predict(answers.as_objects(), gold=truth)
        return BoxConsensus(
            task=found.task,
            box=found.agreed.box,
            label=found.classes.label,
            existence=found.existence,
            votes=found.votes,
            seen=found.seen,
            agreement=found.agreement,
            classes=found.classes,
            members=found.members,
            crowd=found.crowd,
            absorbed=found.absorbed,
            rates=found.rates,
        )
