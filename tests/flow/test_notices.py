"""Notices: what writes them, to whom, once; reading, choosing mails, pruning."""

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.db import transaction

from accounts.errors import NoticeMailRefused
from accounts.models import Actor
from kernel.clock import database_now, utc_now
from kernel.models import Job
from projects.lifecycle import ANNOUNCE_WORK, open_project, pause_project
from projects.models import Project
from tasks.batching.models import Batch
from tasks.batching.services import open_all_batches, open_batch
from tasks.flow.announcements import announce_work
from tasks.flow.appeals import decide_appeal
from tasks.flow.revocation import erase_person, remove_worker
from tasks.notices.models import Notice
from tasks.notices.selectors import count_unread, notices_of, words_of_notice
from tasks.notices.services import KEPT, choose_mail, delete_old_notices, read_notices, write_notices
from tasks.notices.wording import shown_amount
from tasks.pay.approvals import TELL_APPROVED, tell_approved
from tasks.pay.models import LedgerEntry
from tasks.pay.payouts import run_payouts
from tasks.qualification.worker_filters import set_worker_filter
from tasks.questions.services import answer_question, ask, make_rule
from tasks.review.rejected_answers import appeal
from tasks.standing.models import Standing
from tests import factories
from tests.qualifications import a_qualification, held, required
from tests.rejected import a_rejected_answer, a_reviewer, a_wrong_gold_answer
from tests.worker_actions import answer_all, leases_of, settle, take

pytestmark = pytest.mark.django_db
Kind = Notice.Kind


@pytest.fixture
def project() -> Project:
    return factories.a_project(
        workers=[factories.wren(), factories.finch()],
        gold_rate=0,
        appeal_days=7,
        answers_min=1,
        answers_max=1,
        hand_size=2,
    )


def told(recipient: Actor) -> list[tuple[str, str]]:
    return [(row.kind, words_of_notice(row).text) for row in notices_of(recipient=recipient)]


def announced(project: Project, cause: str = "work 1") -> int:
    return announce_work(project_id=project.pk, cause=cause)


def asked(project: Project) -> Any:
    factories.some_tasks(project, 2)
    lease = leases_of(take(factories.wren(), project))[0]
    return ask(worker=factories.wren(), assignment_id=lease.public_id, text="Is it one?")


def test_an_answered_question_is_told_to_its_worker_alone(project: Project) -> None:
    thread = asked(project)
    assert told(factories.ada()) == [("question_asked", "Workers ask about images of Strays.")]
    answer_question(by=factories.ada(), project=project, public_id=thread.public_id, text="Yes.", messages=1)
    assert told(factories.wren()) == [("question_answered", "Your question in Strays was answered.")]
    assert told(factories.finch()) == []
    make_rule(by=factories.ada(), project=project, public_id=thread.public_id, rule="It counts.")
    assert len(told(factories.wren())) == 2


def test_a_team_has_one_unread_notice_about_questions(project: Project) -> None:
    thread, rook = asked(project), a_reviewer()
    for number in range(3):
        text = f"And {number}?"
        ask(worker=factories.wren(), assignment_id=thread.assignment.public_id, text=text)
    assert [len(told(each)) for each in (factories.ada(), rook)] == [1, 1]
    read_notices(recipient=rook)
    ask(worker=factories.wren(), assignment_id=thread.assignment.public_id, text="One more?")
    assert [len(told(each)) for each in (factories.ada(), rook)] == [1, 2]


def test_a_refused_question_tells_nobody(project: Project) -> None:
    thread = asked(project)
    with transaction.atomic():
        answer_question(by=factories.ada(), project=project, public_id=thread.public_id, text="Yes.", messages=1)
        transaction.set_rollback(True)
    assert told(factories.wren()) == []


def test_who_was_removed_is_not_told_of_an_answer(project: Project) -> None:
    thread = asked(project)
    remove_worker(project=project, worker=factories.wren(), reason="Left.")
    answer_question(by=factories.ada(), project=project, public_id=thread.public_id, text="Yes.", messages=1)
    assert told(factories.wren()) == []


def test_decided_appeals_look_the_same_of_work_and_gold(project: Project) -> None:
    work = a_rejected_answer(project, factories.wren())
    wrong = a_wrong_gold_answer(project, factories.wren())
    gold = type(work).objects.create(
        project=project,
        worker=factories.wren(),
        assignment=wrong,
        reviewer=a_reviewer(),
        reason=work.reason,
        shown_from=work.shown_from,
        appeal_until=work.appeal_until,
    )
    for row in (work, gold):
        appeal(worker=factories.wren(), public_id=row.public_id, statement="Look again.")
        for _ in range(2):
            decide_appeal(reviewer=factories.ada(), public_id=row.public_id, uphold=True, reason="You are right.")
    assert told(factories.wren()) == [("appeal_decided", "Your appeal in Strays was decided.")] * 2
    rows = Notice.objects.filter(kind=Kind.APPEAL_DECIDED)
    assert {(tuple(row.data), len(row.key), row.mail_at) for row in rows} == {((), 43, rows[0].mail_at)}


def test_new_work_is_told_once_until_it_is_read(project: Project) -> None:
    assert [announced(project, f"work {number}") for number in range(3)] == [2, 0, 0]
    assert told(factories.wren()) == [("work_opened", "There is new work in Strays.")]
    read_notices(recipient=factories.wren())
    assert announced(project, "work 0") == 0, "the same job twice"
    assert announced(project, "work 3") == 1


def test_only_who_may_work_is_told_of_work(project: Project) -> None:
    paused, removed = factories.a_worker("robin"), factories.a_worker("owl")
    factories.admitted(project, paused, state="paused")
    factories.admitted(project, removed, state="removed")
    qualification = a_qualification(project)
    required(project, qualification)
    held(qualification, factories.finch())
    assert announced(project) == 1
    assert [len(told(each)) for each in (factories.wren(), factories.finch(), paused, removed)] == [0, 1, 0, 0]


def test_a_filter_keeps_notices_from_those_it_does_not_let_in(project: Project) -> None:
    set_worker_filter(project=project, text="country = DE", by=factories.ada())
    project.refresh_from_db()
    person = factories.wren().user
    person.country = "DE"
    person.save()
    assert announced(project) == 1
    assert len(told(factories.wren())) == 1


def test_nothing_is_told_of_a_project_that_was_paused_in_between(project: Project) -> None:
    pause_project(project=project)
    assert announced(project) == 0


def test_opening_queues_the_job_that_tells(project: Project) -> None:
    factories.some_tasks(project, 2, batches=2)
    Batch.objects.update(state="draft")
    open_batch(batch=Batch.objects.earliest("pk"))
    open_all_batches(project=project)
    pause_project(project=project)
    open_project(project=project)
    jobs = list(Job.objects.filter(kind=ANNOUNCE_WORK.name))
    assert len(jobs) == 3
    assert all(each.not_before and each.not_before > utc_now() for each in jobs)
    for each in (*jobs, *jobs):
        announced(project, f"work {each.pk}")
    assert Notice.objects.filter(kind=Kind.WORK_OPENED).count() == 2


def test_money_is_told_when_it_is_paid(project: Project) -> None:
    values: dict[str, Any] = {"project": project, "kind": "correction", "currency": "USD"}
    LedgerEntry.objects.create(worker=factories.wren(), amount=Decimal("12.40"), cause="a", **values)
    LedgerEntry.objects.create(worker=factories.finch(), amount=Decimal(3), cause="b", **values)
    run_payouts(organisation=project.organisation, by=factories.ada())
    assert told(factories.wren()) == [("money_paid", "Aviary paid you 12.40 USD.")]
    assert told(factories.finch()) == [("money_paid", "Aviary paid you 3 USD.")]


def test_money_is_told_when_its_time_of_approval_has_come(project: Project) -> None:
    Project.objects.filter(pk=project.pk).update(approval_days=2, price=Decimal("0.05"))
    project.refresh_from_db()
    factories.some_tasks(project, 4)
    for _ in range(2):
        hand = take(factories.wren(), project)
        answer_all(hand)
        settle(hand)
    job = Job.objects.get(kind=TELL_APPROVED.name)
    approved_at = LedgerEntry.objects.latest("pk").approved_at
    assert approved_at is not None and job.not_before is not None
    assert job.not_before.date() == approved_at.astimezone(UTC).date() + timedelta(days=1)
    for _ in range(2):
        args = TELL_APPROVED.args_of(job)
        tell_approved(worker_id=args.worker_id, day=date.fromisoformat(args.day))
    earned = shown_amount(sum((row.amount for row in LedgerEntry.objects.all()), Decimal(0)))
    assert told(factories.wren()) == [("money_approved", f"Aviary approved {earned} USD of your pay.")]


@pytest.mark.parametrize(
    ("amount", "shown"), [("12.400000", "12.40"), ("3", "3"), ("1000", "1,000"), ("0.0125", "0.0125"), ("2.5", "2.50")]
)
def test_amounts_have_cents(amount: str, shown: str) -> None:
    assert shown_amount(Decimal(amount)) == shown


def write(project: Project, kind: str, key: str = "k", *people: Actor) -> int:
    recipients = [each.pk for each in people or (factories.wren(),)]
    return write_notices(kind=kind, project=project, recipients=recipients, key=key)


def test_when_a_mail_is_due_is_what_the_person_chose(project: Project) -> None:
    person, now = factories.wren().user, database_now()
    choose_mail(user=person, values={"appeal_decided": "once", "question_answered": "never"})
    for kind in (Kind.APPEAL_DECIDED, Kind.QUESTION_ANSWERED, Kind.MONEY_PAID):
        assert write(project, kind, str(kind)) == 1
    assert Notice.objects.get(kind="question_answered").mail_at is None
    due = {row.kind: row.mail_at for row in Notice.objects.all() if row.mail_at is not None}
    assert timedelta(0) < due["appeal_decided"] - now < timedelta(minutes=2)
    daily = due["money_paid"].astimezone(UTC)
    assert (daily.hour, daily.minute) == (6, 0)
    assert timedelta(0) < daily - datetime.now(UTC) <= timedelta(days=1)
    choose_mail(user=person, values={"money_paid": "never"})
    assert Notice.objects.get(kind="money_paid").mail_at is None
    person.refresh_from_db()
    assert person.notice_mail == {"appeal_decided": "once", "question_answered": "never", "money_paid": "never"}
    for values in ({"money_paid": "hourly"}, {"rain": "once"}):
        with pytest.raises(NoticeMailRefused):
            choose_mail(user=person, values=values)


def test_a_notice_is_written_once_for_its_key_and_to_people_alone(project: Project) -> None:
    assert [write(project, Kind.MONEY_PAID), write(project, Kind.MONEY_PAID)] == [1, 0]
    type(factories.wren().user).objects.filter(actor=factories.finch()).update(is_active=False)
    assert write(project, Kind.MONEY_PAID, "other", factories.finch()) == 0


def test_reading_counts_down_and_other_peoples_stay(project: Project) -> None:
    for key in ("a", "b", "c"):
        write(project, Kind.APPEAL_DECIDED, key, factories.wren(), factories.finch())
    mine = notices_of(recipient=factories.wren())
    assert read_notices(recipient=factories.wren(), ids=[mine[0].public_id]) == 1
    assert read_notices(recipient=factories.finch(), ids=[mine[1].public_id]) == 0
    assert [count_unread(recipient=each) for each in (factories.wren(), factories.finch())] == [2, 3]
    assert read_notices(recipient=factories.wren()) == 2


def test_old_notices_are_deleted(project: Project) -> None:
    for key in ("a", "b"):
        write(project, Kind.APPEAL_DECIDED, key)
    Notice.objects.filter(key="a").update(created_at=utc_now() - KEPT - timedelta(seconds=1))
    assert (delete_old_notices(), delete_old_notices()) == (1, 0)
    assert Notice.objects.get().key == "b"


def test_notices_of_a_deleted_project_are_not_shown_and_those_of_an_erased_person_are_gone(project: Project) -> None:
    write(project, Kind.WORK_OPENED)
    Project.objects.filter(pk=project.pk).update(state="closed", deleted_at=utc_now())
    assert told(factories.wren()) == []
    assert count_unread(recipient=factories.wren()) == 0
    Standing.objects.filter(worker=factories.wren()).update(state="removed")
    erase_person(user=factories.wren().user)
    assert not Notice.objects.exists()
