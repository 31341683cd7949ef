"""Practice: each answer is explained once, and what a worker confuses comes more often."""

import random
from collections import Counter

import pytest

from accounts.models import Actor
from projects.models import Project
from tasks.qualification.drawing import Confusions, PoolImage, PracticeAnswer, draw_exam, draw_practice
from tasks.qualification.errors import NoPracticeImages
from tasks.qualification.models import Attempt
from tasks.qualification.services import finish_attempt, start_attempt
from tests import factories
from tests.qualifications import a_qualification, an_exam_image, answer, class_of, items_of

CAT, DOG, FOX, OWL = 1, 2, 3, 4


@pytest.fixture
def project() -> Project:
    return factories.a_project(workers=[factories.wren()], classes=("cat", "dog", "fox", "owl"))


@pytest.fixture
def wren() -> Actor:
    return factories.wren()


@pytest.mark.django_db
def test_the_first_answer_is_explained_and_stays(project: Project, wren: Actor) -> None:
    row = a_qualification(project, practice=4)
    attempt = start_attempt(worker=wren, qualification=row, kind="practice")
    item = items_of(attempt)[0]
    wrong = answer(wren, item, 3)
    assert (wrong.correct, bool(wrong.why)) == (False, True)
    again = answer(wren, item, class_of(item))
    assert (again.correct, again.body) == (False, factories.class_answer(3))
    ended = finish_attempt(worker=wren, attempt_id=attempt.public_id)
    assert (ended.state, ended.correct, ended.number) == ("done", 0, None)


@pytest.mark.django_db
def test_practice_never_has_images_of_the_exam(project: Project, wren: Actor) -> None:
    row = a_qualification(project, exam=8, practice=2, practice_images=20)
    attempt = start_attempt(worker=wren, qualification=row, kind="practice")
    assert {item.source.use for item in items_of(attempt)} == {"practice"}
    exam = start_attempt(worker=wren, qualification=row, kind="exam")
    assert {item.source.use for item in items_of(exam)} == {"exam"}
    empty = a_qualification(project, "Without practice")
    with pytest.raises(NoPracticeImages):
        start_attempt(worker=wren, qualification=empty, kind="practice")


@pytest.mark.django_db
def test_the_next_round_has_what_was_confused(project: Project, wren: Actor) -> None:
    """Wren takes cats for dogs, and knows foxes and owls."""
    row = a_qualification(project, practice_images=12)
    for number in [CAT, DOG, FOX, OWL] * 30:
        an_exam_image(row, number, use="practice")
    for _ in range(3):
        attempt = start_attempt(worker=wren, qualification=row, kind="practice")
        for item in items_of(attempt):
            answer(wren, item, DOG if class_of(item) == CAT else class_of(item))
        finish_attempt(worker=wren, attempt_id=attempt.public_id)
    drawn: Counter[int] = Counter()
    for _ in range(3):
        attempt = start_attempt(worker=wren, qualification=row, kind="practice")
        drawn.update(class_of(item) for item in items_of(attempt))
        Attempt.objects.filter(pk=attempt.pk).delete()
    assert drawn[CAT] + drawn[DOG] > 2 * (drawn[FOX] + drawn[OWL]), drawn


def test_without_answers_all_classes_come_alike() -> None:
    pool = [PoolImage(n, frozenset({n % 4 + 1})) for n in range(400)]
    drawn = draw_practice(pool, count=200, had={}, confusions=Confusions(), rng=random.Random(5))
    assert all(35 <= count <= 65 for count in Counter(n % 4 for n in drawn).values())


def test_what_was_seen_comes_less_often() -> None:
    pool = [PoolImage(n, frozenset({1})) for n in range(100)]
    drawn = draw_practice(
        pool, count=40, had=dict.fromkeys(range(50), 3), confusions=Confusions(), rng=random.Random(5)
    )
    assert sum(n < 50 for n in drawn) < 8


def test_objects_that_were_drawn_wrongly_count_for_their_class() -> None:
    both = PracticeAnswer(frozenset({CAT, DOG}), frozenset({CAT, DOG}), correct=False)
    missed = PracticeAnswer(frozenset({CAT, DOG}), frozenset({CAT}), correct=False)
    assert Confusions.of([both]).rate(CAT) == Confusions.of([both]).rate(DOG) == 2 / 3
    assert Confusions.of([missed]).rate(CAT) == 1 / 3 < Confusions.of([missed]).rate(DOG)


def test_an_exam_prefers_what_is_new_within_each_class() -> None:
    pool = [PoolImage(n, frozenset({n % 2})) for n in range(20)]
    drawn = draw_exam(pool, count=10, had=set(range(0, 20, 2)) - {0}, rng=random.Random(3))
    assert Counter(n % 2 for n in drawn) == {0: 5, 1: 5}
    assert 0 in drawn
