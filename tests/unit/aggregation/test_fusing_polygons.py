"""Polygons of several workers become one valid polygon, better than what most of them drew."""

from __future__ import annotations

import numpy as np
import pytest
import shapely

from annotary_core.aggregation.objects.fuse_polygons import PolygonAnswers, PolygonConsensus, PolygonFusion
from annotary_core.labels.geometry import Frame
from annotary_core.labels.shapes.contours import trace
from annotary_core.labels.shapes.mask import Shape, Window, as_geometry, simplify
from tests.noisy_masks import AVERAGE, CAREFUL, CARELESS, TOO_LARGE, Habit, drawn_mask, true_mask

SIDE = 100
CROWD = [CAREFUL, AVERAGE, AVERAGE, CARELESS, TOO_LARGE]


def square(x: float, y: float, side: float) -> list[tuple[float, float]]:
    return [(x, y), (x + side, y), (x + side, y + side), (x, y + side)]


def shape(*parts: list[list[tuple[float, float]]]) -> Shape:
    return tuple(tuple(np.array(ring, np.float64) for ring in part) for part in parts)


def fuse(*shapes: Shape, frame: Frame | None = None) -> PolygonConsensus:
    frames = {} if frame is None else {0: frame}
    return PolygonFusion().fit_predict(PolygonAnswers.of([0] * len(shapes), range(len(shapes)), shapes, frames=frames))


def iou(a: Shape, b: Shape) -> float:
    one, other = (shapely.make_valid(as_geometry(each)) for each in (a, b))
    return float(one.intersection(other).area / one.union(other).area)


def outline(mask: Window, size: float) -> Shape:
    """A mask of SIDE pixels as a polygon of this size, with the decimals of answers."""
    shape = simplify(trace(mask), 1.0)
    return tuple(tuple(np.round(ring * size / SIDE, 2) for ring in part) for part in shape)


def crowd(size: float, habits: list[Habit], clusters: int = 6, seed: int = 5) -> tuple[PolygonAnswers, list[Shape]]:
    rng = np.random.default_rng(seed)
    truths = [true_mask(rng, SIDE) for _ in range(clusters)]
    drawn = [outline(drawn_mask(rng, truth, habit), size) for truth in truths for habit in habits]
    cluster, worker = np.repeat(np.arange(clusters), len(habits)), np.tile(np.arange(len(habits)), clusters)
    return PolygonAnswers.of(cluster, worker, drawn), [outline(Window(0, 0, truth), size) for truth in truths]


@pytest.mark.parametrize("size", [6.0, 80.0, 700.0])
@pytest.mark.parametrize("seed", [1, 2])
def test_the_agreed_polygon_is_valid_and_no_worse_than_the_median_one(size: float, seed: int) -> None:
    answers, truths = crowd(size, CROWD, seed=seed)
    found = PolygonFusion().fit_predict(answers)
    for i, truth in enumerate(truths):
        drawn = [iou(answers.shapes[row], truth) for row in np.flatnonzero(answers.cluster == i)]
        assert as_geometry(found.shapes[i]).is_valid
        assert iou(found.shapes[i], truth) >= np.median(drawn)


def test_the_habit_of_drawing_too_large_is_discounted_with_gold() -> None:
    answers, truths = crowd(80.0, [CAREFUL] * 2 + [TOO_LARGE] * 3, clusters=12)
    gold = PolygonAnswers(answers.cluster, answers.worker, answers.shapes, gold={i: truths[i] for i in (0, 1)})
    plain, known = PolygonFusion().fit_predict(answers), PolygonFusion().fit_predict(gold)
    others = range(2, 12)
    before = np.mean([iou(plain.shapes[i], truths[i]) for i in others])
    after = np.mean([iou(known.shapes[i], truths[i]) for i in others])
    assert after > before + 0.1
    # What the golds taught serves clusters that come later.
    later, truth = crowd(80.0, [CAREFUL] * 2 + [TOO_LARGE] * 3, clusters=3, seed=9)
    scored = PolygonFusion(known.cells.rates).score(later)
    assert np.mean([iou(a, b) for a, b in zip(scored.shapes, truth, strict=True)]) > 0.88


def test_order_of_rows_and_numbers_of_workers_change_nothing() -> None:
    answers, _ = crowd(50.0, CROWD, clusters=3)
    order = np.random.default_rng(0).permutation(len(answers.shapes))
    turned = PolygonAnswers.of(
        answers.cluster[order], 50 - answers.worker[order], [answers.shapes[row] for row in order]
    )
    for a, b in zip(
        PolygonFusion().fit_predict(answers).shapes, PolygonFusion().fit_predict(turned).shapes, strict=True
    ):
        assert as_geometry(a).equals(as_geometry(b))


def test_a_polygon_that_all_drew_comes_back_finer_than_a_pixel() -> None:
    drawn = shape([[(2.3, 1.1), (9.45, 3.2), (8.05, 10.9), (1.0, 7.75)]])
    found = fuse(drawn, drawn, drawn)
    assert found.scale[0] == 20
    assert iou(found.shapes[0], drawn) > 0.98
    corners = np.concatenate([ring for part in found.shapes[0] for ring in part])
    assert np.allclose(corners * 100, np.round(corners * 100), atol=1e-9)


def test_upright_rectangles_on_whole_pixels_come_back_exactly() -> None:
    drawn = shape([square(3, 4, 20)])
    assert as_geometry(fuse(drawn, drawn).shapes[0]).equals(as_geometry(drawn))


def test_holes_parts_and_islands_are_kept() -> None:
    drawn = shape([square(0, 0, 60), square(10, 10, 40)], [square(25, 25, 10)], [square(80, 0, 20)])
    found = fuse(drawn, drawn, drawn).shapes[0]
    assert sorted(len(part) for part in found) == [1, 1, 2]
    assert as_geometry(found).equals(as_geometry(drawn))


def test_a_hole_that_one_of_three_missed_stays() -> None:
    with_hole = shape([square(0, 0, 60), square(20, 20, 20)])
    found = fuse(with_hole, with_hole, shape([square(0, 0, 60)])).shapes[0]
    assert [len(part) for part in found] == [2]


def test_huge_objects_are_drawn_coarser_and_stay_inside_their_image() -> None:
    drawn = shape([square(0, 0, 9_999)])
    found = fuse(drawn, drawn, frame=Frame(9_999, 9_999))
    assert found.scale[0] == 0.125
    assert found.cells.pixels[0].index.size < 2_100_000
    assert as_geometry(found.shapes[0]).equals(as_geometry(drawn))


def test_a_pixel_outside_is_clipped_and_more_is_refused() -> None:
    frame = Frame(40, 40)
    found = fuse(shape([square(-1, -1, 20)]), frame=frame).shapes[0]
    assert as_geometry(found).equals(as_geometry(shape([square(0, 0, 19)])))
    with pytest.raises(ValueError, match=r"1\.5 px out of its image"):
        fuse(shape([square(-1.5, 0, 20)]), frame=frame)


def test_drawing_nothing_is_a_vote() -> None:
    drawn = shape([square(0, 0, 10)])
    assert fuse((), ()).shapes[0] == ()
    assert fuse(drawn, (), ()).shapes[0] == ()
    assert as_geometry(fuse(drawn, drawn, ()).shapes[0]).equals(as_geometry(drawn))


def test_gold_is_the_result() -> None:
    answers, truths = crowd(50.0, CROWD, clusters=1)
    found = PolygonFusion().fit_predict(
        PolygonAnswers(answers.cluster, answers.worker, answers.shapes, gold={0: truths[0], 7: truths[0]})
    )
    assert iou(found.shapes[0], truths[0]) > 0.99


def test_broken_rings_and_columns_are_refused() -> None:
    with pytest.raises(ValueError, match="at least three corners"):
        fuse(shape([[(0.0, 0.0), (1.0, 0.0)]]))
    with pytest.raises(ValueError, match="same length"):
        PolygonAnswers.of([0], [0, 1], [()])
