"""Earlier classes are read as others, the same in every form that answers are loaded in."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from annotary_core.labels.answer import Answer
from annotary_core.labels.class_mapping import AS_THEY_ARE, ClassMapping
from tests.factories import box_answer, class_answer

MERGED = ClassMapping({3: 2, 4: 2})
SPLIT = ClassMapping({3: None})
TARGETS = st.dictionaries(st.integers(1, 6), st.one_of(st.none(), st.integers(7, 9)), max_size=4).map(ClassMapping)


def test_merged_classes_are_read_as_another_and_split_ones_say_nothing() -> None:
    assert MERGED.body(class_answer(3)) == class_answer(2)
    assert MERGED.body(class_answer(1)) == class_answer(1)
    assert SPLIT.body(class_answer(3)) is None
    assert SPLIT.body(class_answer(2)) == class_answer(2)
    cannot_tell = {**class_answer(1), "image": {"class": None, "tags": [], "attrs": {}}, "verdict": "cannot_tell"}
    assert SPLIT.body(cannot_tell) == cannot_tell


def test_objects_that_have_become_identical_are_one() -> None:
    twice = box_answer((3, 1, 1, 5, 5), (2, 1, 1, 5, 5), (4, 9, 9, 5, 5))
    read = MERGED.answer(Answer.from_json(twice))
    assert read is not None
    assert [(item.class_number, item.id) for item in read.objects] == [(2, "o1"), (2, "o3")]
    assert SPLIT.body(twice) is None


def test_probabilities_are_added_and_shared_out() -> None:
    assert MERGED.probabilities({1: 0.5, 2: 0.2, 3: 0.3}) == pytest.approx({1: 0.5, 2: 0.5})
    assert SPLIT.probabilities({1: 0.25, 2: 0.25, 3: 0.5}) == pytest.approx({1: 0.5, 2: 0.5})
    assert SPLIT.probabilities({3: 1.0}) == {}
    assert AS_THEY_ARE.probabilities({1: 0.3}) == {1: 0.3}


@given(TARGETS, st.lists(st.integers(1, 9), max_size=8))
def test_columns_and_answers_are_read_alike(mapping: ClassMapping, numbers: list[int]) -> None:
    read = mapping.column(np.array(numbers, np.int64)).tolist()
    for number, other in zip(numbers, read, strict=True):
        body = mapping.body(class_answer(number))
        assert other == (-1 if body is None else body["image"]["class"])
    assert ClassMapping.from_json(mapping.to_json()) == ClassMapping(mapping.numbers)


def test_a_later_change_is_read_through_an_earlier_one() -> None:
    both = ClassMapping({5: 3, 6: None}).then(ClassMapping({3: 2}))
    assert both.numbers == {5: 2, 6: None, 3: 2}
    assert ClassMapping({5: 3}).then(SPLIT).numbers == {5: None, 3: None}
