"""Each worker's pixel-level sensitivity and specificity, estimated over all objects of a project."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from annotary_core.labels.arrays import FloatArray, IntArray

#: Prior mean of sensitivity and specificity.
START_MEAN = 0.9


@dataclass(frozen=True, slots=True)
class PixelRates:
    """The pixel rates of w workers, ascending.

    counts: shape (w, 2, 2), effective pixels by truth (0 background, 1 object), then by vote; fuse_masks.py defines an
    effective pixel. mean: shape (2,), prior mean of specificity and sensitivity for a worker of this crowd. strength:
    weight of that prior in effective pixels. Raises ValueError for inconsistent arguments.
    """

    workers: IntArray = field(default_factory=lambda: np.empty(0, np.int64))
    counts: FloatArray = field(default_factory=lambda: np.empty((0, 2, 2)))
    mean: FloatArray = field(default_factory=lambda: np.full(2, START_MEAN))
    strength: float = 50.0

    def __post_init__(self) -> None:
        if not np.array_equal(self.workers, np.unique(self.workers)):
            raise ValueError("The workers must be sorted and unique.")
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
        """Specificity and sensitivity, the share of correct votes on background and object pixels, shape (w, 2)."""
        return right_rates(self.counts, self.mean, self.strength)

    def counts_of(self, workers: IntArray) -> FloatArray:
        """Return the counts of these workers, shape (n, 2, 2); zeros for unknown workers."""
        out = np.zeros((len(workers), 2, 2))
        at = np.searchsorted(self.workers, workers)
        known = np.flatnonzero(at < len(self.workers))
        known = known[self.workers[at[known]] == workers[known]]
        out[known] = self.counts[at[known]]
        return out

    def to_json(self) -> dict[str, Any]:
        """Return plain JSON; `from_json` restores exactly the same rates."""
        return {
            "workers": {
                str(worker): counts.ravel().tolist()
                for worker, counts in zip(self.workers.tolist(), self.counts, strict=True)
            },
            "mean": self.mean.tolist(),
            "strength": self.strength,
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> PixelRates:
        """Read the output of `to_json`; raises ValueError for anything else."""
        try:
            rows = sorted((int(worker), counts) for worker, counts in data["workers"].items())
            return cls(
                workers=np.array([worker for worker, _ in rows], np.int64),
                counts=np.array([counts for _, counts in rows], np.float64).reshape(len(rows), 2, 2),
                mean=np.array(data["mean"], np.float64),
                strength=float(data["strength"]),
            )
        except (KeyError, TypeError, AttributeError, ValueError) as error:
            raise ValueError("These are not stored pixel rates; fit them again.") from error


def right_rates(counts: FloatArray, mean: FloatArray, strength: float) -> FloatArray:
    """Return the posterior mode under the prior Beta(strength * mean + 1, strength * (1 - mean) + 1), shape (w, 2)."""
    hits = counts[:, [0, 1], [0, 1]]
    rates: FloatArray = (strength * mean + hits) / (strength + counts.sum(axis=2))
    return rates
