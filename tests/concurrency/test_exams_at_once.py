"""One attempt is one attempt: two tabs, retries and answers that cross the end of an exam, on real connections."""

from functools import partial

import pytest
from django.db import transaction

from accounts.models import Actor
from projects.models import Project
from tasks.flow.gold_images import make_gold_image
from tasks.flow.qualification_images import add_qualification_image
from tasks.gold.models import Gold
from tasks.qualification.errors import AttemptOver, AttemptUsed, NoAttemptsLeft
from tasks.qualification.models import Attempt, AttemptItem, QualificationGrant, QualificationImage
from tasks.qualification.services import finish_attempt, start_attempt
from tasks.qualification.setup import grant
from tests import factories
from tests.concurrency_helpers import BackgroundCall, together
from tests.qualifications import a_qualification, answer, class_of, items_of, over, take_exam

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def wren() -> Actor:
    return factories.wren()


@pytest.fixture
def project(wren: Actor) -> Project:
    return factories.a_project(workers=[wren])


def test_tabs_that_start_at_once_get_one_attempt(project: Project, wren: Actor) -> None:
    row = a_qualification(project, practice=8, attempts=10)
    for kind in ("exam", "practice"):
        started = together(*[partial(start_attempt, worker=wren, qualification=row, kind=kind) for _ in range(6)])
        assert len({attempt.pk for attempt in started}) == 1, started
        assert Attempt.objects.filter(kind=kind).count() == 1
        assert AttemptItem.objects.filter(attempt__kind=kind).count() == 4


def test_the_last_attempt_is_used_once(project: Project, wren: Actor) -> None:
    row = a_qualification(project, attempts=2)
    take_exam(wren, row, wrong=4)

    def whole_exam() -> Attempt:
        return take_exam(wren, row, wrong=4)

    results = together(*[whole_exam] * 4)
    assert Attempt.objects.count() == 2
    assert all(isinstance(result, Attempt | NoAttemptsLeft | AttemptOver) for result in results), results


def test_a_start_that_was_delayed_uses_no_other_attempt(project: Project, wren: Actor) -> None:
    row = a_qualification(project, attempts=9)
    first = start_attempt(worker=wren, qualification=row, kind="exam", number=1)
    with transaction.atomic():
        finish_attempt(worker=wren, attempt_id=first.public_id)
        replay = BackgroundCall(partial(start_attempt, worker=wren, qualification=row, kind="exam", number=1))
        replay.wait_until_blocked()
    assert isinstance(replay.wait_for_result(), AttemptUsed)
    assert Attempt.objects.count() == 1


def test_an_answer_that_crosses_the_end_is_graded_or_refused(project: Project, wren: Actor) -> None:
    row = a_qualification(project, attempts=30)
    for _ in range(10):
        attempt = start_attempt(worker=wren, qualification=row, kind="exam")
        first, *rest = items_of(attempt)
        answer(wren, first, class_of(first))
        calls = [partial(answer, wren, item, class_of(item)) for item in rest]
        *answers, ended = together(*calls, partial(finish_attempt, worker=wren, attempt_id=attempt.public_id))
        saved = AttemptItem.objects.filter(attempt=attempt, body__isnull=False).count()
        assert saved == ended.correct == 1 + sum(isinstance(each, AttemptItem) for each in answers)
        assert all(isinstance(each, AttemptItem | AttemptOver) for each in answers)
        QualificationGrant.objects.all().delete()


def test_an_answer_waits_for_the_end_and_is_refused(project: Project, wren: Actor) -> None:
    attempt = start_attempt(worker=wren, qualification=a_qualification(project), kind="exam")
    item = items_of(attempt)[0]
    with transaction.atomic():
        finish_attempt(worker=wren, attempt_id=attempt.public_id)
        late = BackgroundCall(partial(answer, wren, item, class_of(item)))
        late.wait_until_blocked()
    assert isinstance(late.wait_for_result(), AttemptOver)
    assert not AttemptItem.objects.filter(body__isnull=False).exists()


def test_two_tabs_that_answer_a_practice_image_get_one_result(project: Project, wren: Actor) -> None:
    attempt = start_attempt(worker=wren, qualification=a_qualification(project, practice=8), kind="practice")
    for item in items_of(attempt):
        one, two = together(*[partial(answer, wren, item, number) for number in (1, 2)])
        assert (one.body, one.correct, one.why) == (two.body, two.correct, two.why)


def test_an_exam_that_is_submitted_twice_and_granted_at_once_is_passed_once(project: Project, wren: Actor) -> None:
    row = a_qualification(project)
    attempt = start_attempt(worker=wren, qualification=row, kind="exam")
    for item in items_of(attempt):
        answer(wren, item, class_of(item))
    finish = partial(finish_attempt, worker=wren, attempt_id=attempt.public_id)
    by_hand = partial(grant, qualification=row, worker=wren, by=factories.ada())
    results = together(finish, by_hand, finish, by_hand)
    assert not [each for each in results if isinstance(each, Exception)], results
    assert QualificationGrant.objects.count() == 1
    assert Attempt.objects.get().state == "passed"


def test_a_start_after_the_time_ends_the_old_attempt_once(project: Project, wren: Actor) -> None:
    row = a_qualification(project, attempts=5)
    first = start_attempt(worker=wren, qualification=row, kind="exam")
    over(first)
    started = together(*[partial(start_attempt, worker=wren, qualification=row, kind="exam") for _ in range(4)])
    assert {attempt.number for attempt in started} == {2}, started
    first.refresh_from_db()
    assert (first.state, first.ended_at) == ("failed", first.expires_at)


def test_an_image_becomes_gold_or_is_in_a_qualification_never_both(project: Project) -> None:
    row = a_qualification(project)
    ada, cat = factories.ada(), factories.class_answer(1)
    for task in factories.some_tasks(project, 6):
        gold = partial(make_gold_image, project=project, image=task.image, raw=cat, by=ada)
        pool = partial(
            add_qualification_image, qualification=row, image=task.image, use="exam", raw=cat, explanation="", by=ada
        )
        results = together(gold, pool)
        assert sum(isinstance(each, Exception) for each in results) == 1, results
        is_gold = Gold.objects.filter(image=task.image).exists()
        assert is_gold != QualificationImage.objects.filter(image=task.image).exists()
