"""Calibration of confidence against reviews and gold, likely label errors, and worker accuracy."""

from typing import Any, TypedDict

import numpy as np
from django.db.models import Avg, Count, Exists, F, FloatField, OuterRef, Sum
from django.db.models.functions import Coalesce

from annotary_core.aggregation.base import Answers
from annotary_core.aggregation.consolidate import WorkerAnswer, consolidate
from annotary_core.aggregation.replay.answer_order import AnswerOrder
from annotary_core.labels.answer import Answer
from annotary_core.labels.schema import Schema
from projects.models import Project
from projects.selectors import mapping_of, schema_of
from tasks.analytics.worker_agreement import worker_agreements
from tasks.assignment.models import Assignment
from tasks.consensus.answer_shards import accepted_bodies, gold_shard
from tasks.consensus.evidence import rates_of
from tasks.consensus.label_evidence import LabelEvidence, ReplacedLabel
from tasks.consensus.label_methods import SET_BY_PEOPLE
from tasks.consensus.label_task import ProjectBlend
from tasks.consensus.models import ConsensusLabel
from tasks.consensus.object_answers import gold_rows
from tasks.consensus.worker_model import load_worker_model
from tasks.gold.compare import Tolerance, compare
from tasks.gold.models import Gold
from tasks.review.models import Review
from tasks.standing.models import Standing
from tasks.workers.evidence import worker_records

#: The number of newest verdicts used for calibration.
VERDICTS = 20_000
#: The newest gold images with objects; each is aggregated by itself.
GOLDS = 1_000
DOUBTFUL = 48
#: A label with at least this confidence is not listed as doubtful, unless the project's target is higher.
SUSPECT = 0.95
BINS = 10
_SEED = 7

#: (confidence of a label, whether it was right)
VerdictSample = tuple[float, bool]


class CalibrationBin(TypedDict):
    """The checked labels whose confidence is in this range: their number `n`, their mean confidence `said`, and the
    share of them that is right."""

    low: float
    high: float
    said: float
    right: float
    n: int


class Calibration(TypedDict):
    """Of the n checked labels, `reviewed` have a reviewer's verdict and `gold` are those of check images. said: their
    mean confidence; right: the share of them that is right; error: the expected calibration error (Naeini et al. 2015);
    None without checked labels. bins: those that are not empty."""

    n: int
    reviewed: int
    gold: int
    said: float | None
    right: float | None
    error: float | None
    bins: list[CalibrationBin]


class DoubtfulLabel(TypedDict):
    """A label with low confidence. task: public id. label: its body. other: the likeliest other class, if any."""

    task: str
    confidence: float
    label: dict[str, Any]
    answers: int
    other: int | None


class DoubtfulLabels(TypedDict):
    """The unreviewed labels: their number and mean confidence, the expected number of errors (None if a label consists
    of several decisions), and the doubtful ones, lowest confidence first, of `doubtful_count`."""

    labels: int
    confidence: float | None
    expected_wrong: float | None
    doubtful: list[DoubtfulLabel]
    doubtful_count: int


class WorkerQuality(TypedDict):
    """A worker ever admitted. worker: public id. accuracy, detection: as estimated, the latter None without objects.
    checks: gold answers. agreement: the share of `agreement_answers` that match the agreed label."""

    worker: str
    accuracy: float
    detection: float | None
    answers: int
    checks: int
    agreement: float | None
    agreement_answers: int


def calibration_figures(*, project: Project) -> Calibration:
    """The calibration of label confidence against reviews and gold."""
    reviewed, gold = samples_from_reviews(project=project), samples_from_gold(project=project)
    samples = [*reviewed, *gold]
    result: Calibration = {
        "n": len(samples),
        "reviewed": len(reviewed),
        "gold": len(gold),
        "said": None,
        "right": None,
        "error": None,
        "bins": [],
    }
    if not samples:
        return result
    confidence, right = (np.array(column, np.float64) for column in zip(*samples, strict=True))
    # A confidence on a bin edge belongs to the lower bin, so that 1 has one; rounding errors must not move it across.
    bin_of = np.clip(np.ceil(np.round(confidence * BINS, 9)).astype(np.int64) - 1, 0, BINS - 1)
    bins: list[CalibrationBin] = []
    for number in np.unique(bin_of).tolist():
        in_bin = bin_of == number
        bins.append(
            {
                "low": number / BINS,
                "high": (number + 1) / BINS,
                "said": float(confidence[in_bin].mean()),
                "right": float(right[in_bin].mean()),
                "n": int(in_bin.sum()),
            }
        )
    error = sum(row["n"] * abs(row["said"] - row["right"]) for row in bins) / len(confidence)
    return {**result, "said": float(confidence.mean()), "right": float(right.mean()), "error": error, "bins": bins}


def samples_from_reviews(*, project: Project) -> list[VerdictSample]:
    """(confidence of the crowd's label, whether the reviewer kept it) for each label with a verdict, the last one."""
    verdicts = Review.objects.filter(project=project, by_policy=False, annotation__isnull=True).order_by("-pk")
    rows = verdicts.values_list(
        "verdict", "label__public_id", "label__method", "label__confidence", "label__evidence__replaced"
    )
    samples: dict[str, VerdictSample] = {}
    for verdict, label, method, confidence, replaced in rows[:VERDICTS]:
        before = ReplacedLabel.from_json(replaced) if replaced else None
        if verdict == Review.Verdict.FIX and before and before.method not in SET_BY_PEOPLE:
            samples.setdefault(before.label, (before.confidence, False))
        elif verdict != Review.Verdict.FIX and method not in SET_BY_PEOPLE:
            samples.setdefault(str(label), (confidence, verdict == Review.Verdict.APPROVE))
    return list(samples.values())


def samples_from_gold(*, project: Project) -> list[VerdictSample]:
    """(confidence, whether right) of the crowd's label for each gold image, aggregated without the known answer; at
    most as many answers are used per gold image as other images have."""
    schema = schema_of(project=project)
    if schema.object_tools:
        return _samples_of_objects(project, schema)
    shard = gold_shard(project_id=project.pk)
    by_people = shard.weight == 1.0
    if not by_people.any():
        return []
    task, worker, label = shard.task[by_people], shard.worker[by_people], shard.label[by_people]
    arrivals = AnswerOrder.of(task, worker, seed=_SEED)
    kept = arrivals.arrived(np.minimum(arrivals.available, project.answers_max))
    answers = Answers.of(task[kept], worker[kept], label[kept])
    worker_model = load_worker_model(
        project=project, workers=np.unique(worker).tolist(), classes=answers.classes.tolist()
    )
    result = ProjectBlend(worker_model.blend).fit_predict(answers)
    known = dict(zip(shard.known_task.tolist(), shard.known_label.tolist(), strict=True))
    rows = zip(result.task.tolist(), result.label.tolist(), result.confidence.tolist(), strict=True)
    return [(sure, number == known[task_id]) for task_id, number, sure in rows if task_id in known]


def _samples_of_objects(project: Project, schema: Schema) -> list[VerdictSample]:
    """The same for labels with objects, which are right if all of them match, as an answer to gold is."""
    mapping = mapping_of(project.schema)
    rows = gold_rows(project_id=project.pk, mapping=mapping)
    if not rows:
        return []
    key, worker = (np.array(column, np.int64) for column in zip(*((row[0], row[1]) for row in rows), strict=True))
    arrivals = AnswerOrder.of(key, worker, seed=_SEED)
    kept = arrivals.arrived(np.minimum(arrivals.available, project.answers_max))
    classes = [item.number for item in schema.classes]
    worker_model = load_worker_model(project=project, workers=np.unique(worker).tolist(), classes=classes)
    weights = worker_model.blend.accuracy_of(worker) / worker_model.blend.pooled_accuracy
    answers: dict[int, list[WorkerAnswer]] = {}
    for index in np.flatnonzero(kept).tolist():
        gold, actor, body = rows[index]
        answers.setdefault(-gold, []).append(WorkerAnswer(actor, Answer.from_json(body), float(weights[index])))
    golds = Gold.objects.filter(pk__in=sorted(answers, reverse=True)[:GOLDS]).values_list("pk", "accepted", "tolerance")
    samples = []
    for pk, accepted, tolerance in golds:
        method = ProjectBlend(worker_model.blend, seed=pk)
        result = consolidate(answers[pk], schema=schema, seed=pk, method=method, rates=worker_model.rates)
        known = [Answer.from_json(each) for each in accepted_bodies(accepted, mapping)]
        if not known:
            continue
        samples.append((result.confidence, compare(result.answer, known, Tolerance.from_json(tolerance)).correct))
    return samples


def doubtful_label_figures(*, project: Project) -> DoubtfulLabels:
    reviewed = Review.objects.filter(label=OuterRef("pk"), is_current=True, by_policy=False)
    labels = ConsensusLabel.objects.filter(project=project, is_current=True).exclude(method__in=SET_BY_PEOPLE)
    sure = Coalesce(F("task__posterior__confidence"), F("confidence"), output_field=FloatField())
    labels = labels.annotate(sure=sure).filter(~Exists(reviewed))
    sums = labels.aggregate(mean=Avg("sure"), wrong=Sum(1.0 - F("sure"), default=0.0))
    is_one_decision = schema_of(project=project).object_tools == ()
    # A label that reaches the project's confidence target is not doubtful, whatever the others are.
    limit = max(SUSPECT, project.confidence_target)
    rows = labels.filter(sure__lt=limit).select_related("task__posterior").order_by("sure", "pk")
    return {
        "labels": labels.count(),
        "confidence": sums["mean"],
        "expected_wrong": sums["wrong"] if is_one_decision else None,
        "doubtful": [_doubtful(label) for label in rows[:DOUBTFUL]],
        "doubtful_count": rows.count(),
    }


def _doubtful(label: Any) -> DoubtfulLabel:
    posterior = getattr(label.task, "posterior", None)
    return {
        "task": str(label.task.public_id),
        "confidence": label.sure,
        "label": label.body,
        "answers": posterior.answers if posterior else len(LabelEvidence.from_json(label.evidence).answers or ()),
        "other": _likeliest_other(label, posterior.body.get("class") or {} if posterior else {}),
    }


def _likeliest_other(label: Any, shares: dict[str, float]) -> int | None:
    others = {int(number): p for number, p in shares.items() if int(number) != label.body["image"]["class"]}
    if not others:
        return None
    best = max(others, key=lambda number: (others[number], -number))
    return best if others[best] > 0 else None


def worker_quality(*, project: Project) -> list[WorkerQuality]:
    """A row for every worker ever admitted, most answers first."""
    standings = list(Standing.objects.filter(project=project).select_related("worker"))
    ids = [standing.worker_id for standing in standings]
    classes = [item.number for item in schema_of(project=project).classes]
    worker_model = load_worker_model(project=project, workers=ids, classes=classes)
    accuracy = worker_model.blend.accuracy_of(np.array(ids, np.int64)).tolist()
    counts, records = _answers_by(project), worker_records(project_id=project.pk, worker_ids=ids)
    agreement_by_worker = worker_agreements(project=project, workers=ids)
    rows: list[WorkerQuality] = []
    for standing, right in zip(standings, accuracy, strict=True):
        pk = standing.worker_id
        agreement = agreement_by_worker.get(pk)
        rows.append(
            {
                "worker": str(standing.worker.public_id),
                "accuracy": right,
                "detection": rates_of(worker_model, pk)["detection"],
                "answers": counts.get(pk, 0),
                "checks": records[pk].ever_gold.seen,
                "agreement": agreement.share if agreement else None,
                "agreement_answers": agreement.answers if agreement else 0,
            }
        )
    return sorted(rows, key=lambda row: (-row["answers"], row["worker"]))


def _answers_by(project: Project) -> dict[int, int]:
    submitted = Assignment.objects.filter(project=project, task__isnull=False, state=Assignment.State.SUBMITTED)
    return dict(submitted.values_list("worker_id").annotate(answers=Count("pk")).order_by())
