"""The websocket of events for programs, with real connections: who may open it, and that every number comes once."""

import asyncio
import json
import random
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from django.db import connection
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import ClientConnection

from accounts.models import Actor, ApiToken, Membership, Role
from accounts.services import create_token, revoke_token
from kernel.events import EventPage, number_events, read_events, record_event
from kernel.models import Event, Ticket
from kernel.tickets import issue_ticket
from projects.models import Project
from tasks.api.stream_access import make_ticket
from tasks.flow.revocation import change_role, deactivate, remove_member
from tests import factories
from tests.api.people import member
from tests.ui.sockets import events_opened, message, relay_once, relayed
from workers_ui.consumers import feeds

pytestmark = pytest.mark.django_db(transaction=True)

SECONDS = 5.0


@pytest.fixture
def project() -> Project:
    member("owner")
    return factories.a_project("Strays")


def a_key(actor: Actor, scopes: tuple[str, ...] = ("read",)) -> tuple[ApiToken, str]:
    return create_token(actor=actor, organisation=factories.an_organisation(), name="reader", scopes=scopes)


def happen(project: Project, *kinds: str) -> None:
    for kind in kinds:
        record_event(project_id=project.pk, kind=kind, data={"is": kind}, submitted=1)


def closed_with(client: ClientConnection) -> tuple[int, dict[str, Any]]:
    """Read until the server closes; return the code and the problem that it sent before."""
    problem: dict[str, Any] = {}
    with pytest.raises(ConnectionClosed) as closed:
        while True:
            received = message(client)
            problem = received["problem"] if received["type"] == "problem" else problem
    assert closed.value.rcvd is not None
    return closed.value.rcvd.code, problem


def test_stored_events_come_first_then_live_ones_without_a_gap(port: int, project: Project) -> None:
    happen(project, *["answer.submitted"] * 3)
    relay_once()
    _, key = a_key(member("owner"))
    with events_opened(port, project.public_id, key, "?after=1") as client:
        assert message(client) == {"type": "ready", "number": 1}
        stored = message(client)
        assert (stored["type"], stored["after"], stored["number"]) == ("events", 1, 3)
        assert [each["number"] for each in stored["events"]] == [2, 3]
        assert stored["events"][0].keys() == {"number", "type", "at", "data", "delta"}
        happen(project, "batch.opened")
        relay_once()
        live = message(client)
        assert (live["after"], live["number"], live["events"][0]["type"]) == (3, 4, "batch.opened")
    with events_opened(port, project.public_id, key) as client:
        assert message(client) == {"type": "ready", "number": 4}


def read_with_interruptions(port: int, project: Project, key: str, until: int) -> list[int]:
    """Read all numbers up to `until`, over connections that break off at random moments."""
    numbers: list[int] = []
    last, connections = 0, 0
    while last < until:
        connections += 1
        end = time.monotonic() + random.uniform(0.05, 0.6)
        with events_opened(port, project.public_id, key, f"?after={last}") as client:
            while last < until and time.monotonic() < end:
                try:
                    received = message_within(client, end - time.monotonic())
                except TimeoutError:
                    break
                if received["type"] == "events":
                    assert received["after"] == last
                    numbers += [each["number"] for each in received["events"]]
                    last = received["number"]
            client.socket.close() if random.random() < 0.5 else client.close()
    assert connections > 1
    return numbers


def message_within(client: ClientConnection, seconds: float) -> dict[str, Any]:
    payload: dict[str, Any] = json.loads(client.recv(timeout=max(0.01, seconds)))
    return payload


def test_a_client_that_reconnects_at_random_moments_sees_every_number_once_and_in_order(
    port: int, project: Project
) -> None:
    _, key = a_key(member("owner"))
    count, recorded = 150, 0

    def record() -> None:
        nonlocal recorded
        if recorded < count:
            recorded += 1
            happen(project, "answer.submitted")

    with relayed(record, every=0.01):
        assert read_with_interruptions(port, project, key, count) == list(range(1, count + 1))


def test_events_whose_live_message_was_lost_come_nevertheless(port: int, project: Project) -> None:
    _, key = a_key(member("owner"))
    with events_opened(port, project.public_id, key) as client:
        assert message(client)["type"] == "ready"
        happen(project, "answer.submitted")
        number_events(project_id=project.pk)  # and nobody tells the channel layer
        assert message(client)["number"] == 1


def test_types_and_roles_narrow_what_is_sent(port: int, project: Project) -> None:
    _, manager = a_key(member("manager"))
    _, client_key = a_key(member("client"))
    query = "?after=0&type=export.ready&type=hand.settled"
    with (
        events_opened(port, project.public_id, manager, query) as one,
        events_opened(port, project.public_id, client_key, query) as two,
    ):
        assert message(one)["type"] == message(two)["type"] == "ready"
        happen(project, "hand.settled", "answer.submitted", "export.ready")
        relay_once()
        received = [message(one), message(two)]
    assert [each["number"] for each in received] == [3, 3]
    assert [[event["number"] for event in each["events"]] for each in received] == [[1, 3], [3]]
    assert [event["delta"] for event in received[1]["events"]] == [{}]


def test_a_ticket_opens_one_socket_for_half_a_minute(port: int, project: Project) -> None:
    token, _ = a_key(member("client"))
    query = f"?ticket={make_ticket(token=token, project=project)}"
    with events_opened(port, project.public_id, query=query) as client:
        assert message(client)["type"] == "ready"
    with events_opened(port, project.public_id, query=query) as client:
        code, problem = closed_with(client)
    assert (code, problem["type"]) == (4401, "/problems/ticket_invalid/")
    query = f"?ticket={make_ticket(token=token, project=project)}"
    Ticket.objects.update(expires_at="2020-01-01T00:00:00Z")
    with events_opened(port, project.public_id, query=query) as client:
        assert closed_with(client)[0] == 4401
    issue_ticket(data={})
    assert Ticket.objects.count() == 1, "expired tickets are deleted"


def test_a_ticket_does_not_outlive_its_key_and_opens_no_other_project(port: int, project: Project) -> None:
    token, _ = a_key(member("client"))
    other = factories.a_project("Others")
    with events_opened(port, other.public_id, query=f"?ticket={make_ticket(token=token, project=project)}") as client:
        assert closed_with(client)[0] == 4401
    ticket = make_ticket(token=token, project=project)
    revoke_token(token=token)
    with events_opened(port, project.public_id, query=f"?ticket={ticket}") as client:
        assert closed_with(client)[0] == 4401


def test_a_ticket_used_twice_at_once_opens_one_socket(port: int, project: Project) -> None:
    token, _ = a_key(member("owner"))
    query = f"?ticket={make_ticket(token=token, project=project)}"
    types: list[str] = []

    def use() -> None:
        with events_opened(port, project.public_id, query=query) as client:
            types.append(message(client)["type"])

    threads = [threading.Thread(target=use) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert sorted(types) == ["problem", "problem", "problem", "ready"]


@pytest.mark.parametrize(
    ("who", "scopes", "code"), [("worker", ("read", "work"), 4403), ("owner", ("work",), 4403), ("", (), 4401)]
)
def test_others_are_told_why_they_are_refused(
    port: int, project: Project, who: str, scopes: tuple[str, ...], code: int
) -> None:
    key = a_key(member(who), scopes)[1] if who else "ann_unknown"
    with events_opened(port, project.public_id, key) as client:
        closed, problem = closed_with(client)
    assert (closed, problem["status"]) == (code, code - 4000)
    assert problem["detail"]


def test_without_a_key_or_with_one_of_another_organization_nothing_is_shown(port: int, project: Project) -> None:
    with events_opened(port, project.public_id) as client:
        assert closed_with(client)[0] == 4401
    elsewhere = factories.an_organisation("Owen's own")
    Membership.objects.create(organisation=elsewhere, actor=member("owner"), role=Role.OWNER)
    _, key = create_token(actor=member("owner"), organisation=elsewhere, name="x", scopes=["read"])
    with events_opened(port, project.public_id, key) as client:
        assert closed_with(client)[0] == 4404


@pytest.mark.parametrize(
    ("query", "code"), [("?after=x", 4400), ("?since=1", 4400), ("?type=export.redy", 4400), ("?after=7", 4410)]
)
def test_an_invalid_request_is_told_what_is_wrong(port: int, project: Project, query: str, code: int) -> None:
    with events_opened(port, project.public_id, a_key(member("owner"))[1], query) as client:
        closed, problem = closed_with(client)
    assert (closed, problem["status"]) == (code, code - 4000)


def test_deleted_events_are_named(port: int, project: Project) -> None:
    happen(project, *["answer.submitted"] * 4)
    relay_once()
    Event.objects.filter(number__lte=2).delete()
    _, key = a_key(member("owner"))
    with events_opened(port, project.public_id, key, "?after=0") as client:
        code, problem = closed_with(client)
    assert (code, problem["oldest"], problem["last"]) == (4410, 3, 4)
    with events_opened(port, project.public_id, key, "?after=2") as client:
        assert message(client)["type"] == "ready"
        assert message(client)["number"] == 4


def test_a_deleted_project_is_not_found(port: int, project: Project) -> None:
    token, key = a_key(member("owner"))
    ticket = make_ticket(token=token, project=project)
    Project.objects.filter(pk=project.pk).update(deleted_at="2026-11-27T21:45:56Z", state=Project.State.CLOSED)
    with events_opened(port, project.public_id, key) as client:
        assert closed_with(client)[0] == 4404
    with events_opened(port, project.public_id, query=f"?ticket={ticket}") as client:
        assert closed_with(client)[0] == 4401


def test_an_event_that_is_numbered_while_a_page_is_read_is_not_missed(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two sockets share a read that began before the event; the live message came before it ended."""
    was_read, may_return = threading.Event(), threading.Event()

    def slowly(**options: Any) -> EventPage:
        page = read_events(**options)
        was_read.set()
        assert may_return.wait(SECONDS)
        return page

    def happened() -> None:
        happen(project, "answer.submitted")
        number_events(project_id=project.pk)
        connection.close()

    async def read_both() -> tuple[int, int]:
        feed = feeds.Feed(project.pk)
        try:
            await feed.subscribed
            first = asyncio.create_task(feed.page(0))
            assert await asyncio.to_thread(was_read.wait, SECONDS)
            await asyncio.to_thread(happened)
            feed.notice(feeds.Delta(1, 1))
            second = asyncio.create_task(feed.page(0))
            await asyncio.sleep(0)
            may_return.set()
            return (await first).page.end, (await second).page.end
        finally:
            feed.close()

    monkeypatch.setattr(feeds, "read_events", slowly)
    # In a thread, because Playwright's loop may be running in this one.
    with ThreadPoolExecutor(1) as pool:
        assert pool.submit(lambda: asyncio.run(read_both())).result(SECONDS) == (0, 1)


WAYS: dict[str, Callable[[Actor, ApiToken], object]] = {
    "key revoked": lambda actor, token: revoke_token(token=token),
    "key expired": lambda actor, token: ApiToken.objects.filter(pk=token.pk).update(expires_at="2020-01-01T00:00:00Z"),
    "account closed": lambda actor, token: deactivate(user=actor.user),
    "removed from the organization": lambda actor, token: remove_member(
        organisation=factories.an_organisation(), member=actor
    ),
    "membership deleted in the database": lambda actor, token: Membership.objects.filter(actor=actor).delete(),
    "a lower role": lambda actor, token: change_role(
        organisation=factories.an_organisation(), member=actor, role=Role.REVIEWER
    ),
}


@pytest.mark.parametrize("way", WAYS)
def test_the_socket_ends_with_its_access(port: int, way: str) -> None:
    member("owner")
    project = factories.a_project("Strays")
    actor = member("manager")
    token, key = a_key(actor)
    with events_opened(port, project.public_id, key) as client:
        assert message(client)["type"] == "ready"
        started = time.monotonic()
        WAYS[way](actor, token)
        assert closed_with(client)[0] == 4403
        assert time.monotonic() - started < SECONDS
