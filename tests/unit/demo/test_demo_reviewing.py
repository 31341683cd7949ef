"""Which labels the simulated reviewer looks at, and which images the report shows."""

from annotary.demo.pictures import choose
from annotary.demo.reviewing import least_sure


def labels(*confidences: float) -> list[dict[str, object]]:
    return [{"source_key": f"{at}.jpg", "confidence": value} for at, value in enumerate(confidences)]


def test_the_least_sure_tenth_is_looked_at_rounded_up() -> None:
    found = least_sure(labels(*(value / 100 for value in range(99, 74, -1))), 0.1)
    assert [row["confidence"] for row in found] == [0.75, 0.76, 0.77]


def test_nothing_answered_means_nothing_to_look_at() -> None:
    assert least_sure([], 0.1) == []


def test_samples_run_from_the_least_to_the_most_sure_and_show_what_went_wrong() -> None:
    rows = labels(*(value / 100 for value in range(50, 100)))
    wrong = [rows[3], rows[20]]
    found = choose(rows, wrong, count=5)
    assert len(found) == 5
    assert found == sorted(found, key=lambda row: str(row["confidence"]))
    assert all(row in found for row in [*wrong, rows[0], rows[-1]])


def test_few_labels_are_all_shown() -> None:
    rows = labels(0.9, 0.5)
    assert [row["confidence"] for row in choose(rows, [], count=9)] == [0.5, 0.9]
