"""Exams: they tell nothing before the end, are drawn differently, and one attempt is one attempt."""

from datetime import timedelta

import pytest

from accounts.models import Actor, Membership
from kernel.clock import utc_now
from kernel.errors import NotFound
from projects.class_edits import ClassEdit
from projects.models import Project
from tasks.annotation.models import Annotation
from tasks.pay.models import LedgerEntry
from tasks.qualification.errors import (
    AttemptAnswerRefused,
    AttemptOver,
    AttemptTooEarly,
    AttemptUsed,
    NoAttemptsLeft,
    QualificationNotOpen,
    QualificationPassed,
)
from tasks.qualification.models import Attempt, AttemptItem, Qualification, QualificationGrant
from tasks.qualification.services import answer_item, end_if_over, finish_attempt, start_attempt
from tasks.standing.errors import StaffCannotWork
from tests import factories
from tests.class_changes import change
from tests.qualifications import a_qualification, answer, class_of, items_of, over, sources_of, take_exam

pytestmark = pytest.mark.django_db


@pytest.fixture
def project() -> Project:
    return factories.a_project(workers=[factories.wren(), factories.finch()])


@pytest.fixture
def row(project: Project) -> Qualification:
    return a_qualification(project)


@pytest.fixture
def wren() -> Actor:
    return factories.wren()


def grants(worker: Actor) -> int:
    return QualificationGrant.objects.filter(worker=worker, revoked_at=None).count()


def test_an_exam_is_passed_from_its_mark_on(row: Qualification, wren: Actor) -> None:
    failed = take_exam(wren, row, wrong=2)
    assert (failed.state, failed.correct, grants(wren)) == ("failed", 2, 0)
    passed = take_exam(wren, row, wrong=1)
    assert (passed.state, passed.correct, passed.number) == ("passed", 3, 2)
    grant = QualificationGrant.objects.get(worker=wren)
    assert (grant.source, grant.score) == ("exam", 0.75)
    with pytest.raises(QualificationPassed):
        start_attempt(worker=wren, qualification=row, kind="exam")


def test_answers_are_neither_labels_nor_paid(row: Qualification, wren: Actor) -> None:
    take_exam(wren, row)
    assert not Annotation.objects.exists()
    assert not LedgerEntry.objects.exists()


def test_nothing_is_known_before_the_end(row: Qualification, wren: Actor) -> None:
    attempt = start_attempt(worker=wren, qualification=row, kind="exam")
    first, *_ = items_of(attempt)
    for number in (1, 2, 1):
        item = answer(wren, first, number)
        assert (item.correct, item.score, item.why) == (None, None, "")
    assert not AttemptItem.objects.filter(correct__isnull=False).exists()
    ended = finish_attempt(worker=wren, attempt_id=attempt.public_id)
    assert AttemptItem.objects.filter(correct=True).count() == (class_of(first) == 1) == ended.correct


def test_what_is_unanswered_is_wrong_and_answers_after_the_end_are_refused(row: Qualification, wren: Actor) -> None:
    attempt = start_attempt(worker=wren, qualification=row, kind="exam")
    first, second, *_ = items_of(attempt)
    answer(wren, first, class_of(first))
    ended = finish_attempt(worker=wren, attempt_id=attempt.public_id)
    assert (ended.state, ended.correct) == ("failed", 1)
    with pytest.raises(AttemptOver):
        answer(wren, second, class_of(second))
    again = finish_attempt(worker=wren, attempt_id=attempt.public_id)
    assert (again.state, again.correct, again.ended_at) == ("failed", 1, ended.ended_at)


def test_an_attempt_is_used_when_it_starts_and_goes_on_after_a_break(row: Qualification, wren: Actor) -> None:
    attempt = start_attempt(worker=wren, qualification=row, kind="exam")
    answer(wren, items_of(attempt)[0], 1)
    resumed = start_attempt(worker=wren, qualification=row, kind="exam")
    assert resumed.pk == attempt.pk
    assert [item.body is not None for item in items_of(resumed)] == [True, False, False, False]


def test_time_that_is_over_ends_the_exam_whoever_looks(row: Qualification, wren: Actor) -> None:
    attempt = start_attempt(worker=wren, qualification=row, kind="exam")
    first, second, *_ = items_of(attempt)
    answer(wren, first, class_of(first))
    over(attempt)
    with pytest.raises(AttemptOver):
        answer(wren, second, class_of(second))
    attempt.refresh_from_db()
    ended = end_if_over(attempt)
    assert (ended.state, ended.correct, ended.ended_at) == ("failed", 1, attempt.expires_at)
    assert start_attempt(worker=wren, qualification=row, kind="exam").number == 2


def test_an_exam_that_is_over_is_passed_though_another_one_is_refused(row: Qualification, wren: Actor) -> None:
    attempt = start_attempt(worker=wren, qualification=row, kind="exam")
    for item in items_of(attempt):
        answer(wren, item, class_of(item))
    over(attempt)
    with pytest.raises(QualificationPassed):
        start_attempt(worker=wren, qualification=row, kind="exam")
    attempt.refresh_from_db()
    assert attempt.state == "passed"
    assert QualificationGrant.objects.filter(qualification=row, worker=wren, revoked_at=None).exists()


@pytest.mark.parametrize("edit", [ClassEdit("merge", (2,), into=1), ClassEdit("retire", (2,))])
def test_an_exam_goes_by_the_classes_that_there_are_when_it_starts(
    row: Qualification, wren: Actor, edit: ClassEdit
) -> None:
    assert row.project is not None
    before = start_attempt(worker=wren, qualification=row, kind="exam")
    change(row.project, edit)
    for item in items_of(before):
        answer(wren, item, class_of(item))
    assert finish_attempt(worker=wren, attempt_id=before.public_id).state == "passed"
    finch = factories.finch()
    after = start_attempt(worker=finch, qualification=row, kind="exam")
    for item in items_of(after):
        assert class_of(item) == 1 or edit.kind == "merge"
        answer(finch, item, 1)
    assert finish_attempt(worker=finch, attempt_id=after.public_id).correct == 4


def test_attempts_are_counted_and_there_is_a_wait_between_them(project: Project, wren: Actor) -> None:
    row = a_qualification(project, attempts=2, wait_hours=24)
    first = take_exam(wren, row, wrong=4)
    with pytest.raises(AttemptTooEarly, match="Practice until then"):
        start_attempt(worker=wren, qualification=row, kind="exam")
    Attempt.objects.filter(pk=first.pk).update(ended_at=utc_now() - timedelta(hours=25))
    take_exam(wren, row, wrong=4)
    with pytest.raises(NoAttemptsLeft):
        start_attempt(worker=wren, qualification=row, kind="exam")


def test_a_request_that_is_sent_again_later_starts_no_other_exam(row: Qualification, wren: Actor) -> None:
    first = start_attempt(worker=wren, qualification=row, kind="exam", number=1)
    assert start_attempt(worker=wren, qualification=row, kind="exam", number=1).pk == first.pk
    finish_attempt(worker=wren, attempt_id=first.public_id)
    with pytest.raises(AttemptUsed):
        start_attempt(worker=wren, qualification=row, kind="exam", number=1)
    assert Attempt.objects.count() == 1


def test_exams_have_both_classes_and_differ_between_attempts_and_workers(project: Project, wren: Actor) -> None:
    row = a_qualification(project, exam=40, attempts=9)
    drawn = [sources_of(take_exam(wren, row, wrong=4)) for _ in range(5)]
    assert len({source for each in drawn for source in each}) == 20, "No image twice while there are others."
    other = sources_of(start_attempt(worker=factories.finch(), qualification=row, kind="exam"))
    assert all(set(other) != set(each) for each in drawn)
    for attempt in Attempt.objects.all():
        assert sorted(class_of(item) for item in items_of(attempt)) == [1, 1, 2, 2]


def test_a_mark_or_an_exam_that_changes_does_not_change_one_in_progress(row: Qualification, wren: Actor) -> None:
    attempt = start_attempt(worker=wren, qualification=row, kind="exam")
    Qualification.objects.filter(pk=row.pk).update(pass_mark=1.0, exam_images=1, state="closed")
    for position, item in enumerate(items_of(attempt)):
        answer(wren, item, 3 - class_of(item) if position == 0 else class_of(item))
    assert finish_attempt(worker=wren, attempt_id=attempt.public_id).state == "passed"


def test_only_workers_of_the_organization_and_only_while_it_is_open(row: Qualification, wren: Actor) -> None:
    for stranger in (factories.a_worker("owen"),):
        with pytest.raises(NotFound):
            start_attempt(worker=stranger, qualification=row, kind="exam")
    with pytest.raises(StaffCannotWork):
        start_attempt(worker=factories.ada(), qualification=row, kind="exam")
    attempt = start_attempt(worker=wren, qualification=row, kind="exam")
    item = items_of(attempt)[0]
    with pytest.raises(NotFound):
        answer(factories.finch(), item, 1)
    Membership.objects.filter(actor=wren).delete()
    with pytest.raises(NotFound):
        answer(wren, item, 1)
    Qualification.objects.update(state="closed")
    with pytest.raises(QualificationNotOpen):
        start_attempt(worker=factories.finch(), qualification=row, kind="exam")


def test_an_answer_that_does_not_fit_says_why_and_saves_nothing(row: Qualification, wren: Actor) -> None:
    item = items_of(start_attempt(worker=wren, qualification=row, kind="exam"))[0]
    with pytest.raises(AttemptAnswerRefused) as refused:
        answer_item(worker=wren, item_id=item.public_id, raw={"verdict": "labels", "image": {"class": 9}})
    assert refused.value.facts["path"]
    item.refresh_from_db()
    assert item.body is None
