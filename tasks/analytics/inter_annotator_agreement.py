"""Inter-annotator agreement and class confusions: of image classes if the project asks for them, else of objects."""

from dataclasses import dataclass, field
from math import isfinite
from typing import TypedDict

import numpy as np
from django.db.models import Max

from annotary_core.aggregation.agreement.alpha import Alpha, alpha, alpha_over_time, class_alphas
from annotary_core.aggregation.agreement.bootstrap import Bootstrap
from annotary_core.aggregation.agreement.objects import ObjectSets, object_agreement
from annotary_core.aggregation.agreement.ratings import Ratings
from annotary_core.aggregation.agreement.report import LabelAwareSimilarity
from annotary_core.aggregation.base import Answers, Consensus
from annotary_core.aggregation.classification.majority import Majority
from annotary_core.aggregation.label_quality.class_confusions import confusions
from annotary_core.aggregation.objects.clustering import ObjectAnswers, ObjectClustering
from annotary_core.labels.arrays import FloatArray, IntArray
from annotary_core.labels.shapes import noun_of
from annotary_core.labels.shapes.objects import ObjectColumn
from projects.models import Project
from projects.selectors import schema_of
from tasks.analytics.replay_data import sample_shards
from tasks.batching.models import Task
from tasks.consensus.label_task import ProjectBlend
from tasks.consensus.object_answers import sample_objects
from tasks.consensus.selectors import settled_annotations
from tasks.consensus.worker_model import load_worker_model

#: The maximum number of images to compute agreement from, sampled at random; more would not change the result.
MAX_IMAGES = 50_000
MAX_OBJECT_IMAGES = 3_000
PERIODS = 10
PAIRS = 8
EXAMPLES = 6
#: Images whose objects are compared per class or per period.
_PART = 500
_CHUNK = 5_000
_SEED = 7

#: Alpha of one class. class: its number. answers: those that named it.
ClassAgreement = TypedDict("ClassAgreement", {"class": int, "alpha": float | None, "answers": int})

#: Alpha of the images whose last answer came in this period. from, until: seconds since 1970.
PeriodAgreement = TypedDict("PeriodAgreement", {"from": float, "until": float, "alpha": float, "tasks": int})


class Agreement(TypedDict):
    """Krippendorff's alpha with its 95% interval, None if it is not defined. about: classes, or what people draw.
    same: the observed agreement of two people on an image, not corrected for chance."""

    about: str
    alpha: float | None
    low: float | None
    high: float | None
    same: float | None
    tasks: int
    answers: int
    by_class: list[ClassAgreement]
    over_time: list[PeriodAgreement]


class Confusion(TypedDict):
    """Two classes that people mix up. answers: how many did; share: of the answers that named either; workers, of
    of_workers: the people who do. unclear: whether the classes seem to be, not the people. tasks: public ids of
    examples."""

    a: int
    b: int
    answers: float
    share: float
    workers: int
    of_workers: int
    unclear: bool
    tasks: list[str]


class AgreementFigures(TypedDict):
    agreement: Agreement
    confusions: list[Confusion]


@dataclass(frozen=True, slots=True)
class AgreementData:
    """The data that agreement is measured on.

    `votes`: answers to units, where a unit is the class of an image, or of what several people drew as one object;
    `unit_task`: the task of each unit (ascending), shape (u,); `result`: the consensus on each unit; `sets` and
    `objects`: who drew what, None for image classes; `times`: task -> time of its last answer, in seconds.
    """

    about: str
    votes: Answers
    units: IntArray
    unit_task: IntArray
    result: Consensus
    answers: int
    times: dict[int, float] = field(default_factory=dict)
    objects: ObjectAnswers[ObjectColumn] | None = None
    sets: ObjectSets | None = None


def agreement_figures(*, project: Project) -> AgreementFigures:
    """How far people agree, by class and over time, and which classes they mix up."""
    data = _class_data(project) if schema_of(project=project).has_image_class else _object_data(project)
    if data is None:
        return {"agreement": _empty_agreement(), "confusions": []}
    ratings = Ratings.of(data.votes)
    overall = _overall(data, ratings)
    return {
        "agreement": {
            "about": data.about,
            "alpha": _rounded(overall.value),
            "low": _rounded(overall.low),
            "high": _rounded(overall.high),
            "same": _rounded(1 - overall.observed),
            "tasks": overall.units,
            "answers": data.answers,
            "by_class": _by_class(data, ratings),
            "over_time": _over_time(data, ratings),
        },
        "confusions": _confusions(data),
    }


def _empty_agreement() -> Agreement:
    return {
        "about": "",
        "alpha": None,
        "low": None,
        "high": None,
        "same": None,
        "tasks": 0,
        "answers": 0,
        "by_class": [],
        "over_time": [],
    }


def _class_data(project: Project) -> AgreementData | None:
    shards = sample_shards(project=project)
    rows = np.concatenate(
        [np.empty((3, 0), np.int64)]
        + [np.stack([each.task, each.worker, each.label])[:, each.weight == 1.0] for each in shards],
        axis=1,
    )
    tasks = np.unique(rows[0])
    if len(tasks) > MAX_IMAGES:
        tasks = np.sort(np.random.default_rng(_SEED).choice(tasks, MAX_IMAGES, replace=False))
        rows = rows[:, np.isin(rows[0], tasks)]
    if not len(tasks):
        return None
    votes = Answers.of(*rows, classes=_classes(project, rows[2]))
    worker_model = load_worker_model(
        project=project, workers=np.unique(rows[1]).tolist(), classes=votes.classes.tolist()
    )
    return AgreementData(
        "classes",
        votes,
        tasks,
        tasks,
        ProjectBlend(worker_model.blend).fit_predict(votes),
        rows.shape[1],
        _times(tasks),
    )


def _object_data(project: Project) -> AgreementData | None:
    drawn = sample_objects(project_id=project.pk, most=MAX_OBJECT_IMAGES).answers
    is_task = drawn.seen_task > 0
    if not is_task.any():
        return None
    on_task = drawn.task > 0
    objects = ObjectAnswers.of(
        drawn.task[on_task],
        drawn.worker[on_task],
        drawn.label[on_task],
        drawn.geometry.take(np.flatnonzero(on_task)),
        seen=np.stack([drawn.seen_task[is_task], drawn.seen_worker[is_task]], axis=1),
    )
    clusters = ObjectClustering().fit_predict(objects)
    rows = np.array([row for part in clusters.members for row in part], np.int64)
    unit = np.repeat(np.arange(len(clusters.members)), [len(part) for part in clusters.members])
    votes = Answers.of(unit, objects.worker[rows], objects.label[rows], classes=_classes(project, objects.label))
    sets = ObjectSets.of(objects.task, objects.worker, objects.seen_task, objects.seen_worker)
    units = np.unique(unit).astype(np.int64)
    return AgreementData(
        noun_of(schema_of(project=project).object_tools).many,
        votes,
        units,
        clusters.task[units],
        Majority().fit_predict(votes),
        int(is_task.sum()),
        _times(np.unique(objects.seen_task)),
        objects,
        sets,
    )


def _classes(project: Project, label: IntArray) -> IntArray:
    known = np.array([item.number for item in schema_of(project=project).classes], np.int64)
    return np.union1d(known, label)


def _times(tasks: IntArray) -> dict[int, float]:
    ids = tasks.tolist()
    parts = (settled_annotations(ids[at : at + _CHUNK]) for at in range(0, len(ids), _CHUNK))
    rows = (row for part in parts for row in part.values_list("task_id").annotate(last=Max("created_at")).order_by())
    return {task: last.timestamp() for task, last in rows}


def _overall(data: AgreementData, ratings: Ratings) -> Alpha:
    if data.objects is None or data.sets is None:
        return alpha(ratings, bootstrap=Bootstrap())
    similarity = LabelAwareSimilarity(data.objects.geometry.similarity(), data.objects.label)
    return object_agreement(data.sets, similarity, bootstrap=Bootstrap(), units=MAX_OBJECT_IMAGES).alpha


def _by_class(data: AgreementData, ratings: Ratings) -> list[ClassAgreement]:
    """Alpha of each class against all others; for objects, the agreement on where objects of the class are."""
    if data.objects is None:
        alphas = class_alphas(ratings)
        rows = zip(alphas.label.tolist(), alphas.value.tolist(), alphas.votes.tolist(), strict=True)
        return [{"class": label, "alpha": _rounded(value), "answers": round(votes)} for label, value, votes in rows]
    objects, similarity = data.objects, data.objects.geometry.similarity()
    out: list[ClassAgreement] = []
    for label, count in zip(*(part.tolist() for part in np.unique(objects.label, return_counts=True)), strict=True):
        sets = ObjectSets.of(
            objects.task, objects.worker, objects.seen_task, objects.seen_worker, kept=objects.label == label
        )
        one = object_agreement(sets, similarity, units=_PART, chance_pairs=_PART).alpha
        out.append({"class": label, "alpha": _rounded(one.value), "answers": count})
    return out


def _over_time(data: AgreementData, ratings: Ratings) -> list[PeriodAgreement]:
    """Alpha by period, with about the same number of images in each, ordered by an image's last answer."""
    if data.objects is not None:
        return _objects_over_time(data)
    times = np.array([data.times.get(task, np.nan) for task in ratings.units.tolist()])
    if np.isnan(times).any() or not ratings.pairable.any():
        return []
    bins = max(1, min(PERIODS, int(ratings.pairable.sum()) // 10))
    periods = alpha_over_time(ratings, times, bins=bins)
    return [_period(start, end, part.value, part.units) for start, end, part in periods if isfinite(part.value)]


def _objects_over_time(data: AgreementData) -> list[PeriodAgreement]:
    assert data.objects is not None  # checked by the caller
    objects = data.objects
    tasks = np.array(sorted(set(objects.seen_task.tolist()) & data.times.keys()), np.int64)
    times = np.array([data.times[task] for task in tasks.tolist()])
    order = tasks[np.argsort(times, kind="stable")]
    bins = max(1, min(PERIODS, len(order) // 10))
    similarity = LabelAwareSimilarity(objects.geometry.similarity(), objects.label)
    periods = []
    for part in np.array_split(order, bins):
        seen, kept = np.isin(objects.seen_task, part), np.isin(objects.task, part)
        sets = ObjectSets.of(
            objects.task[kept], objects.worker[kept], objects.seen_task[seen], objects.seen_worker[seen]
        )
        # The similarity indexes the rows of all objects.
        sets = ObjectSets(sets.unit, sets.worker, sets.start, np.flatnonzero(kept)[sets.rows])
        one = object_agreement(sets, similarity, units=_PART, chance_pairs=_PART).alpha
        span = [data.times[task] for task in part.tolist()]
        if isfinite(one.value):
            periods.append(_period(min(span), max(span), one.value, one.units))
    return periods


def _period(start: float, end: float, value: float, tasks: int) -> PeriodAgreement:
    return {"from": start, "until": end, "alpha": round(value, 4), "tasks": tasks}


def _confusions(data: AgreementData) -> list[Confusion]:
    """Pairs of classes confused more often than slips explain, clearest first, with example images."""
    pairs = confusions(data.votes, data.result, limit=PAIRS)
    rows: list[Confusion] = []
    for index in range(len(pairs.a)):
        a, b, workers = int(pairs.a[index]), int(pairs.b[index]), int(pairs.workers[index])
        examples = _examples(data, a, b)
        votes_for_either = np.isin(data.votes.label, (a, b)).sum()
        rows.append(
            {
                "a": a,
                "b": b,
                "answers": round(float(pairs.seen[index]), 1),
                "share": min(1.0, float(pairs.seen[index]) / max(int(votes_for_either), 1)),
                "workers": round(float(pairs.affected[index]) * workers),
                "of_workers": workers,
                "unclear": bool(pairs.unclear[index]),
                "tasks": examples,
            }
        )
    return [row for row in rows if row["workers"]]


def _examples(data: AgreementData, a: int, b: int) -> list[str]:
    """Images that received both classes, the most even split first."""
    votes = np.stack([np.isin(data.votes.label, (number,)) for number in (a, b)]).astype(np.float64)
    index = np.searchsorted(data.units, data.votes.task)
    counts: FloatArray = np.stack([np.bincount(index, row, minlength=len(data.units)) for row in votes])
    order = np.lexsort((-counts.sum(axis=0), -counts.min(axis=0)))
    both = [int(unit) for unit in order[: 4 * EXAMPLES] if counts[:, unit].min() > 0]
    tasks = list(dict.fromkeys(int(data.unit_task[unit]) for unit in both))[:EXAMPLES]
    public_ids = dict(Task.objects.filter(pk__in=tasks).values_list("pk", "public_id"))
    return [str(public_ids[task]) for task in tasks if task in public_ids]


def _rounded(value: float) -> float | None:
    return round(value, 4) if isfinite(value) else None
