"""A project's live socket, with real connections: who may connect, and that no event is lost or sent twice."""

import time

import pytest
from websockets.exceptions import ConnectionClosed, InvalidStatus

from accounts.models import Membership, Role, User
from kernel.events import SENT_EVERY, number_events, record_event
from projects.models import Project
from tests import factories
from tests.ui.sockets import events_of, message, opened, relay_once

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def project() -> Project:
    return factories.a_project("Strays")


def happen(project: Project, *, answers: int) -> None:
    for _ in range(answers):
        record_event(project_id=project.pk, kind="answer.submitted", submitted=1)


def a_member(project: Project, role: Role) -> User:
    user = factories.a_user("rook")
    Membership.objects.create(organisation=project.organisation, actor=user.actor, role=role)
    return user


def test_a_snapshot_comes_first_then_numbered_deltas(port: int, project: Project) -> None:
    happen(project, answers=2)
    relay_once()
    with opened(port, project.public_id, factories.ada().user) as client:
        assert message(client) == {"type": "snapshot", "number": 2, "data": {"totals": {"submitted": 2}}}
        happen(project, answers=1)
        relay_once()
        happen(project, answers=2)
        relay_once()
        first, second = message(client), message(client)
    assert [first["type"], first["number"], second["number"]] == ["delta", 3, 5]
    events = events_of(first, second)
    assert [(delta["first"], delta["number"]) for delta in (first, second)] == [(3, 3), (4, 5)]
    assert [event["count"] for event in events] == [1, 2]
    assert {event["kind"] for event in events} == {"answer.submitted"}
    assert sum(event["delta"]["submitted"] for event in events) == 3


def test_the_snapshot_and_all_deltas_add_up(port: int, project: Project) -> None:
    happen(project, answers=3)
    with opened(port, project.public_id, factories.ada().user) as client:
        total = message(client)["data"]["totals"].get("submitted", 0)
        relay_once()
        happen(project, answers=4)
        relay_once()
        while total < 7:
            update = message(client)
            assert update["type"] == "delta"
            total += sum(event["delta"]["submitted"] for event in update["events"])
    assert total == 7


def test_a_gap_is_answered_with_a_new_snapshot(port: int, project: Project) -> None:
    with opened(port, project.public_id, factories.ada().user) as client:
        assert message(client)["number"] == 0
        happen(project, answers=2)
        number_events(project_id=project.pk)  # numbered, but the channel layer lost the message
        happen(project, answers=1)
        time.sleep(SENT_EVERY.total_seconds())
        relay_once()
        assert message(client) == {"type": "snapshot", "number": 3, "data": {"totals": {"submitted": 3}}}


def test_a_page_that_saw_a_gap_gets_a_new_snapshot(port: int, project: Project) -> None:
    with opened(port, project.public_id, factories.ada().user) as client:
        message(client)
        happen(project, answers=1)
        number_events(project_id=project.pk)
        client.send('{"type": "resync"}')
        assert message(client) == {"type": "snapshot", "number": 1, "data": {"totals": {"submitted": 1}}}


def test_invalid_messages_do_not_close_the_connection(port: int, project: Project) -> None:
    with opened(port, project.public_id, factories.ada().user) as client:
        message(client)
        for nonsense in ("not json", "[1]", '{"type": "unknown"}', '"resync"'):
            client.send(nonsense)
        client.send('{"type": "resync"}')
        assert message(client)["type"] == "snapshot"


def test_two_sockets_receive_the_same_events(port: int, project: Project) -> None:
    ada, rook = factories.ada().user, a_member(project, Role.MANAGER)
    with opened(port, project.public_id, ada) as one, opened(port, project.public_id, rook) as two:
        message(one), message(two)
        happen(project, answers=2)
        relay_once()
        assert message(one) == message(two)


def test_a_socket_receives_nothing_from_another_project(port: int, project: Project) -> None:
    other = factories.a_project("Others")
    with opened(port, project.public_id, factories.ada().user) as client:
        message(client)
        happen(other, answers=1)
        relay_once()
        happen(project, answers=1)
        relay_once()
        payload = message(client)
    assert [payload["type"], payload["number"]] == ["delta", 1]


def person(project: Project, who: str) -> User | None:
    if who == "a worker":
        factories.admitted(project, factories.wren())
        return factories.wren().user
    roles = {"a reviewer": Role.REVIEWER, "a client": Role.CLIENT}
    if who in roles:
        return a_member(project, roles[who])
    return factories.finch().user if who == "an outsider" else None


@pytest.mark.parametrize("who", ["nobody", "an outsider", "a worker", "a reviewer", "a client"])
def test_people_who_may_not_see_the_overview_are_rejected(port: int, project: Project, who: str) -> None:
    user = person(project, who)
    with opened(port, project.public_id, user) as client, pytest.raises(ConnectionClosed) as closed:
        client.recv(timeout=15)
    assert closed.value.rcvd is not None
    assert closed.value.rcvd.code == 4403


@pytest.mark.parametrize("origin", ["http://evil.example", "http://127.0.0.1.evil.example", "null"])
def test_a_page_of_another_site_cannot_connect(port: int, project: Project, origin: str) -> None:
    with pytest.raises(InvalidStatus), opened(port, project.public_id, factories.ada().user, origin=origin):
        raise AssertionError("it was let in")
