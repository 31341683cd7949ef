"""How well gold is told from work: by each figure alone, and by classifiers that have learned from other images.

The area under the ROC curve (AUC) is the probability that a gold image is more suspect than an ordinary one that the
same accounts saw, ties counting half (Mann and Whitney 1947); 0.5 is guessing. Classifiers have learned from other
projects, as people would who were told their gold: in one project alone, gold differs from work by chance, as in having
more of one class, and a classifier trained on some of that gold would find the rest.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.stats import norm, rankdata
from sklearn.ensemble import ExtraTreesClassifier
from sklearn.feature_selection import SelectKBest, VarianceThreshold, f_classif
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import StratifiedGroupKFold
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import PolynomialFeatures, StandardScaler

from tests.simulation.gold_features import TIMES, Seen

Numbers = NDArray[np.float64]
FOLDS = 5
#: Samples for the standard error.
RESAMPLES = 200


@dataclass(frozen=True, slots=True)
class SeenInProject:
    """What groups of accounts of one kind saw in one project, and what of it was gold."""

    groups: Sequence[tuple[Seen, Sequence[bool]]]


@dataclass(frozen=True, slots=True)
class Findings:
    """AUC by figure, at least 0.5 as an attacker may use it either way; by classifier; and with the times added.

    error: the standard error of `auc`, from which of the images were gold (bootstrap).
    """

    images: int
    gold: int
    by_figure: Mapping[str, float]
    by_classifier: Mapping[str, float]
    with_times: float
    error: float

    @property
    def auc(self) -> float:
        """Of both classifiers together, named beforehand: the best of several would be above 0.5 by luck alone."""
        return self.by_classifier["both"]

    def at_least(self, comparisons: int) -> float:
        """The lower end of a one-sided interval, so wide that of so many ones 95% of the time none is wrong."""
        return self.auc - float(norm.ppf(1 - 0.05 / comparisons)) * self.error

    def lines(self, *, figures: int = 12) -> list[str]:
        order = sorted(self.by_figure.items(), key=lambda each: -each[1])[:figures]
        classifiers = ", ".join(f"{name} {value:.3f}" for name, value in self.by_classifier.items())
        return [
            f"{self.images} images shown, {self.gold} of them gold: {classifiers} (error {self.error:.3f}), "
            f"with times {self.with_times:.3f}",
            *(f"    {value:.3f} {name}" for name, value in order),
        ]


def auc(scores: Numbers, is_gold: NDArray[np.bool_]) -> float:
    ranks = rankdata(scores)
    gold, work = int(is_gold.sum()), int((~is_gold).sum())
    return float((ranks[is_gold].sum() - gold * (gold + 1) / 2) / (gold * work))


def findings(projects: Sequence[SeenInProject], *, seed: int = 0) -> Findings:
    """Pool what accounts saw in several projects. An image is scored by what was learned from the other projects, or,
    if there is one project alone, from its other images.
    """
    seen = [(number, *group) for number, project in enumerate(projects) for group in project.groups]
    names = list(seen[0][1].figures[0])
    table = np.array([[float(row[name]) for name in names] for _, each, _ in seen for row in each.figures])
    is_gold = np.array([gold for _, _, golds in seen for gold in golds])
    images = np.array([image for _, each, _ in seen for image in each.images])
    project = np.array([number for number, each, _ in seen for _ in each.images])
    group = np.array([number for number, (_, each, _) in enumerate(seen) for _ in each.images])
    untimed = np.array([not any(time in name for time in TIMES) for name in names])
    by_figure = {}
    for name, column in zip(names, table.T, strict=True):
        value = mean_auc(column, is_gold, group)
        by_figure[name] = max(value, 1 - value)
    folds = _folds(table, is_gold, images, project)
    scores = _out_of_fold(table[:, untimed], is_gold, folds, {"logistic": _logistic(), "trees": _trees(seed)})
    scores["both"] = scores["logistic"] + scores["trees"]
    (timed,) = _out_of_fold(table, is_gold, folds, {"with times": _logistic()}).values()
    return Findings(
        images=len(is_gold),
        gold=int(is_gold.sum()),
        by_figure=by_figure,
        by_classifier={name: mean_auc(score, is_gold, group) for name, score in scores.items()},
        with_times=mean_auc(timed, is_gold, group),
        error=_error(scores["both"], is_gold, images, group, seed),
    )


def mean_auc(scores: Numbers, is_gold: NDArray[np.bool_], group: NDArray[np.int_]) -> float:
    """The mean over the groups of accounts, each by how much gold it saw.

    A group tells its own gold from its own work. That another one has more gold is of no use to it.
    """
    order = np.argsort(group, kind="stable")
    rows = np.split(order, np.flatnonzero(np.diff(group[order])) + 1)
    both = [each for each in rows if is_gold[each].any() and not is_gold[each].all()]
    return float(
        np.average([auc(scores[each], is_gold[each]) for each in both], weights=[is_gold[each].sum() for each in both])
    )


def _error(
    scores: Numbers, is_gold: NDArray[np.bool_], images: NDArray[np.str_], group: NDArray[np.int_], seed: int
) -> float:
    """The standard error of the mean AUC: images are drawn again, each with all accounts that saw it."""
    rng = np.random.default_rng(seed)
    _, image = np.unique(images, return_inverse=True)
    rows = [np.flatnonzero(image == number) for number in range(image.max() + 1)]
    values = []
    for _ in range(RESAMPLES):
        drawn = np.concatenate([rows[number] for number in rng.integers(len(rows), size=len(rows))])
        values.append(mean_auc(scores[drawn], is_gold[drawn], group[drawn]))
    return float(np.std(values))


def _folds(
    table: Numbers, is_gold: NDArray[np.bool_], images: NDArray[np.str_], project: NDArray[np.int_]
) -> list[tuple[NDArray[np.int_], NDArray[np.int_]]]:
    if len(np.unique(project)) == 1:
        return list(StratifiedGroupKFold(FOLDS, shuffle=True, random_state=0).split(table, is_gold, images))
    return [(np.flatnonzero(project != number), np.flatnonzero(project == number)) for number in np.unique(project)]


def _out_of_fold(
    table: Numbers,
    is_gold: NDArray[np.bool_],
    folds: Sequence[tuple[NDArray[np.int_], NDArray[np.int_]]],
    models: Mapping[str, Any],
) -> dict[str, Numbers]:
    """Score each image by classifiers that were trained without it."""
    scores = {name: np.zeros(len(table)) for name in models}
    for train, test in folds:
        for name, model in models.items():
            model.fit(table[train], is_gold[train])
            # Ranks: the classifiers of different folds need not agree on the level.
            scores[name][test] = rankdata(model.predict_proba(table[test])[:, 1]) / len(test)
    return scores


def _logistic() -> Any:
    """Logistic regression on the figures that tell most, and on the products of two of them."""
    return make_pipeline(
        VarianceThreshold(1e-9),
        StandardScaler(),
        SelectKBest(_variance_ratio, k=12),
        PolynomialFeatures(2, include_bias=False),
        StandardScaler(),
        LogisticRegression(C=0.02, solver="newton-cholesky"),
    )


def _variance_ratio(table: Numbers, is_gold: NDArray[np.bool_]) -> Any:
    """The F statistic; infinite for a figure that tells gold without exception."""
    with np.errstate(divide="ignore"):
        return f_classif(table, is_gold)


def _trees(seed: int) -> Any:
    return ExtraTreesClassifier(100, min_samples_leaf=8, max_features=0.3, random_state=seed)
