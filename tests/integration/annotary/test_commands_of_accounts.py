"""`manage.py set_password` and `manage.py service_account`."""

import io
import sys
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.test import Client
from rest_framework.test import APIClient

from accounts.models import Actor, ApiToken, Membership, Role, User
from annotary.management.commands import set_password
from tests import factories

pytestmark = pytest.mark.django_db

GOOD = "correct horse battery"


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def typed(monkeypatch: pytest.MonkeyPatch, *passwords: str) -> None:
    answers = iter(passwords)
    monkeypatch.setattr(sys, "stdin", Terminal())
    monkeypatch.setattr(set_password, "getpass", lambda prompt: next(answers))


def sign_in(password: str) -> bool:
    data = {"login": "ada@example.org", "password": password}
    return Client().post("/account/login/", data).status_code == 302


def test_a_typed_password_replaces_the_old_one_and_ends_sessions(monkeypatch: pytest.MonkeyPatch) -> None:
    browser = Client()
    browser.force_login(factories.ada().user)
    typed(monkeypatch, GOOD, GOOD)
    call_command("set_password", "ADA@example.org", stdout=io.StringIO())
    assert browser.get("/projects/").status_code == 302
    assert (sign_in(GOOD), sign_in("ada")) == (True, False)


def test_weak_and_mistyped_passwords_are_asked_for_again(monkeypatch: pytest.MonkeyPatch) -> None:
    factories.ada()
    errors = io.StringIO()
    typed(monkeypatch, "12345678", "12345678", GOOD, "another", GOOD, GOOD)
    call_command("set_password", "ada@example.org", stdout=io.StringIO(), stderr=errors)
    assert "too common" in errors.getvalue()
    assert "The two passwords differ." in errors.getvalue()
    assert sign_in(GOOD)


def test_a_program_sends_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    factories.ada()
    monkeypatch.setattr(sys, "stdin", io.StringIO("password\n"))
    with pytest.raises(CommandError, match="Nothing has changed"):
        call_command("set_password", "ada@example.org")
    assert sign_in("ada")
    monkeypatch.setattr(sys, "stdin", io.StringIO(f"{GOOD}\n"))
    call_command("set_password", "ada@example.org", stdout=io.StringIO())
    assert sign_in(GOOD)


def test_it_takes_no_password_as_an_argument(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(CommandError):
        call_command("set_password", "ada@example.org", GOOD)
    with pytest.raises(CommandError, match="No account uses the address"):
        call_command("set_password", "nobody@example.org")


def a_key(*arguments: str) -> str:
    out = io.StringIO()
    call_command("service_account", *arguments, stdout=out, stderr=io.StringIO())
    return out.getvalue().strip()


def with_key(key: str) -> APIClient:
    client = APIClient()
    client.credentials(HTTP_AUTHORIZATION=f"Bearer {key}")
    return client


def test_a_program_gets_its_first_key_and_works_with_it() -> None:
    factories.ada()
    program = with_key(a_key("nightly"))
    me = program.get("/api/v1/me/").json()
    assert (me["name"], [row["role"] for row in me["organisations"]]) == ("nightly", ["manager"])
    made = program.post(
        "/api/v1/projects/", {"name": "Birds", "classes": [{"name": "tit"}], "tools": ["class"]}, format="json"
    )
    assert made.status_code == 201
    aviary = factories.an_organisation().public_id
    kinds = {
        row["name"]: row["kind"] for row in program.get(f"/api/v1/organisations/{aviary}/members/").json()["results"]
    }
    assert kinds == {"Ada": "person", "nightly": "service"}
    assert "service.invalid" not in program.get(f"/api/v1/organisations/{aviary}/members/").content.decode()


def test_the_same_name_twice_is_refused_and_a_new_key_replaces_the_old_one() -> None:
    factories.ada()
    first = a_key("nightly", "--role", "client")
    with pytest.raises(CommandError, match="--new-key"):
        a_key("Nightly")
    second = a_key("nightly", "--new-key", "--days", "10")
    assert with_key(first).get("/api/v1/me/").status_code == 401
    assert with_key(second).get("/api/v1/me/").status_code == 200
    assert ApiToken.objects.get(revoked_at=None).scopes == ["read"]
    assert Actor.objects.filter(kind=Actor.Kind.SERVICE).count() == 1
    with pytest.raises(CommandError, match="no service account of this name"):
        a_key("weekly", "--new-key")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["x", "--days", "0"], "within a year"),
        ([" "], "needs a name"),
        (["x", "--organization", "Elsewhere"], "There is no organization Elsewhere"),
        (["x", "--role", "owner"], "invalid choice"),
    ],
)
def test_what_is_refused_says_why(arguments: list[str], message: str) -> None:
    factories.ada()
    with pytest.raises(CommandError, match=message):
        a_key(*arguments)
    assert not Actor.objects.filter(kind=Actor.Kind.SERVICE).exists()


def test_of_several_organizations_one_is_chosen() -> None:
    factories.ada()
    factories.an_organisation("Owen's own")
    with pytest.raises(CommandError, match="several organizations"):
        a_key("nightly")
    assert with_key(a_key("nightly", "--organization", "aviary")).get("/api/v1/me/").status_code == 200


def test_a_service_account_cannot_sign_in_by_any_way(mailoutbox: list[Any]) -> None:
    factories.ada()
    a_key("nightly")
    user = User.objects.get(actor__kind=Actor.Kind.SERVICE)
    assert not user.has_usable_password()
    Client().post("/account/password/reset/", {"email": user.email})
    assert not any("/password/reset/key/" in mail.body for mail in mailoutbox)
    user.set_password(GOOD)
    user.save()
    refused = Client().post("/account/login/", {"login": user.email, "password": GOOD})
    assert refused["Location"] == "/account/inactive/"
    with pytest.raises(CommandError, match="has API keys and no password"):
        call_command("set_password", user.email)


def test_a_key_of_a_service_account_cannot_raise_its_role() -> None:
    from accounts.services import invite

    owner = factories.ada()
    program = with_key(a_key("nightly"))
    _, token = invite(organisation=factories.an_organisation(), by=owner, role=Role.OWNER)
    refused = program.post("/api/v1/invitations/accept/", {"token": token}, format="json")
    assert refused.status_code in (403, 422)
    assert Membership.objects.get(actor__kind=Actor.Kind.SERVICE).role == Role.MANAGER
