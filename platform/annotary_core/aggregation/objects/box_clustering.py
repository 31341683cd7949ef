"""Consensus boxes: merge the boxes that several workers drew around the same object.

1. Boxes are clustered regardless of class (objects/matching.py), with at most one box per worker in a cluster.
2. The class of a cluster comes from any class method, its box from a precision-weighted estimate (objects/location.py).
3. The existence of an object is a posterior over each worker's detection and false-positive rates
   (objects/existence.py). A worker who answered "empty" has seen the task; one who could not tell has not.
4. Crowd regions absorb the boxes inside them, or yield to them (objects/crowds.py).

The workers' rates are estimated from all the answers and from gold, or passed in to evaluate a single task. No cluster
is dropped here: the caller that releases labels chooses the threshold. One half is right, because the posterior is
calibrated; the share of observers who drew the box is not (a quorum of two loses a third of the true objects on
CytoCrowd).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import ArrayLike

from annotary_core.aggregation.base import MAX_COORDINATE, Consensus, Method, check_weights
from annotary_core.aggregation.objects.clustering import ObjectAnswers, ObjectClustering
from annotary_core.aggregation.objects.existence import DetectionRates
from annotary_core.aggregation.objects.existence_em import DetectionHistory
from annotary_core.aggregation.objects.geometry_types import Boxes
from annotary_core.labels.arrays import BoolArray, FloatArray, IntArray


@dataclass(frozen=True, slots=True)
class BoxAnswers:
    """Boxes in columns, and the workers who saw each task.

    task, worker, label: shape (n,); box: shape (n, 4), x1, y1, x2, y2 in pixels of the upright image.
    seen_task, seen_worker: shape (s,), the workers who looked at each task, with or without boxes, each pair once; a
    missing pair that drew a box is added. weights: trust in each of these pairs, shape (s,); None means 1.
    crowd: which rows are regions of many instances (COCO's iscrowd), shape (n,); None means none.
    Raises ValueError for inconsistent columns.
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
        if not (np.abs(self.box) <= MAX_COORDINATE).all() or (self.box[:, 2:] <= self.box[:, :2]).any():
            raise ValueError("Every box needs finite corners below 1e9, the second right of and below the first.")
        if self.weights is not None:
            check_weights(self.weights, len(self.seen_task))
        if self.crowd is not None and self.crowd.shape != self.task.shape:
            raise ValueError("The column crowd must have one entry per box.")

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
        """Build the columns from anything that numpy reads; `seen` has rows (task, worker)."""
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
            geometry=Boxes(self.box),
            seen_task=self.seen_task,
            seen_worker=self.seen_worker,
            weights=self.weights,
            crowd=self.crowd,
        )


@dataclass(frozen=True, slots=True)
class BoxConsensus:
    """Clusters in columns of shape (m,), sorted by task, then by box.

    box: shape (m, 4), x1, y1, x2, y2. existence: 0 to 1. votes: boxes in the cluster. seen: workers who saw the task.
    agreement: mean IoU of the members with the consensus box. classes: class result of each cluster, its `task` is the
    index of the cluster. members: for each cluster the input row numbers of its boxes. crowd: regions of many
    instances; absorbed: the rows of the boxes that each region absorbed. rates: the worker rates behind existence and
    boxes.
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

    iou: mean overlap at which two groups of boxes are one object. seed: seeds the tie-breaking hash of the class.
    method: determines the class of each cluster, which it receives as a task; None means majority. rates: the known
    worker rates; None means to estimate them from the answers. history: the workers' record in earlier projects, used
    when the rates are estimated.
    """

    iou: float = 0.33
    seed: int = 0
    method: Method | None = None
    rates: DetectionRates | None = None
    history: Mapping[int, DetectionHistory] = field(default_factory=dict)

    def fit_predict(self, answers: BoxAnswers, *, gold: Mapping[int, ArrayLike] | None = None) -> BoxConsensus:
        """Return all clusters of all tasks. The order of rows affects only the row numbers in `members`.

        gold: task -> all of its objects, shape (g, 4); their clusters are clamped to it and train the rates.
        """
        clustering = ObjectClustering(self.iou, self.seed, self.method, self.rates, self.history)
        truth = {task: Boxes(np.asarray(boxes, np.float64).reshape(-1, 4)) for task, boxes in (gold or {}).items()}
        clusters = clustering.fit_predict(answers.as_objects(), gold=truth)
        return BoxConsensus(
            task=clusters.task,
            box=clusters.geometry.box,
            label=clusters.classes.label,
            existence=clusters.existence,
            votes=clusters.votes,
            seen=clusters.seen,
            agreement=clusters.agreement,
            classes=clusters.classes,
            members=clusters.members,
            crowd=clusters.crowd,
            absorbed=clusters.absorbed,
            rates=clusters.rates,
        )
