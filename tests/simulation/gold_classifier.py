"""How well gold is told from work: by each figure alone, and by classifiers that have learned from other images.

The area under the ROC curve (AUC) is the probability that a gold image is more suspect than an ordinary one, ties
counting half (Mann and Whitney 1947); 0.5 is guessing. Classifiers are scored on images that they were not trained
with, so it is not too high by chance.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.stats import rankdata
from sklearn.ensemble import ExtraTreesClassifier
from sklearn.feature_selection import SelectKBest, VarianceThreshold, f_classif
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import StratifiedGroupKFold
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import PolynomialFeatures, StandardScaler

from tests.simulation.gold_features import TIMES, Seen

Numbers = NDArray[np.float64]
FOLDS = 5


@dataclass(frozen=True, slots=True)
class Findings:
    """AUC by figure, at least 0.5 as an attacker may use it either way; by classifier; and with the times added."""

    images: int
    gold: int
    by_figure: Mapping[str, float]
    by_classifier: Mapping[str, float]
    with_times: float

    @property
    def auc(self) -> float:
        """Of both classifiers together, named beforehand: the best of several would be above 0.5 by luck alone."""
        return self.by_classifier["both"]

    def lines(self, *, figures: int = 12) -> list[str]:
        order = sorted(self.by_figure.items(), key=lambda each: -each[1])[:figures]
        classifiers = ", ".join(f"{name} {value:.3f}" for name, value in self.by_classifier.items())
        return [
            f"{self.images} images shown, {self.gold} of them gold: {classifiers}, with times {self.with_times:.3f}",
            *(f"    {value:.3f} {name}" for name, value in order),
        ]


def auc(scores: Numbers, is_gold: NDArray[np.bool_]) -> float:
    ranks = rankdata(scores)
    gold, work = int(is_gold.sum()), int((~is_gold).sum())
    return float((ranks[is_gold].sum() - gold * (gold + 1) / 2) / (gold * work))


def findings(groups: Sequence[tuple[Seen, Sequence[bool]]], *, seed: int = 0) -> Findings:
    """Pool what several groups of accounts of one kind saw; an image is trained with or scored, never both."""
    names = list(groups[0][0].figures[0])
    table = np.array([[float(row[name]) for name in names] for seen, _ in groups for row in seen.figures])
    is_gold = np.array([gold for _, golds in groups for gold in golds])
    images = np.array([image for seen, _ in groups for image in seen.images])
    untimed = np.array([not any(time in name for time in TIMES) for name in names])
    by_figure = {}
    for name, column in zip(names, table.T, strict=True):
        value = auc(column, is_gold)
        by_figure[name] = max(value, 1 - value)
    models = {"logistic": _logistic(), "trees": _trees(seed)}
    scores = _out_of_fold(table[:, untimed], is_gold, images, models)
    scores["both"] = scores["logistic"] + scores["trees"]
    (timed,) = _out_of_fold(table, is_gold, images, {"with times": _logistic()}).values()
    return Findings(
        images=len(is_gold),
        gold=int(is_gold.sum()),
        by_figure=by_figure,
        by_classifier={name: auc(score, is_gold) for name, score in scores.items()},
        with_times=auc(timed, is_gold),
    )


def _out_of_fold(
    table: Numbers, is_gold: NDArray[np.bool_], images: NDArray[np.str_], models: Mapping[str, Any]
) -> dict[str, Numbers]:
    """Score each image by classifiers that were trained without it."""
    scores = {name: np.zeros(len(table)) for name in models}
    folds = StratifiedGroupKFold(FOLDS, shuffle=True, random_state=0)
    for train, test in folds.split(table, is_gold, images):
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
        SelectKBest(f_classif, k=12),
        PolynomialFeatures(2, include_bias=False),
        StandardScaler(),
        LogisticRegression(C=0.02, solver="newton-cholesky"),
    )


def _trees(seed: int) -> Any:
    return ExtraTreesClassifier(100, min_samples_leaf=8, max_features=0.3, random_state=seed)
