"""Files of people: many are invited, or leave, with a result for each line; the same file again changes nothing."""

from datetime import timedelta
from typing import Any

import pytest
from django.core import mail

from accounts.models import Actor, Invitation, Membership
from accounts.personal_invitations import not_joined, personal_token
from kernel.clock import utc_now
from kernel.models import Job
from projects.models import Project
from tasks.assignment.models import Hand
from tasks.flow.errors import PeopleFileRefused
from tasks.flow.invitation_mail import mail_invitations
from tasks.flow.invitations import accept_invitation, sign_up
from tasks.flow.people import (
    PeopleReport,
    invite_from_file,
    leave_from_file,
    preview_invitations,
    preview_leaving,
)
from tasks.flow.revocation import block_worker, change_role, erase_person, leave_project, remove_worker, unblock_worker
from tasks.qualification.skills import current_skills
from tasks.standing.errors import WorkerRemoved
from tasks.standing.models import Standing
from tasks.standing.services import admit, pause
from tests import factories
from tests.worker_actions import answer, leases_of, take

pytestmark = pytest.mark.django_db

SITE = "https://label.example.org"


@pytest.fixture
def project() -> Project:
    return factories.a_project(workers=[factories.wren()], answers_min=1, gold_rate=0)


def a_file(*lines: str, head: str = "email") -> bytes:
    return "\r\n".join([head, *lines]).encode("utf-8-sig")


def invited(project: Project, *lines: str, head: str = "email", **options: Any) -> PeopleReport:
    return invite_from_file(
        project=project, content=a_file(*lines, head=head), by=factories.ada(), base_url=SITE, **options
    )


def states(report: PeopleReport) -> list[str]:
    return [str(each.state) for each in report.results]


def skills(project: Project, worker: Actor) -> dict[str, float | None]:
    return {row.skill.name: row.value for row in current_skills(organisation=project.organisation, worker=worker)}


def standing(project: Project, worker: Actor) -> Standing:
    return Standing.objects.get(project=project, worker=worker)


def test_new_people_are_invited_once_however_often_the_file_comes(project: Project) -> None:
    report = invited(project, "jo@example.org", "Wren@Example.org", "kim@example.org")
    assert states(report) == ["new", "joined", "new"]
    assert (report.is_applied, report.changed) == (True, 2)
    again = invited(project, "JO@example.org", "wren@example.org", "kim@example.org")
    assert (states(again), again.changed) == (["invited", "joined", "invited"], 0)
    assert Invitation.objects.filter(project=project).count() == 2
    assert Job.objects.filter(kind="invitations.mail").count() == 1


def test_a_preview_changes_nothing(project: Project) -> None:
    report = preview_invitations(project=project, content=a_file("jo@example.org"))
    assert (states(report), report.is_applied) == (["new"], False)
    assert not Invitation.objects.exists()


def test_one_bad_line_stops_the_file_unless_it_is_left_out(project: Project) -> None:
    lines = ["jo@example.org", "Jo <jo@example.org>", "ada@example.org", "jo@example.org", ",extra"]
    report = invited(project, *lines)
    assert states(report) == ["new", "problem", "problem", "problem", "problem"]
    assert not report.is_applied
    assert not Invitation.objects.exists()
    problems = [each.problem for each in report.results]
    assert "without a name" in problems[1]
    assert "your team" in problems[2]
    assert "line 2" in problems[3]
    assert [each.line for each in report.results] == [2, 3, 4, 5, 6]
    assert invited(project, *lines, skip_problems=True).changed == 1
    assert [row.email for row in not_joined(project_id=project.pk)] == ["jo@example.org"]


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"", "empty"),
        (b"email\n", "no people"),
        (b"jo@example.org\n", "name the columns"),
        (b"name\nJo\n", "Name that column email"),
        (b"email,salary\njo@example.org,1\n", "unknown"),
        (b"email,Email\njo@example.org,x\n", "same name"),
        (b"email\n\xff\xfe\xfa\n", "UTF-8"),
        (b'email\n"jo@example.org\n', "quotes"),
        (b"email\n" + b"a@example.org\n" * 2001, "at most 2,000"),
    ],
)
def test_a_file_that_cannot_be_read_says_why(project: Project, content: bytes, says: str) -> None:
    with pytest.raises(PeopleFileRefused) as refused:
        preview_invitations(project=project, content=content)
    assert says in refused.value.detail


@pytest.mark.parametrize(
    "content",
    [
        "email;skill.cats\r\njo@example.org;0.9\r\n".encode("utf-8-sig"),
        b"sep=;\r\nEmail;skill.cats\r\njo@example.org;0.9\r\n",
        "email\tskill.cats\r\njo@example.org\t0.9\r\n".encode("utf-16"),
        b"skill.cats,e-mail\n0.9,jo@example.org\n\n",
    ],
)
def test_files_of_spreadsheets_are_read(project: Project, content: bytes) -> None:
    invite_from_file(project=project, content=content, by=factories.ada(), base_url=SITE)
    assert Invitation.objects.get().grants == {"skills": {"cats": 0.9}}


def test_skills_are_set_for_who_is_here_and_for_others_when_they_join(project: Project) -> None:
    report = invited(project, "wren@example.org,0.5", "jo@example.org,0.9", "kim@example.org,", head="email,skill.cats")
    assert [each.is_changed for each in report.results] == [True, True, True]
    assert skills(project, factories.wren()) == {"cats": 0.5}
    token = personal_token(Invitation.objects.get(email="jo@example.org"))
    user, joined = sign_up(token=token, email="other@example.org", password="a long sentence", name="Jo")
    assert joined == project
    assert skills(project, user.actor) == {"cats": 0.9}
    # Known by the address of the file, though Jo signs in with another one.
    assert states(invited(project, "jo@example.org")) == ["joined"]
    assert invited(project, "wren@example.org,0.5", head="email,skill.cats").changed == 0


def test_a_wrong_skill_names_its_line(project: Project) -> None:
    report = invited(project, "jo@example.org,much", head="email,skill.cats")
    assert (states(report), "skill.cats" in report.results[0].problem) == (["problem"], True)


def test_nobody_else_can_use_a_link_and_staff_cannot(project: Project) -> None:
    invited(project, "jo@example.org")
    token = personal_token(Invitation.objects.get())
    finch = factories.finch()
    accept_invitation(token=token, actor=finch)
    accept_invitation(token=token, actor=finch)
    row = Invitation.objects.get()
    assert (row.uses, row.accepted_by) == (1, finch)
    with pytest.raises(Exception, match="reached its limit"):
        accept_invitation(token=token, actor=factories.a_worker("robin"))


def test_an_invitation_that_ran_out_is_sent_again(project: Project) -> None:
    invited(project, "jo@example.org")
    Invitation.objects.update(expires_at=utc_now() - timedelta(days=1), mailed_at=utc_now())
    assert states(invited(project, "jo@example.org")) == ["again"]
    row = Invitation.objects.get()
    assert (row.mailed_at, row.expires_at > utc_now()) == (None, True)


def test_mail_has_the_link_and_goes_out_once(project: Project) -> None:
    invited(project, "jo@example.org")
    assert mail_invitations(project=project, base_url=SITE) is False
    mail_invitations(project=project, base_url=SITE)
    (sent,) = mail.outbox
    assert sent.to == ["jo@example.org"]
    assert f"{SITE}/join/{personal_token(Invitation.objects.get())}/" in sent.body


def test_blocked_and_removed_people_are_problems_and_strangers_are_not_told(project: Project) -> None:
    wren, finch = factories.wren(), factories.finch()
    factories.a_user("robin")  # has an account here, and nothing to do with the organization
    factories.admitted(project, finch)
    block_worker(organisation=project.organisation, worker=wren, by=factories.ada(), reason="A script.")
    remove_worker(project=project, worker=finch, reason="Shared the account.")
    report = invited(project, "wren@example.org", "finch@example.org", "robin@example.org")
    assert states(report) == ["problem", "problem", "new"]
    assert "blocked" in report.results[0].problem
    assert "removed" in report.results[1].problem


def test_people_leave_by_a_file_and_what_they_answered_is_paid(project: Project) -> None:
    factories.some_tasks(project, 3, wanted=1)
    wren = factories.wren()
    hand = take(wren, project)
    answer(leases_of(hand)[0])
    invited(project, "jo@example.org")
    content = a_file("wren@example.org", "jo@example.org", "who@example.org")
    assert states(preview_leaving(project=project, content=content)) == ["joined", "invited", "problem"]
    assert not leave_from_file(project=project, content=content).is_applied
    report = leave_from_file(project=project, content=content, skip_problems=True)
    assert (report.is_applied, report.changed) == (True, 2)
    assert Hand.objects.get(pk=hand.pk).state == Hand.State.SETTLED
    assert standing(project, wren).state == Standing.State.REMOVED
    assert not not_joined(project_id=project.pk).exists()
    again = leave_from_file(project=project, content=a_file("wren@example.org"))
    assert (states(again), again.changed) == (["gone"], 0)


def test_who_left_comes_back_by_an_invitation_as_they_were(project: Project) -> None:
    wren = factories.wren()
    leave_project(project=project, worker=wren)
    assert standing(project, wren).reason == "Left the project."
    assert states(invited(project, "wren@example.org")) == ["again"]
    accept_invitation(token=personal_token(Invitation.objects.get()), actor=wren)
    row = standing(project, wren)
    assert (row.state, row.reason, row.left_from) == (Standing.State.ACTIVE, "", "")


def test_leaving_does_not_shake_off_a_pause(project: Project) -> None:
    wren = factories.wren()
    pause(project=project, worker=wren, reason="Slow down.")
    Standing.objects.update(awaits_decision=True)
    leave_project(project=project, worker=wren)
    leave_project(project=project, worker=wren)
    admit(project=project, worker=wren)
    row = standing(project, wren)
    assert (row.state, row.reason, row.awaits_decision) == (Standing.State.PAUSED, "Slow down.", True)


def test_leaving_first_does_not_soften_a_removal_or_a_block(project: Project) -> None:
    wren = factories.wren()
    leave_project(project=project, worker=wren)
    remove_worker(project=project, worker=wren, reason="Shared the account.")
    with pytest.raises(WorkerRemoved):
        admit(project=project, worker=wren)
    finch = factories.finch()
    factories.admitted(project, finch)
    leave_project(project=project, worker=finch)
    block = block_worker(organisation=project.organisation, worker=finch, by=factories.ada(), reason="A script.")
    unblock_worker(block=block, by=factories.ada())
    assert standing(project, finch).state == Standing.State.PAUSED


def test_who_joins_the_team_after_leaving_stays_out(project: Project) -> None:
    wren = factories.wren()
    leave_project(project=project, worker=wren)
    change_role(organisation=project.organisation, member=wren, role="reviewer")
    assert standing(project, wren).left_from == ""


def test_an_erased_account_leaves_no_address_in_invitations(project: Project) -> None:
    invited(project, "finch@example.org", "robin@example.org")
    robin = factories.a_worker("robin")
    accept_invitation(token=personal_token(Invitation.objects.get(email="robin@example.org")), actor=robin)
    erase_person(user=robin.user)
    erase_person(user=factories.a_user("finch"))
    assert set(Invitation.objects.values_list("email", flat=True)) == {""}
    assert not Membership.objects.filter(actor=factories.finch()).exists()
