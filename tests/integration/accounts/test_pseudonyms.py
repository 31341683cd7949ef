"""Readers who may not know a worker's name tell workers apart, in projects with thousands of them too."""

import uuid

from accounts.selectors import pseudonym

PEOPLE = 10_000


def test_workers_whose_ids_begin_alike_have_different_pseudonyms() -> None:
    one, other = uuid.UUID("3f2a91c0-7b12-4c1e-8000-000000000000"), uuid.UUID("3f2a91c0-7b13-4c1e-8000-000000000000")
    assert pseudonym(one) == "Worker 3f2a91c0-7b12"
    assert pseudonym(other) != pseudonym(one)


def test_a_clash_among_ten_thousand_is_improbable() -> None:
    digits = len(pseudonym(uuid.uuid4()).removeprefix("Worker ").replace("-", ""))
    assert PEOPLE**2 / 2 / 16**digits < 1e-6


def test_ten_thousand_people_have_ten_thousand_pseudonyms() -> None:
    assert len({pseudonym(uuid.uuid4()) for _ in range(PEOPLE)}) == PEOPLE
