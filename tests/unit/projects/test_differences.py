"""The difference of two texts has both of them in it, says what changed word by word, and takes bounded time."""

import random
import time

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from projects.differences import Kind, Paragraph, differences

WORDS = st.sampled_from(["box", "each", "animal", ",", ".", "\n\n", "\n", "pets", "10 €"])
TEXTS = st.lists(WORDS, max_size=12).map(" ".join)


def words_of(paragraphs: list[Paragraph], *kinds: Kind) -> list[str]:
    return " ".join(piece.text for each in paragraphs for piece in each.pieces if piece.kind in kinds).split()


def flat(paragraphs: list[Paragraph], *kinds: Kind) -> str:
    return "".join(words_of(paragraphs, *kinds))


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(TEXTS, TEXTS)
def test_both_versions_are_in_the_difference(old: str, new: str) -> None:
    found = differences(old, new)
    assert flat(found, "same", "removed") == "".join(old.split())
    assert flat(found, "same", "added") == "".join(new.split())
    assert all(each.is_same for each in differences(new, new))


def test_a_changed_word_is_one_piece_and_the_rest_is_the_same() -> None:
    old = "Box each animal.\n\nAlso pets in cars, if you can see the head.\n\nNo toys."
    new = "Box each animal.\n\nAlso pets in cars, if you can see the tail.\n\nNo toys."
    found = differences(old, new)
    assert [each.is_same for each in found] == [True, False, True]
    assert (words_of(found, "removed"), words_of(found, "added")) == (["head"], ["tail"])


def test_a_rewritten_paragraph_is_not_a_salad_of_words() -> None:
    found = differences("Look at the whole image first.", "Draw tightly, then check every side of the box.")
    assert [[piece.kind for piece in each.pieces] for each in found] == [["removed"], ["added"]]


@pytest.mark.parametrize("separator", [" ", "\n\n"])
def test_texts_without_end_take_bounded_time(separator: str) -> None:
    rng = random.Random(7)
    old, new = (separator.join(rng.choice("ab") for _ in range(16_000)) for _ in range(2))
    start = time.process_time()
    differences(old, new)
    assert time.process_time() - start < 5
