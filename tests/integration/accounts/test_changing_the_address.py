"""Changing the sign-in address: the user adds the new one, then makes it primary."""

import pytest
from django.test import Client

from accounts.models import User
from tests import factories

pytestmark = pytest.mark.django_db


@pytest.fixture
def ada() -> Client:
    client = Client()
    client.force_login(factories.ada().user)
    return client


def test_the_new_address_becomes_the_primary_one(ada: Client) -> None:
    person = factories.ada().user.pk
    assert "/account/email/" in ada.get("/me/").content.decode()
    assert ada.get("/account/email/").status_code == 200
    ada.post("/account/email/", {"action_add": "", "email": "ada@new.example.org"})
    assert "ada@new.example.org" in ada.get("/account/email/").content.decode()
    ada.post("/account/email/", {"action_primary": "", "email": "ada@new.example.org"})
    assert User.objects.get(pk=person).email == "ada@new.example.org"


def test_another_persons_address_is_refused(ada: Client) -> None:
    taken = factories.wren().user.email.upper()
    answer = ada.post("/account/email/", {"action_add": "", "email": taken})
    assert answer.status_code == 200
    assert "Another account uses this email address." in answer.content.decode()
