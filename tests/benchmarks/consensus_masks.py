"""Measure mask fusion: `python tests/benchmarks/consensus_masks.py [clusters]`, 200 by default; about three minutes.

Workers with known habits draw objects with known outlines (tests/noisy_masks.py, seeded). Prints the mean IoU with the
ground truth of each fusion method, for several kinds of crowds, and the time for a cluster of five masks in images of
200 x 200 pixels.
"""

from __future__ import annotations

import sys
import time

import numpy as np

from annotary_core.aggregation.objects.fuse_masks import MaskAnswers, PixelEM
from annotary_core.labels.shapes.mask import Window, mask_iou
from tests.noisy_masks import (
    AVERAGE,
    CAREFUL,
    CARELESS,
    COIN,
    TOO_LARGE,
    TOO_SMALL,
    Habit,
    drawn_mask,
    true_mask,
)

CROWDS: dict[str, list[Habit]] = {
    "five of average care": [AVERAGE] * 5,
    "one careful, four careless": [CAREFUL] + [CARELESS] * 4,
    "three average, two too large": [AVERAGE] * 3 + [TOO_LARGE] * 2,
    "two careful, three too large": [CAREFUL] * 2 + [TOO_LARGE] * 3,
    "three average, two too small": [AVERAGE] * 3 + [TOO_SMALL] * 2,
    "large, small, three average": [TOO_LARGE, TOO_SMALL] + [AVERAGE] * 3,
    "three average, two coins": [AVERAGE] * 3 + [COIN] * 2,
    "two average": [AVERAGE] * 2,
}
SIDE = 200


def majority(answers: MaskAnswers) -> list[Window]:
    """Pixel-wise majority vote: more than half of the votes."""
    out = []
    for cluster in np.unique(answers.cluster):
        masks = [answers.masks[row].crop(0, 0, SIDE, SIDE).pixels for row in np.flatnonzero(answers.cluster == cluster)]
        out.append(Window(0, 0, np.mean(masks, axis=0) > 0.5))
    return out


def one_image_at_a_time(answers: MaskAnswers) -> list[Window]:
    """The same EM with rates per image, as in STAPLE."""
    return [PixelEM().fit_predict(part).masks[0] for part in by_cluster(answers)]


def pooled(answers: MaskAnswers) -> list[Window]:
    return list(PixelEM().fit_predict(answers).masks)


def pooled_with_gold(answers: MaskAnswers, truths: list[Window]) -> list[Window]:
    """Pooled EM with one object in ten as gold; the others are compared."""
    gold = {number: truths[number] for number in range(0, len(truths), 10)}
    consensus = PixelEM().fit_predict(MaskAnswers.of(answers.cluster, answers.worker, answers.masks, gold=gold))
    return list(consensus.masks)


def by_cluster(answers: MaskAnswers) -> list[MaskAnswers]:
    parts = [np.flatnonzero(answers.cluster == cluster) for cluster in np.unique(answers.cluster)]
    return [MaskAnswers.of(answers.cluster[p], answers.worker[p], [answers.masks[row] for row in p]) for p in parts]


def crowd(habits: list[Habit], clusters: int, seed: int) -> tuple[MaskAnswers, list[Window]]:
    rng = np.random.default_rng(seed)
    truths = [true_mask(rng, SIDE) for _ in range(clusters)]
    masks = [drawn_mask(rng, truth, habit) for truth in truths for habit in habits]
    cluster = np.repeat(np.arange(clusters), len(habits))
    worker = np.tile(np.arange(len(habits)), clusters)
    return MaskAnswers.of(cluster, worker, masks), [Window(0, 0, truth) for truth in truths]


def mean_iou(masks: list[Window], truths: list[Window]) -> float:
    """Return the mean IoU over the objects that are gold in no column."""
    pairs = list(zip(masks, truths, strict=True))
    return float(np.mean([mask_iou(mask, truth) for number, (mask, truth) in enumerate(pairs) if number % 10]))


def best_worker(answers: MaskAnswers, truths: list[Window]) -> float:
    each = [[answers.masks[row] for row in np.flatnonzero(answers.worker == w)] for w in np.unique(answers.worker)]
    return max(mean_iou(masks, truths) for masks in each)


def main(clusters: int = 200) -> None:
    print(f"Mean IoU with the ground truth, {clusters} objects per crowd, {SIDE} x {SIDE} px")
    print(f"{'crowd':31}{'best worker':>13}{'majority':>13}{'EM per image':>13}{'EM pooled':>13}{'with gold':>13}")
    took, counted = 0.0, 0
    for seed, (name, habits) in enumerate(CROWDS.items()):
        answers, truths = crowd(habits, clusters, seed)
        figures = [best_worker(answers, truths)]
        figures += [mean_iou(fuse(answers), truths) for fuse in (majority, one_image_at_a_time)]
        start = time.process_time()
        masks = pooled(answers)
        if len(habits) == 5:
            took, counted = took + time.process_time() - start, counted + clusters
        figures += [mean_iou(masks, truths), mean_iou(pooled_with_gold(answers, truths), truths)]
        print(f"{name:31}" + "".join(f"{figure:13.4f}" for figure in figures))
    print(f"Pooled EM: {took / counted * 1000:.2f} ms of CPU time per cluster of five masks")


if __name__ == "__main__":
    main(*map(int, sys.argv[1:2]))
