"""Masks of several workers become one, robust to the habits of single workers."""

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
    """Fuse one cluster with one mask per worker."""
    frames = {} if frame is None else {0: frame}
    return PixelEM().fit_predict(
        MaskAnswers.of([0] * len(masks), range(len(masks)), masks, frames=frames, weights=weights)
    )


def crowd(habits: list[Habit], clusters: int = 24, seed: int = 7) -> tuple[MaskAnswers, list[Window]]:
    """Return the masks of every worker for every object, and the true masks."""
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


def assert_equivalent(one: MaskConsensus, other: MaskConsensus) -> None:
    """Assert equality up to worker ids and the order of votes within patterns."""
    assert one.cluster.tolist() == other.cluster.tolist()
    for i in range(len(one.cluster)):
        assert same(one.masks[i], other.masks[i])
        assert np.allclose(one.pixels[i].values(one.p[i]), other.pixels[i].values(other.p[i]), atol=1e-6)
    assert np.allclose(one.agreement, other.agreement)
    assert one.n.tolist() == other.n.tolist()


@given(ROWS, st.randoms(use_true_random=False))
@settings(max_examples=25, deadline=None)
def test_row_order_and_worker_and_cluster_ids_have_no_effect(rows: list[Row], random: object) -> None:
    shuffled = list(rows)
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    plain = PixelEM().fit_predict(answers_of(rows))
    assert_equivalent(plain, PixelEM().fit_predict(answers_of(shuffled)))
    renamed = [(cluster, 100 - worker, mask, weight) for cluster, worker, mask, weight in shuffled]
    assert_equivalent(plain, PixelEM().fit_predict(answers_of(renamed)))
    reversed_ids = PixelEM().fit_predict(answers_of([(9 - cluster, *rest) for cluster, *rest in rows]))  # type: ignore[misc]
    assert reversed_ids.cluster.tolist() == [9 - cluster for cluster in plain.cluster.tolist()[::-1]]
    assert all(same(a, b) for a, b in zip(reversed_ids.masks, plain.masks[::-1], strict=True))


@given(ROWS, st.dictionaries(st.integers(0, 2), MASKS, max_size=2))
@settings(max_examples=25, deadline=None)
def test_probabilities_are_valid_and_the_objective_never_decreases(rows: list[Row], gold: dict[int, Window]) -> None:
    consensus = PixelEM().fit_predict(answers_of(rows, gold))
    assert all(((p >= 0) & (p <= 1)).all() for p in consensus.p)
    assert ((consensus.agreement >= 0) & (consensus.agreement <= 1)).all()
    assert (np.diff(consensus.objective) >= -1e-9 * np.abs(consensus.objective[1:])).all()
    rates = consensus.rates.right
    assert ((rates > 0) & (rates < 1)).all()
    for i, cluster in enumerate(consensus.cluster.tolist()):
        if cluster in gold:
            assert same(consensus.masks[i], gold[cluster])


def test_the_objective_never_decreases_in_a_long_fit_with_history() -> None:
    answers, _ = crowd([AVERAGE, CARELESS, TOO_LARGE])
    first = PixelEM().fit_predict(answers)
    second = PixelEM(first.rates).fit_predict(answers)
    for consensus in (first, second):
        assert len(consensus.objective) > 3
        assert (np.diff(consensus.objective) >= -1e-9 * np.abs(consensus.objective[1:])).all()


def test_the_fused_mask_is_better_than_every_single_worker() -> None:
    answers, truths = crowd([AVERAGE] * 5)
    fused = iou(PixelEM().fit_predict(answers).masks, truths)
    assert fused > max(iou(of_worker(answers, worker), truths) for worker in range(5)) + 0.03


def test_one_careful_worker_outweighs_four_careless_ones() -> None:
    answers, truths = crowd([CAREFUL] + [CARELESS] * 4)
    consensus = PixelEM().fit_predict(answers)
    majority = [
        Window(0, 0, np.mean([answers.masks[5 * i + j].crop(0, 0, SIDE, SIDE).pixels for j in range(5)], axis=0) > 0.5)
        for i in range(len(truths))
    ]
    assert iou(consensus.masks, truths) > iou(majority, truths) + 0.03
    assert (consensus.rates.right[0] > consensus.rates.right[1:].max(axis=0)).all()


def test_a_worker_whom_gold_shows_to_be_perfect_dominates() -> None:
    answers, truths = crowd([Habit(wobble=0, slip=0)] + [CARELESS] * 2)
    known = PixelEM().fit_predict(replace(answers, gold=dict(enumerate(truths)))).rates
    others, others_truth = crowd([Habit(wobble=0, slip=0)] + [CARELESS] * 2, clusters=6, seed=8)
    assert iou(PixelEM(known).score(others).masks, others_truth) > 0.999
    assert iou(PixelEM(known).fit_predict(others).masks, others_truth) > 0.999


def test_gold_exposes_a_majority_that_draws_too_large() -> None:
    answers, truths = crowd([CAREFUL] * 2 + [TOO_LARGE] * 3)
    unknown = [i for i in range(len(truths)) if i % 8]
    gold = {i: truth for i, truth in enumerate(truths) if not i % 8}
    with_gold = PixelEM().fit_predict(replace(answers, gold=gold)).masks
    without = PixelEM().fit_predict(answers).masks
    expected = [truths[i] for i in unknown]
    assert iou([with_gold[i] for i in unknown], expected) > iou([without[i] for i in unknown], expected) + 0.1


def test_random_votes_are_harmless() -> None:
    answers, truths = crowd([AVERAGE] * 3 + [COIN])
    kept = answers.worker < 3
    honest = MaskAnswers.of(
        answers.cluster[kept], answers.worker[kept], [m for m, keep in zip(answers.masks, kept, strict=True) if keep]
    )
    with_coin, without = PixelEM().fit_predict(answers), PixelEM().fit_predict(honest)
    assert iou(with_coin.masks, truths) > iou(without.masks, truths) - 0.005
    assert (np.abs(with_coin.rates.right[3] - 0.5) < 0.1).all()


def test_scoring_one_cluster_with_fitted_rates_reproduces_the_fit() -> None:
    answers, _ = crowd([AVERAGE, CARELESS, TOO_LARGE], clusters=8)
    fitted = PixelEM().fit_predict(answers)
    stored = PixelRates.from_json(json.loads(json.dumps(fitted.rates.to_json())))
    for i in range(8):
        alone = PixelEM(stored).score(MaskAnswers.of([i] * 3, range(3), answers.masks[3 * i : 3 * i + 3]))
        assert np.allclose(alone.p[0], fitted.p[i], atol=1e-3)
        assert mask_iou(alone.masks[0], fitted.masks[i]) > 0.99


def test_rates_survive_json_and_corrupt_ones_are_rejected() -> None:
    rates = PixelEM().fit_predict(crowd([AVERAGE] * 2, clusters=3)[0]).rates
    restored = PixelRates.from_json(json.loads(json.dumps(rates.to_json())))
    assert np.array_equal(restored.counts, rates.counts)
    assert np.array_equal(restored.right, rates.right)
    for corrupt in ({}, {**rates.to_json(), "workers": {"1": [1, 2]}}, {**rates.to_json(), "mean": [0, 1]}):
        with pytest.raises(ValueError, match="not stored pixel rates"):
            PixelRates.from_json(corrupt)


def test_large_objects_do_not_outweigh_small_ones() -> None:
    """Rates weight objects equally: this worker is wrong on nine small objects and right on a large one."""
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


def test_the_mask_of_a_single_worker_is_returned_as_drawn() -> None:
    mask = Window(5, 9, np.array([[True, False, True], [True, True, True]]))
    consensus = fuse(mask)
    assert same(consensus.masks[0], mask)
    assert (consensus.agreement[0], consensus.n[0]) == (1.0, 1)
    # Even with rates that would invert the vote.
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
def test_one_pixel_images_are_supported(masks: list[Window]) -> None:
    assert same(fuse(*masks, frame=Frame(1, 1)).masks[0], full(1))


def test_one_pixel_outside_is_clipped_and_two_are_rejected() -> None:
    frame = Frame(6, 6)
    outside = Window(-1, -1, np.ones((4, 4), np.bool_))
    assert same(fuse(outside, outside, frame=frame).masks[0], full(3))
    with pytest.raises(ValueError, match="2 px outside its image"):
        fuse(Window(-2, 0, np.ones((4, 4), np.bool_)), frame=frame)


def test_disjoint_masks_have_an_empty_consensus_and_no_agreement() -> None:
    consensus = fuse(full(4), Window(10, 10, np.ones((4, 4), np.bool_)), Window(20, 0, np.ones((4, 4), np.bool_)))
    assert consensus.masks[0].area == 0
    assert consensus.agreement[0] == 0.0


def test_two_of_three_equal_workers_decide() -> None:
    offsets = [(0, 0), (2, 0), (1, 1)]
    masks = [Window(x, y, np.ones((4, 4), np.bool_)) for x, y in offsets]
    votes = np.sum([mask.crop(0, 0, 8, 8).pixels for mask in masks], axis=0)
    assert same(fuse(*masks).masks[0], Window(0, 0, votes >= 2))


def test_holes_and_parts_are_kept_for_any_window() -> None:
    pixels = np.zeros((20, 30), np.bool_)
    pixels[2:18, 2:14] = True
    pixels[6:10, 5:9] = False
    pixels[4:8, 20:26] = True
    mask = Window(7, 3, pixels)
    consensus = fuse(mask, mask.trimmed(), mask.crop(0, 0, 60, 60))
    assert same(consensus.masks[0], mask)
    assert consensus.masks[0].bounds == mask.trimmed().bounds


def test_a_small_mask_in_a_huge_image_costs_only_its_window() -> None:
    frame = Frame(10_000, 10_000)
    masks = [encode(Window(9_000 + i, 9_990, np.ones((10, 20), np.bool_)), frame) for i in range(3)]
    consensus = PixelEM().fit_predict(MaskAnswers.of([0] * 3, range(3), masks))
    assert consensus.pixels[0].index.size < 700
    assert same(consensus.masks[0], Window(9_001, 9_990, np.ones((10, 20), np.bool_)))


def test_rle_of_another_image_size_is_rejected() -> None:
    with pytest.raises(ValueError, match="not 9 x 9"):
        MaskAnswers.of([0, 0], [0, 1], [encode(full(3), Frame(9, 9)), encode(full(3), Frame(8, 9))])


def test_trust_decides_and_masks_without_any_trust_have_equal_weight() -> None:
    a, b = full(6), Window(3, 0, np.ones((6, 6), np.bool_))
    assert same(fuse(a, b, b, weights=[1.0, 0.0, 0.0]).masks[0], a)
    assert same(fuse(a, b, b, weights=[0.0, 0.0, 0.0]).masks[0], b)
    assert same(fuse(a, b, b, weights=[1.0, 0.2, 0.2]).masks[0], a)


def test_several_masks_of_one_worker_share_one_vote() -> None:
    a, b = full(6), Window(3, 0, np.ones((6, 6), np.bool_))
    repeated = PixelEM().fit_predict(MaskAnswers.of([0] * 6, [0, 0, 0, 0, 1, 2], [a, a, a, a, b, b]))
    assert same(repeated.masks[0], b)
    assert repeated.n.tolist() == [3]


def test_more_masks_than_bits_in_an_integer_are_exact() -> None:
    masks = [full(4)] * 60 + [Window(2, 2, np.ones((4, 4), np.bool_))] * 40
    consensus = fuse(*masks)
    assert len(consensus.pixels[0].count) == 4
    assert consensus.pixels[0].votes.shape == (4, 100)
    assert same(consensus.masks[0], full(4))


def test_no_answers_give_an_empty_result() -> None:
    consensus = PixelEM().fit_predict(MaskAnswers.of([], [], []))
    assert len(consensus.cluster) == len(consensus.masks) == len(consensus.rates.workers) == 0


def test_inconsistent_columns_are_rejected() -> None:
    with pytest.raises(ValueError, match="same length"):
        MaskAnswers(np.array([0]), np.array([0, 1]), (EMPTY,))
    with pytest.raises(ValueError, match="weights"):
        MaskAnswers.of([0], [0], [EMPTY], weights=[-1.0])


def test_masks_that_span_too_large_a_window_are_rejected() -> None:
    far = [Window(x, y, np.ones((4, 4), np.bool_)) for x, y in ((0, 0), (100_000, 0), (0, 100_000))]
    with pytest.raises(ValueError, match="fuse only masks of the same object"):
        PixelEM().fit_predict(MaskAnswers.of([0] * 3, range(3), far))
