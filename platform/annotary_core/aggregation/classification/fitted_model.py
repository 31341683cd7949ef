"""The fitted blend: enough to predict labels for new answers, offline and online, and to store between fits."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NotRequired, TypedDict

import numpy as np
from numpy.typing import ArrayLike

from annotary_core.labels.arrays import FloatArray, IntArray

#: Significant digits of numbers in JSON, far more precise than any estimate.
_DIGITS = 9


class ModelHeader(TypedDict):
    """Everything of a fitted model except the workers, as stored. "pooled" is `pooled_confusion`, None if it follows
    from the accuracy, "alike" is `error_correlation`, "cold" is `is_cold_start`."""

    classes: list[int]
    one_coin_prior: list[float]
    confusion_prior: list[float]
    pooled_accuracy: float
    pooled: list[list[float]] | None
    blend: float
    alike: float
    answers: int
    cold: bool


class WorkerParameters(TypedDict):
    """The parameters of one worker, as stored."""

    accuracy: float
    confusion: NotRequired[list[list[float]]]


class StoredModel(ModelHeader):
    """A fitted model as JSON. workers: by id."""

    workers: dict[str, WorkerParameters]


@dataclass(frozen=True, slots=True)
class FittedModel:
    """The parameters of both models and their mixture weight. Immutable, so readers never see a partial update.

    classes: shape (k,), ascending. workers: shape (w,), ascending ids.
    accuracy: accuracy of each worker in the one-coin model, shape (w,). confusion: probability that worker w labels
    class k as l, shape (w, k, l); shape (0, k, l) if the confusion model is not used.
    one_coin_prior, confusion_prior: log class frequencies as they enter each model, shape (k,); the former are tempered
    and do not sum to 1.
    pooled_accuracy, pooled_confusion: used for workers who are not in `workers`; the latter has shape (k, l).
    blend: mixture weight of the confusion model, 0 to 1. error_correlation: correlation of the errors on one task, 0 to
    1; see error_correlation.temper. answers: number of rows fitted. is_cold_start: there were too few answers to learn
    from, so workers differ only by their history and gold.
    """

    classes: IntArray
    workers: IntArray
    accuracy: FloatArray
    confusion: FloatArray
    one_coin_prior: FloatArray
    confusion_prior: FloatArray
    pooled_accuracy: float
    pooled_confusion: FloatArray
    blend: float
    error_correlation: float
    answers: int
    is_cold_start: bool

    def accuracy_of(self, workers: IntArray) -> FloatArray:
        """Accuracy of each worker, shape (m,) for ids of shape (m,); the pooled accuracy for unknown workers."""
        index, known = self._find(workers)
        out = np.full(len(workers), self.pooled_accuracy)
        out[known] = self.accuracy[index[known]]
        return out

    def confusion_of(self, workers: IntArray) -> FloatArray:
        """Confusion matrices, shape (m, k, l) for ids of shape (m,); the pooled matrix for unknown workers."""
        out = np.repeat(self.pooled_confusion[None], len(workers), axis=0)
        if len(self.confusion):
            index, known = self._find(workers)
            out[known] = self.confusion[index[known]]
        return out

    def _find(self, workers: IntArray) -> tuple[IntArray, Any]:
        if not len(self.workers):
            return np.zeros(len(workers), np.int64), np.zeros(len(workers), np.bool_)
        index = np.minimum(np.searchsorted(self.workers, workers), len(self.workers) - 1)
        return index, self.workers[index] == workers

    def to_json(self) -> StoredModel:
        workers = {str(int(worker)): self.worker_json(index) for index, worker in enumerate(self.workers)}
        return {**self.header_json(), "workers": workers}

    @classmethod
    def from_json(cls, body: StoredModel) -> FittedModel:
        """The inverse of `to_json`. Raises ValueError or KeyError for any other input."""
        return cls.from_parts(body, {int(worker): part for worker, part in body["workers"].items()})

    def header_json(self) -> ModelHeader:
        """Everything except the workers, so its size does not depend on their number.

        `pooled_confusion` is omitted if it follows from the accuracy: for a thousand classes it has a million entries.
        """
        is_one_coin = np.array_equal(self.pooled_confusion, one_coin_confusion(self.pooled_accuracy, len(self.classes)))
        return {
            "classes": self.classes.tolist(),
            "one_coin_prior": _rounded(self.one_coin_prior),
            "confusion_prior": _rounded(self.confusion_prior),
            "pooled_accuracy": float(f"{self.pooled_accuracy:.{_DIGITS}g}"),
            "pooled": None if is_one_coin else _rounded(self.pooled_confusion),
            "blend": float(f"{self.blend:.{_DIGITS}g}"),
            "alike": self.error_correlation,
            "answers": self.answers,
            "cold": self.is_cold_start,
        }

    def worker_json(self, index: int) -> WorkerParameters:
        """The parameters of the worker at this index."""
        body: WorkerParameters = {"accuracy": float(f"{self.accuracy[index]:.{_DIGITS}g}")}
        if len(self.confusion):
            body["confusion"] = _rounded(self.confusion[index])
        return body

    @classmethod
    def from_parts(cls, header: ModelHeader, workers: Mapping[int, WorkerParameters]) -> FittedModel:
        """Rebuild from `header_json` and `worker_json`, with these workers only; all others are unknown."""
        ids = np.array(sorted(workers), np.int64)
        classes = np.array(header["classes"], np.int64)
        size = len(classes)
        rows = [workers[int(worker)]["confusion"] for worker in ids if "confusion" in workers[int(worker)]]
        if rows and len(rows) < len(ids):
            raise ValueError("Either every worker of a fitted model has a confusion matrix or none has.")
        accuracy, pooled_confusion = float(header["pooled_accuracy"]), header["pooled"]
        return cls(
            classes=classes,
            workers=ids,
            accuracy=np.array([workers[int(worker)]["accuracy"] for worker in ids], np.float64),
            confusion=np.array(rows, np.float64).reshape(-1, size, size) if rows else np.empty((0, size, size)),
            one_coin_prior=np.array(header["one_coin_prior"], np.float64),
            confusion_prior=np.array(header["confusion_prior"], np.float64),
            pooled_accuracy=accuracy,
            pooled_confusion=one_coin_confusion(accuracy, size)
            if pooled_confusion is None
            else np.array(pooled_confusion, np.float64).reshape(size, size),
            blend=float(header["blend"]),
            error_correlation=float(header["alike"]),
            answers=int(header["answers"]),
            is_cold_start=bool(header["cold"]),
        )


def one_coin_confusion(accuracy: float, classes: int) -> FloatArray:
    """The one-coin confusion matrix, shape (k, k): the accuracy on the diagonal, the rest spread over other classes."""
    rows = np.full((classes, classes), (1 - accuracy) / max(classes - 1, 1))
    np.fill_diagonal(rows, accuracy if classes > 1 else 1.0)
    return rows


def _rounded(values: ArrayLike) -> Any:
    array = np.asarray(values, np.float64)
    return np.array([float(f"{value:.{_DIGITS}g}") for value in array.ravel()]).reshape(array.shape).tolist()
