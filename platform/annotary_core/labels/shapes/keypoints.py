"""Keypoint skeletons in columns, for consensus; schemas do not offer them yet."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from annotary_core.labels.arrays import BoolArray, FloatArray, IntArray
from annotary_core.labels.shapes.nearness import FLOOR, floored

#: Per-joint sigmas of the 17 COCO person keypoints, from the reference evaluation code.
COCO_SIGMAS: tuple[float, ...] = (
    0.026, 0.025, 0.025, 0.035, 0.035, 0.079, 0.079, 0.072, 0.072,
    0.062, 0.062, 0.107, 0.107, 0.087, 0.087, 0.089, 0.089,
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class KeypointSimilarity:
    """Object keypoint similarity (COCO; Lin et al. 2014): the mean over joints of exp(-d² / 2 s² k²), k = 2 sigma.

    Only joints that both workers placed count; without a common joint the similarity is 0. s² is the object's area:
    COCO uses that of the ground truth; here neither object is ground truth, so it is the geometric mean of both.

    xy: shape (n, j, 2). placed: shape (n, j), whether a joint has a position. area: square pixels, shape (n,).
    sigmas: shape (j,); COCO_SIGMAS for people, .05 is usual for other skeletons.
    """

    xy: FloatArray
    placed: BoolArray
    area: FloatArray
    sigmas: FloatArray

    @classmethod
    def from_joints(
        cls, xy: FloatArray, placed: BoolArray, *, sigmas: FloatArray, area: FloatArray | None = None
    ) -> KeypointSimilarity:
        """Build from joints; `area` defaults to that of the box around the placed joints (at least 1 square pixel)."""
        if area is None:
            low, high = corners_around(xy, placed)
            area = np.maximum((high - low).prod(axis=1), 1.0)
        return cls(xy=xy, placed=placed, area=area, sigmas=sigmas)

    @property
    def bounds(self) -> FloatArray:
        # Similar objects have at least one near joint, measured at the scale of the largest object.
        max_scale = np.sqrt(self.area.max(initial=0.0)) * 2 * self.sigmas.max(initial=0.0)
        reach = max_scale * np.sqrt(-2 * np.log(FLOOR)) / 2
        low, high = corners_around(self.xy, self.placed)
        return np.concatenate([low - reach, high + reach], axis=1)

    def of(self, first: IntArray, second: IntArray) -> FloatArray:
        both = self.placed[first] & self.placed[second]
        squared_distance = ((self.xy[first] - self.xy[second]) ** 2).sum(axis=2)
        area = np.sqrt(self.area[first] * self.area[second])
        closeness = np.exp(-squared_distance / (2 * area[:, None] * (2 * self.sigmas) ** 2))
        common_count = both.sum(axis=1)
        total = np.where(both, closeness, 0.0).sum(axis=1)
        return floored(np.divide(total, common_count, out=np.zeros(len(total)), where=common_count > 0))


@dataclass(frozen=True, slots=True)
class Keypoints:
    """Skeletons. xy: shape (n, j, 2). visible: shape (n, j), 0 not labeled, 1 occluded, 2 visible.

    sigmas: shape (j,).
    """

    xy: FloatArray
    visible: IntArray
    sigmas: FloatArray

    def sort_keys(self) -> FloatArray:
        labeled_xy = np.where((self.visible > 0)[:, :, None], self.xy, 0.0).reshape(len(self.xy), 2 * self.xy.shape[1])
        return np.concatenate([labeled_xy, self.visible.astype(np.float64)], axis=1)

    def boxes(self) -> FloatArray:
        return np.concatenate(corners_around(self.xy, self.visible > 0), axis=1)

    def similarity(self) -> KeypointSimilarity:
        return KeypointSimilarity.from_joints(self.xy, self.visible > 0, sigmas=self.sigmas)

    def take(self, rows: IntArray) -> Keypoints:
        return Keypoints(self.xy[rows], self.visible[rows], self.sigmas)

    def concat(self, other: Keypoints) -> Keypoints:
        columns = np.concatenate([self.xy, other.xy]), np.concatenate([self.visible, other.visible])
        return Keypoints(*columns, self.sigmas)


def corners_around(xy: FloatArray, placed: BoolArray) -> tuple[FloatArray, FloatArray]:
    """Return the bounding-box corners of the placed joints, each (n, 2); (0, 0) for an object without joints."""
    has_joint = placed.sum(axis=1)[:, None] > 0
    low = np.where(placed[:, :, None], xy, np.inf).min(axis=1)
    high = np.where(placed[:, :, None], xy, -np.inf).max(axis=1)
    return np.where(has_joint, low, 0.0), np.where(has_joint, high, 0.0)
