"""Pages about people: files that invite or end work, teams and their lead, applications, skills; by both kinds."""

import os
import re
from pathlib import Path
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.urls import reverse
from playwright.sync_api import Page, expect

from accounts.models import Actor, Invitation, Team, TeamMember
from accounts.personal_invitations import personal_token
from accounts.teams import add_member, create_team, set_lead
from projects.models import Project
from tasks.batching.services import change_batch
from tasks.flow.applications import apply
from tasks.flow.people import invite_from_file
from tasks.qualification.skill_models import SkillValue
from tasks.standing.models import Application, Standing
from tests import factories
from tests.ui.live import DESK, PHONE, People
from tests.worker_actions import answer, leases_of, settle, take

SNAPSHOT = '{"type": "snapshot", "number": 0, "data": {"totals": {}}}'

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def project() -> Project:
    return factories.a_project(workers=[factories.wren(), factories.finch()], answers_min=1, gold_rate=0)


@pytest.fixture
def team(project: Project) -> Team:
    row = create_team(organisation=project.organisation, name="Harbor")
    for worker in (factories.wren(), factories.finch()):
        add_member(team=row, worker=worker)
    set_lead(team=row, worker=factories.wren())
    return row


def signed_in(actor: Actor) -> Client:
    client = Client()
    client.force_login(actor.user)
    return client


def text_of(response: Any) -> str:
    return " ".join(re.sub(r"<[^>]+>", " ", response.content.decode()).split())


def url(name: str, *ids: object) -> str:
    return reverse(f"workers_ui:{name}", args=ids)


def shot(page: Page, name: str) -> None:
    """Keep a picture where SHOTS says, for somebody to look at."""
    page.wait_for_selector("html:not([data-quiet])")
    if folder := os.environ.get("SHOTS"):
        for scheme in ("light", "dark"):
            page.emulate_media(color_scheme=scheme, reduced_motion="reduce")
            page.wait_for_timeout(200)
            page.screenshot(path=str(Path(folder) / f"{name}-{scheme}.png"), full_page=True)
    assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth"), name


def a_file(*lines: str) -> SimpleUploadedFile:
    return SimpleUploadedFile("people.csv", "\n".join(lines).encode(), content_type="text/csv")


def test_a_file_is_previewed_before_anybody_is_invited(project: Project) -> None:
    ada, page = signed_in(factories.ada()), url("people", project.public_id)
    lines = ("email", "jo@example.org", "wren@example.org", "jo at example.org")
    preview = ada.post(page, {"action": "invite", "file": a_file(*lines)})
    assert "1 person invited, 1 already in, 1 line with a problem" in text_of(preview)
    assert "This is not an email address" in text_of(preview)
    assert not Invitation.objects.exists()
    sent = re.search(r"<textarea[^>]*>\n(.*?)</textarea>", preview.content.decode(), re.DOTALL)
    assert sent is not None
    form = {"action": "invite", "step": "apply", "text": sent[1], "skip": "1"}
    assert "1 person invited or updated" in text_of(ada.post(page, form))
    assert "0 people invited or updated" in text_of(ada.post(page, form))
    assert Invitation.objects.get().email == "jo@example.org"
    links = ada.get(url("people-links", project.public_id)).content.decode()
    assert f"/join/{personal_token(Invitation.objects.get())}/" in links


def test_people_leave_by_a_file(project: Project) -> None:
    ada, page = signed_in(factories.ada()), url("people", project.public_id)
    form = {"action": "leave", "step": "apply", "text": "email\nwren@example.org\n"}
    assert "1 person left" in text_of(ada.post(page, form))
    assert Standing.objects.get(worker=factories.wren()).state == "removed"
    assert "Left the project." in text_of(ada.get(url("workers", project.public_id)))
    shown = text_of(ada.get(url("worker", project.public_id, factories.wren().public_id)))
    assert "An invitation brings them back" in shown


@pytest.mark.parametrize("content", [b"", b"\xff\xfe\xfa", b"name\nJo\n", b"email\n" + b"x" * 600_000])
def test_a_bad_file_says_what_to_do(project: Project, content: bytes) -> None:
    upload = SimpleUploadedFile("people.csv", content)
    response = signed_in(factories.ada()).post(url("people", project.public_id), {"action": "invite", "file": upload})
    assert response.status_code == 422
    assert 'role="alert"' in response.content.decode()


def test_only_managers_see_the_pages(project: Project, team: Team) -> None:
    organisation = project.organisation.public_id
    pages = [
        *(url(name, project.public_id) for name in ("people", "people-links", "applications", "skills-file")),
        url("teams"),
        url("team", organisation, team.public_id),
    ]
    wren, ada = signed_in(factories.wren()), signed_in(factories.ada())
    assert {wren.get(each).status_code for each in pages} <= {403, 404}
    assert {ada.get(each).status_code for each in pages} == {200}


def test_a_worker_leaves_from_the_page_of_the_project(project: Project) -> None:
    wren = signed_in(factories.wren())
    assert "Leave this project" in text_of(wren.get(url("intro", project.public_id)))
    response = wren.post(url("leave", project.public_id), follow=True)
    assert f"You have left {project.name}" in text_of(response)
    assert wren.get(url("intro", project.public_id)).status_code == 403


def test_an_invitation_by_mail_fills_in_the_address(project: Project) -> None:
    invite_from_file(
        project=project, content=b"email\njo@example.org\n", by=factories.ada(), base_url="https://a.example"
    )
    shown = Client().get(url("join", personal_token(Invitation.objects.get())))
    assert 'value="jo@example.org"' in shown.content.decode()


def test_a_manager_makes_a_team_and_keeps_a_batch_for_it(project: Project) -> None:
    ada, organisation = signed_in(factories.ada()), project.organisation.public_id
    batch = factories.a_task(project).batch
    made = ada.post(url("teams"), {"organisation": organisation, "name": "Harbor"}, follow=True)
    assert "Nobody is in this team" in text_of(made)
    team = Team.objects.get()
    page = url("team", organisation, team.public_id)
    ada.post(page, {"step": "add", "worker": "wren@example.org"})
    assert "has this address or id" in text_of(ada.post(page, {"step": "add", "worker": "who"}, follow=True))
    ada.post(page, {"step": "lead", "worker": factories.wren().public_id})
    assert TeamMember.objects.get().is_lead
    ada.post(url("batch", project.public_id, batch.public_id), {"step": "team", "team": team.public_id})
    assert "Kept for Harbor" in text_of(ada.get(url("project", project.public_id)))
    refused = ada.post(page, {"step": "archive"}, follow=True)
    assert "Batches are kept for this team" in text_of(refused)
    Standing.objects.update(state="paused")
    assert "Nobody of it works here" in text_of(ada.get(url("project", project.public_id)))


def test_a_lead_sees_the_team_and_nothing_of_others(project: Project, team: Team) -> None:
    factories.some_tasks(project, 4, wanted=1)
    hand = take(factories.finch(), project)
    for lease in leases_of(hand):
        answer(lease)
    wren, page = signed_in(factories.wren()), url("led-team", team.public_id)
    before = text_of(wren.get(page))
    assert "Finch Can take sets 0 answers in 0 sets" in before  # until the set is submitted
    settle(hand)
    shown = text_of(wren.get(page))
    assert "4 answers in 1 set" in shown
    assert "Harbor" in text_of(wren.get(url("work")))
    for word in ("finch@example.org", "gold", "check image", "accuracy", "trust"):
        assert word not in shown.lower()
    assert signed_in(factories.finch()).get(page).status_code == 404
    other = create_team(organisation=project.organisation, name="Quay")
    assert wren.get(url("led-team", other.public_id)).status_code == 404


def test_a_worker_applies_and_reads_the_answer(project: Project) -> None:
    ada, wren = signed_in(factories.ada()), signed_in(factories.wren())
    other = factories.a_project("Whales")
    assert "Whales" not in text_of(wren.get(url("work")))
    ada.post(url("applications-listing", other.public_id), {"listed": "1"})
    assert "Whales" in text_of(wren.get(url("work")))
    sent = wren.post(url("opening", other.public_id), {"note": "I know <whales>."}, follow=True)
    assert "Waiting for an answer" in text_of(sent)
    page = ada.get(url("applications", other.public_id))
    assert "I know &lt;whales&gt;." in page.content.decode()
    row = Application.objects.get()
    ada.post(url("application-decide", other.public_id, row.public_id), {"step": "decline", "reason": "Enough people."})
    assert "Enough people." in text_of(wren.get(url("work")))
    again = wren.post(url("opening", other.public_id), {"note": ""})
    assert (again.status_code, "again from" in text_of(again)) == (409, True)


def test_a_new_person_applies_by_a_link(project: Project) -> None:
    ada, visitor = signed_in(factories.ada()), Client()
    form = {"days": "5", "max_uses": "3", "needs_approval": "1"}
    made = ada.post(url("invite", project.public_id), form, follow=True)
    link = re.search(r"/join/[\w-]+/", made.content.decode())
    assert link is not None
    assert "takes applications" in text_of(visitor.get(link[0]))
    person = {"email": "jo@example.org", "password": "a long sentence", "name": "Jo", "note": "Hello"}
    assert "Waiting for an answer" in text_of(visitor.post(link[0], person, follow=True))
    row = Application.objects.get()
    assert row.note == "Hello"
    ada.post(url("application-decide", project.public_id, row.public_id), {"step": "accept"})
    assert visitor.get(url("intro", project.public_id)).status_code == 200


def test_a_manager_sets_a_skill_and_reads_its_history(project: Project) -> None:
    ada, page = signed_in(factories.ada()), url("worker", project.public_id, factories.wren().public_id)
    for value in ("0,5", "0.9", ""):
        ada.post(page, {"step": "skill", "skill": "cats", "value": value})
    shown = text_of(ada.get(page))
    assert "History (3)" in shown
    assert "taken away" in shown
    assert "must be a number" in text_of(ada.post(page, {"step": "skill", "skill": "cats", "value": "x"}, follow=True))
    assert SkillValue.objects.count() == 3


def test_skills_come_from_a_file_of_a_spreadsheet(project: Project) -> None:
    ada, page = signed_in(factories.ada()), url("skills-file", project.public_id)
    wren = factories.wren().public_id
    bad = ada.post(page, {"file": a_file("worker;skill;value", f"{wren};cats;much")})
    assert "must be a number" in text_of(bad)
    done = ada.post(page, {"file": a_file("worker;skill;value", f"{wren};cats;0.9")}, follow=True)
    assert "1 value set" in text_of(done)


@pytest.mark.browser
def test_people_are_invited_in_a_browser(people: People, project: Project, tmp_path: Path) -> None:
    path = tmp_path / "people.csv"
    path.write_text("email;skill.cats\njo@example.org;0.9\nkim@example.org;\nwren@example.org;0.5\nnobody;1\n")
    for name, options in (("desk", DESK), ("phone", PHONE)):
        page = people.signed_in(factories.ada(), **options)
        page.goto(url("people", project.public_id))
        shot(page, f"people-empty-{name}")
        page.get_by_label("File").set_input_files(path)
        page.get_by_role("button", name="Preview").click()
        expect(page.get_by_role("heading", name=re.compile("^Preview"))).to_be_visible()
        shot(page, f"people-preview-{name}")
        page.get_by_role("button", name=re.compile("leave out 1 line|Save teams")).click()
        expect(page.get_by_role("heading", name=re.compile("^Done"))).to_be_visible()
        shot(page, f"people-done-{name}")
    assert Invitation.objects.count() == 2


@pytest.mark.browser
def test_a_worker_leaves_in_a_browser(people: People, project: Project) -> None:
    page = people.signed_in(factories.wren(), **PHONE)
    page.goto(url("intro", project.public_id))
    page.get_by_role("button", name="Leave this project").click()
    shot(page, "leave-phone")
    page.get_by_role("button", name="Leave project", exact=True).click()
    expect(page.get_by_text(f"You have left {project.name}")).to_be_visible()


@pytest.mark.browser
def test_pages_fit_a_phone_and_a_desk(people: People, project: Project, team: Team) -> None:
    factories.some_tasks(project, 3, batches=2)
    change_batch(batch=project.batches.order_by("pk")[0], changes={"team": team.public_id})
    whales = factories.a_project("Whales", applications="listed")
    robin = factories.a_worker("robin")
    factories.admitted(project, robin)
    note = "I have labeled whales and dolphins from the air for two years, and I have time on weekends."
    apply(project=whales, worker=robin, note=note)
    signed_in(factories.ada()).post(
        url("worker", project.public_id, factories.wren().public_id), {"step": "skill", "skill": "cats", "value": "0.9"}
    )
    organisation = project.organisation.public_id
    pages = {
        "workers": url("workers", project.public_id),
        "applications": url("applications", whales.public_id),
        "teams": url("teams"),
        "team": url("team", organisation, team.public_id),
        "board": url("project", project.public_id),
        "worker-skills": url("worker", project.public_id, factories.wren().public_id),
        "skills-file": url("skills-file", project.public_id),
    }
    for name, options in (("desk", DESK), ("phone", PHONE)):
        page = people.signed_in(factories.ada(), **options)
        page.route_web_socket("**/ws/**", lambda socket: socket.send(SNAPSHOT))
        for each, address in pages.items():
            page.goto(address)
            shot(page, f"{each}-{name}")
        worker = people.signed_in(factories.wren(), **options)
        for each, address in {
            "lead": url("led-team", team.public_id),
            "work": url("work"),
            "opening": url("opening", whales.public_id),
            "intro": url("intro", project.public_id),
        }.items():
            worker.goto(address)
            shot(worker, f"{each}-{name}")
