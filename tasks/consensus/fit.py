"""What a project's answers teach of its workers: the default method's fit, over all that there is."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from annotary_core.aggregation.base import Answers
from annotary_core.aggregation.classification.blend import fit_blend, fit_passes
from annotary_core.aggregation.classification.encoding import Coded
from annotary_core.aggregation.classification.fit_passes import Sharded
from annotary_core.aggregation.classification.fitted_model import BlendState
from annotary_core.aggregation.objects.box_clustering import BoxClustering, BoxConsensus
from annotary_core.aggregation.objects.existence import DetectionRates
from annotary_core.labels.arrays import IntArray
from annotary_core.labels.schema import Schema
from projects.models import Project
from tasks.consensus.answer_shards import Shard, Spool, check_images, class_shard, task_ranges
from tasks.consensus.object_answers import Drawn, drawn_sample
from tasks.consensus.worker_model import History, check_images_of, earlier_record

#: Clusters of boxes are tasks of the class model too; their numbers lie above every key of a task.
_CLUSTERS = 2**62


@dataclass(frozen=True, slots=True)
class Material:
    """All that a fit is made from. `fingerprint` is the digest of it: what is equal teaches the same."""

    spool: Spool
    drawn: Drawn | None
    classes: IntArray
    history: History
    fingerprint: str


def read_material(*, project: Project, spool: Spool) -> Material:
    """Reads all answers into the spool."""
    assert project.schema is not None  # tasks are made and claimed only with a schema
    schema = Schema.from_json(project.schema.body)
    drawn = None
    if schema.wants_class:
        spool.add(check_images(project_id=project.pk))
        for within in task_ranges(project_id=project.pk):
            spool.add(class_shard(project_id=project.pk, within=within))
    if "box" in schema.object_tools:
        drawn = drawn_sample(project_id=project.pk)
    workers = set(spool.workers.tolist()) | (set(drawn.boxes.seen_worker.tolist()) if drawn else set())
    history = earlier_record(project=project, workers=workers)
    classes = np.union1d(spool.classes, np.array([item.number for item in schema.classes], np.int64))
    if drawn is not None:
        classes = np.union1d(classes, drawn.boxes.label)
    # While the project is cold its labels follow trust, which a manager's resuming moves without an answer.
    trust = check_images_of(project=project, workers=workers)
    return Material(spool, drawn, classes, history, _fingerprint(spool, drawn, classes, history, trust))


def fit(material: Material) -> tuple[BlendState, DetectionRates | None]:
    """The state of the classes, those of images and of boxes together, and the rates at which boxes are drawn."""
    rates = None
    if material.drawn is not None:
        found = BoxClustering().fit_predict(material.drawn.boxes, gold=dict(material.drawn.known))
        rates = found.rates
        material.spool.add(_cluster_shard(material.drawn, found))
    if material.spool.is_whole:
        return fit_blend(_all_of(material)), rates
    return _fit_in_shards(material), rates


def _all_of(material: Material) -> Answers:
    shards = [shard.answers(classes=material.classes) for shard in material.spool]
    if not shards:
        return Answers.of([], [], [], classes=material.classes, history=material.history)
    soft = any(shard.weights is not None for shard in shards)
    weights = [np.ones(len(each.task)) if each.weights is None else each.weights for each in shards]
    return Answers.of(
        np.concatenate([each.task for each in shards]),
        np.concatenate([each.worker for each in shards]),
        np.concatenate([each.label for each in shards]),
        weights=np.concatenate(weights) if soft else None,
        classes=material.classes,
        gold={task: label for each in shards for task, label in each.gold.items()},
        history=material.history,
    )


def _fit_in_shards(material: Material) -> BlendState:
    """One job walks the shards; what it adds up (statistics.Statistics) many could."""
    workers = material.spool.workers

    def shards() -> Iterator[Coded]:
        for shard in material.spool:
            yield Coded.of(shard.answers(classes=material.classes), repeats="share", workers=workers)

    about = Answers.of([], [], [], classes=material.classes, history=material.history)
    return fit_passes(Sharded(shards), about, workers=workers, rows=material.spool.rows).state


def _cluster_shard(drawn: Drawn, found: BoxConsensus) -> Shard:
    rows = np.concatenate([np.empty(0, np.int64), *(np.array(each, np.int64) for each in found.members)])
    cluster = np.repeat(np.arange(len(found.members)), [len(each) for each in found.members]) + _CLUSTERS
    worker, label = drawn.boxes.worker[rows], drawn.boxes.label[rows]
    order = np.lexsort((worker, cluster))
    none = np.empty(0, np.int64)
    return Shard(cluster[order], worker[order], label[order], np.ones(len(order)), none, none)


def _fingerprint(spool: Spool, drawn: Drawn | None, classes: IntArray, *records: History) -> str:
    digest = hashlib.blake2b(spool.digest().encode(), digest_size=32)
    digest.update(classes.tobytes())
    digest.update(json.dumps([sorted(record.items()) for record in records]).encode())
    if drawn is not None:
        boxes = drawn.boxes
        for column in (boxes.task, boxes.worker, boxes.label, boxes.box, boxes.seen_task, boxes.seen_worker):
            digest.update(np.ascontiguousarray(column).tobytes())
        for task, known in sorted(drawn.known.items()):
            digest.update(task.to_bytes(8, "little", signed=True) + known.tobytes())
    return digest.hexdigest()
