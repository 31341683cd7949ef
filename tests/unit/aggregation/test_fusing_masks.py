"""Masks of several workers become one, and nobody's habit spoils it."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from annotary_core.aggregation.objects.fuse_masks import MaskAnswers, MaskConsensus, PixelEM
from annotary_core.aggregation.objects.pixel_rates import PixelRates
from annotary_core.labels.geometry import Frame
from annotary_core.labels.shapes.mask import EMPTY, Window, mask_iou
from annotary_core.labels.shapes.rle import encode
from tests.noisy_masks import AVERAGE, CAREFUL, CARELESS, COIN, TOO_LARGE, Habit, drawn_mask, true_mask

SIDE = 48

MASKS = st.builds(
    Window,
    st.integers(-3, 6),
    st.integers(-3, 6),
    arrays(np.bool_, st.tuples(st.integers(0, 6), st.integers(0, 6))),
)
ROWS = st.lists(
    st.tuples(st.integers(0, 2), st.integers(0, 4), MASKS, st.sampled_from([0.0, 0.3, 1.0, 2.0])), max_size=9
)
Row = tuple[int, int, Window, float]


def answers_of(rows: list[Row], gold: dict[int, Window] | None = None) -> MaskAnswers:
    return MaskAnswers.of(
        [row[0] for row in rows],
        [row[1] for row in rows],
        [row[2] for row in rows],
        weights=[row[3] for row in rows],
        gold=gold,
    )


def fuse(*masks: Window, frame: Frame | None = None, weights: list[float] | None = None) -> MaskConsensus:
    """One cluster, one mask a worker."""
    frames = {} if frame is None else {0: frame}
    return PixelEM().fit_predict(
        MaskAnswers.of([0] * len(masks), range(len(masks)), masks, frames=frames, weights=weights)
    )


def crowd(habits: list[Habit], clusters: int = 24, seed: int = 7) -> tuple[MaskAnswers, list[Window]]:
    """Each worker draws each object."""
    rng = np.random.default_rng(seed)
    truths = [true_mask(rng, SIDE) for _ in range(clusters)]
    masks = [drawn_mask(rng, truth, habit) for truth in truths for habit in habits]
    cluster, worker = np.repeat(np.arange(clusters), len(habits)), np.tile(np.arange(len(habits)), clusters)
    return MaskAnswers.of(cluster, worker, masks), [Window(0, 0, truth) for truth in truths]


def iou(masks: tuple[Window, ...] | list[Window], truths: list[Window]) -> float:
    return float(np.mean([mask_iou(mask, truth) for mask, truth in zip(masks, truths, strict=True)]))


def of_worker(answers: MaskAnswers, worker: int) -> list[Window]:
    return [answers.masks[row] for row in np.flatnonzero(answers.worker == worker)]


def full(side: int) -> Window:
    return Window(0, 0, np.ones((side, side), np.bool_))


def same(a: Window, b: Window) -> bool:
    return mask_iou(a, b) == 1.0


def close(one: MaskConsensus, other: MaskConsensus) -> None:
    """Equal but for the numbers of workers and the order of votes within patterns."""
    assert one.cluster.tolist() == other.cluster.tolist()
    for i in range(len(one.cluster)):
        assert same(one.masks[i], other.masks[i])
        assert np.allclose(one.pixels[i].values(one.p[i]), other.pixels[i].values(other.p[i]), atol=1e-6)
    assert np.allclose(one.agreement, other.agreement)
    assert one.n.tolist() == other.n.tolist()


@given(ROWS, st.randoms(use_true_random=False))
@settings(max_examples=25, deadline=None)
def test_order_of_rows_and_numbers_of_workers_and_clusters_change_nothing(rows: list[Row], random: object) -> None:
    shuffled = list(rows)
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    plain = PixelEM().fit_predict(answers_of(rows))
    close(plain, PixelEM().fit_predict(answers_of(shuffled)))
    renamed = [(cluster, 100 - worker, mask, weight) for cluster, worker, mask, weight in shuffled]
    close(plain, PixelEM().fit_predict(answers_of(renamed)))
    turned = PixelEM().fit_predict(answers_of([(9 - cluster, *rest) for cluster, *rest in rows]))  # type: ignore[misc]
    assert turned.cluster.tolist() == [9 - cluster for cluster in plain.cluster.tolist()[::-1]]
    assert all(same(a, b) for a, b in zip(turned.masks, plain.masks[::-1], strict=True))


@given(ROWS, st.dictionaries(st.integers(0, 2), MASKS, max_size=2))
@settings(max_examples=25, deadline=None)
def test_probabilities_are_probabilities_and_the_bound_never_falls(rows: list[Row], gold: dict[int, Window]) -> None:
    found = PixelEM().fit_predict(answers_of(rows, gold))
    assert all(((p >= 0) & (p <= 1)).all() for p in found.p)
    assert ((found.agreement >= 0) & (found.agreement <= 1)).all()
    assert (np.diff(found.bound) >= -1e-9 * np.abs(found.bound[1:])).all()
    rates = found.rates.right
    assert ((rates > 0) & (rates < 1)).all()
    for i, cluster in enumerate(found.cluster.tolist()):
        if cluster in gold:
            assert same(found.masks[i], gold[cluster])


def test_the_bound_never_falls_on_a_long_fit_with_history() -> None:
    answers, _ = crowd([AVERAGE, CARELESS, TOO_LARGE])
    first = PixelEM().fit_predict(answers)
    second = PixelEM(first.rates).fit_predict(answers)
    for found in (first, second):
        assert len(found.bound) > 3
        assert (np.diff(found.bound) >= -1e-9 * np.abs(found.bound[1:])).all()


def test_several_heads_are_better_than_each() -> None:
    answers, truths = crowd([AVERAGE] * 5)
    fused = iou(PixelEM().fit_predict(answers).masks, truths)
    assert fused > max(iou(of_worker(answers, worker), truths) for worker in range(5)) + 0.03


def test_one_careful_worker_counts_for_more_than_four_careless_ones() -> None:
    answers, truths = crowd([CAREFUL] + [CARELESS] * 4)
    found = PixelEM().fit_predict(answers)
    majority = [
        Window(0, 0, np.mean([answers.masks[5 * i + j].cut(0, 0, SIDE, SIDE).pixels for j in range(5)], axis=0) > 0.5)
        for i in range(len(truths))
    ]
    assert iou(found.masks, truths) > iou(majority, truths) + 0.03
    assert (found.rates.right[0] > found.rates.right[1:].max(axis=0)).all()


def test_a_worker_whom_gold_showed_perfect_dominates() -> None:
    answers, truths = crowd([Habit(wobble=0, slip=0)] + [CARELESS] * 2)
    known = PixelEM().fit_predict(replace(answers, gold=dict(enumerate(truths)))).rates
    others, others_truth = crowd([Habit(wobble=0, slip=0)] + [CARELESS] * 2, clusters=6, seed=8)
    assert iou(PixelEM(known).score(others).masks, others_truth) > 0.999
    assert iou(PixelEM(known).fit_predict(others).masks, others_truth) > 0.999


def test_gold_exposes_a_majority_that_always_draws_too_large() -> None:
    answers, truths = crowd([CAREFUL] * 2 + [TOO_LARGE] * 3)
    unknown = [i for i in range(len(truths)) if i % 8]
    gold = {i: truth for i, truth in enumerate(truths) if not i % 8}
    with_gold = PixelEM().fit_predict(replace(answers, gold=gold)).masks
    without = PixelEM().fit_predict(answers).masks
    wanted = [truths[i] for i in unknown]
    assert iou([with_gold[i] for i in unknown], wanted) > iou([without[i] for i in unknown], wanted) + 0.1


def test_a_coin_flipper_does_no_harm() -> None:
    answers, truths = crowd([AVERAGE] * 3 + [COIN])
    kept = answers.worker < 3
    honest = MaskAnswers.of(
        answers.cluster[kept], answers.worker[kept], [m for m, keep in zip(answers.masks, kept, strict=True) if keep]
    )
    with_coin, without = PixelEM().fit_predict(answers), PixelEM().fit_predict(honest)
    assert iou(with_coin.masks, truths) > iou(without.masks, truths) - 0.005
    assert (np.abs(with_coin.rates.right[3] - 0.5) < 0.1).all()


def test_a_cluster_scored_alone_with_the_fit_s_rates_gets_the_fit_s_result() -> None:
    answers, _ = crowd([AVERAGE, CARELESS, TOO_LARGE], clusters=8)
    fitted = PixelEM().fit_predict(answers)
    stored = PixelRates.from_json(json.loads(json.dumps(fitted.rates.to_json())))
    for i in range(8):
        alone = PixelEM(stored).score(MaskAnswers.of([i] * 3, range(3), answers.masks[3 * i : 3 * i + 3]))
        assert np.allclose(alone.p[0], fitted.p[i], atol=1e-3)
        assert mask_iou(alone.masks[0], fitted.masks[i]) > 0.99


def test_stored_rates_come_back_and_damaged_ones_are_refused() -> None:
    rates = PixelEM().fit_predict(crowd([AVERAGE] * 2, clusters=3)[0]).rates
    back = PixelRates.from_json(json.loads(json.dumps(rates.to_json())))
    assert np.array_equal(back.counts, rates.counts)
    assert np.array_equal(back.right, rates.right)
    for damaged in ({}, {**rates.to_json(), "workers": {"1": [1, 2]}}, {**rates.to_json(), "mean": [0, 1]}):
        with pytest.raises(ValueError, match="not the stored rates"):
            PixelRates.from_json(damaged)


def test_large_objects_do_not_drown_small_ones() -> None:
    """A worker's rates weigh each object alike: here he is wrong on nine small objects and right on a large one."""
    rng = np.random.default_rng(3)
    small = [Window(0, 0, true_mask(rng, 30)) for _ in range(9)]
    wrong = [Window(12, 0, mask.pixels) for mask in small]
    large = Window(0, 0, true_mask(rng, 400))
    masks = [mask for i in range(9) for mask in (small[i], small[i], wrong[i])] + [large] * 3
    cluster, worker = np.repeat(np.arange(10), 3), np.tile(np.arange(3), 10)
    with_large = PixelEM().fit_predict(MaskAnswers.of(cluster, worker, masks)).rates.right
    without = PixelEM().fit_predict(MaskAnswers.of(cluster[:-3], worker[:-3], masks[:-3])).rates.right
    assert np.abs(with_large - without).max() < 0.1
    assert with_large[2, 1] < 0.5


def test_a_worker_alone_gets_the_mask_that_he_drew() -> None:
    mask = Window(5, 9, np.array([[True, False, True], [True, True, True]]))
    found = fuse(mask)
    assert same(found.masks[0], mask)
    assert (found.agreement[0], found.n[0]) == (1.0, 1)
    # Even with rates at which his word would say the opposite.
    bad = PixelRates(np.array([0]), np.array([[[0.0, 900.0], [900.0, 0.0]]]))
    assert same(PixelEM(bad).score(MaskAnswers.of([0], [0], [mask])).masks[0], mask)


def test_empty_masks_are_votes_against() -> None:
    mask = full(3)
    assert fuse(EMPTY, EMPTY).masks[0].area == 0
    assert fuse(EMPTY, EMPTY).agreement[0] == 1.0
    assert fuse(mask, EMPTY, EMPTY).masks[0].area == 0
    assert same(fuse(mask, mask, EMPTY).masks[0], mask)


def test_full_images_stay_full() -> None:
    assert same(fuse(full(20), full(20), frame=Frame(20, 20)).masks[0], full(20))
    assert same(fuse(full(20), full(20)).masks[0], full(20))


@pytest.mark.parametrize("masks", [[full(1)], [full(1), full(1)], [full(1), EMPTY, full(1)]])
def test_an_image_of_one_pixel(masks: list[Window]) -> None:
    assert same(fuse(*masks, frame=Frame(1, 1)).masks[0], full(1))


def test_one_pixel_outside_is_clipped_and_two_are_refused() -> None:
    frame = Frame(6, 6)
    outside = Window(-1, -1, np.ones((4, 4), np.bool_))
    assert same(fuse(outside, outside, frame=frame).masks[0], full(3))
    with pytest.raises(ValueError, match="2 px out of its image"):
        fuse(Window(-2, 0, np.ones((4, 4), np.bool_)), frame=frame)


def test_masks_without_a_common_pixel_agree_on_nothing_beyond_doubt() -> None:
    found = fuse(full(4), Window(10, 10, np.ones((4, 4), np.bool_)), Window(20, 0, np.ones((4, 4), np.bool_)))
    assert found.masks[0].area == 0
    assert found.agreement[0] == 0.0


def test_of_three_equal_workers_two_decide() -> None:
    places = [(0, 0), (2, 0), (1, 1)]
    masks = [Window(x, y, np.ones((4, 4), np.bool_)) for x, y in places]
    votes = np.sum([mask.cut(0, 0, 8, 8).pixels for mask in masks], axis=0)
    assert same(fuse(*masks).masks[0], Window(0, 0, votes >= 2))


def test_holes_and_parts_are_kept_whatever_the_windows() -> None:
    pixels = np.zeros((20, 30), np.bool_)
    pixels[2:18, 2:14] = True
    pixels[6:10, 5:9] = False
    pixels[4:8, 20:26] = True
    drawn = Window(7, 3, pixels)
    found = fuse(drawn, drawn.trimmed(), drawn.cut(0, 0, 60, 60))
    assert same(found.masks[0], drawn)
    assert found.masks[0].bounds == drawn.trimmed().bounds


def test_a_small_mask_in_a_huge_image_costs_only_its_window() -> None:
    frame = Frame(10_000, 10_000)
    masks = [encode(Window(9_000 + i, 9_990, np.ones((10, 20), np.bool_)), frame) for i in range(3)]
    found = PixelEM().fit_predict(MaskAnswers.of([0] * 3, range(3), masks))
    assert found.pixels[0].index.size < 700
    assert same(found.masks[0], Window(9_001, 9_990, np.ones((10, 20), np.bool_)))


def test_rle_of_another_image_size_is_refused() -> None:
    with pytest.raises(ValueError, match="not 9 x 9"):
        MaskAnswers.of([0, 0], [0, 1], [encode(full(3), Frame(9, 9)), encode(full(3), Frame(8, 9))])


def test_trust_decides_between_two_and_none_at_all_counts_alike() -> None:
    a, b = full(6), Window(3, 0, np.ones((6, 6), np.bool_))
    assert same(fuse(a, b, b, weights=[1.0, 0.0, 0.0]).masks[0], a)
    assert same(fuse(a, b, b, weights=[0.0, 0.0, 0.0]).masks[0], b)
    assert same(fuse(a, b, b, weights=[1.0, 0.2, 0.2]).masks[0], a)


def test_several_masks_of_one_worker_share_one_vote() -> None:
    a, b = full(6), Window(3, 0, np.ones((6, 6), np.bool_))
    repeated = PixelEM().fit_predict(MaskAnswers.of([0] * 6, [0, 0, 0, 0, 1, 2], [a, a, a, a, b, b]))
    assert same(repeated.masks[0], b)
    assert repeated.n.tolist() == [3]


def test_more_masks_than_bits_in_a_number_are_still_exact() -> None:
    masks = [full(4)] * 60 + [Window(2, 2, np.ones((4, 4), np.bool_))] * 40
    found = fuse(*masks)
    assert len(found.pixels[0].count) == 4
    assert found.pixels[0].votes.shape == (4, 100)
    assert same(found.masks[0], full(4))


def test_nothing_gives_nothing() -> None:
    found = PixelEM().fit_predict(MaskAnswers.of([], [], []))
    assert len(found.cluster) == len(found.masks) == len(found.rates.workers) == 0


def test_columns_that_do_not_fit_are_refused() -> None:
    with pytest.raises(ValueError, match="same length"):
        MaskAnswers(np.array([0]), np.array([0, 1]), (EMPTY,))
    with pytest.raises(ValueError, match="weights"):
        MaskAnswers.of([0], [0], [EMPTY], weights=[-1.0])


def test_masks_that_lie_further_apart_than_memory_reaches_are_refused() -> None:
    far = [Window(x, y, np.ones((4, 4), np.bool_)) for x, y in ((0, 0), (100_000, 0), (0, 100_000))]
    with pytest.raises(ValueError, match="fuse those of one object alone"):
        PixelEM().fit_predict(MaskAnswers.of([0] * 3, range(3), far))
