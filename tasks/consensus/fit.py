"""Fits the default method to all answers of a project, to estimate how reliable its workers are."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from annotary_core.aggregation.base import Answers
from annotary_core.aggregation.classification.blend import fit_blend, fit_passes
from annotary_core.aggregation.classification.encoding import EncodedAnswers
from annotary_core.aggregation.classification.fit_passes import Sharded
from annotary_core.aggregation.classification.fitted_model import FittedModel
from annotary_core.aggregation.objects.clustering import ObjectClustering, ObjectConsensus
from annotary_core.aggregation.objects.existence import DetectionRates
from annotary_core.labels.arrays import IntArray
from annotary_core.labels.shapes.objects import ObjectColumn
from projects.models import Project
from projects.selectors import schema_of
from tasks.consensus.answer_shards import Shard, ShardStore, class_shard, gold_shard, task_ranges
from tasks.consensus.object_answers import ObjectSample, sample_objects
from tasks.consensus.worker_model import History, gold_record, other_projects_record

#: Clusters of objects are tasks of the class model too; their ids start above every task key.
_CLUSTERS = 2**62


@dataclass(frozen=True, slots=True)
class TrainingData:
    """The input of a fit. `fingerprint` is its digest: equal input gives an equal fit."""

    shards: ShardStore
    object_sample: ObjectSample | None
    classes: IntArray
    history: History
    fingerprint: str


def load_training_data(*, project: Project, shards: ShardStore) -> TrainingData:
    """Load all answers of the project into the shard store."""
    schema = schema_of(project=project)
    object_sample = None
    if schema.has_image_class:
        shards.add(gold_shard(project_id=project.pk))
        for within in task_ranges(project_id=project.pk):
            shards.add(class_shard(project_id=project.pk, within=within))
    if schema.object_tools:
        object_sample = sample_objects(project_id=project.pk)
    workers = set(shards.workers.tolist()) | (
        set(object_sample.answers.seen_worker.tolist()) if object_sample else set()
    )
    history = other_projects_record(project=project, workers=workers)
    classes = np.union1d(shards.classes, np.array([item.number for item in schema.classes], np.int64))
    if object_sample is not None:
        classes = np.union1d(classes, object_sample.answers.label)
    # While the project is cold, labels depend on trust, which changes without an answer when a manager resumes
    # a worker.
    trust = gold_record(project=project, workers=workers)
    return TrainingData(
        shards, object_sample, classes, history, _fingerprint(shards, object_sample, classes, history, trust)
    )


def fit(training_data: TrainingData) -> tuple[FittedModel, DetectionRates | None]:
    """Fit the class model, to images and objects together, and the rates at which workers draw objects."""
    rates = None
    if training_data.object_sample is not None:
        sample = training_data.object_sample
        result = ObjectClustering(fuse_exactly=False).fit_predict(sample.answers, gold=sample.known)
        rates = result.rates
        training_data.shards.add(_cluster_shard(sample, result))
    if training_data.shards.fits_in_memory:
        return fit_blend(_all_answers(training_data)), rates
    return _fit_sharded(training_data), rates


def _all_answers(training_data: TrainingData) -> Answers:
    shards = [shard.answers(classes=training_data.classes) for shard in training_data.shards]
    if not shards:
        return Answers.of([], [], [], classes=training_data.classes, history=training_data.history)
    soft = any(shard.weights is not None for shard in shards)
    weights = [np.ones(len(each.task)) if each.weights is None else each.weights for each in shards]
    return Answers.of(
        np.concatenate([each.task for each in shards]),
        np.concatenate([each.worker for each in shards]),
        np.concatenate([each.label for each in shards]),
        weights=np.concatenate(weights) if soft else None,
        classes=training_data.classes,
        gold={task: label for each in shards for task, label in each.gold.items()},
        history=training_data.history,
    )


def _fit_sharded(training_data: TrainingData) -> FittedModel:
    """Fit shard by shard in one job; the sums (`sufficient_statistics`) are additive, so several jobs could do it."""
    workers = training_data.shards.workers

    def shards() -> Iterator[EncodedAnswers]:
        for shard in training_data.shards:
            yield EncodedAnswers.of(shard.answers(classes=training_data.classes), repeats="share", workers=workers)

    prior = Answers.of([], [], [], classes=training_data.classes, history=training_data.history)
    return fit_passes(Sharded(shards), prior, workers=workers, rows=training_data.shards.rows).model


def _cluster_shard(object_sample: ObjectSample, result: ObjectConsensus[ObjectColumn]) -> Shard:
    rows = np.concatenate([np.empty(0, np.int64), *(np.array(each, np.int64) for each in result.members)])
    cluster = np.repeat(np.arange(len(result.members)), [len(each) for each in result.members]) + _CLUSTERS
    worker, label = object_sample.answers.worker[rows], object_sample.answers.label[rows]
    order = np.lexsort((worker, cluster))
    none = np.empty(0, np.int64)
    return Shard(cluster[order], worker[order], label[order], np.ones(len(order)), none, none)


def _fingerprint(shards: ShardStore, object_sample: ObjectSample | None, classes: IntArray, *records: History) -> str:
    digest = hashlib.blake2b(shards.digest().encode(), digest_size=32)
    digest.update(classes.tobytes())
    digest.update(json.dumps([sorted(record.items()) for record in records]).encode())
    if object_sample is not None:
        answers = object_sample.answers
        geometry = answers.geometry.sort_keys()
        for column in (answers.task, answers.worker, answers.label, geometry, answers.seen_task, answers.seen_worker):
            digest.update(np.ascontiguousarray(column).tobytes())
        for task, known in sorted(object_sample.known.items()):
            digest.update(task.to_bytes(8, "little", signed=True) + known.sort_keys().tobytes())
    return digest.hexdigest()
