"""A job is a row: claimed by one worker at a time, kept alive by its heartbeat, retried, and finally failed."""

import errno
import threading
import time
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection, transaction

from kernel import jobs
from kernel.clock import ClockTimestamp, database_now
from kernel.errors import Refused, Unavailable
from kernel.job_kinds import KEEP_TRYING
from kernel.jobs import enqueue, resend_jobs_job, resend_lost_jobs, run_job
from kernel.models import Job, OutboxMessage
from kernel.outages import StorageFull
from tests.concurrency_helpers import BackgroundCall, together
from tests.job_kinds import WORK, Work

pytestmark = pytest.mark.django_db


def a_job(**fields: Any) -> Job:
    job = enqueue(WORK, Work(number=1))
    assert job is not None
    Job.objects.filter(pk=job.pk).update(**fields)
    return Job.objects.get(pk=job.pk)


def raising(error: Exception) -> Callable[..., None]:
    def work(row: Job) -> None:
        raise error

    return work


def expired_lease() -> dict[str, Any]:
    """Return the fields of a job whose worker was killed two minutes ago."""
    end = ClockTimestamp() - timedelta(minutes=1)
    return {"state": "running", "lease_until": end, "lease_token": "0" * 32, "attempts": 1}


def test_a_job_gets_its_arguments_and_is_done() -> None:
    seen: list[tuple[int, str, dict[str, Any]]] = []
    job = a_job()
    run_job(job.pk, lambda row: seen.append((row.attempts, row.state, row.args)))
    job.refresh_from_db()
    assert seen == [(1, "running", {"number": 1})]
    assert (job.state, job.lease_until, job.lease_token) == ("done", None, None)
    assert job.finished_at is not None


def test_a_message_for_a_job_that_is_done_does_nothing() -> None:
    calls: list[int] = []
    job = a_job()
    for _ in range(3):
        run_job(job.pk, lambda row: calls.append(row.pk))
    assert calls == [job.pk]


@pytest.mark.django_db(transaction=True)
def test_only_one_of_several_workers_with_the_same_message_runs_the_job() -> None:
    job = a_job()
    started, go_on = threading.Event(), threading.Event()
    calls: list[int] = []

    def work(row: Job) -> None:
        calls.append(row.pk)
        started.set()
        assert go_on.wait(10)

    holder = BackgroundCall(lambda: run_job(job.pk, work))
    assert started.wait(10)
    together(*[lambda: run_job(job.pk, work)] * 3)
    go_on.set()
    holder.wait_for_result()
    assert calls == [job.pk]
    assert Job.objects.get().state == "done"


def test_a_refusal_is_final_and_keeps_its_message() -> None:
    job = a_job()
    run_job(job.pk, raising(Refused("The archive is empty; send another.")))
    job.refresh_from_db()
    assert (job.state, job.error) == ("failed", "The archive is empty; send another.")


@pytest.mark.parametrize("error", [Unavailable("The reader is away."), ZeroDivisionError("none")])
def test_temporary_errors_are_retried_later_and_not_before(error: Exception) -> None:
    job = a_job()
    run_job(job.pk, raising(error))
    job.refresh_from_db()
    assert (job.state, job.attempts) == ("queued", 1)
    assert job.not_before is not None and job.not_before > database_now()
    calls: list[int] = []
    run_job(job.pk, lambda row: calls.append(row.pk))
    assert calls == []
    Job.objects.update(not_before=ClockTimestamp())
    run_job(job.pk, lambda row: calls.append(row.pk))
    assert calls == [job.pk]


def test_the_last_attempt_fails_the_job() -> None:
    job = a_job(attempts=4)
    run_job(job.pk, raising(ZeroDivisionError("none")))
    job.refresh_from_db()
    assert (job.state, job.error) == ("failed", "ZeroDivisionError: none")


@pytest.mark.django_db(transaction=True)
def test_a_long_job_keeps_its_lease(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(jobs, "HEARTBEAT_SECONDS", 0.05)
    monkeypatch.setattr(jobs, "LEASE", timedelta(seconds=2))
    job = a_job()
    leases: list[Any] = []

    def work(row: Job) -> None:
        leases.append(Job.objects.get(pk=row.pk).lease_until)
        threading.Event().wait(0.5)
        leases.append(Job.objects.get(pk=row.pk).lease_until)

    run_job(job.pk, work)
    assert leases[1] - leases[0] > timedelta(seconds=0.3)
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("heartbeat")]


@pytest.mark.django_db(transaction=True)
def test_the_heartbeat_survives_a_connection_that_breaks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(jobs, "HEARTBEAT_SECONDS", 0.2)
    job = a_job()

    def end_other_connections() -> None:
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                " WHERE datname = current_database() AND pid <> pg_backend_pid()"
            )

    def work(row: Job) -> None:
        threading.Event().wait(0.5)
        end_other_connections()
        before = Job.objects.get(pk=row.pk).lease_until
        threading.Event().wait(1.0)
        after = Job.objects.get(pk=row.pk).lease_until
        assert before is not None and after is not None and after > before

    run_job(job.pk, work)
    assert Job.objects.get().state == "done", Job.objects.get().error


@pytest.mark.django_db(transaction=True)
def test_a_worker_that_lost_its_lease_leaves_the_row_to_its_successor() -> None:
    job = a_job()

    def slow(row: Job) -> None:
        Job.objects.filter(pk=row.pk).update(lease_until=ClockTimestamp() - timedelta(seconds=1))
        run_job(row.pk, raising(Refused("The successor says no.")))

    run_job(job.pk, slow)
    job.refresh_from_db()
    assert (job.state, job.error, job.attempts) == ("failed", "The successor says no.", 2)


def test_a_killed_workers_job_is_sent_again_and_run_again() -> None:
    job = a_job(**expired_lease())
    OutboxMessage.objects.all().delete()
    resend_jobs_job()
    assert list(OutboxMessage.objects.values_list("job_id", flat=True)) == [job.pk]
    run_job(job.pk, lambda row: None)
    job.refresh_from_db()
    assert (job.state, job.attempts) == ("done", 2)


def test_a_message_still_in_the_outbox_is_not_written_again() -> None:
    a_job(**expired_lease())
    assert [resend_lost_jobs() for _ in range(3)] == [0, 0, 0]
    OutboxMessage.objects.all().delete()
    assert [resend_lost_jobs() for _ in range(3)] == [1, 0, 0]
    assert OutboxMessage.objects.count() == 1


def test_only_what_is_due_is_sent_again() -> None:
    now, long_ago = database_now(), database_now() - timedelta(minutes=5)
    a_job(created_at=long_ago, sent_at=now)
    a_job(created_at=long_ago, sent_at=long_ago, not_before=now + timedelta(minutes=1))
    a_job(state="done", created_at=long_ago)
    lost = a_job(created_at=long_ago, sent_at=long_ago)
    OutboxMessage.objects.all().delete()
    assert resend_lost_jobs() == 1
    assert OutboxMessage.objects.get().job_id == lost.pk


def test_a_job_that_crashes_its_worker_on_every_attempt_fails() -> None:
    job = a_job(**(expired_lease() | {"attempts": 5}))
    OutboxMessage.objects.all().delete()
    assert resend_lost_jobs() == 0
    job.refresh_from_db()
    assert (job.state, job.error) == ("failed", "The worker process crashed on every attempt. See its log.")


def test_a_duplicate_job_is_queued_once_and_again_while_the_first_runs() -> None:
    assert enqueue(WORK, Work(), dedupe_key="one") is not None
    assert enqueue(WORK, Work(), dedupe_key="one") is None
    assert enqueue(WORK, Work(), dedupe_key="two") is not None
    Job.objects.filter(dedupe_key="one").update(
        state="running", lease_until=database_now(), lease_token="0" * 32, attempts=1
    )
    assert enqueue(WORK, Work(), dedupe_key="one") is not None
    assert OutboxMessage.objects.count() == 3


@pytest.mark.django_db(transaction=True)
def test_a_queued_duplicate_is_not_claimed_before_the_caller_commits() -> None:
    """Otherwise it would read its input before the caller's rows are visible, and their work would be lost."""
    duplicate = enqueue(WORK, Work(), dedupe_key="one")
    assert duplicate is not None
    calls: list[int] = []
    with transaction.atomic():
        assert enqueue(WORK, Work(), dedupe_key="one") is None
        worker = BackgroundCall(lambda: run_job(duplicate.pk, lambda row: calls.append(row.pk)))
        worker.wait_until_blocked()
        assert calls == []
    worker.wait_for_result()
    assert calls == [duplicate.pk]


def test_a_violation_of_another_constraint_is_an_error_and_not_a_duplicate() -> None:
    with pytest.raises(Exception, match="null value"), transaction.atomic():
        enqueue(replace(WORK, max_attempts=None), Work())  # type: ignore[arg-type]


def test_work_that_must_not_be_lost_is_retried_many_times_with_pauses_of_minutes() -> None:
    job = a_job(attempts=40, max_attempts=KEEP_TRYING)
    run_job(job.pk, raising(RuntimeError("a fault of ours")))
    job.refresh_from_db()
    assert (job.state, job.attempts) == ("queued", 41)
    assert job.not_before is not None
    assert timedelta(minutes=4) < job.not_before - database_now() <= timedelta(minutes=5)


def test_after_a_long_outage_no_job_waits_longer_than_half_a_minute() -> None:
    job = a_job(attempts=40, max_attempts=KEEP_TRYING)
    run_job(job.pk, raising(OSError(errno.ENOSPC, "No space left on device")))
    job.refresh_from_db()
    assert (job.state, job.error) == ("queued", StorageFull().detail)
    assert job.not_before is not None
    assert timedelta(seconds=25) < job.not_before - database_now() <= timedelta(seconds=30)


@pytest.mark.django_db(transaction=True)
def test_a_worker_that_lost_its_lease_stops_in_the_middle_and_what_it_wrote_is_rolled_back(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(jobs, "HEARTBEAT_SECONDS", 0.05)
    job = a_job()
    steps: list[int] = []
    finished: list[int] = []

    @transaction.atomic
    def endless(row: Job) -> None:
        OutboxMessage.objects.create(job=row)
        together(lambda: Job.objects.filter(pk=row.pk).update(lease_token="1" * 32))
        deadline = time.monotonic() + 20
        while time.monotonic() < deadline:
            steps.append(1)
            time.sleep(0.01)
        finished.append(row.pk)

    before = OutboxMessage.objects.count()
    run_job(job.pk, endless)
    assert (bool(steps), finished) == (True, [])
    assert OutboxMessage.objects.count() == before
    job.refresh_from_db()
    assert (job.state, job.error, str(job.lease_token)) == ("running", "", "11111111-1111-1111-1111-111111111111")


def test_a_job_that_is_retried_is_sent_when_its_pause_is_over() -> None:
    job = a_job()
    OutboxMessage.objects.all().delete()
    run_job(job.pk, raising(Unavailable("The reader is away.")))
    assert resend_lost_jobs() == 0
    Job.objects.update(not_before=ClockTimestamp() - timedelta(seconds=1))
    assert resend_lost_jobs() == 1
