"""How often each worker marks a pixel of an object, and leaves one beside it, learnt over all objects of a project."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from annotary_core.labels.arrays import FloatArray, IntArray

#: The share of right pixels expected of a worker nobody knows, of the object and beside it.
START_MEAN = 0.9


@dataclass(frozen=True, slots=True)
class PixelRates:
    """What is known of workers, w of them, ascending.

    counts: shape (w, 2, 2), effective pixels by truth (0 beside, 1 on the object), then by vote; see masks.py for what
    an effective pixel is. mean: shape (2,), the expected share of right votes beside and on an object for a worker of
    this crowd. strength: how many effective pixels that expectation is worth. Raises ValueError for what does not fit.
    """

    workers: IntArray = field(default_factory=lambda: np.empty(0, np.int64))
    counts: FloatArray = field(default_factory=lambda: np.empty((0, 2, 2)))
    mean: FloatArray = field(default_factory=lambda: np.full(2, START_MEAN))
    strength: float = 50.0

    def __post_init__(self) -> None:
        if not np.array_equal(self.workers, np.unique(self.workers)):
            raise ValueError("The workers must be sorted and stand there once each.")
        if (
            self.counts.shape != (len(self.workers), 2, 2)
            or not np.isfinite(self.counts).all()
            or (self.counts < 0).any()
        ):
            raise ValueError("Each worker needs four finite, non-negative counts.")
        if self.mean.shape != (2,) or not ((self.mean > 0) & (self.mean < 1)).all() or not self.strength > 0:
            raise ValueError("The expected rates must lie between 0 and 1, and their strength above 0.")

    @property
    def right(self) -> FloatArray:
        """Shape (w, 2): specificity and sensitivity, the share of right votes beside and on the object."""
        return right_rates(self.counts, self.mean, self.strength)

    def counts_of(self, workers: IntArray) -> FloatArray:
        """The counts of these workers, shape (n, 2, 2); zeros for those who are not known."""
        out = np.zeros((len(workers), 2, 2))
        at = np.searchsorted(self.workers, workers)
        known = np.flatnonzero(at < len(self.workers))
        known = known[self.workers[at[known]] == workers[known]]
        out[known] = self.counts[at[known]]
        return out

    def to_json(self) -> dict[str, Any]:
        """Plain JSON; `from_json` gives the same rates back to the last bit."""
        return {
            "workers": {
                str(worker): counts.ravel().tolist()
                for worker, counts in zip(self.workers.tolist(), self.counts, strict=True)
            },
            "mean": self.mean.tolist(),
            "strength": self.strength,
        }

    @classmethod
    def from_json(cls, body: Mapping[str, Any]) -> PixelRates:
        """Raises ValueError for anything that `to_json` does not write."""
        try:
            rows = sorted((int(worker), counts) for worker, counts in body["workers"].items())
            return cls(
                workers=np.array([worker for worker, _ in rows], np.int64),
                counts=np.array([counts for _, counts in rows], np.float64).reshape(len(rows), 2, 2),
                mean=np.array(body["mean"], np.float64),
                strength=float(body["strength"]),
            )
        except (KeyError, TypeError, AttributeError, ValueError) as error:
            raise ValueError("These are not the stored rates of workers; fit them again.") from error


def right_rates(counts: FloatArray, mean: FloatArray, strength: float) -> FloatArray:
    """The mode of Beta(strength * mean + 1, strength * (1 - mean) + 1) after the counts, shape (w, 2)."""
    hits = counts[:, [0, 1], [0, 1]]
    rates: FloatArray = (strength * mean + hits) / (strength + counts.sum(axis=2))
    return rates
