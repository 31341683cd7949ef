"""The table in docs/howto-manager.md that says why ten check images are enough to start with is what the rule gives."""

import re
from collections import defaultdict
from pathlib import Path

import pytest

from tasks.standing.trust import is_clearly_bad

PAGE = Path(__file__).resolve().parents[3] / "docs" / "howto-manager.md"
LENGTHS = (4, 10, 50)


def share_paused(accuracy: float, *, golds: int) -> float:
    """The probability that a worker of this accuracy is paused by one of the first `golds` check images."""
    paused = 0.0
    states = {(0, 0): 1.0}
    for _ in range(golds):
        following: dict[tuple[int, int], float] = defaultdict(float)
        for (right, wrong), share in states.items():
            for state, probability in (((right + 1, wrong), accuracy), ((right, wrong + 1), 1 - accuracy)):
                if is_clearly_bad(correct=state[0], incorrect=state[1]):
                    paused += share * probability
                else:
                    following[state] += share * probability
        states = following
    return paused


def rows() -> list[tuple[float, list[str]]]:
    found = re.findall(
        r"^\| (\d+)%[^|]* \| (\S+) \| (\S+) \| (\S+) \|$", PAGE.read_text(encoding="utf-8"), re.MULTILINE
    )
    return [(int(accuracy) / 100, shares) for accuracy, *shares in found]


def test_the_table_has_workers_from_hopeless_to_careful() -> None:
    assert [accuracy for accuracy, _ in rows()] == [0.1, 0.25, 0.5, 0.8, 0.9]


@pytest.mark.parametrize(("accuracy", "shares"), rows())
def test_a_figure_of_the_table_is_what_the_rule_gives(accuracy: float, shares: list[str]) -> None:
    for golds, printed in zip(LENGTHS, shares, strict=True):
        decimals = len(printed.rstrip("%").partition(".")[2])
        assert f"{100 * share_paused(accuracy, golds=golds):.{decimals}f}%" == printed
