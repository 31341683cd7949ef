"""Two workers who answer alike are named, and independent ones are not, however many pairs there are."""

import random

import pytest

from tasks.analytics.worker_pairs import FALSE_ALARM, Likeness, PairCount, alike_pairs

MISTAKES = Likeness.SAME_MISTAKES


def a_crowd(
    rng: random.Random, *, workers: int = 40, share: float = 0.4
) -> dict[tuple[str, str], dict[Likeness, PairCount]]:
    """Independent workers: pairs were both wrong on up to 12 images, on `share` of them in the same way."""
    counts = {}
    for one in range(workers):
        for other in range(one + 1, workers):
            of = rng.randint(0, 12)
            counts[str(one), str(other)] = {MISTAKES: PairCount(sum(rng.random() < share for _ in range(of)), of)}
    return counts


def test_independent_workers_are_hardly_ever_named() -> None:
    rng = random.Random(1)
    alarms = sum(bool(alike_pairs(a_crowd(rng), classes=4)) for _ in range(300))
    assert alarms <= 300 * FALSE_ALARM * 2


def test_two_who_are_wrong_alike_are_named_among_many_pairs() -> None:
    counts = a_crowd(random.Random(2))
    counts["3", "5"] = {MISTAKES: PairCount(20, 20)}
    [pair] = alike_pairs(counts, classes=4)
    assert (pair.workers, pair.likeness, pair.hits, pair.of) == (("3", "5"), MISTAKES, 20, 20)
    assert pair.usual == pytest.approx(0.4, abs=0.05)


def test_where_all_are_misled_alike_nobody_is_named() -> None:
    counts = a_crowd(random.Random(3), share=0.95)
    counts["3", "5"] = {MISTAKES: PairCount(20, 20)}
    assert alike_pairs(counts, classes=4) == []


def test_with_two_classes_all_mistakes_are_alike() -> None:
    assert alike_pairs({("a", "b"): {MISTAKES: PairCount(30, 30)}}, classes=2) == []


def test_equal_coordinates_need_few_images() -> None:
    few, enough = ({("a", "b"): {Likeness.SAME_GEOMETRY: PairCount(hits, 10)}} for hits in (3, 4))
    assert alike_pairs(few) == []
    assert [pair.likeness for pair in alike_pairs(enough)] == [Likeness.SAME_GEOMETRY]
