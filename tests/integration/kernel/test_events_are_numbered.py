"""The live stream: consecutive numbers in one order, and totals that sum the deltas, in any order of commits."""

from typing import Any

import pytest
from django.db import transaction

from kernel.events import number_events, projects_with_new_events, record_event, stream_snapshot
from kernel.models import Event, Stream
from tests.concurrency_helpers import BackgroundCall, together

pytestmark = pytest.mark.django_db
PROJECT = 7


def record(count: int = 1, *, project_id: int = PROJECT, **delta: int) -> None:
    for _ in range(count):
        record_event(project_id=project_id, kind="answer.submitted", data={"a": 1}, **(delta or {"submitted": 1}))


def test_events_get_the_next_numbers_and_are_returned_as_messages() -> None:
    record(2)
    messages = number_events(project_id=PROJECT)
    assert [message["number"] for message in messages] == [1, 2]
    assert messages[0]["kind"] == "answer.submitted"
    assert (messages[0]["data"], messages[0]["delta"]) == ({"a": 1}, {"submitted": 1})
    assert number_events(project_id=PROJECT) == []
    record()
    assert [message["number"] for message in number_events(project_id=PROJECT)] == [3]


def test_totals_are_the_sums_of_the_deltas_up_to_the_number() -> None:
    record(3, leased=10)
    record(1, leased=-4, submitted=4)
    number_events(project_id=PROJECT)
    record(5, leased=1)
    snapshot = stream_snapshot(project_id=PROJECT)
    assert (snapshot.number, snapshot.totals) == (4, {"leased": 26, "submitted": 4})
    assert stream_snapshot(project_id=99).totals == {}


def test_projects_are_numbered_independently() -> None:
    record(2)
    record(3, project_id=8)
    assert sorted(projects_with_new_events()) == [PROJECT, 8]
    number_events(project_id=8)
    assert (stream_snapshot(project_id=8).number, stream_snapshot(project_id=PROJECT).number) == (3, 0)
    assert projects_with_new_events() == [PROJECT]


@pytest.mark.django_db(transaction=True)
def test_an_event_that_commits_late_gets_a_late_number_and_is_not_skipped() -> None:
    """Its row id is lower than those of events already sent: numbers assigned at insert would skip it."""
    with transaction.atomic():
        record(1, late=1)
        BackgroundCall(lambda: record(3)).wait_for_result()
        sent = BackgroundCall(lambda: number_events(project_id=PROJECT)).wait_for_result()
        assert [message["number"] for message in sent] == [1, 2, 3]
    late = number_events(project_id=PROJECT)
    assert [(message["number"], message["delta"]) for message in late] == [(4, {"late": 1})]
    assert Event.objects.get(number=4).pk < Event.objects.get(number=1).pk
    assert stream_snapshot(project_id=PROJECT).totals == {"submitted": 3, "late": 1}


@pytest.mark.django_db(transaction=True)
def test_a_second_relay_skips_a_project_that_the_first_has_locked() -> None:
    record(2)
    number_events(project_id=PROJECT)
    record(2)
    with transaction.atomic():
        Stream.objects.select_for_update(no_key=True).get(project_id=PROJECT)
        assert BackgroundCall(lambda: number_events(project_id=PROJECT)).wait_for_result() == []
    assert [message["number"] for message in number_events(project_id=PROJECT)] == [3, 4]


@pytest.mark.django_db(transaction=True)
def test_concurrent_relays_and_writers_number_every_event_once() -> None:
    sent: list[list[dict[str, Any]]] = []

    def relay() -> None:
        for _ in range(40):
            sent.append(number_events(project_id=PROJECT))

    results = together(relay, relay, *[lambda: record(25)] * 3)
    assert results == [None] * 5
    while messages := number_events(project_id=PROJECT):
        sent.append(messages)
    numbers = sorted(message["number"] for messages in sent for message in messages)
    assert numbers == list(range(1, 76))
    assert stream_snapshot(project_id=PROJECT).totals == {"submitted": 75}
    assert not Event.objects.filter(number=None).exists()
