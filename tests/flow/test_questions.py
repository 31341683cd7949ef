"""Questions about images: who may ask and answer, what is kept, and the rule that is made of one."""

from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from accounts.models import Actor
from kernel.clock import utc_now
from kernel.errors import NotFound
from kernel.models import Event
from projects.errors import InstructionsRefused
from projects.models import Instructions, Project
from projects.services import MAX_INSTRUCTIONS, write_instructions
from tasks.assignment.instructions import must_confirm
from tasks.assignment.models import Assignment
from tasks.flow.revocation import remove_worker
from tasks.questions import services
from tasks.questions.errors import QuestionMoved, QuestionsTodayUsed, QuestionTextRefused, RuleWritten, ThreadFull
from tasks.questions.models import MAX_TEXT, ImageThread, ThreadMessage
from tasks.questions.selectors import messages_of, threads_of, threads_of_project
from tasks.questions.services import QUESTIONS_A_DAY, answer_question, ask, make_rule, mark_answered
from tasks.review.errors import CheckImageNamed
from tasks.standing.errors import ProjectEnded, WorkerRemoved
from tasks.standing.models import Standing
from tests import factories
from tests.rejected import a_reviewer, a_wrong_gold_answer
from tests.worker_actions import leases_of, take

pytestmark = pytest.mark.django_db
ASKED = "Does a cat behind glass count?"


@pytest.fixture
def project() -> Project:
    project = factories.a_project(workers=[factories.wren(), factories.finch()], gold_rate=0, hand_size=3)
    factories.some_tasks(project, 3)
    return project


def leases(project: Project, worker: Actor | None = None) -> list[Assignment]:
    return leases_of(take(worker or factories.wren(), project))


def asked(project: Project, text: str = ASKED) -> ImageThread:
    return ask(worker=factories.wren(), assignment_id=leases(project)[0].public_id, text=text)


def texts(thread: ImageThread) -> list[str]:
    return [each.body for each in messages_of(threads=[thread])[thread.pk]]


def answered(thread: ImageThread, text: str = "Yes, also through glass.", **changed: Any) -> ImageThread:
    values: dict[str, Any] = {"by": factories.ada(), "project": thread.project, "messages": 1, **changed}
    return answer_question(public_id=thread.public_id, text=text, **values)


def marked(thread: ImageThread) -> ImageThread:
    return mark_answered(by=a_reviewer(), project=thread.project, public_id=thread.public_id, messages=1)


def test_a_worker_asks_and_the_team_answers(project: Project) -> None:
    thread = asked(project)
    assert (thread.state, texts(thread)) == ("open", [ASKED])
    thread = answered(thread)
    assert (thread.state, thread.answered_by) == ("answered", factories.ada())
    (mine,) = threads_of(worker=factories.wren())
    assert [(each.from_worker, each.body) for each in messages_of(threads=[mine])[mine.pk]] == [
        (True, ASKED),
        (False, "Yes, also through glass."),
    ]
    again = ask(worker=factories.wren(), assignment_id=mine.assignment.public_id, text="And in a mirror?")
    assert (again.pk, again.state, len(texts(again))) == (thread.pk, "open", 3)
    kinds = [each.kind for each in Event.objects.filter(kind__startswith="question.").order_by("pk")]
    assert kinds == ["question.asked", "question.answered", "question.asked"]


def test_an_image_can_be_asked_about_after_it_was_handed_back(project: Project) -> None:
    lease = leases(project)[0]
    Assignment.objects.filter(pk=lease.pk).update(state="released", expires_at=None, closed_at=utc_now(), counts=False)
    assert ask(worker=factories.wren(), assignment_id=lease.public_id, text=ASKED).state == "open"


def test_the_same_words_twice_are_one_question(project: Project) -> None:
    thread = asked(project)
    ask(worker=factories.wren(), assignment_id=thread.assignment.public_id, text=f"  {ASKED}\n")
    assert texts(thread) == [ASKED]
    answered(thread)
    ask(worker=factories.wren(), assignment_id=thread.assignment.public_id, text=ASKED)
    assert len(texts(thread)) == 3, "after an answer it is a new question"


def test_two_workers_who_ask_about_an_image_do_not_learn_of_each_other(project: Project) -> None:
    mine, theirs = leases(project), leases(project, factories.finch())
    shared = next(each for each in theirs if each.task_id == mine[0].task_id)
    ask(worker=factories.wren(), assignment_id=mine[0].public_id, text="Mine?")
    ask(worker=factories.finch(), assignment_id=shared.public_id, text="Theirs?")
    assert [texts(each) for each in threads_of(worker=factories.wren())] == [["Mine?"]]
    assert [texts(each) for each in threads_of(worker=factories.finch())] == [["Theirs?"]]
    assert [texts(each) for each in threads_of_project(project=project)] == [["Mine?"], ["Theirs?"]]
    with pytest.raises(NotFound):
        ask(worker=factories.wren(), assignment_id=shared.public_id, text="Hello?")


def test_asking_about_gold_takes_the_same_statements_as_about_work(project: Project) -> None:
    work = leases(project)[0]
    gold = a_wrong_gold_answer(project, factories.wren())
    sent = []
    for assignment in (work, gold):
        with CaptureQueriesContext(connection) as captured:
            ask(worker=factories.wren(), assignment_id=assignment.public_id, text=ASKED)
        sent.append(["".join(c for c in each["sql"] if not c.isdigit())[:60] for each in captured])
    assert sent[0] == sent[1]
    assert not any("gold" in each["sql"] and "SELECT" not in each["sql"] for each in captured)


@pytest.mark.parametrize("text", ["", " \n\t ", "\u200b", "x" * (MAX_TEXT + 1)])
def test_texts_that_say_nothing_or_too_much_are_refused(project: Project, text: str) -> None:
    with pytest.raises(QuestionTextRefused):
        asked(project, text)
    assert not ImageThread.objects.exists()


def test_a_text_is_kept_plain(project: Project) -> None:
    thread = asked(project, "<b>Is it?</b>\x00\r\nAnd\u2028then\x1b[31m")
    assert texts(thread) == ["<b>Is it?</b>\nAnd\nthen [31m"]


def test_a_day_has_a_number_of_questions(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(services, "QUESTIONS_A_DAY", 2)
    assert QUESTIONS_A_DAY > 2
    lease = leases(project)[0]
    for number in range(2):
        ask(worker=factories.wren(), assignment_id=lease.public_id, text=f"Question {number}?")
    with pytest.raises(QuestionsTodayUsed) as refused:
        ask(worker=factories.wren(), assignment_id=lease.public_id, text="One more?")
    assert 86_000 < int(refused.value.headers["Retry-After"]) <= 86_400
    ThreadMessage.objects.update(created_at=utc_now() - timedelta(days=1, seconds=1))
    assert ask(worker=factories.wren(), assignment_id=lease.public_id, text="One more?").messages_count == 3


def test_a_thread_has_an_end(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    thread = asked(project)
    monkeypatch.setattr(services, "MAX_MESSAGES", 1)
    with pytest.raises(ThreadFull):
        ask(worker=factories.wren(), assignment_id=thread.assignment.public_id, text="And this?")
    with pytest.raises(ThreadFull):
        answered(thread)
    assert (
        mark_answered(by=factories.ada(), project=project, public_id=thread.public_id, messages=1).state == "answered"
    )


def test_an_answer_needs_the_thread_as_it_is_now(project: Project) -> None:
    thread = asked(project)
    answered(thread)
    for act in (
        answered,
        lambda each: mark_answered(by=a_reviewer(), project=project, public_id=each.public_id, messages=1),
    ):
        with pytest.raises(QuestionMoved):
            act(thread)
    assert len(texts(thread)) == 2


def test_an_answer_does_not_tell_what_the_image_is(project: Project) -> None:
    thread = asked(project)
    with pytest.raises(CheckImageNamed):
        answered(thread, "This is a check-image, decide yourself.")
    with pytest.raises(CheckImageNamed):
        make_rule(by=factories.ada(), project=project, public_id=thread.public_id, rule="Check images have foxes.")
    assert ImageThread.objects.get().state == "open"


def test_a_question_is_marked_as_answered(project: Project) -> None:
    thread = asked(project)
    for _ in range(2):
        done = marked(thread)
    assert (done.state, texts(thread)) == ("answered", [ASKED])
    assert Event.objects.filter(kind="question.answered").count() == 1
    assert ask(worker=factories.wren(), assignment_id=thread.assignment.public_id, text=ASKED).state == "open"


def test_a_rule_is_appended_and_must_be_confirmed(project: Project) -> None:
    thread = asked(project)
    stale = Project.objects.get(pk=project.pk)
    write_instructions(project=project, by=factories.ada(), body="Look very closely.")
    done = make_rule(by=factories.ada(), project=stale, public_id=thread.public_id, rule="Animals behind glass count.")
    newest = Instructions.objects.filter(project=project).latest("version")
    assert newest.body == "Look very closely.\n\nAnimals behind glass count."
    assert (newest.is_important, done.rule_version, done.state) == (True, newest.version, "answered")
    standing = Standing.objects.select_related("project").get(project=project, worker=factories.wren())
    assert must_confirm(standing)
    with pytest.raises(RuleWritten):
        make_rule(by=factories.ada(), project=project, public_id=thread.public_id, rule="Once more.")


def test_a_rule_that_does_not_fit_changes_nothing(project: Project) -> None:
    thread = asked(project)
    write_instructions(project=project, by=factories.ada(), body="x" * MAX_INSTRUCTIONS)
    with pytest.raises(InstructionsRefused):
        make_rule(by=factories.ada(), project=project, public_id=thread.public_id, rule="Short.")
    assert ImageThread.objects.get().state == "open"


def test_who_was_removed_neither_asks_nor_reads(project: Project) -> None:
    thread = asked(project)
    remove_worker(project=project, worker=factories.wren(), reason="Left.")
    with pytest.raises(WorkerRemoved):
        ask(worker=factories.wren(), assignment_id=thread.assignment.public_id, text="Why?")
    assert not threads_of(worker=factories.wren()).exists()
    assert answered(thread).state == "answered", "the team still can"


def test_an_archived_project_takes_no_question(project: Project) -> None:
    thread = asked(project)
    Project.objects.filter(pk=project.pk).update(state="closed", archived_at=utc_now())
    with pytest.raises(ProjectEnded):
        ask(worker=factories.wren(), assignment_id=thread.assignment.public_id, text="Hello?")
    assert not threads_of(worker=factories.wren()).exists()


def test_a_question_of_another_project_is_not_found(project: Project) -> None:
    thread = asked(project)
    other = factories.a_project("Birds")
    with pytest.raises(NotFound):
        answer_question(by=factories.ada(), project=other, public_id=thread.public_id, text="Yes.", messages=1)
    with pytest.raises(NotFound):
        make_rule(by=factories.ada(), project=other, public_id=thread.public_id, rule="Yes.")
