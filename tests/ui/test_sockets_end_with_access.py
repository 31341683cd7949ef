"""An open socket ends within five seconds when its person may no longer see the project, however that came about."""

import time
from collections.abc import Callable

import pytest
from django.contrib.sessions.models import Session
from django.test import Client
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import ClientConnection

from accounts.models import Membership, Role, User
from kernel.events import record_event
from projects.lifecycle import mark_deleted
from projects.models import Project
from tasks.flow.revocation import (
    block_worker,
    change_role,
    deactivate,
    erase_person,
    remove_member,
    sign_out_everywhere,
)
from tests import factories
from tests.ui.sockets import message, opened, relay_once

pytestmark = pytest.mark.django_db(transaction=True)

SECONDS = 5.0


@pytest.fixture
def project() -> Project:
    return factories.a_project("Strays")


@pytest.fixture
def rook(project: Project) -> User:
    user = factories.a_user("rook")
    Membership.objects.create(organisation=project.organisation, actor=user.actor, role=Role.MANAGER)
    return user


def seconds_until_closed(client: ClientConnection) -> float:
    """Read until the server closes with 4403; return the seconds it took."""
    start = time.monotonic()
    with pytest.raises(ConnectionClosed) as closed:
        while time.monotonic() - start < 3 * SECONDS:
            client.recv(timeout=3 * SECONDS)
    assert closed.value.rcvd is not None
    assert closed.value.rcvd.code == 4403
    return time.monotonic() - start


def sign_out(user: User) -> None:
    Session.objects.all().delete()  # what flushing the session of a request does


def change_password(user: User) -> None:
    user.set_password("a new one")
    user.save()


def block_as_worker(user: User) -> None:
    """A member of the team is removed first: only workers are blocked."""
    organisation = factories.an_organisation()
    remove_member(organisation=organisation, member=user.actor)
    block_worker(organisation=organisation, worker=user.actor, by=factories.ada(), reason="Shared the account.")


WAYS: dict[str, Callable[[User], object]] = {
    "sign-out": sign_out,
    "sign-out everywhere": lambda user: sign_out_everywhere(user=user, revoke_keys=False),
    "another password": change_password,
    "account closed": lambda user: deactivate(user=user),
    "account closed in the database": lambda user: User.objects.filter(pk=user.pk).update(is_active=False),
    "account deleted": lambda user: erase_person(user=user),
    "removed from the organization": lambda user: remove_member(
        organisation=factories.an_organisation(), member=user.actor
    ),
    "blocked": block_as_worker,
    "membership deleted in the database": lambda user: Membership.objects.filter(actor=user.actor).delete(),
    "another role": lambda user: change_role(
        organisation=factories.an_organisation(), member=user.actor, role=Role.CLIENT
    ),
}


@pytest.mark.parametrize("way", WAYS)
def test_the_socket_closes_and_sends_nothing_more(port: int, project: Project, rook: User, way: str) -> None:
    with opened(port, project.public_id, rook) as client, opened(port, project.public_id, factories.ada().user) as ada:
        assert message(client)["type"] == message(ada)["type"] == "snapshot"
        WAYS[way](rook)
        assert seconds_until_closed(client) < SECONDS
        if way == "sign-out":
            return  # it ended ada's session too
        record_event(project_id=project.pk, kind="answer.submitted", submitted=1)
        relay_once()
        assert message(ada)["type"] == "delta"


def test_a_sign_out_in_the_browser_closes_the_sockets_of_that_session_alone(port: int, project: Project) -> None:
    ada = factories.ada().user
    browser = Client()
    browser.force_login(ada)
    with opened(port, project.public_id, ada) as elsewhere:
        with opened(port, project.public_id, ada, session=browser.session.session_key) as client:
            assert message(client)["type"] == message(elsewhere)["type"] == "snapshot"
            browser.post("/account/logout/")
            assert seconds_until_closed(client) < SECONDS
        elsewhere.send('{"type": "resync"}')
        assert message(elsewhere)["type"] == "snapshot"


def test_the_sockets_of_a_deleted_project_close_and_those_of_others_stay(port: int, project: Project) -> None:
    ada, other = factories.ada().user, factories.a_project("Owls")
    with opened(port, project.public_id, ada) as client, opened(port, other.public_id, ada) as elsewhere:
        assert message(client)["type"] == message(elsewhere)["type"] == "snapshot"
        mark_deleted(project=project, by=ada.actor, confirm="Strays", record={})
        assert seconds_until_closed(client) < SECONDS
        elsewhere.send('{"type": "resync"}')
        assert message(elsewhere)["type"] == "snapshot"
