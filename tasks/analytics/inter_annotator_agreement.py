"""How far people agree, and which classes they mix up: of image classes where a project asks for them, or of boxes."""

from dataclasses import dataclass, field
from math import isfinite
from typing import Any

import numpy as np
from django.db.models import Max

from annotary_core.aggregation.agreement.alpha import Alpha, alpha, alpha_over_time, class_alphas
from annotary_core.aggregation.agreement.bootstrap import Bootstrap
from annotary_core.aggregation.agreement.objects import ObjectSets, object_agreement
from annotary_core.aggregation.agreement.ratings import Ratings
from annotary_core.aggregation.agreement.report import SameLabel
from annotary_core.aggregation.base import Answers, Consensus
from annotary_core.aggregation.classification.majority import Majority
from annotary_core.aggregation.label_quality.class_confusions import confusions
from annotary_core.aggregation.objects.box_clustering import BoxAnswers, BoxClustering
from annotary_core.aggregation.objects.similarity import BoxSimilarity
from annotary_core.labels.arrays import FloatArray, IntArray
from projects.models import Project
from projects.selectors import schema_of
from tasks.analytics.replay_data import some_shards
from tasks.batching.models import Task
from tasks.consensus.label_task import InProject
from tasks.consensus.object_answers import drawn_sample
from tasks.consensus.selectors import settled_annotations
from tasks.consensus.worker_model import learnt_of

#: Images that figures of agreement are made from, drawn by lot; more tell the same.
MOST_IMAGES = 50_000
MOST_DRAWN = 3_000
PERIODS = 10
PAIRS = 8
EXAMPLES = 6
#: Images whose boxes are compared for one class, or one period.
_PART = 500
_CHUNK = 5_000
_SEED = 7

Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Ground:
    """What agreement is measured on. `votes`: the class of an image, or of boxes that mean one object, as answers to
    the unit; `unit_task`: the task of each unit (ascending), shape (u,); `result`: what is agreed on each unit; `sets`
    and `boxes`: who drew what, None for image classes. `times`: task -> seconds of its last answer."""

    about: str
    votes: Answers
    units: IntArray
    unit_task: IntArray
    result: Consensus
    answers: int
    times: dict[int, float] = field(default_factory=dict)
    boxes: BoxAnswers | None = None
    sets: ObjectSets | None = None


def agreement_figures(*, project: Project) -> Json:
    """Plain JSON: "agreement" (alpha with its 95 % interval, by class, over time; "same" is the share of what two
    people say of an image that is the same, with no regard to chance) and "confusions" (see the page)."""
    ground = _class_ground(project) if schema_of(project=project).wants_class else _box_ground(project)
    if ground is None:
        return {"agreement": _nothing(), "confusions": []}
    ratings = Ratings.of(ground.votes)
    whole = _whole(ground, ratings)
    return {
        "agreement": {
            "about": ground.about,
            "alpha": _figure(whole.value),
            "low": _figure(whole.low),
            "high": _figure(whole.high),
            "same": _figure(1 - whole.observed),
            "tasks": whole.units,
            "answers": ground.answers,
            "by_class": _by_class(ground, ratings),
            "over_time": _over_time(ground, ratings),
        },
        "confusions": _confusions(ground),
    }


def _nothing() -> Json:
    empty: Json = dict.fromkeys(("alpha", "low", "high", "same"))
    return {"about": "", **empty, "tasks": 0, "answers": 0, "by_class": [], "over_time": []}


def _class_ground(project: Project) -> Ground | None:
    shards = some_shards(project=project)
    rows = np.concatenate(
        [np.empty((3, 0), np.int64)]
        + [np.stack([each.task, each.worker, each.label])[:, each.weight == 1.0] for each in shards],
        axis=1,
    )
    tasks = np.unique(rows[0])
    if len(tasks) > MOST_IMAGES:
        tasks = np.sort(np.random.default_rng(_SEED).choice(tasks, MOST_IMAGES, replace=False))
        rows = rows[:, np.isin(rows[0], tasks)]
    if not len(tasks):
        return None
    votes = Answers.of(*rows, classes=_classes(project, rows[2]))
    learnt = learnt_of(project=project, workers=np.unique(rows[1]).tolist(), classes=votes.classes.tolist())
    return Ground(
        "classes", votes, tasks, tasks, InProject(learnt.blend).fit_predict(votes), rows.shape[1], _times(tasks)
    )


def _box_ground(project: Project) -> Ground | None:
    drawn = drawn_sample(project_id=project.pk, most=MOST_DRAWN).boxes
    work = drawn.seen_task > 0
    if not work.any():
        return None
    kept = drawn.task > 0
    boxes = BoxAnswers.of(
        drawn.task[kept],
        drawn.worker[kept],
        drawn.label[kept],
        drawn.box[kept],
        seen=np.stack([drawn.seen_task[work], drawn.seen_worker[work]], axis=1),
    )
    found = BoxClustering().fit_predict(boxes)
    rows = np.array([row for part in found.members for row in part], np.int64)
    unit = np.repeat(np.arange(len(found.members)), [len(part) for part in found.members])
    votes = Answers.of(unit, boxes.worker[rows], boxes.label[rows], classes=_classes(project, boxes.label))
    sets = ObjectSets.of(boxes.task, boxes.worker, boxes.seen_task, boxes.seen_worker)
    units = np.unique(unit).astype(np.int64)
    return Ground(
        "boxes",
        votes,
        units,
        found.task[units],
        Majority().fit_predict(votes),
        int(work.sum()),
        _times(np.unique(boxes.seen_task)),
        boxes,
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


def _whole(ground: Ground, ratings: Ratings) -> Alpha:
    if ground.boxes is None or ground.sets is None:
        return alpha(ratings, bootstrap=Bootstrap())
    similar = SameLabel(BoxSimilarity(ground.boxes.box), ground.boxes.label)
    return object_agreement(ground.sets, similar, bootstrap=Bootstrap(), units=MOST_DRAWN).alpha


def _by_class(ground: Ground, ratings: Ratings) -> list[Json]:
    """Each class against all others. Of boxes: how far people agree where such a box is."""
    if ground.boxes is None:
        found = class_alphas(ratings)
        rows = zip(found.label.tolist(), found.value.tolist(), found.votes.tolist(), strict=True)
        return [{"class": label, "alpha": _figure(value), "answers": round(votes)} for label, value, votes in rows]
    boxes, place = ground.boxes, BoxSimilarity(ground.boxes.box)
    out = []
    for label, count in zip(*(part.tolist() for part in np.unique(boxes.label, return_counts=True)), strict=True):
        sets = ObjectSets.of(boxes.task, boxes.worker, boxes.seen_task, boxes.seen_worker, kept=boxes.label == label)
        one = object_agreement(sets, place, units=_PART, chance_pairs=_PART).alpha
        out.append({"class": label, "alpha": _figure(one.value), "answers": count})
    return out


def _over_time(ground: Ground, ratings: Ratings) -> list[Json]:
    """About as many images in each period, by the last answer of an image."""
    if ground.boxes is not None:
        return _boxes_over_time(ground)
    times = np.array([ground.times.get(task, np.nan) for task in ratings.units.tolist()])
    if np.isnan(times).any() or not ratings.pairable.any():
        return []
    bins = max(1, min(PERIODS, int(ratings.pairable.sum()) // 10))
    found = alpha_over_time(ratings, times, bins=bins)
    return [_period(start, end, part.value, part.units) for start, end, part in found if isfinite(part.value)]


def _boxes_over_time(ground: Ground) -> list[Json]:
    assert ground.boxes is not None  # the caller has seen to it
    boxes = ground.boxes
    tasks = np.array(sorted(set(boxes.seen_task.tolist()) & ground.times.keys()), np.int64)
    when = np.array([ground.times[task] for task in tasks.tolist()])
    order = tasks[np.argsort(when, kind="stable")]
    bins = max(1, min(PERIODS, len(order) // 10))
    similar = SameLabel(BoxSimilarity(boxes.box), boxes.label)
    out = []
    for part in np.array_split(order, bins):
        seen, kept = np.isin(boxes.seen_task, part), np.isin(boxes.task, part)
        sets = ObjectSets.of(boxes.task[kept], boxes.worker[kept], boxes.seen_task[seen], boxes.seen_worker[seen])
        # The rows of the similarity are those of all boxes.
        sets = ObjectSets(sets.unit, sets.worker, sets.start, np.flatnonzero(kept)[sets.rows])
        one = object_agreement(sets, similar, units=_PART, chance_pairs=_PART).alpha
        span = [ground.times[task] for task in part.tolist()]
        if isfinite(one.value):
            out.append(_period(min(span), max(span), one.value, one.units))
    return out


def _period(start: float, end: float, value: float, tasks: int) -> Json:
    return {"from": start, "until": end, "alpha": round(value, 4), "tasks": tasks}


def _confusions(ground: Ground) -> list[Json]:
    """Pairs of classes that are mixed up more than slips explain, the clearest first, with images to look at."""
    found = confusions(ground.votes, ground.result, limit=PAIRS)
    out = []
    for place in range(len(found.a)):
        a, b, met = int(found.a[place]), int(found.b[place]), int(found.workers[place])
        mixed = _mixed_up(ground, a, b)
        of_both = np.isin(ground.votes.label, (a, b)).sum()
        out.append(
            {
                "a": a,
                "b": b,
                "answers": round(float(found.seen[place]), 1),
                "share": min(1.0, float(found.seen[place]) / max(int(of_both), 1)),
                "workers": round(float(found.affected[place]) * met),
                "of_workers": met,
                "unclear": bool(found.unclear[place]),
                "tasks": mixed,
            }
        )
    return [row for row in out if row["workers"]]


def _mixed_up(ground: Ground, a: int, b: int) -> list[str]:
    """Images on which both classes were said, those with the most even split first."""
    votes = np.stack([np.isin(ground.votes.label, (number,)) for number in (a, b)]).astype(np.float64)
    index = np.searchsorted(ground.units, ground.votes.task)
    counts: FloatArray = np.stack([np.bincount(index, row, minlength=len(ground.units)) for row in votes])
    order = np.lexsort((-counts.sum(axis=0), -counts.min(axis=0)))
    both = [int(unit) for unit in order[: 4 * EXAMPLES] if counts[:, unit].min() > 0]
    tasks = list(dict.fromkeys(int(ground.unit_task[unit]) for unit in both))[:EXAMPLES]
    named = dict(Task.objects.filter(pk__in=tasks).values_list("pk", "public_id"))
    return [str(named[task]) for task in tasks if task in named]


def _figure(value: float) -> float | None:
    return round(value, 4) if isfinite(value) else None
