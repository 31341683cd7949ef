"""All that `manage.py agreement` says of a table of answers, as plain JSON; what cannot be said is null."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from annotary_core.aggregation.agreement.alpha import Alpha, Level, alpha, alpha_over_time, class_alphas, last_times
from annotary_core.aggregation.agreement.bootstrap import Bootstrap
from annotary_core.aggregation.agreement.fleiss import fleiss_kappa
from annotary_core.aggregation.agreement.objects import ObjectSets, object_agreement
from annotary_core.aggregation.agreement.pairs import against_gold, pairwise
from annotary_core.aggregation.agreement.ratings import Ratings
from annotary_core.aggregation.base import Answers, Consensus
from annotary_core.aggregation.io.csv_reader import TableError
from annotary_core.aggregation.io.encoding import Names
from annotary_core.aggregation.io.tables import BoxTable, ClassTable
from annotary_core.aggregation.label_quality.calibration import calibrate
from annotary_core.aggregation.label_quality.class_confusions import confusions
from annotary_core.aggregation.label_quality.label_errors import label_doubt, most_likely_wrong, set_doubt
from annotary_core.aggregation.objects.box_clustering import BoxClustering
from annotary_core.aggregation.objects.similarity import BoxSimilarity
from annotary_core.aggregation.registry import DEFAULT_METHOD, method_named
from annotary_core.labels.arrays import FloatArray, IntArray

Json = dict[str, Any]
#: Classes whose boxes are compared alone, those with the most boxes.
_BOX_CLASSES = 30
_SUSPECTS = 20


@dataclass(frozen=True, slots=True)
class SameLabel:
    """The similarity of boxes, 0 where their labels differ."""

    boxes: BoxSimilarity
    label: IntArray

    @property
    def bounds(self) -> FloatArray:
        return self.boxes.bounds

    def of(self, first: IntArray, second: IntArray) -> FloatArray:
        return np.where(self.label[first] == self.label[second], self.boxes.of(first, second), 0.0)


def class_report(
    table: ClassTable,
    *,
    level: Level = "nominal",
    order: Sequence[str] = (),
    method: str = DEFAULT_METHOD,
    bootstrap: Bootstrap | None = None,
) -> Json:
    """Agreement of the workers, doubt in the labels of `method`, and with gold both against it.

    order: the labels from low to high, for the ordinal level. Raises TableError when the labels do not suit the level.
    """
    values = _values(table.labels, level, order)
    bootstrap = bootstrap or Bootstrap()
    answers = table.answers
    ratings = Ratings.of(answers)
    report: Json = {
        "kind": "classes",
        "answers": len(answers.task),
        "tasks": len(ratings.units),
        "workers": len(ratings.workers),
        "labels": len(ratings.labels),
        "repeated": len(answers.task) - round(float(ratings.share.sum())),
        "level": level,
        "alpha": _alpha(alpha(ratings, level=level, values=values, bootstrap=bootstrap), bootstrap),
        "fleiss": _fleiss(ratings),
        "cohen": _cohen(ratings, table.workers),
        "by_class": _by_class(ratings, table.labels),
    }
    if table.time is not None:
        times = last_times(ratings, answers.task, table.time)
        found = alpha_over_time(ratings, times, level=level, values=values)
        report["over_time"] = [
            {"from": start, "to": end, "alpha": _figure(part.value), "tasks": part.units} for start, end, part in found
        ]
    report |= _doubt(table, method)
    return report


def box_report(table: BoxTable, *, bootstrap: Bootstrap | None = None) -> Json:
    """Agreement of the workers on boxes: where they are, what they are, each class, each pair, and against gold."""
    bootstrap = bootstrap or Bootstrap()
    boxes = table.boxes
    sets = ObjectSets.of(boxes.task, boxes.worker, boxes.seen_task, boxes.seen_worker)
    place = BoxSimilarity(boxes.box)
    found = object_agreement(sets, place, bootstrap=bootstrap)
    labelled = object_agreement(sets, SameLabel(place, boxes.label), bootstrap=bootstrap)
    report: Json = {
        "kind": "boxes",
        "boxes": len(boxes.task),
        "tasks": len(np.unique(sets.unit)),
        "workers": len(table.workers),
        "labels": len(table.labels),
        "place": _alpha(found.alpha, bootstrap),
        "place_and_label": _alpha(labelled.alpha, bootstrap),
        "label": _alpha(alpha(_labels_where_boxes_meet(table), bootstrap=bootstrap), bootstrap),
        "by_class": _boxes_by_class(table, place),
        "pairs": [
            {"first": table.workers.text(a), "second": table.workers.text(b), "n": n, "distance": _figure(d)}
            for a, b, n, d in _rows(found.first, found.second, found.n, found.distance)
        ],
    }
    if table.gold is not None:
        report["gold"] = _boxes_against_gold(table)
    return report


def _values(labels: Names, level: Level, order: Sequence[str]) -> FloatArray | None:
    """What the labels are worth at this level; None for their codes, which have the order of their values."""
    if level == "nominal":
        return None
    if order and level == "ordinal":
        missing = [name for name in labels.texts() if name not in order]
        if missing or len(set(order)) < len(order):
            raise TableError(f"The order must name every label once; it lacks {', '.join(missing[:5]) or 'nothing'}.")
        return np.array([order.index(name) for name in labels.texts()], np.float64)
    numbers = labels.numbers()
    if numbers is None:
        hint = " with --order low,middle,high" if level == "ordinal" else ", or ask for nominal"
        raise TableError(f"The labels are not numbers, so the level {level} needs their order{hint}.")
    return numbers


def _doubt(table: ClassTable, method: str) -> Json:
    """From the labels of the method without gold, so that gold can judge them."""
    answers = replace(table.answers, gold={})
    result = method_named(method).fit_predict(answers)
    whole = set_doubt(label_doubt(result))
    report: Json = {
        "doubt": {
            "method": method,
            "expected_error": _figure(whole.expected_error),
            "expected_wrong": _figure(whole.expected_wrong),
            "entropy": _figure(whole.mean_entropy),
        },
        "confused": _confused(answers, result, table),
        "suspects": _suspects(result, table),
    }
    if table.answers.gold:
        report["gold"] = _against_gold(table, result)
    return report


def _alpha(found: Alpha, bootstrap: Bootstrap) -> Json:
    return {
        "value": _figure(found.value),
        "low": _figure(found.low),
        "high": _figure(found.high),
        "confidence": bootstrap.confidence,
        "observed": _figure(found.observed),
        "expected": _figure(found.expected),
        "tasks": found.units,
    }


def _fleiss(ratings: Ratings) -> Json:
    found = fleiss_kappa(ratings)
    return {
        "kappa": _figure(found.kappa),
        "agreement": _figure(found.agreement),
        "chance": _figure(found.chance),
        "same_number": found.same_number,
    }


def _cohen(ratings: Ratings, workers: Names) -> Json:
    table = pairwise(ratings)
    rows = _rows(table.first, table.second, table.n, table.agreement, table.kappa)
    return {
        "mean_kappa": _figure(table.mean_kappa()),
        "complete": table.complete,
        "pairs": [
            {
                "first": workers.text(first),
                "second": workers.text(other),
                "n": n,
                "agreement": _figure(agreement),
                "kappa": _figure(kappa),
            }
            for first, other, n, agreement, kappa in rows
        ],
    }


def _by_class(ratings: Ratings, labels: Names) -> list[Json]:
    found = class_alphas(ratings)
    rows = _rows(found.label, found.value, found.votes)
    return [{"label": labels.text(label), "alpha": _figure(value), "votes": round(n)} for label, value, n in rows]


def _confused(answers: Answers, result: Consensus, table: ClassTable) -> list[Json]:
    found = confusions(answers, result)
    columns = (found.a, found.b, found.a_as_b, found.b_as_a, found.score, found.score_without_worst)
    rows = _rows(*columns, found.workers, found.affected, found.worst, found.unclear)
    return [
        {
            "a": table.labels.text(a),
            "b": table.labels.text(b),
            "a_as_b": _figure(forth),
            "b_as_a": _figure(back),
            "score": _figure(score),
            "score_without_worst": _figure(without),
            "workers": workers,
            "affected": _figure(affected),
            "worst": table.workers.text(worst),
            "unclear": unclear,
        }
        for a, b, forth, back, score, without, workers, affected, worst, unclear in rows
    ]


def _suspects(result: Consensus, table: ClassTable) -> list[Json]:
    found = most_likely_wrong(result, limit=_SUSPECTS)
    rows = _rows(found.task, found.label, found.wrong, found.other, found.n)
    return [
        {
            "task": table.tasks.text(task),
            "label": table.labels.text(label),
            "wrong": _figure(wrong),
            "other": table.labels.text(other),
            "n": n,
        }
        for task, label, wrong, other, n in rows
    ]


def _against_gold(table: ClassTable, result: Consensus) -> Json:
    found = calibrate(result, table.answers.gold)
    workers = against_gold(Ratings.of(table.answers), table.answers.gold)
    curve = _rows(found.curve.low, found.curve.high, found.curve.n, found.curve.confidence, found.curve.right)
    return {
        "tasks": found.n,
        "accuracy": _figure(found.accuracy),
        "confidence": _figure(found.confidence),
        "calibration_error": _figure(found.error),
        "brier": _figure(found.brier),
        "log_loss": _figure(found.log_loss),
        "reliability": [
            {"from": _figure(low), "to": _figure(high), "n": n, "confidence": _figure(p), "right": _figure(right)}
            for low, high, n, p, right in curve
        ],
        "workers": [
            {"worker": table.workers.text(worker), "n": n, "right": _figure(right), "kappa": _figure(kappa)}
            for worker, n, right, kappa in _rows(workers.worker, workers.n, workers.right, workers.kappa)
        ],
    }


def _labels_where_boxes_meet(table: BoxTable) -> Ratings:
    """Boxes of several workers that mean one object are a unit, whatever their labels."""
    members = BoxClustering().fit_predict(table.boxes).members
    rows = np.array([row for part in members for row in part], np.int64)
    unit = np.repeat(np.arange(len(members)), [len(part) for part in members])
    return Ratings.of(Answers.of(unit, table.boxes.worker[rows], table.boxes.label[rows]))


def _boxes_by_class(table: BoxTable, place: BoxSimilarity) -> list[Json]:
    boxes = table.boxes
    n = np.bincount(boxes.label, minlength=len(table.labels))
    rows: list[Json] = []
    for label in np.sort(np.argsort(-n, kind="stable")[:_BOX_CLASSES]).tolist():
        if n[label]:
            sets = ObjectSets.of(
                boxes.task, boxes.worker, boxes.seen_task, boxes.seen_worker, kept=boxes.label == label
            )
            found = object_agreement(sets, place, units=5000, chance_pairs=5000)
            rows.append(
                {"label": table.labels.text(label), "alpha": _figure(found.alpha.value), "boxes": int(n[label])}
            )
    return rows


def _boxes_against_gold(table: BoxTable) -> list[Json]:
    """Gold as one more worker, with the number -1: its distance from each of the others."""
    if table.gold is None:
        return []
    boxes, gold = table.boxes, table.gold
    sets = ObjectSets.of(
        np.concatenate([boxes.task, gold.task]),
        np.concatenate([boxes.worker, np.full(len(gold.task), -1)]),
        np.concatenate([boxes.seen_task, gold.tasks]),
        np.concatenate([boxes.seen_worker, np.full(len(gold.tasks), -1)]),
    )
    found = object_agreement(sets, BoxSimilarity(np.concatenate([boxes.box, gold.box])))
    rows = _rows(found.first, found.second, found.n, found.distance)
    return [
        {"worker": table.workers.text(worker), "n": n, "distance": _figure(distance)}
        for true, worker, n, distance in rows
        if true == -1
    ]


def _rows(*columns: Any) -> list[tuple[Any, ...]]:
    return list(zip(*(column.tolist() for column in columns), strict=True))


def _figure(value: float) -> float | None:
    return round(value, 6) if math.isfinite(value) else None
