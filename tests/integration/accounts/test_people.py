"""Accounts: one per address regardless of case, a pseudonym that outlives the person, one first administrator."""

import pytest

from accounts.errors import EmailTaken, LastOwner
from accounts.models import Actor, ApiToken, Membership, Role, User
from accounts.services import create_first_administrator, create_token, create_user, erase_person
from tests import factories
from tests.concurrency_helpers import together

pytestmark = pytest.mark.django_db


def test_an_address_has_one_account_regardless_of_case() -> None:
    create_user(email="Wren@Example.org", password="swordfish")
    with pytest.raises(EmailTaken):
        create_user(email="wren@example.ORG", password="swordfish")
    assert User.objects.count() == 1
    assert Actor.objects.count() == 1


def test_a_password_is_stored_as_a_hash() -> None:
    user = create_user(email="wren@example.org", password="swordfish")
    assert "swordfish" not in str(User.objects.values().get(pk=user.pk))


def test_an_erased_person_leaves_a_pseudonym_and_no_valid_key() -> None:
    user = factories.a_user("wren")
    Membership.objects.create(organisation=factories.an_organisation(), actor=user.actor, role=Role.WORKER)
    create_token(actor=user.actor, organisation=factories.an_organisation(), name="x", scopes=["work"])
    actor = user.actor
    erase_person(user=user)
    assert not User.objects.filter(email="wren@example.org").exists()
    assert Actor.objects.filter(pk=actor.pk).exists()
    assert ApiToken.objects.get(actor=actor).revoked_at is not None


def test_the_only_owner_of_an_organization_with_members_cannot_leave() -> None:
    aviary, ada, wren = factories.an_organisation(), factories.ada(), factories.wren()
    theirs = Membership.objects.create(organisation=aviary, actor=wren, role=Role.MANAGER)
    with pytest.raises(LastOwner, match="the only owner of Aviary"):
        erase_person(user=ada.user)
    Membership.objects.filter(pk=theirs.pk).update(role=Role.OWNER)
    erase_person(user=ada.user)
    # Ada's membership remains, without a person; Wren is now alone and may leave.
    erase_person(user=wren.user)
    assert not User.objects.exists()


@pytest.mark.django_db(transaction=True)
def test_concurrent_first_starts_create_one_administrator() -> None:
    results = together(create_first_administrator, create_first_administrator)
    assert sorted(result is None for result in results) == [False, True]
    assert User.objects.count() == 1
    assert create_first_administrator() is None
