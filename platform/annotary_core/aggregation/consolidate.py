"""From the answers to one image to the one answer that they agree on, with its evidence.

Who could not tell is set aside: such an answer neither votes nor counts as having seen the image. If nobody could tell,
that is the result. The class is what the method says; of the boxes those are released whose existence posterior reaches
the threshold (objects/existence.py: from each worker's rates where they are known, else from his trust), and when
nothing is left to say the result is "empty".
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from annotary_core.aggregation.base import Answers, Consensus, Method
from annotary_core.aggregation.classification.majority import EPSILON
from annotary_core.aggregation.objects.box_clustering import BoxAnswers, BoxClustering, BoxConsensus
from annotary_core.aggregation.objects.existence import DetectionRates
from annotary_core.aggregation.registry import method_named
from annotary_core.labels.answer import Answer, ImageLabel, LabelObject, Verdict
from annotary_core.labels.canonical import canonical_bytes
from annotary_core.labels.geometry import box_from_corners, corner_array
from annotary_core.labels.schema import Schema

#: Figures in evidence are rounded, so that equal evidence is equal text.
_DIGITS = 6

Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class WorkerAnswer:
    """An answer and whose it is; `weight` is the trust in the worker.

    probabilities: of a model that says how sure it is of each class; they vote in place of the answer's class, and of
    objects such a model says nothing.
    """

    worker: int
    answer: Answer
    weight: float = 1.0
    probabilities: Mapping[int, float] | None = None


@dataclass(frozen=True, slots=True)
class Consolidated:
    """`posterior` and `evidence` are plain JSON.

    posterior: {"class": {number: p}} and {"objects": {object id: {"existence": p, "class": {number: p}}}}, each where
    the schema asks for it. evidence: "n" answers, how many said "cannot_tell" and "empty", "method", then "class" and
    "objects" with votes, shares, agreement and ties; objects that were not released are listed with "released": false.
    confidence: mean over the decisions made: the share of the class, and for each box found existence times class share
    if it is released, 1 - existence if not. All said "empty" or all said "cannot_tell" has confidence 1.
    """

    answer: Answer
    posterior: Json
    evidence: Json
    confidence: float


@dataclass(frozen=True, slots=True)
class _Part:
    """What one tool contributes."""

    posterior: Any
    evidence: Any
    sureness: tuple[float, ...]
    class_number: int | None = None
    objects: tuple[LabelObject, ...] = ()


def consolidate(
    answers: Sequence[WorkerAnswer],
    *,
    schema: Schema,
    method: str | Method = "majority",
    release_threshold: float = 0.5,
    seed: int = 0,
    rates: DetectionRates | None = None,
) -> Consolidated:
    """One answer out of many, at most one a worker, all in the frame of the same image.

    The order of the answers changes nothing. `seed` turns the lots that decide ties; callers pass the task's id, so
    that a tie falls the same way when it is computed again. `rates` are what the project has learnt of its workers;
    with None lone boxes are kept where few looked and their worker is not known to be careless. Raises ValueError
    without answers, with two answers of one worker, or for an unknown method.
    """
    if not answers:
        raise ValueError("There is no answer to consolidate.")
    ordered = sorted(answers, key=lambda given: given.worker)
    if len({given.worker for given in ordered}) < len(ordered):
        raise ValueError("A worker stands here twice; pass the current answer of each worker.")
    chosen = method_named(method, seed=seed) if isinstance(method, str) else method
    saw = [given for given in ordered if given.answer.verdict != "cannot_tell"]
    evidence: Json = {
        "n": sum(given.probabilities is None for given in ordered),
        "cannot_tell": len(ordered) - len(saw),
        "empty": sum(given.answer.verdict == "empty" for given in saw),
        "method": chosen.name,
    }
    if not saw:
        return Consolidated(Answer(verdict="cannot_tell"), {}, evidence, 1.0)
    parts: dict[str, _Part] = {}
    if schema.wants_class:
        parts["class"] = _agree_on_class(saw, method=chosen)
    if "box" in schema.object_tools:
        parts["objects"] = _agree_on_boxes(
            [given for given in saw if given.probabilities is None],
            method=chosen,
            threshold=release_threshold,
            rates=rates or DetectionRates(),
        )
    sureness = [sure for part in parts.values() for sure in part.sureness]
    return Consolidated(
        answer=_assemble(parts),
        posterior={name: part.posterior for name, part in parts.items()},
        evidence=evidence | {name: part.evidence for name, part in parts.items()},
        confidence=_figure(sum(sureness) / len(sureness)) if sureness else 1.0,
    )


def _assemble(parts: dict[str, _Part]) -> Answer:
    number = parts["class"].class_number if "class" in parts else None
    objects = parts["objects"].objects if "objects" in parts else ()
    verdict: Verdict = "labels" if objects or number is not None else "empty"
    return Answer(verdict=verdict, image=ImageLabel(class_number=number), objects=objects)


def _agree_on_class(saw: Sequence[WorkerAnswer], *, method: Method) -> _Part:
    """Answers given before the schema asked for a class have none and do not vote."""
    votes = [vote for given in saw for vote in _class_votes(given)]
    if not votes:
        return _Part(posterior={}, evidence={"n": 0}, sureness=())
    worker, label, weight = zip(*votes, strict=True)
    result = method.fit_predict(Answers.of([0] * len(votes), worker, label, weights=weight))
    labels = [given.answer.image.class_number for given in saw if given.probabilities is None]
    posterior = _class_posterior(result, 0)
    counts = {str(number): labels.count(number) for number in sorted({n for n in labels if n is not None})}
    agreement = _agreeing_pairs(list(counts.values()))
    return _Part(
        posterior=posterior,
        evidence={"n": sum(counts.values()), "votes": counts, "agreement": agreement, "tied": bool(result.tied[0])},
        sureness=(float(result.confidence[0]),),
        class_number=int(result.label[0]),
    )


def _class_votes(given: WorkerAnswer) -> list[tuple[int, int, float]]:
    """(worker, class, weight). The rows of a worker share one vote, so those of a model are raised by their number."""
    if given.probabilities is not None:
        said = {number: p for number, p in given.probabilities.items() if p > 0}
        return [(given.worker, number, given.weight * p * len(said)) for number, p in said.items()]
    number = given.answer.image.class_number
    return [] if number is None else [(given.worker, number, given.weight)]


def _agreeing_pairs(counts: list[int]) -> float | None:
    """The share of pairs of workers who chose the same; None for one worker alone."""
    n = sum(counts)
    return None if n < 2 else _figure(sum(c * (c - 1) for c in counts) / (n * (n - 1)))


def _agree_on_boxes(saw: Sequence[WorkerAnswer], *, method: Method, threshold: float, rates: DetectionRates) -> _Part:
    drawn = [(given.worker, item) for given in saw for item in given.answer.objects if item.tool == "box"]
    found = BoxClustering(method=method, rates=rates).fit_predict(
        BoxAnswers.of(
            [0] * len(drawn),
            [worker for worker, _ in drawn],
            [item.class_number for _, item in drawn],
            corner_array([item.geom for _, item in drawn]),
            seen=[(0, given.worker) for given in saw],
            weights=[given.weight for given in saw],
        )
    )
    ids = _object_ids(found)
    posterior: Json = {}
    evidence: list[Json] = []
    objects: list[LabelObject] = []
    sureness: list[float] = []
    for index, object_id in enumerate(ids):
        existence, share = float(found.existence[index]), float(found.classes.confidence[index])
        released = existence >= threshold - EPSILON
        item = _agreed_object(found, index, object_id)
        posterior[object_id] = {"existence": _figure(existence), "class": _class_posterior(found.classes, index)}
        evidence.append(_object_evidence(found, index, item, released=released))
        sureness.append(existence * share if released else 1 - existence)
        if released:
            objects.append(item)
    return _Part(posterior=posterior, evidence=evidence, sureness=tuple(sureness), objects=tuple(objects))


def _agreed_object(found: BoxConsensus, index: int, object_id: str) -> LabelObject:
    x1, y1, x2, y2 = (float(value) for value in found.box[index])
    return LabelObject(
        id=object_id, class_number=int(found.label[index]), tool="box", geom=box_from_corners(x1, y1, x2, y2)
    )


def _object_evidence(found: BoxConsensus, index: int, item: LabelObject, *, released: bool) -> Json:
    return {
        "id": item.id,
        "class": item.class_number,
        "geom": item.geom.to_json(),
        "votes": int(found.votes[index]),
        "seen": int(found.seen[index]),
        "existence": _figure(float(found.existence[index])),
        "agreement": _figure(float(found.agreement[index])),
        "tied": bool(found.classes.tied[index]),
        "released": released,
    }


def _object_ids(found: BoxConsensus) -> list[str]:
    """Ids that follow from the agreed box and class, so that agreeing on the same again gives the same bytes."""
    ids: list[str] = []
    twins: Counter[str] = Counter()
    for index in range(len(found.task)):
        item = _agreed_object(found, index, "")
        content = canonical_bytes(Answer(verdict="labels", objects=(item,)))
        stem = f"agreed-{hashlib.sha256(content).hexdigest()[:16]}"
        # Two clusters can agree on the very same box and class.
        twins[stem] += 1
        ids.append(f"{stem}-{twins[stem]}" if twins[stem] > 1 else stem)
    return ids


def _class_posterior(result: Consensus, index: int) -> Json:
    """By class number; what rounds to nothing is left out."""
    figures = {str(number): _figure(p) for number, p in result.posteriors.of(index).items()}
    return {number: p for number, p in figures.items() if p > 0}


def _figure(value: float) -> float:
    return round(float(np.clip(value, 0.0, 1.0)), _DIGITS)
