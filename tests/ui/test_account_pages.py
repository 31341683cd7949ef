"""The sign-in pages use our templates: they render in every state and say what to do next."""

import re
from pathlib import Path
from types import SimpleNamespace

import allauth
import pytest
from django import forms
from django.contrib.auth.models import AnonymousUser
from django.template.loader import render_to_string
from django.test import Client, RequestFactory, override_settings
from django.urls import include, path

TEMPLATES = Path(__file__).resolve().parents[2] / "workers_ui" / "templates"
urlpatterns = [path("account/", include("allauth.account.urls"))]


class Form(forms.Form):
    email = forms.EmailField(help_text="The one you were invited with.")
    remember = forms.BooleanField(required=False)


def page(name: str, **context: object) -> str:
    request = RequestFactory().get("/")
    request.user = AnonymousUser()
    with override_settings(ROOT_URLCONF=__name__):
        return render_to_string(name, {"form": Form(), "messages": [], **context}, request)


@pytest.mark.parametrize("path", sorted((TEMPLATES / "account").glob("*.html")), ids=lambda path: path.stem)
def test_a_page_has_one_heading_and_one_thing_to_do_or_read(path: Path) -> None:
    html = page(f"account/{path.name}", action_url="/account/here")
    assert html.count("<h1>") == 1
    assert "<p" in html or "<form" in html
    assert 'class="skip-link"' in html
    assert "· Annotary</title>" in html


def test_a_form_shows_its_fields_help_and_errors() -> None:
    html = page("account/login.html", form=Form({"email": "no address"}))
    assert '<label for="id_email">Email</label>' in html
    assert 'id="id_email_helptext"' in html
    assert 'id="id_email_error"' in html
    assert "Enter a valid email address." in html


def test_an_old_reset_link_offers_a_new_one() -> None:
    assert "Request new link" in page("account/password_reset_from_key.html", token_fail=True)


def test_a_closed_sign_up_says_how_to_get_in() -> None:
    assert "Ask your project manager for an invitation link." in page("account/signup_closed.html")


@pytest.mark.parametrize("name", ["400", "403", "403_csrf", "404", "429", "500"])
def test_a_failure_page_says_what_to_do_next(name: str) -> None:
    html = page(f"{name}.html")
    assert html.count("<h1>") == 1
    assert "Go to home page" in html


SENDABLE = ("messages/*.txt", "email/*.txt")
EMAILS = sorted((TEMPLATES / "account" / "email").glob("[!b]*_message.txt"))
#: Sign-in by code, by phone and by username are off.
NOT_OFFERED = ("code", "phone")


def test_every_message_and_email_of_allauth_that_can_be_sent_is_in_our_words() -> None:
    theirs = Path(allauth.__file__).parent / "templates" / "account"
    names = {path.relative_to(theirs).as_posix() for pattern in SENDABLE for path in theirs.glob(pattern)}
    offered = {name for name in names if not any(word in name for word in NOT_OFFERED)}
    assert {name for name in offered if not (TEMPLATES / "account" / name).is_file()} == set()


@pytest.mark.parametrize("path", EMAILS, ids=lambda path: path.stem)
def test_an_email_has_a_subject_and_is_signed_with_the_address_of_the_site(path: Path) -> None:
    site = SimpleNamespace(name="label.example.org", domain="label.example.org")
    link = "https://label.example.org/account/x/?a=1&b=2"
    context = {
        "current_site": site,
        "activate_url": link,
        "password_reset_url": link,
        "email": "wren@example.org",
        "deleted_email": "wren@example.org",
        "ip": "192.0.2.1",
    }
    text = render_to_string(f"account/email/{path.name}", context)
    subject = render_to_string(f"account/email/{path.name.replace('_message', '_subject')}", context).strip()
    assert re.fullmatch(r"[A-Z][^\n]{8,60}[^.!\n]", subject)
    assert text.rstrip().endswith("Annotary\nlabel.example.org")
    assert "&amp;" not in text
    if "_url" in path.read_text():
        assert link in text


def test_a_sign_in_page_has_one_link_for_a_forgotten_password(client: Client) -> None:
    html = client.get("/account/login/").content.decode()
    assert html.count("/account/password/reset/") == 1
    assert "Forgot your password?" in html


def test_a_signed_in_person_sees_their_account() -> None:
    user = SimpleNamespace(is_authenticated=True, email="wren@example.org")
    html = page("403.html", user=user)
    assert "You are signed in as wren@example.org." in html
    assert "Sign out" in html
