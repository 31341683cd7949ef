"""The agreement report of a table of answers as plain JSON, for `manage.py agreement`; undefined figures are null."""

from __future__ import annotations

import math
from collections import Counter
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
from annotary_core.aggregation.agreement.report_body import (
    AlphaFigures,
    BoxReport,
    ClassAlpha,
    ClassOfBoxes,
    ClassReport,
    Cohen,
    Confused,
    DistanceFromGold,
    Fleiss,
    GoldFigures,
    OverTime,
    Suspect,
    Uncertainty,
)
from annotary_core.aggregation.base import Answers, Consensus
from annotary_core.aggregation.io.csv_reader import TableError
from annotary_core.aggregation.io.encoding import Names
from annotary_core.aggregation.io.tables import BoxTable, ClassTable
from annotary_core.aggregation.label_quality.calibration import calibrate
from annotary_core.aggregation.label_quality.class_confusions import confusions
from annotary_core.aggregation.label_quality.label_errors import label_uncertainty, rank_label_issues, set_uncertainty
from annotary_core.aggregation.objects.clustering import ObjectClustering
from annotary_core.aggregation.registry import DEFAULT_METHOD, get_method
from annotary_core.labels.arrays import FloatArray, IntArray
from annotary_core.labels.names import normalize_name
from annotary_core.labels.shapes.base import Similarity
from annotary_core.labels.shapes.box import BoxSimilarity

#: Number of classes with a separate box comparison, those with the most boxes.
_BOX_CLASSES = 30
_SUSPECTS = 20


@dataclass(frozen=True, slots=True)
class LabelAwareSimilarity:
    """Similarity that is 0 if the labels differ."""

    objects: Similarity
    label: IntArray

    @property
    def bounds(self) -> FloatArray:
        return self.objects.bounds

    def of(self, first: IntArray, second: IntArray) -> FloatArray:
        return np.where(self.label[first] == self.label[second], self.objects.of(first, second), 0.0)


def class_report(
    table: ClassTable,
    *,
    level: Level = "nominal",
    order: Sequence[str] = (),
    method: str = DEFAULT_METHOD,
    bootstrap: Bootstrap | None = None,
) -> ClassReport:
    """Report the agreement of workers and the uncertainty of the labels of `method`, and compare both with gold if any.

    order: the labels from low to high, for the ordinal level. Raises TableError if the labels do not fit the level.
    """
    values = _values(table.labels, level, order)
    bootstrap = bootstrap or Bootstrap()
    answers = table.answers
    ratings = Ratings.of(answers)
    return {
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
        **_over_time(table, ratings, level, values),
        **_uncertainty(table, method),
    }


def _over_time(table: ClassTable, ratings: Ratings, level: Level, values: FloatArray | None) -> OverTime:
    if table.time is None:
        return {}
    times = last_times(ratings, table.answers.task, table.time)
    bins = alpha_over_time(ratings, times, level=level, values=values)
    return {
        "over_time": [
            {"from": start, "to": end, "alpha": _rounded(part.value), "tasks": part.units} for start, end, part in bins
        ]
    }


def box_report(table: BoxTable, *, bootstrap: Bootstrap | None = None) -> BoxReport:
    """Report the agreement of workers on boxes: location, label, by class, by pair of workers, and against gold."""
    bootstrap = bootstrap or Bootstrap()
    boxes = table.boxes
    sets = ObjectSets.of(boxes.task, boxes.worker, boxes.seen_task, boxes.seen_worker)
    similarity = BoxSimilarity(boxes.geometry.box)
    result = object_agreement(sets, similarity, bootstrap=bootstrap)
    labeled = object_agreement(sets, LabelAwareSimilarity(similarity, boxes.label), bootstrap=bootstrap)
    report: BoxReport = {
        "kind": "boxes",
        "boxes": len(boxes.task),
        "tasks": len(np.unique(sets.unit)),
        "workers": len(table.workers),
        "labels": len(table.labels),
        "place": _alpha(result.alpha, bootstrap),
        "place_and_label": _alpha(labeled.alpha, bootstrap),
        "label": _alpha(alpha(_labels_of_matched_boxes(table), bootstrap=bootstrap), bootstrap),
        "by_class": _boxes_by_class(table, similarity),
        "pairs": [
            {"first": table.workers.text(a), "second": table.workers.text(b), "n": n, "distance": _rounded(d)}
            for a, b, n, d in _rows(result.first, result.second, result.n, result.distance)
        ],
    }
    if table.gold is not None:
        report["gold"] = _boxes_against_gold(table)
    return report


def _values(labels: Names, level: Level, order: Sequence[str]) -> FloatArray | None:
    """The value of each label at this level; None uses the codes, which are ordered by value."""
    if level == "nominal":
        return None
    if order and level == "ordinal":
        order = [normalize_name(name) for name in order]
        twice = [name for name, count in Counter(order).items() if count > 1]
        if twice:
            raise TableError(f"The order names {', '.join(twice[:5])} more than once. Name every label once.")
        missing = [name for name in labels.texts() if name not in order]
        if missing:
            raise TableError(f"The order must name every label; it lacks {', '.join(missing[:5])}.")
        return np.array([order.index(name) for name in labels.texts()], np.float64)
    numbers = labels.numbers()
    if numbers is None:
        hint = "give their order with --order low,middle,high" if level == "ordinal" else "use the nominal level"
        raise TableError(f"The labels are not numbers, as the {level} level requires; {hint}.")
    return numbers


def _uncertainty(table: ClassTable, method: str) -> Uncertainty:
    """Uncertainty of the method's labels. They are computed without gold, so that gold can evaluate them."""
    answers = replace(table.answers, gold={})
    result = get_method(method).fit_predict(answers)
    uncertainty = set_uncertainty(label_uncertainty(result))
    report: Uncertainty = {
        "doubt": {
            "method": method,
            "expected_error": _rounded(uncertainty.expected_error),
            "expected_wrong": _rounded(uncertainty.expected_wrong),
            "entropy": _rounded(uncertainty.mean_entropy),
        },
        "confused": _confused(answers, result, table),
        "suspects": _suspects(result, table),
    }
    if table.answers.gold:
        report["gold"] = _against_gold(table, result)
    return report


def _alpha(result: Alpha, bootstrap: Bootstrap) -> AlphaFigures:
    return {
        "value": _rounded(result.value),
        "low": _rounded(result.low),
        "high": _rounded(result.high),
        "confidence": bootstrap.confidence,
        "observed": _rounded(result.observed),
        "expected": _rounded(result.expected),
        "tasks": result.units,
    }


def _fleiss(ratings: Ratings) -> Fleiss:
    result = fleiss_kappa(ratings)
    return {
        "kappa": _rounded(result.kappa),
        "agreement": _rounded(result.agreement),
        "chance": _rounded(result.chance),
        "same_number": result.same_number,
    }


def _cohen(ratings: Ratings, workers: Names) -> Cohen:
    table = pairwise(ratings)
    rows = _rows(table.first, table.second, table.n, table.agreement, table.kappa)
    return {
        "mean_kappa": _rounded(table.mean_kappa()),
        "complete": table.complete,
        "pairs": [
            {
                "first": workers.text(first),
                "second": workers.text(other),
                "n": n,
                "agreement": _rounded(agreement),
                "kappa": _rounded(kappa),
            }
            for first, other, n, agreement, kappa in rows
        ],
    }


def _by_class(ratings: Ratings, labels: Names) -> list[ClassAlpha]:
    result = class_alphas(ratings)
    rows = _rows(result.label, result.value, result.votes)
    return [{"label": labels.text(label), "alpha": _rounded(value), "votes": round(n)} for label, value, n in rows]


def _confused(answers: Answers, result: Consensus, table: ClassTable) -> list[Confused]:
    confused = confusions(answers, result)
    columns = (confused.a, confused.b, confused.a_as_b, confused.b_as_a, confused.score, confused.score_without_worst)
    rows = _rows(*columns, confused.workers, confused.affected, confused.worst, confused.unclear)
    return [
        {
            "a": table.labels.text(a),
            "b": table.labels.text(b),
            "a_as_b": _rounded(a_as_b),
            "b_as_a": _rounded(b_as_a),
            "score": _rounded(score),
            "score_without_worst": _rounded(without),
            "workers": workers,
            "affected": _rounded(affected),
            "worst": table.workers.text(worst),
            "unclear": unclear,
        }
        for a, b, a_as_b, b_as_a, score, without, workers, affected, worst, unclear in rows
    ]


def _suspects(result: Consensus, table: ClassTable) -> list[Suspect]:
    suspects = rank_label_issues(result, limit=_SUSPECTS)
    rows = _rows(suspects.task, suspects.label, suspects.wrong, suspects.other, suspects.n)
    return [
        {
            "task": table.tasks.text(task),
            "label": table.labels.text(label),
            "wrong": _rounded(wrong),
            "other": table.labels.text(other),
            "n": n,
        }
        for task, label, wrong, other, n in rows
    ]


def _against_gold(table: ClassTable, result: Consensus) -> GoldFigures:
    calibration = calibrate(result, table.answers.gold)
    workers = against_gold(Ratings.of(table.answers), table.answers.gold)
    curve = _rows(
        calibration.curve.low,
        calibration.curve.high,
        calibration.curve.n,
        calibration.curve.confidence,
        calibration.curve.right,
    )
    return {
        "tasks": calibration.n,
        "accuracy": _rounded(calibration.accuracy),
        "confidence": _rounded(calibration.confidence),
        "calibration_error": _rounded(calibration.error),
        "brier": _rounded(calibration.brier),
        "log_loss": _rounded(calibration.log_loss),
        "reliability": [
            {"from": _rounded(low), "to": _rounded(high), "n": n, "confidence": _rounded(p), "right": _rounded(right)}
            for low, high, n, p, right in curve
        ],
        "workers": [
            {"worker": table.workers.text(worker), "n": n, "right": _rounded(right), "kappa": _rounded(kappa)}
            for worker, n, right, kappa in _rows(workers.worker, workers.n, workers.right, workers.kappa)
        ],
    }


def _labels_of_matched_boxes(table: BoxTable) -> Ratings:
    """Ratings whose units are clusters: boxes of several workers for one object, whatever their labels."""
    members = ObjectClustering().fit_predict(table.boxes).members
    rows = np.array([row for part in members for row in part], np.int64)
    unit = np.repeat(np.arange(len(members)), [len(part) for part in members])
    return Ratings.of(Answers.of(unit, table.boxes.worker[rows], table.boxes.label[rows]))


def _boxes_by_class(table: BoxTable, similarity: BoxSimilarity) -> list[ClassOfBoxes]:
    boxes = table.boxes
    n = np.bincount(boxes.label, minlength=len(table.labels))
    rows: list[ClassOfBoxes] = []
    for label in np.sort(np.argsort(-n, kind="stable")[:_BOX_CLASSES]).tolist():
        if n[label]:
            sets = ObjectSets.of(
                boxes.task, boxes.worker, boxes.seen_task, boxes.seen_worker, kept=boxes.label == label
            )
            result = object_agreement(sets, similarity, units=5000, chance_pairs=5000)
            rows.append(
                {"label": table.labels.text(label), "alpha": _rounded(result.alpha.value), "boxes": int(n[label])}
            )
    return rows


def _boxes_against_gold(table: BoxTable) -> list[DistanceFromGold]:
    """Distance of each worker from gold, which is added as a worker with id -1."""
    if table.gold is None:
        return []
    boxes, gold = table.boxes, table.gold
    sets = ObjectSets.of(
        np.concatenate([boxes.task, gold.task]),
        np.concatenate([boxes.worker, np.full(len(gold.task), -1)]),
        np.concatenate([boxes.seen_task, gold.tasks]),
        np.concatenate([boxes.seen_worker, np.full(len(gold.tasks), -1)]),
    )
    result = object_agreement(sets, BoxSimilarity(np.concatenate([boxes.geometry.box, gold.box])))
    rows = _rows(result.first, result.second, result.n, result.distance)
    return [
        {"worker": table.workers.text(worker), "n": n, "distance": _rounded(distance)}
        for true, worker, n, distance in rows
        if true == -1
    ]


def _rows(*columns: Any) -> list[tuple[Any, ...]]:
    return list(zip(*(column.tolist() for column in columns), strict=True))


def _rounded(value: float) -> float | None:
    return round(value, 6) if math.isfinite(value) else None
