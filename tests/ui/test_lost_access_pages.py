"""What pages say to people who lose access, and to those who take it away."""

from typing import Any

import pytest
from django.test import Client
from playwright.sync_api import WebSocketRoute, expect

from accounts.models import ApiToken, Membership, Role
from accounts.services import create_token, invite
from projects.models import Project
from tasks.assignment.models import Hand
from tasks.standing.models import Standing
from tests import factories
from tests.ui.live import People
from tests.worker_actions import answer, leases_of, take

pytestmark = pytest.mark.django_db


@pytest.fixture
def project() -> Project:
    project = factories.a_project(workers=[factories.wren()], answers_min=1, gold_rate=0)
    factories.some_tasks(project, 3)
    return project


def browser_of(name: str) -> Client:
    client = Client()
    client.force_login(factories.a_user(name))
    return client


def text_of(response: Any) -> str:
    page: str = response.content.decode()
    return page


def test_a_manager_removes_a_worker_whose_pages_then_say_so(project: Project) -> None:
    hand = take(factories.wren(), project)
    answer(leases_of(hand)[0])
    ada, wren = browser_of("ada"), browser_of("wren")
    workers = f"/projects/{project.public_id}/workers/"
    assert "Remove worker" in text_of(ada.get(workers))
    done = ada.post(f"{workers}{factories.wren().public_id}/", {"step": "remove", "reason": "Shared."}, follow=True)
    assert "Wren is removed." in text_of(done)
    assert "Remove worker" not in text_of(done)
    hand.refresh_from_db()
    assert hand.state == Hand.State.SETTLED
    for path in ("", "set/", f"handed-in/{hand.public_id}/"):
        page = wren.get(f"/work/{project.public_id}/{path}")
        assert page.status_code == 403
        assert "You can no longer work in this project." in text_of(page)
    for path, data in (("set/", {}), ("set/hand-in/", {"hand": str(hand.public_id)})):
        assert wren.post(f"/work/{project.public_id}/{path}", data).status_code == 403
    assert wren.get("/work/earnings/").status_code == 200


def test_a_worker_signs_out_everywhere(project: Project) -> None:
    hand = take(factories.wren(), project)
    create_token(actor=factories.wren(), organisation=project.organisation, name="phone", scopes=["work"])
    here, phone = browser_of("wren"), browser_of("wren")
    assert "Sign out everywhere" in text_of(here.get("/me/"))
    assert here.post("/me/sign-out-everywhere/").url.startswith("/account/login/")  # type: ignore[attr-defined]
    assert here.get("/me/").status_code == phone.get("/me/").status_code == 302
    hand.refresh_from_db()
    assert hand.state == Hand.State.SETTLED
    assert ApiToken.objects.get().revoked_at is None
    browser_of("wren").post("/me/sign-out-everywhere/", {"keys": "on"})
    assert ApiToken.objects.get().revoked_at is not None


def test_an_owner_changes_a_role_and_removes_a_member(project: Project) -> None:
    rook = factories.a_worker("rook")
    Membership.objects.create(organisation=project.organisation, actor=rook, role=Role.REVIEWER)
    ada = browser_of("ada")
    member = f"/settings/team/{project.organisation.public_id}/{rook.public_id}/"
    assert member in text_of(ada.get("/settings/"))
    assert "Rook is now client." in text_of(ada.post(member, {"step": "role", "role": "client"}, follow=True))
    for wrong in ({"step": "role", "role": "worker"}, {"step": "role"}, {}):
        assert "Unknown action" in text_of(ada.post(member, wrong, follow=True))
    assert "Rook is removed." in text_of(ada.post(member, {"step": "remove"}, follow=True))
    assert ada.post(member, {"step": "remove"}).status_code == 404


def test_a_manager_sees_no_way_to_change_owners(project: Project) -> None:
    mara = factories.a_worker("mara")
    Membership.objects.create(organisation=project.organisation, actor=mara, role=Role.MANAGER)
    member = f"/settings/team/{project.organisation.public_id}/{factories.ada().public_id}/"
    assert member not in text_of(browser_of("mara").get("/settings/"))
    assert browser_of("mara").post(member, {"step": "remove"}).status_code == 403


@pytest.mark.parametrize("role", [Role.OWNER, Role.MANAGER, Role.REVIEWER, Role.CLIENT])
def test_someone_on_the_team_sees_the_workers_page_and_why_they_cannot_join(project: Project, role: str) -> None:
    Membership.objects.create(organisation=project.organisation, actor=factories.a_worker("rook"), role=role)
    _, token = invite(organisation=project.organisation, by=factories.ada(), project_id=project.pk)
    rook = browser_of("rook")
    page = text_of(rook.get(f"/join/{token}/"))
    assert "Your role shows you this project&#x27;s check images" in page
    assert "Pay and time" in page
    assert "Accept invitation" not in page
    refused = rook.post(f"/join/{token}/")
    assert refused.status_code == 403
    assert "Ask someone else to label it." in text_of(refused)
    assert not Standing.objects.filter(worker=factories.a_worker("rook")).exists()


def test_a_worker_who_is_invited_to_review_is_told_what_that_ends(project: Project) -> None:
    hand = take(factories.wren(), project)
    _, token = invite(organisation=project.organisation, by=factories.ada(), role=Role.REVIEWER)
    wren = browser_of("wren")
    assert "so you stop labeling for Aviary" in text_of(wren.get(f"/join/{token}/"))
    assert wren.post(f"/join/{token}/").status_code == 302
    hand.refresh_from_db()
    assert hand.state == Hand.State.SETTLED
    page = wren.get(f"/work/{project.public_id}/")
    assert page.status_code == 403
    assert "Your role shows you" in text_of(page)


@pytest.mark.browser
@pytest.mark.django_db(transaction=True)
def test_the_console_says_that_its_live_updates_have_stopped(people: People, project: Project) -> None:
    opened: list[WebSocketRoute] = []

    def serve(socket: WebSocketRoute) -> None:
        opened.append(socket)
        socket.send('{"type": "snapshot", "number": 0, "data": {"totals": {}}}')

    desk = people.signed_in(factories.ada())
    desk.route_web_socket("**/ws/**", serve)
    desk.goto(f"/projects/{project.public_id}/")
    expect(desk.get_by_text("Live", exact=True)).to_be_visible()
    opened[0].close(code=4403)
    expect(
        desk.get_by_text("Live updates have stopped. Reload the page. You may have to sign in again.")
    ).to_be_visible()
    desk.evaluate("window.dispatchEvent(new Event('online'))")
    assert len(opened) == 1
