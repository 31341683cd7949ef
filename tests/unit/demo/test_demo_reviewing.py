"""Which labels the simulated reviewer checks, and which images the report shows."""

from annotary.demo.pictures import choose
from annotary.demo.reviewing import least_sure


def labels(*confidences: float) -> list[dict[str, object]]:
    return [{"source_key": f"{at}.jpg", "confidence": value} for at, value in enumerate(confidences)]


def test_the_least_confident_tenth_is_reviewed_rounded_up() -> None:
    selected = least_sure(labels(*(value / 100 for value in range(99, 74, -1))), 0.1)
    assert [row["confidence"] for row in selected] == [0.75, 0.76, 0.77]


def test_no_labels_mean_nothing_to_review() -> None:
    assert least_sure([], 0.1) == []


def test_samples_range_from_the_least_to_the_most_confident_and_include_errors() -> None:
    rows = labels(*(value / 100 for value in range(50, 100)))
    wrong = [rows[3], rows[20]]
    selected = choose(rows, wrong, count=5)
    assert len(selected) == 5
    assert selected == sorted(selected, key=lambda row: str(row["confidence"]))
    assert all(row in selected for row in [*wrong, rows[0], rows[-1]])


def test_few_labels_are_all_shown() -> None:
    rows = labels(0.9, 0.5)
    assert [row["confidence"] for row in choose(rows, [], count=9)] == [0.5, 0.9]
