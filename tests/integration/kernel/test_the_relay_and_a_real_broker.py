"""Outbox messages reach a real Valkey; a broker that is down delays them and loses none."""

import json
from collections.abc import Iterator
from typing import Any

import pytest
from celery import current_app
from django.conf import settings
from kombu import pools

from kernel.events import record_event
from kernel.jobs import enqueue, run_job
from kernel.models import Job, OutboxMessage, Stream
from kernel.relay import Relay, send_messages
from tests.concurrency_helpers import together

pytestmark = pytest.mark.django_db
NOWHERE = "redis+socket:///nonexistent/valkey.sock?virtual_host=0"


@pytest.fixture(autouse=True)
def broker(stores: dict[str, str]) -> Iterator["Broker"]:
    queue = Broker(settings.CELERY_BROKER_URL)
    queue.clear()
    yield queue
    queue.clear()
    queue.close()
    queue.point_at(settings.CELERY_BROKER_URL)


class Broker:
    """The Celery queue in the tests' Valkey."""

    def __init__(self, url: str) -> None:
        self.point_at(url)
        self._queue: Any = current_app.connection_for_write(url=url).channel()

    def point_at(self, url: str) -> None:
        """Make Celery send there, and discard its pools of open connections."""
        celery: Any = current_app
        celery.conf.broker_url = celery.conf.broker_write_url = url
        celery.amqp._producer_pool = None
        pools.reset()

    def close(self) -> None:
        self._queue.connection.client.release()

    def clear(self) -> None:
        self._queue.client.delete("celery")

    def messages(self) -> list[tuple[str, Any]]:
        """Return (kind, job id) of each queued message, in the order of sending."""
        raw = [json.loads(body) for body in self._queue.client.lrange("celery", 0, -1)]
        bodies = [(each["headers"]["task"], each["headers"]["argsrepr"]) for each in reversed(raw)]
        return [(kind, int(arguments.strip("[]"))) for kind, arguments in bodies]


def a_job() -> Job:
    job = enqueue("tests.work")
    assert job is not None
    return job


def test_a_message_names_kind_and_job_and_leaves_the_outbox(broker: Broker) -> None:
    job = a_job()
    assert send_messages() == 1
    assert broker.messages() == [("tests.work", job.pk)]
    assert not OutboxMessage.objects.exists()
    assert Job.objects.get().sent_at is not None
    assert send_messages() == 0


def test_a_message_sent_twice_runs_the_job_once(broker: Broker) -> None:
    job = a_job()
    OutboxMessage.objects.create(job=job)
    send_messages()
    calls: list[int] = []
    for _, job_id in broker.messages():
        run_job(job_id, lambda row, **args: calls.append(row.pk))
    assert len(broker.messages()) == 2
    assert calls == [job.pk]


def test_a_broker_that_is_down_delays_messages_and_loses_none(broker: Broker, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("kernel.relay.time.sleep", lambda seconds: None)
    jobs = [a_job() for _ in range(3)]
    broker.point_at(NOWHERE)
    assert Relay().step() == 0
    assert OutboxMessage.objects.filter(claimed_until=None).count() == 3
    broker.point_at(settings.CELERY_BROKER_URL)
    Relay().step()
    assert broker.messages() == [("tests.work", job.pk) for job in jobs]
    assert not OutboxMessage.objects.exists()


def test_events_are_numbered_even_while_the_broker_is_down(broker: Broker, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("kernel.relay.time.sleep", lambda seconds: None)
    a_job()
    record_event(project_id=7, kind="answer.submitted", submitted=1)
    broker.point_at(NOWHERE)
    Relay().step()
    assert Stream.objects.get().last_number == 1


def test_another_relay_sends_the_messages_of_one_that_died_after_claiming_them(broker: Broker) -> None:
    job = a_job()
    claimed = OutboxMessage.objects.filter(job=job)
    claimed.update(claimed_until="2020-01-01T00:00Z")
    assert send_messages() == 1
    assert broker.messages() == [("tests.work", job.pk)]


@pytest.mark.django_db(transaction=True)
def test_concurrent_relays_send_every_message(broker: Broker) -> None:
    jobs = {a_job().pk for _ in range(250)}

    def relay() -> int:
        return sum(send_messages() for _ in range(5))

    sent = together(relay, relay)
    assert sum(sent) == 250, sent
    assert {job_id for _, job_id in broker.messages()} == jobs
    assert len(broker.messages()) == 250


def test_heads_of_changed_streams_are_repeated(monkeypatch: pytest.MonkeyPatch) -> None:
    published: list[tuple[int, str]] = []
    relay = Relay()
    monkeypatch.setattr(relay, "_publish", lambda project_id, message: published.append((project_id, message["type"])))
    record_event(project_id=7, kind="answer.submitted", submitted=1)
    Stream.objects.create(project_id=8)
    Stream.objects.filter(project_id=8).update(updated_at="2020-01-01T00:00Z")
    relay.step()
    assert published == [(7, "stream.delta"), (7, "stream.head")]
