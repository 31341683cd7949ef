"""Polygons of several workers become one valid polygon, better than those of most workers."""

from __future__ import annotations

import numpy as np
import pytest
import shapely

from annotary_core.aggregation.objects.fuse_polygons import PolygonAnswers, PolygonConsensus, PolygonFusion
from annotary_core.labels.geometry import Frame
from annotary_core.labels.shapes.contours import trace
from annotary_core.labels.shapes.mask import Window
from annotary_core.labels.shapes.rings import Parts, simplify, to_shapely
from tests.noisy_masks import AVERAGE, CAREFUL, CARELESS, TOO_LARGE, Habit, drawn_mask, true_mask

SIDE = 100
CROWD = [CAREFUL, AVERAGE, AVERAGE, CARELESS, TOO_LARGE]


def square(x: float, y: float, side: float) -> list[tuple[float, float]]:
    return [(x, y), (x + side, y), (x + side, y + side), (x, y + side)]


def shape(*parts: list[list[tuple[float, float]]]) -> Parts:
    return tuple(tuple(np.array(ring, np.float64) for ring in part) for part in parts)


def fuse(*shapes: Parts, frame: Frame | None = None) -> PolygonConsensus:
    frames = {} if frame is None else {0: frame}
    return PolygonFusion().fit_predict(PolygonAnswers.of([0] * len(shapes), range(len(shapes)), shapes, frames=frames))


def iou(a: Parts, b: Parts) -> float:
    one, other = (shapely.make_valid(to_shapely(each)) for each in (a, b))
    return float(one.intersection(other).area / one.union(other).area)


def outline(mask: Window, size: float) -> Parts:
    """Return a mask of SIDE pixels as a polygon of this size, with the decimals of answers."""
    shape = simplify(trace(mask), 1.0)
    return tuple(tuple(np.round(ring * size / SIDE, 2) for ring in part) for part in shape)


def crowd(size: float, habits: list[Habit], clusters: int = 6, seed: int = 5) -> tuple[PolygonAnswers, list[Parts]]:
    rng = np.random.default_rng(seed)
    truths = [true_mask(rng, SIDE) for _ in range(clusters)]
    polygons = [outline(drawn_mask(rng, truth, habit), size) for truth in truths for habit in habits]
    cluster, worker = np.repeat(np.arange(clusters), len(habits)), np.tile(np.arange(len(habits)), clusters)
    return PolygonAnswers.of(cluster, worker, polygons), [outline(Window(0, 0, truth), size) for truth in truths]


@pytest.mark.parametrize("size", [6.0, 80.0, 700.0])
@pytest.mark.parametrize("seed", [1, 2])
def test_the_consensus_polygon_is_valid_and_no_worse_than_the_median_worker(size: float, seed: int) -> None:
    answers, truths = crowd(size, CROWD, seed=seed)
    consensus = PolygonFusion().fit_predict(answers)
    for i, truth in enumerate(truths):
        worker_ious = [iou(answers.shapes[row], truth) for row in np.flatnonzero(answers.cluster == i)]
        assert to_shapely(consensus.shapes[i]).is_valid
        assert iou(consensus.shapes[i], truth) >= np.median(worker_ious)


def test_gold_corrects_for_workers_who_draw_too_large() -> None:
    answers, truths = crowd(80.0, [CAREFUL] * 2 + [TOO_LARGE] * 3, clusters=12)
    gold = PolygonAnswers(answers.cluster, answers.worker, answers.shapes, gold={i: truths[i] for i in (0, 1)})
    plain, known = PolygonFusion().fit_predict(answers), PolygonFusion().fit_predict(gold)
    others = range(2, 12)
    before = np.mean([iou(plain.shapes[i], truths[i]) for i in others])
    after = np.mean([iou(known.shapes[i], truths[i]) for i in others])
    assert after > before + 0.1
    # Rates estimated with gold apply to later clusters.
    later, truth = crowd(80.0, [CAREFUL] * 2 + [TOO_LARGE] * 3, clusters=3, seed=9)
    scored = PolygonFusion(known.cells.rates).score(later)
    assert np.mean([iou(a, b) for a, b in zip(scored.shapes, truth, strict=True)]) > 0.88


def test_row_order_and_worker_ids_have_no_effect() -> None:
    answers, _ = crowd(50.0, CROWD, clusters=3)
    order = np.random.default_rng(0).permutation(len(answers.shapes))
    reordered = PolygonAnswers.of(
        answers.cluster[order], 50 - answers.worker[order], [answers.shapes[row] for row in order]
    )
    for a, b in zip(
        PolygonFusion().fit_predict(answers).shapes, PolygonFusion().fit_predict(reordered).shapes, strict=True
    ):
        assert to_shapely(a).equals(to_shapely(b))


def test_identical_polygons_are_restored_with_subpixel_precision() -> None:
    polygon = shape([[(2.3, 1.1), (9.45, 3.2), (8.05, 10.9), (1.0, 7.75)]])
    consensus = fuse(polygon, polygon, polygon)
    assert consensus.scale[0] == 20
    assert iou(consensus.shapes[0], polygon) > 0.98
    corners = np.concatenate([ring for part in consensus.shapes[0] for ring in part])
    assert np.allclose(corners * 100, np.round(corners * 100), atol=1e-9)


def test_upright_rectangles_on_whole_pixels_are_restored_exactly() -> None:
    polygon = shape([square(3, 4, 20)])
    assert to_shapely(fuse(polygon, polygon).shapes[0]).equals(to_shapely(polygon))


def test_holes_parts_and_islands_are_kept() -> None:
    polygon = shape([square(0, 0, 60), square(10, 10, 40)], [square(25, 25, 10)], [square(80, 0, 20)])
    consensus = fuse(polygon, polygon, polygon).shapes[0]
    assert sorted(len(part) for part in consensus) == [1, 1, 2]
    assert to_shapely(consensus).equals(to_shapely(polygon))


def test_a_hole_that_one_of_three_workers_missed_is_kept() -> None:
    with_hole = shape([square(0, 0, 60), square(20, 20, 20)])
    consensus = fuse(with_hole, with_hole, shape([square(0, 0, 60)])).shapes[0]
    assert [len(part) for part in consensus] == [2]


def test_huge_objects_use_coarse_cells_and_stay_inside_their_image() -> None:
    polygon = shape([square(0, 0, 9_999)])
    consensus = fuse(polygon, polygon, frame=Frame(9_999, 9_999))
    assert consensus.scale[0] == 0.125
    assert consensus.cells.pixels[0].index.size < 2_100_000
    assert to_shapely(consensus.shapes[0]).equals(to_shapely(polygon))


def test_one_pixel_outside_is_clipped_and_more_is_rejected() -> None:
    frame = Frame(40, 40)
    consensus = fuse(shape([square(-1, -1, 20)]), frame=frame).shapes[0]
    assert to_shapely(consensus).equals(to_shapely(shape([square(0, 0, 19)])))
    with pytest.raises(ValueError, match=r"1\.5 px outside its image"):
        fuse(shape([square(-1.5, 0, 20)]), frame=frame)


def test_an_empty_shape_is_a_vote() -> None:
    polygon = shape([square(0, 0, 10)])
    assert fuse((), ()).shapes[0] == ()
    assert fuse(polygon, (), ()).shapes[0] == ()
    assert to_shapely(fuse(polygon, polygon, ()).shapes[0]).equals(to_shapely(polygon))


def test_gold_is_the_result() -> None:
    answers, truths = crowd(50.0, CROWD, clusters=1)
    consensus = PolygonFusion().fit_predict(
        PolygonAnswers(answers.cluster, answers.worker, answers.shapes, gold={0: truths[0], 7: truths[0]})
    )
    assert iou(consensus.shapes[0], truths[0]) > 0.99


def test_invalid_rings_and_columns_are_rejected() -> None:
    with pytest.raises(ValueError, match="at least three vertices"):
        fuse(shape([[(0.0, 0.0), (1.0, 0.0)]]))
    with pytest.raises(ValueError, match="same length"):
        PolygonAnswers.of([0], [0, 1], [()])
