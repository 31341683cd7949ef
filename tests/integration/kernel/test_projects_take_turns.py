"""A backlog waits in the database, and projects take turns: nobody's job waits for another project's thousands."""

from datetime import timedelta

import pytest
from django.db import connection

from kernel.clock import ClockTimestamp
from kernel.jobs import enqueue, resend_lost_jobs, run_job
from kernel.models import Job, OutboxMessage
from kernel.queues import ALL_QUEUES, DEFAULT_QUEUE, MAX_SENT, Queue
from kernel.relay import send_messages
from tests.integration.kernel.broker import Broker
from tests.job_kinds import WORK, Work

pytestmark = pytest.mark.django_db
LONG_AGO = timedelta(minutes=5)


def a_job(queue: Queue = Queue.HEAVY, *, project: int | None = 1) -> int:
    job = enqueue(WORK, Work(), queue=queue, project_id=project)
    assert job is not None
    return job.pk


def finish_next(broker: Broker, queue: Queue = Queue.HEAVY) -> int:
    """Do what a worker does with the next message."""
    job_id = broker.take(queue)
    run_job(job_id, lambda row: None)
    return job_id


def test_a_job_is_sent_to_its_own_queue(broker: Broker) -> None:
    jobs = {queue: a_job(queue) for queue in Queue}
    send_messages()
    assert {queue: broker.messages(queue) for queue in Queue} == {
        queue: [("tests.work", pk)] for queue, pk in jobs.items()
    }


def test_few_messages_of_a_backlog_are_with_the_broker(broker: Broker) -> None:
    for _ in range(50):
        a_job()
    assert sum(send_messages() for _ in range(5)) == MAX_SENT[Queue.HEAVY]
    assert OutboxMessage.objects.count() == 50 - MAX_SENT[Queue.HEAVY]
    finish_next(broker)
    assert send_messages() == 1


@pytest.mark.parametrize("queue", [Queue.HEAVY, Queue.INTERACTIVE])
def test_one_job_of_another_project_overtakes_a_backlog_of_thousands(broker: Broker, queue: Queue) -> None:
    Job.objects.bulk_create(Job(kind="tests.work", queue=queue, project_id=1) for _ in range(5000))
    OutboxMessage.objects.bulk_create(
        OutboxMessage(job=job, queue=job.queue, project_id=1) for job in Job.objects.order_by("pk")
    )
    send_messages()
    small = a_job(queue, project=2)
    done: list[int] = []
    while small not in done:
        done.append(finish_next(broker, queue))
        send_messages()
    # Each of those before it may take seconds: updates of labels do, where drawings are fused.
    assert len(done) <= MAX_SENT[queue] + 1 <= 5


def test_projects_with_a_backlog_take_turns(broker: Broker) -> None:
    projects = {a_job(project=project): project for project in (1, 2, 3) for _ in range(6)}
    order: list[int] = []
    while len(order) < len(projects):
        send_messages()
        order.append(projects[finish_next(broker)])
    assert all(set(order[start : start + 3]) == {1, 2, 3} for start in range(3, 15, 3)), order


def test_a_full_queue_does_not_hold_up_another(broker: Broker) -> None:
    for _ in range(10):
        a_job(Queue.HEAVY)
    send_messages()
    settlement = a_job(Queue.INTERACTIVE)
    assert send_messages() == 1
    assert broker.messages(Queue.INTERACTIVE) == [("tests.work", settlement)]


def test_a_project_exports_one_release_at_a_time(broker: Broker) -> None:
    first, second, other = a_job(Queue.EXPORT), a_job(Queue.EXPORT), a_job(Queue.EXPORT, project=2)
    send_messages()
    assert broker.take(Queue.EXPORT) == first
    Job.objects.filter(pk=first).update(state="running", lease_until=ClockTimestamp() + LONG_AGO, lease_token="0" * 32)
    send_messages()
    assert finish_next(broker, Queue.EXPORT) == other
    assert send_messages() == 0
    Job.objects.filter(pk=first).update(state="done")
    send_messages()
    assert finish_next(broker, Queue.EXPORT) == second


def test_an_export_whose_worker_was_killed_does_not_block_its_own_second_attempt(broker: Broker) -> None:
    export = a_job(Queue.EXPORT)
    send_messages()
    broker.clear()
    expired = ClockTimestamp() - LONG_AGO
    Job.objects.update(state="running", attempts=1, lease_until=expired, lease_token="0" * 32)
    assert resend_lost_jobs() == 1
    send_messages()
    assert broker.messages(Queue.EXPORT) == [("tests.work", export)]


def test_jobs_of_a_version_without_queues_are_sent_to_the_queue_that_it_used(broker: Broker) -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO kernel_job (public_id, kind, args, state, attempts, max_attempts, progress_done,"
            " progress_total, error) VALUES (gen_random_uuid(), 'tests.work', '{}', 'queued', 0, 5, 0, 0, '')"
            " RETURNING id"
        )
        row = cursor.fetchone()
        assert row is not None
        cursor.execute("INSERT INTO kernel_outboxmessage (job_id) VALUES (%s)", [row[0]])
    send_messages()
    assert broker.messages(DEFAULT_QUEUE) == [("tests.work", row[0])]


def test_waiting_for_busy_workers_doubles_no_message(broker: Broker) -> None:
    for _ in range(20):
        a_job()
    send_messages()
    Job.objects.filter(sent_at__isnull=False).update(sent_at=ClockTimestamp() - LONG_AGO)
    assert [resend_lost_jobs() for _ in range(5)] == [0] * 5
    assert len(broker.messages(Queue.HEAVY)) == MAX_SENT[Queue.HEAVY]


@pytest.mark.parametrize("queue", ALL_QUEUES)
def test_messages_that_the_broker_lost_are_sent_again(broker: Broker, queue: str) -> None:
    job = a_job()
    Job.objects.update(queue=queue)
    OutboxMessage.objects.update(queue=queue)
    send_messages()
    broker.clear()
    Job.objects.update(sent_at=ClockTimestamp() - LONG_AGO)
    assert resend_lost_jobs() == 1
    send_messages()
    assert broker.messages(queue) == [("tests.work", job)]


@pytest.mark.parametrize("queue", Queue)
def test_messages_of_a_relay_that_was_killed_before_it_sent_them_are_sent_by_another(
    broker: Broker, queue: Queue, monkeypatch: pytest.MonkeyPatch
) -> None:
    jobs = [a_job(queue, project=number) for number in range(1, MAX_SENT[queue] + 1)]
    with monkeypatch.context() as killed, pytest.raises(KeyboardInterrupt):
        killed.setattr("kernel.relay._send", lambda *args: (_ for _ in ()).throw(KeyboardInterrupt))
        send_messages()
    OutboxMessage.objects.update(claimed_until=ClockTimestamp() - LONG_AGO)
    send_messages()
    assert sorted(pk for _, pk in broker.messages(queue)) == jobs
