"""The composition of a simulated crowd."""

from collections import Counter

import pytest

from annotary.demo.crowd import Crowd, WorkLeft
from annotary.demo.ground_truth import GroundTruth
from annotary.demo.skills import crowd_of
from annotary.demo.worker import Job


def test_twelve_people_are_mostly_honest_with_one_spammer_among_them() -> None:
    kinds = Counter(member.skill.kind for member in crowd_of(12))
    assert kinds == {"careful": 4, "average": 5, "careless": 2, "spammer": 1}


@pytest.mark.parametrize("size", [2, 3, 5, 12, 40])
def test_a_crowd_has_the_requested_size_unique_names_and_a_spammer(size: int) -> None:
    crowd = crowd_of(size)
    assert len(crowd) == size
    assert len({member.name for member in crowd}) == size
    assert any(member.skill.guesses for member in crowd)


def test_one_person_alone_is_honest() -> None:
    assert [member.skill.guesses for member in crowd_of(1)] == [False]


def test_nobody_is_called_for_help_while_jobs_compute_the_last_labels() -> None:
    job = Job("http://nowhere.invalid", "", "", seed=1, ground_truth=GroundTruth(), retry_seconds=0)
    left = iter([WorkLeft(24, 0), WorkLeft(3, 0), WorkLeft(0, 0)])
    crowd = Crowd(job, count_left=lambda: next(left), quiet=0)
    assert crowd.run([]) == []
    assert crowd.unfinished == 0
