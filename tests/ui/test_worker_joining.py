"""From an invitation link to the first project."""

from datetime import timedelta
from typing import Any

import pytest
from django.core.cache import cache
from django.test import Client
from playwright.sync_api import expect

from accounts.models import Invitation, User
from accounts.services import invite, revoke_invitation
from kernel.clock import utc_now
from projects.models import Project
from tasks.standing.models import Standing
from tests import factories
from tests.ui.live import PHONE, People, scene_tasks

SIGN_UP = {"name": "Robin", "email": "robin@example.org", "password": "nest-of-straw-9"}


@pytest.fixture(autouse=True)
def forgotten_tries() -> None:
    cache.clear()


def a_link(project: Project, **fields: Any) -> tuple[Invitation, str]:
    invitation, token = invite(organisation=project.organisation, by=factories.ada(), project_id=project.pk)
    Invitation.objects.filter(pk=invitation.pk).update(**fields)
    return invitation, f"/join/{token}/"


@pytest.mark.django_db
def test_a_link_shows_who_invites_and_what_the_work_pays(client: Client) -> None:
    _, url = a_link(factories.a_project("Strays", price="0.03", seconds_per_answer=12))
    html = client.get(url).content.decode()
    for words in ("Aviary invited you", "Strays", "$0.03", "12 seconds", "10</b> images", "cat", "dog"):
        assert words in html


@pytest.mark.django_db
def test_signing_up_makes_the_person_a_worker_of_the_project_and_signs_in(client: Client) -> None:
    project = factories.a_project("Strays")
    _, url = a_link(project)
    answer = client.post(url, SIGN_UP, follow=True)
    assert answer.redirect_chain == [(f"/work/{project.public_id}/", 302)]
    user = User.objects.get(email="robin@example.org")
    assert user.name == "Robin"
    assert Standing.objects.filter(project=project, worker=user.actor, state="active").exists()
    assert client.get("/work/").status_code == 200


@pytest.mark.django_db
def test_a_weak_password_and_a_taken_email_are_shown_at_their_fields(client: Client) -> None:
    _, url = a_link(factories.a_project("Strays"))
    weak = client.post(url, {**SIGN_UP, "password": "12345678"})
    assert weak.status_code == 422
    assert "too common" in weak.content.decode()
    factories.wren()
    taken = client.post(url, {**SIGN_UP, "email": "WREN@example.org"})
    assert taken.status_code == 422
    assert "There is already an account with this email address. Sign in instead." in taken.content.decode()
    assert not User.objects.filter(email="robin@example.org").exists()


@pytest.mark.django_db
def test_a_signed_in_person_accepts_even_twice(client: Client) -> None:
    project = factories.a_project("Strays")
    invitation, url = a_link(project, max_uses=1)
    client.force_login(factories.a_user("wren"))
    assert "wren@example.org" in client.get(url).content.decode()
    for _ in range(2):
        assert client.post(url).headers["Location"] == f"/work/{project.public_id}/"
    invitation.refresh_from_db()
    assert invitation.uses == 1
    assert Standing.objects.filter(project=project, worker=factories.wren()).count() == 1


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"expires_at": utc_now() - timedelta(minutes=1)}, "This invitation has expired"),
        ({"uses": 3, "max_uses": 3}, "This invitation has reached its limit"),
    ],
)
def test_an_expired_or_used_up_link_says_why_and_what_to_do(client: Client, fields: dict[str, Any], words: str) -> None:
    _, url = a_link(factories.a_project("Strays"), **fields)
    for answer in (client.get(url), client.post(url, SIGN_UP)):
        assert answer.status_code == 410
        assert words in answer.content.decode()
        assert "Ask the person who sent it" in answer.content.decode()
    assert not User.objects.filter(email="robin@example.org").exists()


@pytest.mark.django_db
def test_a_revoked_link_says_so(client: Client) -> None:
    invitation, url = a_link(factories.a_project("Strays"))
    revoke_invitation(invitation=invitation)
    answer = client.get(url)
    assert answer.status_code == 410
    assert "This invitation was revoked" in answer.content.decode()


@pytest.mark.django_db
def test_a_class_of_thirty_joins_from_one_address() -> None:
    _, url = a_link(factories.a_project("Strays"))
    for number in range(30):
        # A rejected password costs no hashing, and counts toward the limit like an accepted one.
        assert Client().post(url, {"email": f"robin{number}@example.org", "password": "1"}).status_code == 422


@pytest.mark.django_db
def test_unknown_links_say_so_and_guessing_is_rate_limited(client: Client) -> None:
    answers = [client.get(f"/join/guess-{number}/") for number in range(22)]
    assert answers[0].status_code == 404
    assert "This invitation link is not valid" in answers[0].content.decode()
    assert answers[-1].status_code == 429
    assert "Wait a minute, then try again" in answers[-1].content.decode()
    # Valid links stay open to everyone at that address.
    _, url = a_link(factories.a_project("Strays"))
    assert client.get(url).status_code == 200


@pytest.mark.browser
def test_a_phone_goes_from_the_link_to_the_first_set(people: People) -> None:
    project = factories.a_project("Strays", gold_rate=0, hand_size=2)
    scene_tasks(project, 2)
    _, url = a_link(project)
    page = people.visitor(**PHONE)
    page.goto(url)
    for label, value in (("Your name", "Robin"), ("Email address", "robin@example.org"), ("Password", "nest-9-straw")):
        page.get_by_label(label).fill(value)
    page.get_by_role("button", name="Create account").tap()
    expect(page.get_by_role("heading", name="Ready when you are")).to_be_visible()
    page.get_by_role("button", name="Take 2 images").tap()
    expect(page.locator(".set-position span").first).to_have_text("1 of 2")
