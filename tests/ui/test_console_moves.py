"""An open console moves by the deltas that arrive, and reloads its board at most once a minute."""

import json
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from playwright.sync_api import Page, Request, WebSocketRoute, expect

from kernel.events import BATCH, merge_messages, number_events, projects_with_new_events, record_event
from kernel.models import Stream
from projects.models import Project
from tests import factories
from tests.ui.live import People


@pytest.fixture
def project(db: None) -> Project:
    project = factories.a_project("Strays", workers=[factories.wren()])
    factories.some_tasks(project, 4)
    return project


def delta(number: int, kind: str, **changes: int) -> str:
    event = {"kind": kind, "data": {}, "delta": changes, "count": 1, "at": "2026-01-01T00:00:00+00:00"}
    return json.dumps({"type": "delta", "first": number, "number": number, "events": [event]})


@pytest.mark.browser
@pytest.mark.django_db(transaction=True)
def test_figures_move_by_deltas_and_the_board_is_reloaded_once_a_minute(people: People, project: Project) -> None:
    page = people.signed_in(factories.ada())
    page.clock.install()
    opened: list[WebSocketRoute] = []
    loaded: list[str] = []

    def serve(socket: WebSocketRoute) -> None:
        opened.append(socket)
        socket.send('{"type": "snapshot", "number": 0, "data": {"totals": {}}}')

    def remember(request: Request) -> None:
        loaded.extend(part for part in ("board", "feed") if f"part={part}" in request.url)

    page.route_web_socket("**/ws/**", serve)
    page.on("request", remember)
    page.goto(f"/projects/{project.public_id}/")
    expect(page.get_by_text("Live", exact=True)).to_be_visible()
    assert loaded == []

    opened[0].send(delta(1, "answer.submitted", submitted=1))
    run(page, 2_000)
    assert loaded.count("board") == 1
    for number in range(2, 12):
        opened[0].send(delta(number, "label.approved", approved=1 if number < 4 else 0, paid_micros=50_000))
        run(page, 1_000)

    expect(page.locator("[data-console-count=approved]")).to_have_text("2")
    expect(page.locator("[data-console-percent]")).to_have_text("50%")
    expect(page.locator("[data-console-money]")).to_have_text("$0.50")
    expect(page.locator("[data-console-total=submitted]")).to_have_text("1")
    assert loaded.count("board") == 1
    assert 1 <= loaded.count("feed") <= 4
    run(page, 60_000)
    expect(page.locator("[data-console-count=approved]")).to_have_text("0")  # as the database says
    assert loaded.count("board") == 2


def run(page: Page, milliseconds: int) -> None:
    """Let the page's clock run, and real requests finish."""
    page.clock.run_for(milliseconds)
    page.wait_for_load_state("networkidle")


def test_a_project_is_due_again_after_a_while(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("kernel.events.SENT_EVERY", timedelta(hours=1))
    record_event(project_id=project.pk, kind="answer.submitted", submitted=1)
    assert projects_with_new_events() == [project.pk]
    number_events(project_id=project.pk)
    record_event(project_id=project.pk, kind="answer.submitted", submitted=1)

    assert projects_with_new_events() == []
    set_last_sent("- interval '61 minutes'")
    assert projects_with_new_events() == [project.pk]
    assert Stream.objects.get().last_number == 1


def test_a_clock_that_was_set_back_does_not_stop_the_stream(project: Project) -> None:
    record_event(project_id=project.pk, kind="answer.submitted", submitted=1)
    number_events(project_id=project.pk)
    record_event(project_id=project.pk, kind="answer.submitted", submitted=1)
    set_last_sent("+ interval '1 day'")
    assert projects_with_new_events() == [project.pk]


def set_last_sent(change: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute(f"UPDATE kernel_stream SET updated_at = clock_timestamp() {change}")


@pytest.mark.browser
@pytest.mark.django_db(transaction=True)
def test_the_board_is_reloaded_if_the_page_was_rendered_before_the_last_event(people: People, project: Project) -> None:
    page = people.signed_in(factories.ada())
    snapshot = '{"type": "snapshot", "number": 1, "data": {"totals": {}}}'
    page.route_web_socket("**/ws/**", lambda socket: socket.send(snapshot))
    with page.expect_request(lambda request: "part=board" in request.url):
        page.goto(f"/projects/{project.public_id}/")


def test_events_that_are_alike_are_one_with_the_sum_of_their_deltas(project: Project) -> None:
    for _ in range(30):
        record_event(project_id=project.pk, kind="answer.submitted", leased=-1, submitted=1)
        record_event(project_id=project.pk, kind="hand.settled", data={"worker": "w"}, settled=10)
    record_event(project_id=project.pk, kind="hand.settled", data={"worker": "v"}, settled=1)

    message: dict[str, Any] = merge_messages(number_events(project_id=project.pk))

    assert (message["first"], message["number"]) == (1, 61)
    assert [(each["kind"], each["data"], each["count"], each["delta"]) for each in message["events"]] == [
        ("answer.submitted", {}, 30, {"leased": -30, "submitted": 30}),
        ("hand.settled", {"worker": "w"}, 30, {"settled": 300}),
        ("hand.settled", {"worker": "v"}, 1, {"settled": 1}),
    ]
    assert BATCH >= 500  # what a busy project does in a quarter of a second is one message


def test_the_activity_alone_is_read_with_few_statements(project: Project) -> None:
    client = Client()
    client.force_login(factories.ada().user)
    record_event(project_id=project.pk, kind="answer.submitted", submitted=1)
    number_events(project_id=project.pk)
    address = f"/projects/{project.public_id}/"
    client.get(f"{address}?part=feed")

    with CaptureQueriesContext(connection) as feed:
        body = client.get(f"{address}?part=feed").content.decode()
    with CaptureQueriesContext(connection) as board:
        client.get(f"{address}?part=board")

    assert "1 answer received" in body
    assert "Batches" not in body
    assert len(feed) < len(board) / 2
