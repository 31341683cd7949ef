"""Labels, and the changes between their versions, as text."""

from typing import Any

import pytest

from tests import factories
from workers_ui.views.manage.label_formatting import describe_answer, describe_changes, join_shortened

NAMES = {1: "cat", 2: "dog", 3: "cup"}
CANNOT = {"image": {"class": None, "tags": [], "attrs": {}}, "objects": [], "verdict": "cannot_tell"}


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (factories.class_answer(1), "cat"),
        (factories.class_answer(9), "class 9"),
        (factories.box_answer(), "nothing to label"),
        (factories.box_answer((3, 1, 1, 5, 5)), "1 box: cup"),
        (factories.box_answer((3, 1, 1, 5, 5), (1, 9, 9, 5, 5), (3, 20, 20, 5, 5)), "3 boxes: cat, cup"),
        (CANNOT, "cannot tell"),
    ],
)
def test_an_answer_is_described(body: dict[str, Any], words: str) -> None:
    assert describe_answer(body, NAMES) == words


BOX = (1, 10.0, 10.0, 40.0, 40.0)
MOVED = (1, 14.0, 10.0, 40.0, 40.0)
RENAMED = (2, 10.0, 10.0, 40.0, 40.0)
OTHER = (1, 200.0, 200.0, 40.0, 40.0)


@pytest.mark.parametrize(
    ("before", "after", "words"),
    [
        (factories.class_answer(1), factories.class_answer(2), "cat became dog"),
        (factories.class_answer(1), factories.class_answer(1), "the same label"),
        (CANNOT, factories.class_answer(1), "cannot tell became cat"),
        (factories.box_answer(BOX), factories.box_answer(BOX, OTHER), "1 box added"),
        (factories.box_answer(BOX, OTHER), factories.box_answer(BOX), "1 box removed"),
        (factories.box_answer(BOX, OTHER), factories.box_answer(MOVED, OTHER), "1 box moved"),
        (factories.box_answer(BOX), factories.box_answer(RENAMED), "1 box of another class"),
        (factories.box_answer(BOX), factories.box_answer(OTHER), "1 box added, 1 box removed"),
    ],
)
def test_a_version_describes_its_changes(before: dict[str, Any], after: dict[str, Any], words: str) -> None:
    assert describe_changes(before, after, NAMES) == words


def test_the_first_version_changes_nothing() -> None:
    assert describe_changes(None, factories.class_answer(1), NAMES) == ""


def test_a_long_list_stays_short() -> None:
    assert join_shortened(["a", "b", "c", "d"]) == "a, b, c, d"
    assert join_shortened(["a", "b", "c", "d", "e"]) == "a, b, c and 2 more"


def test_a_list_can_be_joined_by_something_else() -> None:
    assert join_shortened(["a", "b", "c"], most=2, separator="; ") == "a and 2 more"
