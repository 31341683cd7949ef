"""No page, error or email of allauth's own reaches a person: each has our look and our words."""

from pathlib import Path
from typing import Any

import pytest
from allauth.account import urls
from allauth.account.adapter import DefaultAccountAdapter
from django.core import mail
from django.test import Client

from accounts.adapter import AccountAdapter
from tests import factories

pytestmark = pytest.mark.django_db

TEMPLATES = Path(__file__).resolve().parents[3] / "workers_ui" / "templates"
#: Signing in by code, phone, username or passkey is off, and the number of addresses is not limited.
NOT_OFFERED = ("code", "phone", "username", "invalid_login", "max_email")
PATHS = [
    str(each.pattern).replace("^", "").replace("$", "").replace("(?P<key>[-:\\w]+)", "x")
    for each in urls.urlpatterns
    if "uidb36" not in str(each.pattern)
]


def assert_ours(answer: Any, where: str) -> None:
    if answer.status_code in (301, 302, 405):
        return
    used = [str(getattr(each, "origin", None)) for each in answer.templates]
    pages = [name for name in used if name.endswith(".html") and "/forms/" not in name]
    assert pages, where
    assert [name for name in pages if not name.startswith(str(TEMPLATES))] == [], where
    assert 'class="skip-link"' in answer.content.decode(), where


@pytest.mark.parametrize("path", [*PATHS, "password/reset/key/1-set-password/", "password/reset/key/zz-nonsense/"])
def test_every_page_below_account_is_ours(path: str) -> None:
    assert len(PATHS) > 12
    client = Client()
    assert_ours(client.get(f"/account/{path}"), path)
    assert_ours(client.post(f"/account/{path}"), path)
    client.force_login(factories.wren().user)
    assert_ours(client.get(f"/account/{path}"), path)
    assert_ours(client.post(f"/account/{path}"), path)


def test_every_error_that_can_be_shown_is_in_our_words() -> None:
    theirs = DefaultAccountAdapter.error_messages
    shown = {name for name in theirs if not any(word in name for word in NOT_OFFERED)}
    assert len(shown) > 10
    assert {name for name in shown if AccountAdapter.error_messages[name] == theirs[name]} == set()


def signed_in() -> Client:
    client = Client()
    assert client.login(email=factories.wren().user.email, password="wren")
    return client


def test_two_passwords_that_differ_are_refused_in_our_words() -> None:
    body = {"oldpassword": "wren", "password1": "herring-gull-7", "password2": "herring-gull-8"}
    page = signed_in().post("/account/password/change/", body).content.decode()
    assert "The two passwords differ. Enter the same one twice." in page
    assert "You must type" not in page


def test_a_password_is_entered_again_without_a_repeated_placeholder() -> None:
    page = signed_in().get("/account/reauthenticate/").content.decode()
    assert "Confirm it" in page
    assert "placeholder=" not in page


def test_the_subject_of_an_email_names_the_product_and_what_it_is_about() -> None:
    Client().post("/account/password/reset/", {"email": factories.wren().user.email})
    Client().post("/account/password/reset/", {"email": "nobody@example.org"})
    client = signed_in()
    client.post(
        "/account/password/change/",
        dict.fromkeys(("password1", "password2"), "gull-7-herring") | {"oldpassword": "wren"},
    )
    client.post("/account/email/", {"email": "new@example.org", "action_add": ""})
    subjects = [letter.subject for letter in mail.outbox]
    assert subjects[:2] == ["[Annotary] Reset your password", "[Annotary] No account for this email address"]
    assert all(subject.startswith("[Annotary] ") for subject in subjects)
