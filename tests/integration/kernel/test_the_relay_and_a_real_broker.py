"""Outbox messages reach a real Valkey; a broker that is down delays them and loses none."""

import pytest
from django.conf import settings

from kernel.events import record_event
from kernel.jobs import enqueue, run_job
from kernel.models import Job, OutboxMessage, Stream
from kernel.relay import Relay, send_messages
from tests.concurrency_helpers import together
from tests.integration.kernel.broker import Broker
from tests.job_kinds import WORK, Work

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("broker")]
NOWHERE = "redis+socket:///nonexistent/valkey.sock?virtual_host=0"


def a_job() -> Job:
    job = enqueue(WORK, Work())
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
    OutboxMessage.objects.create(job=job, queue=job.queue)
    send_messages()
    calls: list[int] = []
    for _, job_id in broker.messages():
        run_job(job_id, lambda row: calls.append(row.pk))
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

    sent: list[int] = []
    taken: list[int] = []
    while OutboxMessage.objects.exists():
        sent += together(relay, relay)
        while broker.messages():
            taken.append(broker.take())
            Job.objects.filter(pk=taken[-1]).update(state=Job.State.DONE)
    assert (sum(sent), sorted(taken)) == (250, sorted(jobs)), sent


def test_heads_of_changed_streams_are_repeated(monkeypatch: pytest.MonkeyPatch) -> None:
    published: list[tuple[int, str]] = []
    relay = Relay()
    monkeypatch.setattr(relay, "_publish", lambda project_id, message: published.append((project_id, message["type"])))
    record_event(project_id=7, kind="answer.submitted", submitted=1)
    Stream.objects.create(project_id=8)
    Stream.objects.filter(project_id=8).update(updated_at="2020-01-01T00:00Z")
    relay.step()
    assert published == [(7, "stream.delta"), (7, "stream.head")]
