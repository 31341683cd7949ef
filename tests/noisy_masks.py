"""Simulated objects and the masks that workers with known habits draw of them, seeded, for tests and benchmarks."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import ndimage

from annotary_core.labels.arrays import BoolArray, FloatArray
from annotary_core.labels.shapes.mask import Window


@dataclass(frozen=True, slots=True)
class Habit:
    """How a worker draws, as shares of the image side.

    grow: systematic offset outside the outline; negative is inside. wobble: deviation of the line. slip: offset of the
    whole mask. flips: share of pixels decided by a coin toss.
    """

    grow: float = 0.0
    wobble: float = 0.01
    slip: float = 0.005
    flips: float = 0.0


CAREFUL = Habit()
AVERAGE = Habit(wobble=0.02, slip=0.015)
CARELESS = Habit(wobble=0.05, slip=0.03)
TOO_LARGE = Habit(grow=0.06, wobble=0.015, slip=0.01)
TOO_SMALL = Habit(grow=-0.04, wobble=0.015, slip=0.01)
COIN = Habit(flips=1.0)


def true_mask(rng: np.random.Generator, side: int) -> BoolArray:
    """A blob with a wavy outline, one in three with a hole, one in three with a second piece; shape (side, side)."""
    y, x = np.mgrid[:side, :side] / side - 0.5
    mask = _blob(rng, x, y, 0.28)
    kind = rng.integers(3)
    if kind == 0:
        mask &= ~_blob(rng, x - 0.04, y + 0.03, 0.09)
    elif kind == 1:
        mask |= _blob(rng, x - 0.36, y - 0.36, 0.07)
    return mask


def _blob(rng: np.random.Generator, x: FloatArray, y: FloatArray, radius: float) -> BoolArray:
    angle = np.arctan2(y, x * rng.uniform(0.7, 1.4))
    waves = sum(rng.uniform(-0.1, 0.1) * np.sin(k * angle + rng.uniform(0, 7)) for k in (2, 3, 5))
    inside: BoolArray = np.hypot(x, y) < radius * (1 + waves)
    return inside


def drawn_mask(rng: np.random.Generator, truth: BoolArray, habit: Habit) -> Window:
    """Return the mask that a worker with this habit draws of the object, in the frame of the true mask."""
    side = len(truth)
    distance = ndimage.distance_transform_edt(~truth) - ndimage.distance_transform_edt(truth)
    deviation = ndimage.gaussian_filter(rng.normal(size=truth.shape), side * 0.04)
    deviation *= habit.wobble * side / max(deviation.std(), 1e-9)
    offset = rng.normal(scale=habit.slip * side, size=2)
    mask = ndimage.shift(distance, offset, order=1, mode="nearest") + deviation < habit.grow * side
    coin = rng.random(truth.shape)
    return Window(0, 0, np.where(rng.random(truth.shape) < habit.flips, coin < 0.5, mask))
