"""Measure fused polygons: `python tests/benchmarks/consensus_polygons.py [images]`, 40 by default; half a minute.

Four workers outline three objects of each image; their points are off by a share of the object's radius, each outline
as a whole and each point alone. Prints the mean IoU with the true outlines of one worker and of the label, the points
of an object of the label, and the processor time for an image; then IoU and points after the first step of a reviewer's
"Fewer points".
"""

from __future__ import annotations

import sys
import time
from unittest.mock import patch

import numpy as np

from annotary_core.aggregation.consolidate import WorkerAnswer, consolidate
from annotary_core.aggregation.objects import fuse_polygons
from annotary_core.labels.answer import Answer, LabelObject
from annotary_core.labels.arrays import FloatArray
from annotary_core.labels.matching import column_of, similarity_matrix
from annotary_core.labels.schema import Schema
from annotary_core.labels.shapes.polygon import PolygonShape, polygon_of
from annotary_core.labels.shapes.rings import parts_bounds, simplify

WIDTH, HEIGHT, POINTS, WORKERS = 1280, 960, 40, 4
RADII = (40.0, 90.0, 160.0)
ERRORS = (0.01, 0.02, 0.06)
SHAPE = PolygonShape()
SCHEMA = Schema.from_json({"classes": [{"number": 1, "name": "leaf"}], "tools": [SHAPE.name]})


def blob(rng: np.random.Generator, radius: float) -> FloatArray:
    """Return a smooth outline of about this radius in pixels, somewhere in the image, shape (POINTS, 2)."""
    angle = np.linspace(0, 2 * np.pi, POINTS, endpoint=False)
    waves = sum(rng.normal(0, 0.12) * np.cos((order + 2) * angle) for order in range(3))
    center = rng.uniform((200, 200), (WIDTH - 280, HEIGHT - 260))
    length = radius * (1 + waves)
    return center + np.stack([length * np.cos(angle), length * np.sin(angle)], axis=1)


def drawn(rng: np.random.Generator, outline: FloatArray, radius: float, error: float) -> FloatArray:
    off = rng.normal(0, error * radius, 2) + rng.normal(0, error * radius, outline.shape)
    return np.clip(outline + off, 0, (WIDTH, HEIGHT))


def answer(outlines: list[FloatArray]) -> Answer:
    objects = [LabelObject(f"o{at}", 1, SHAPE.name, polygon_of([[ring.tolist()]])) for at, ring in enumerate(outlines)]
    return Answer("labels", objects=tuple(objects))


def points_of(label: Answer) -> list[int]:
    return [sum(len(ring) for part in item.geom.to_json()["parts"] for ring in part) for item in label.objects]


def with_fewer_points(label: Answer) -> Answer:
    """Simplify by a percent of the longer side, at least a pixel, as `canvas/tools/line_tool.js` does."""
    thinner = []
    for shape in SHAPE.column([item.geom.to_json() for item in label.objects]).shapes:
        x1, y1, x2, y2 = parts_bounds(shape)
        thinner.append(simplify(shape, max(1, round(0.01 * max(x2 - x1, y2 - y1)))))
    return answer([shape[0][0] for shape in thinner])


def measure(error: float, images: int) -> tuple[float, float, float, float, float, float]:
    """Return the IoU of one worker and of the label, the points of a label's object, milliseconds for an image, and
    IoU and points after "Fewer points"."""
    rng = np.random.default_rng(7)
    one: list[float] = []
    label: list[float] = []
    points: list[int] = []
    seconds = 0.0
    fewer_label: list[float] = []
    fewer_points: list[int] = []
    for _ in range(images):
        outlines = [blob(rng, radius) for radius in RADII]
        truth = column_of(answer(outlines).objects)
        answers = [
            answer([drawn(rng, ring, radius, error) for ring, radius in zip(outlines, RADII, strict=True)])
            for _ in range(WORKERS)
        ]
        start = time.process_time()
        agreed = consolidate([WorkerAnswer(at, each) for at, each in enumerate(answers)], schema=SCHEMA).answer
        seconds += time.process_time() - start
        label += similarity_matrix(column_of(agreed.objects), truth).max(axis=0).tolist()
        points += points_of(agreed)
        fewer = with_fewer_points(agreed)
        fewer_label += similarity_matrix(column_of(fewer.objects), truth).max(axis=0).tolist()
        fewer_points += points_of(fewer)
        for each in answers:
            one += similarity_matrix(column_of(each.objects), truth).max(axis=0).tolist()
    one_worker, agreed_label, agreed_points, fewer_iou, left = (
        float(np.mean(each)) for each in (one, label, points, fewer_label, fewer_points)
    )
    return one_worker, agreed_label, agreed_points, 1000 * seconds / images, fewer_iou, left


def main(images: int = 40) -> None:
    print(
        f"{'error':>6} {'simplified by':>14} {'one worker':>11} {'label':>7} {'points':>7} {'ms an image':>12}"
        f" {'fewer':>7} {'points':>7}"
    )
    for error in ERRORS:
        for share in (0.0, fuse_polygons.SIMPLIFIED, 0.01):
            with patch.object(fuse_polygons, "SIMPLIFIED", share):
                one, label, points, milliseconds, fewer, left = measure(error, images)
            print(
                f"{error:6.2f} {share:14.3f} {one:11.4f} {label:7.4f} {points:7.1f} {milliseconds:12.1f}"
                f" {fewer:7.4f} {left:7.1f}"
            )


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 40)
