"""Labels, and the changes between their versions, as text."""

from typing import Any

import pytest

from tests import factories as cast
from workers_ui.views.manage.label_formatting import answer_words, changes_words, listed, pseudonym

NAMES = {1: "cat", 2: "dog", 3: "cup"}
CANNOT = {"image": {"class": None, "tags": [], "attrs": {}}, "objects": [], "verdict": "cannot_tell"}


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (cast.class_answer(1), "cat"),
        (cast.class_answer(9), "class 9"),
        (cast.box_answer(), "nothing to label"),
        (cast.box_answer((3, 1, 1, 5, 5)), "1 box: cup"),
        (cast.box_answer((3, 1, 1, 5, 5), (1, 9, 9, 5, 5), (3, 20, 20, 5, 5)), "3 boxes: cat, cup"),
        (CANNOT, "cannot tell"),
    ],
)
def test_an_answer_is_described(body: dict[str, Any], words: str) -> None:
    assert answer_words(body, NAMES) == words


BOX = (1, 10.0, 10.0, 40.0, 40.0)
MOVED = (1, 14.0, 10.0, 40.0, 40.0)
RENAMED = (2, 10.0, 10.0, 40.0, 40.0)
OTHER = (1, 200.0, 200.0, 40.0, 40.0)


@pytest.mark.parametrize(
    ("before", "after", "words"),
    [
        (cast.class_answer(1), cast.class_answer(2), "cat became dog"),
        (cast.class_answer(1), cast.class_answer(1), "the same label"),
        (CANNOT, cast.class_answer(1), "cannot tell became cat"),
        (cast.box_answer(BOX), cast.box_answer(BOX, OTHER), "1 box added"),
        (cast.box_answer(BOX, OTHER), cast.box_answer(BOX), "1 box removed"),
        (cast.box_answer(BOX, OTHER), cast.box_answer(MOVED, OTHER), "1 box moved"),
        (cast.box_answer(BOX), cast.box_answer(RENAMED), "1 box of another class"),
        (cast.box_answer(BOX), cast.box_answer(OTHER), "1 box added, 1 box removed"),
    ],
)
def test_a_version_describes_its_changes(before: dict[str, Any], after: dict[str, Any], words: str) -> None:
    assert changes_words(before, after, NAMES) == words


def test_the_first_version_changes_nothing() -> None:
    assert changes_words(None, cast.class_answer(1), NAMES) == ""


def test_a_long_list_stays_short() -> None:
    assert listed(["a", "b", "c", "d"]) == "a, b, c, d"
    assert listed(["a", "b", "c", "d", "e"]) == "a, b, c and 2 more"


def test_a_worker_beside_an_answer_has_no_name() -> None:
    assert pseudonym("3f2a9c10-0000-0000-0000-000000000000") == "Worker 3f2a"
