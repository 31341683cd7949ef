"""Two of everything about questions: tabs, reviewers, rules, edits of the instructions; nothing is lost or doubled."""

import pytest

from projects.models import Instructions, Project
from projects.services import write_instructions
from tasks.assignment.models import Assignment
from tasks.questions import services
from tasks.questions.errors import QuestionMoved, QuestionsTodayUsed, RuleWritten
from tasks.questions.models import ImageThread, ThreadMessage
from tasks.questions.services import answer_question, ask, make_rule, mark_answered
from tests import factories
from tests.concurrency_helpers import together
from tests.rejected import a_reviewer
from tests.worker_actions import leases_of, settle, take

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def leases() -> list[Assignment]:
    project = factories.a_project(workers=[factories.wren()], gold_rate=0, hand_size=4)
    factories.some_tasks(project, 4)
    return leases_of(take(factories.wren(), project))


def asked(lease: Assignment, text: str = "Is it?") -> ImageThread:
    return ask(worker=factories.wren(), assignment_id=lease.public_id, text=text)


def test_a_question_is_sent_in_several_tabs(leases: list[Assignment]) -> None:
    results = together(*(lambda: asked(leases[0]) for _ in range(6)))
    assert {each.pk for each in results} == {ImageThread.objects.get().pk}
    assert ThreadMessage.objects.count() == 1


def test_the_limit_of_a_day_holds_for_all_tabs_together(
    leases: list[Assignment], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(services, "QUESTIONS_A_DAY", 3)
    results = together(*(lambda n=n: asked(leases[n % 4], f"Question {n}?") for n in range(8)))
    assert sum(isinstance(each, QuestionsTodayUsed) for each in results) == 5
    assert ThreadMessage.objects.count() == 3


def test_two_reviewers_answer_at_once(leases: list[Assignment]) -> None:
    thread, people = asked(leases[0]), [factories.ada(), a_reviewer("rook"), a_reviewer("jay")]
    project = thread.project
    results = together(
        *(
            lambda by=by: answer_question(by=by, project=project, public_id=thread.public_id, text="Yes.", messages=1)
            for by in people
        ),
        lambda: mark_answered(by=people[0], project=project, public_id=thread.public_id, messages=1),
    )
    assert sum(isinstance(each, QuestionMoved) for each in results[:3]) == 2
    thread.refresh_from_db()
    assert (thread.state, thread.messages_count, ThreadMessage.objects.count()) == ("answered", 2, 2)


def test_a_worker_writes_while_the_team_answers(leases: list[Assignment]) -> None:
    thread = asked(leases[0])
    project, ada = thread.project, factories.ada()
    mine, theirs = together(
        lambda: asked(leases[0], "Or not?"),
        lambda: answer_question(by=ada, project=project, public_id=thread.public_id, text="Yes.", messages=1),
    )
    assert not isinstance(mine, Exception)
    thread.refresh_from_db()
    assert thread.state == "open", "a question that came before or after the answer waits"
    assert thread.messages_count == ThreadMessage.objects.count() == (2 if isinstance(theirs, QuestionMoved) else 3)


def test_rules_and_an_edit_of_the_instructions_at_once(leases: list[Assignment]) -> None:
    threads = [asked(lease, "How?") for lease in leases]
    project, ada = threads[0].project, factories.ada()
    results = together(
        *(
            lambda each=each, n=n: make_rule(by=ada, project=project, public_id=each.public_id, rule=f"Rule {n}.")
            for n, each in enumerate(threads)
        ),
        lambda: make_rule(by=ada, project=project, public_id=threads[0].public_id, rule="Rule 0 again."),
    )
    assert sum(isinstance(each, RuleWritten) for each in results) == 1
    assert sum(isinstance(each, ImageThread) for each in results) == 4
    newest = Instructions.objects.filter(project=project).latest("version")
    rules = newest.body.split("\n\n")
    assert len(rules) == 5 and len(set(rules)) == 5, "no rule overwrote another one"
    assert Project.objects.get(pk=project.pk).instructions == newest
    assert ImageThread.objects.filter(rule_version__isnull=False).count() == 4


def test_asking_neither_waits_for_a_settlement_nor_deadlocks_with_it(leases: list[Assignment]) -> None:
    hand = leases[0].hand
    results = together(lambda: settle(hand), *(lambda each=each: asked(each, "How?") for each in leases))
    assert not [each for each in results if isinstance(each, Exception)]
    assert ImageThread.objects.count() == 4


def test_a_rule_while_a_manager_edits(leases: list[Assignment]) -> None:
    thread, ada = asked(leases[0]), factories.ada()
    project = thread.project
    rule, edit = together(
        lambda: make_rule(by=ada, project=project, public_id=thread.public_id, rule="Glass counts."),
        lambda: write_instructions(project=Project.objects.get(pk=project.pk), by=ada, body="Quite new."),
    )
    assert not isinstance(rule, Exception) and not isinstance(edit, Exception)
    bodies = list(Instructions.objects.filter(project=project).order_by("version").values_list("body", flat=True))
    assert bodies in (
        ["Look closely.", "Look closely.\n\nGlass counts.", "Quite new."],
        ["Look closely.", "Quite new.", "Quite new.\n\nGlass counts."],
    )
