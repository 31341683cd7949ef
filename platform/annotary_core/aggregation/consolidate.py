"""Merge the answers to one image into a consensus answer with its evidence.

"Cannot tell" answers are excluded: they neither vote nor count as having seen the image. If every answer is "cannot
tell", so is the result. The class comes from the method. An object is released if its existence posterior reaches the
threshold (objects/existence.py: from the worker's rates where they are known, otherwise from trust); without a class or
a released object the result is "empty".
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np

from annotary_core.aggregation.base import Answers, Consensus, Method
from annotary_core.aggregation.classification.majority import EPSILON
from annotary_core.aggregation.consolidated import (
    ClassShares,
    ClassVotes,
    ConsolidatedAnswer,
    Evidence,
    ImagePosterior,
    ObjectPosterior,
    ObjectVotes,
)
from annotary_core.aggregation.objects.clustering import ObjectAnswers, ObjectClustering, ObjectConsensus
from annotary_core.aggregation.objects.existence import DetectionRates
from annotary_core.aggregation.registry import get_method
from annotary_core.labels.answer import Answer, ImageLabel, LabelObject, Verdict
from annotary_core.labels.canonical import canonical_bytes
from annotary_core.labels.matching import column_of
from annotary_core.labels.schema import Schema
from annotary_core.labels.shapes.objects import ObjectColumn

#: Minimum existence posterior at which an object is part of the answer.
RELEASE_THRESHOLD = 0.5
#: Decimals of the numbers in evidence: rounding makes equal evidence equal text.
_DIGITS = 6


@dataclass(frozen=True, slots=True)
class WorkerAnswer:
    """A worker's answer; `weight` is the trust in the worker.

    probabilities: the class probabilities of a model worker. They vote in place of the answer's class, and such a model
    has no say about objects.
    """

    worker: int
    answer: Answer
    weight: float = 1.0
    probabilities: Mapping[int, float] | None = None


class ClassConsensus(NamedTuple):
    """The class decision of one image: the entry at `position` of a result for many."""

    result: Consensus
    position: int


@dataclass(frozen=True, slots=True)
class _ClassResult:
    """The class of the image; no confidence if there was nothing to decide."""

    posterior: ClassShares
    evidence: ClassVotes
    confidence: float | None = None
    class_number: int | None = None


@dataclass(frozen=True, slots=True)
class _ObjectsResult:
    """The objects of the image; no confidence if there was nothing to decide."""

    posterior: dict[str, ObjectPosterior]
    evidence: list[ObjectVotes]
    confidence: float | None
    objects: tuple[LabelObject, ...]


def consolidate(
    answers: Sequence[WorkerAnswer],
    *,
    schema: Schema,
    method: str | Method = "majority",
    release_threshold: float = RELEASE_THRESHOLD,
    seed: int = 0,
    rates: DetectionRates | None = None,
    classes: ClassConsensus | None = None,
    fuse_exactly: bool = True,
) -> ConsolidatedAnswer:
    """Merge the answers to one image, at most one per worker, all in the same image frame.

    The order of the answers has no effect. `seed` seeds the hash that breaks ties; callers pass the task's id, so that
    recomputing breaks a tie the same way. `rates` are the project's estimated worker rates; without them, objects drawn
    by a single worker are kept if few workers looked and the worker is not known to be careless. `classes` is the
    result of the method for `class_votes`, if it was computed together with those of other images. `fuse_exactly` is
    False if only the posterior is needed (see `ObjectClustering`). Raises ValueError
    without answers, for two answers of one worker, and for an unknown method.
    """
    ordered = _by_worker(answers)
    resolved = get_method(method, seed=seed) if isinstance(method, str) else method
    informed = [entry for entry in ordered if entry.answer.verdict != "cannot_tell"]
    posterior: ImagePosterior = {}
    evidence = _counts(ordered, method=resolved.name)
    if not informed:
        return ConsolidatedAnswer(Answer(verdict="cannot_tell"), posterior, evidence, 1.0)
    image_class = detected = None
    if schema.has_image_class:
        image_class = _class_result(informed, method=resolved, known=classes)
        posterior["class"], evidence["class"] = image_class.posterior, image_class.evidence
    if schema.object_tools:
        detected = _objects_result(
            informed,
            method=resolved,
            tools=schema.object_tools,
            threshold=release_threshold,
            rates=rates,
            fuse_exactly=fuse_exactly,
        )
        posterior["objects"], evidence["objects"] = detected.posterior, detected.evidence
    confidences = [part.confidence for part in (image_class, detected) if part and part.confidence is not None]
    return ConsolidatedAnswer(
        answer=_assemble(image_class, detected),
        posterior=posterior,
        evidence=evidence,
        confidence=_rounded(min(confidences, default=1.0)),
    )


def objects_confidence(*, kept: Sequence[float], left_out: Sequence[float]) -> float | None:
    """Return how sure a label is of its objects: as sure as of the weakest one it has, None without any candidate.

    kept: the probability of each object of the label that it exists and has this class. left_out: the probability that
    each other candidate does not exist. A label without objects is as sure as that its likeliest candidate does not
    exist. Candidates that a label with objects leaves out are its strongest rivals, which ask for more answers
    (`stopping_policy`), but say nothing against the objects that it has.
    """
    return min(kept or left_out, default=None)


def _counts(answers: Sequence[WorkerAnswer], *, method: str) -> Evidence:
    verdicts = [entry.answer.verdict for entry in answers]
    return {
        "n": sum(entry.probabilities is None for entry in answers),
        "cannot_tell": verdicts.count("cannot_tell"),
        "empty": verdicts.count("empty"),
        "method": method,
    }


def _by_worker(answers: Sequence[WorkerAnswer]) -> list[WorkerAnswer]:
    if not answers:
        raise ValueError("There are no answers to consolidate.")
    ordered = sorted(answers, key=lambda entry: entry.worker)
    if len({entry.worker for entry in ordered}) < len(ordered):
        raise ValueError("A worker appears twice; pass only the current answer of each worker.")
    return ordered


def _assemble(image_class: _ClassResult | None, detected: _ObjectsResult | None) -> Answer:
    number = image_class.class_number if image_class else None
    objects = detected.objects if detected else ()
    verdict: Verdict = "labels" if objects or number is not None else "empty"
    return Answer(verdict=verdict, image=ImageLabel(class_number=number), objects=objects)


def class_votes(answers: Sequence[WorkerAnswer]) -> list[tuple[int, int, float]]:
    """Return the (worker, class, weight) rows from which an image's class is decided.

    Answers from before the schema asked for a class do not vote.
    """
    informed = [entry for entry in _by_worker(answers) if entry.answer.verdict != "cannot_tell"]
    return [vote for entry in informed for vote in _class_votes(entry)]


def _class_result(
    informed: Sequence[WorkerAnswer], *, method: Method, known: ClassConsensus | None = None
) -> _ClassResult:
    votes = [vote for entry in informed for vote in _class_votes(entry)]
    if not votes:
        return _ClassResult(posterior={}, evidence={"n": 0})
    if known is None:
        worker, label, weight = zip(*votes, strict=True)
        known = ClassConsensus(method.fit_predict(Answers.of([0] * len(votes), worker, label, weights=weight)), 0)
    result, index = known
    labels = [entry.answer.image.class_number for entry in informed if entry.probabilities is None]
    posterior = _class_posterior(result, index)
    counts = {str(number): labels.count(number) for number in sorted({n for n in labels if n is not None})}
    agreement = _pair_agreement(list(counts.values()))
    return _ClassResult(
        posterior=posterior,
        evidence={"n": sum(counts.values()), "votes": counts, "agreement": agreement, "tied": bool(result.tied[index])},
        confidence=float(result.confidence[index]),
        class_number=int(result.label[index]),
    )


def _class_votes(entry: WorkerAnswer) -> list[tuple[int, int, float]]:
    """Return (worker, class, weight) rows. A worker's rows share one vote, so a model's are scaled by their number."""
    if entry.probabilities is not None:
        probabilities = {number: p for number, p in entry.probabilities.items() if p > 0}
        return [(entry.worker, number, entry.weight * p * len(probabilities)) for number, p in probabilities.items()]
    number = entry.answer.image.class_number
    return [] if number is None else [(entry.worker, number, entry.weight)]


def _pair_agreement(counts: list[int]) -> float | None:
    """Return the share of worker pairs that chose the same class; None for a single worker."""
    n = sum(counts)
    return None if n < 2 else _rounded(sum(c * (c - 1) for c in counts) / (n * (n - 1)))


def _objects_result(
    informed: Sequence[WorkerAnswer],
    *,
    method: Method,
    tools: Collection[str],
    threshold: float,
    rates: DetectionRates | None,
    fuse_exactly: bool,
) -> _ObjectsResult:
    """Return the objects. Answers with probabilities have no say about them."""
    answers = _object_answers([entry for entry in informed if entry.probabilities is None], tools)
    clustering = ObjectClustering(method=method, rates=rates or DetectionRates(), fuse_exactly=fuse_exactly)
    clusters = clustering.fit_predict(answers)
    posterior: dict[str, ObjectPosterior] = {}
    evidence: list[ObjectVotes] = []
    objects: list[LabelObject] = []
    kept: list[float] = []
    left_out: list[float] = []
    for index, item in enumerate(_consensus_objects(clusters)):
        existence, share = float(clusters.existence[index]), float(clusters.classes.confidence[index])
        # Older answers may have an object twice, which makes two clusters; a label has each object once.
        repeats = any((item.class_number, item.geom) == (each.class_number, each.geom) for each in objects)
        released = existence >= threshold - EPSILON and not repeats
        posterior[item.id] = {"existence": _rounded(existence), "class": _class_posterior(clusters.classes, index)}
        evidence.append(_object_evidence(clusters, index, item, released=released))
        if released:
            objects.append(item)
            kept.append(existence * share)
        elif not repeats:
            left_out.append(1 - existence)
    confidence = objects_confidence(kept=kept, left_out=left_out)
    return _ObjectsResult(posterior=posterior, evidence=evidence, confidence=confidence, objects=tuple(objects))


def _object_answers(observers: Sequence[WorkerAnswer], tools: Collection[str]) -> ObjectAnswers[ObjectColumn]:
    drawn = [(entry.worker, item) for entry in observers for item in entry.answer.objects if item.tool in tools]
    return ObjectAnswers.of(
        [0] * len(drawn),
        [worker for worker, _ in drawn],
        [item.class_number for _, item in drawn],
        column_of([item for _, item in drawn]),
        seen=[(0, entry.worker) for entry in observers],
        weights=[entry.weight for entry in observers],
    )


def _consensus_objects(clusters: ObjectConsensus[ObjectColumn]) -> list[LabelObject]:
    """Return the object of each cluster. Ids follow from the content: an unchanged consensus has the same bytes."""
    objects: list[LabelObject] = []
    occurrences: Counter[str] = Counter()
    columns = clusters.classes.label.tolist(), clusters.geometry.names(), clusters.geometry.geometries()
    for number, tool, geometry in zip(*columns, strict=True):
        item = LabelObject(id="", class_number=number, tool=tool, geom=geometry)
        content = canonical_bytes(Answer(verdict="labels", objects=(item,)))
        stem = f"agreed-{hashlib.sha256(content).hexdigest()[:16]}"
        # Two clusters can have the same consensus geometry and class.
        occurrences[stem] += 1
        object_id = f"{stem}-{occurrences[stem]}" if occurrences[stem] > 1 else stem
        objects.append(replace(item, id=object_id))
    return objects


def _object_evidence(
    clusters: ObjectConsensus[ObjectColumn], index: int, item: LabelObject, *, released: bool
) -> ObjectVotes:
    return {
        "id": item.id,
        "class": item.class_number,
        "tool": item.tool,
        "geom": item.geom.to_json(),
        "votes": int(clusters.votes[index]),
        "seen": int(clusters.seen[index]),
        "existence": _rounded(float(clusters.existence[index])),
        "agreement": _rounded(float(clusters.agreement[index])),
        "tied": bool(clusters.classes.tied[index]),
        "released": released,
    }


def _class_posterior(result: Consensus, index: int) -> ClassShares:
    """Return the posterior by class number, without entries that round to 0."""
    rounded = {str(number): _rounded(p) for number, p in result.posteriors.of(index).items()}
    return {number: p for number, p in rounded.items() if p > 0}


def _rounded(value: float) -> float:
    return round(float(np.clip(value, 0.0, 1.0)), _DIGITS)
