"""`manage.py account` closes an account, opens it again, and signs a person out."""

import pytest
from django.core.management import CommandError, call_command
from django.test import Client

from tests import factories

pytestmark = pytest.mark.django_db


def test_a_closed_account_is_out_until_it_is_opened_again() -> None:
    browser = Client()
    browser.force_login(factories.ada().user)
    call_command("account", "close", "Ada@example.org", verbosity=0)
    assert browser.get("/projects/").status_code == 302
    assert sign_in() == "/account/inactive/"
    call_command("account", "open", "ada@example.org", verbosity=0)
    assert sign_in() == "/"


def test_a_person_is_signed_out() -> None:
    browser = Client()
    browser.force_login(factories.ada().user)
    call_command("account", "sign-out", "ada@example.org", verbosity=0)
    assert browser.get("/projects/").status_code == 302
    with pytest.raises(CommandError, match="No account uses the address"):
        call_command("account", "close", "nobody@example.org")


def sign_in() -> str:
    """Return where the sign-in page leads ada."""
    response = Client().post("/account/login/", {"login": "ada@example.org", "password": "ada"})
    return str(response["Location"])
