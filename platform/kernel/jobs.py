"""Background jobs: database rows with a lease and a heartbeat, run by Celery.

`enqueue` writes the row and an outbox message in the caller's transaction; the relay sends the message; a Celery worker
claims the row, renews its lease while it runs, and closes it. If a worker is killed, its lease expires and
`resend_jobs_job` sends the job again: Redis itself would not redeliver before its visibility timeout.
"""

import functools
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import Any

import structlog
from celery import shared_task
from django.db import DatabaseError, IntegrityError, connection, transaction
from django.db.models import Exists, F, OuterRef, Q
from structlog.contextvars import bound_contextvars

from kernel.clock import ClockTimestamp
from kernel.constraints import violated_constraint
from kernel.errors import AnnotaryError, Unavailable
from kernel.models import ONE_LIVE_JOB, Job, OutboxMessage
from kernel.pruning import prune

logger = structlog.get_logger(__name__)

LEASE = timedelta(seconds=60)
HEARTBEAT_SECONDS = 15
RESEND_AFTER = timedelta(seconds=30)
LONGEST_PAUSE_SECONDS = 300
# For work that nothing else would trigger again, such as pay: more than three days of retries at the longest pause.
KEEP_TRYING = 1000


def enqueue(
    kind: str,
    *,
    project_id: int | None = None,
    dedupe_key: str | None = None,
    max_attempts: int = 5,
    not_before: datetime | None = None,
    **args: Any,
) -> Job | None:
    """Queue a job in the caller's transaction. Return None if a job with the same `dedupe_key` is already queued.

    With `not_before` the job waits until then, and up to a minute longer for the sweep that sends it.

    The queued duplicate is locked until the caller commits: a worker that claimed it earlier would not see the caller's
    rows.
    """
    while True:
        try:
            with transaction.atomic():
                job = Job.objects.create(
                    kind=kind,
                    project_id=project_id,
                    dedupe_key=dedupe_key,
                    max_attempts=max_attempts,
                    not_before=not_before,
                    args=args,
                )
        except IntegrityError as error:
            if violated_constraint(error) != ONE_LIVE_JOB:
                raise
            if _lock_queued_duplicate(dedupe_key):
                return None
            continue  # it has been claimed and may already have read its input, so a new job is needed
        if not_before is None:
            OutboxMessage.objects.create(job=job)
        return job


def _lock_queued_duplicate(dedupe_key: str | None) -> bool:
    with connection.cursor() as cursor:
        # FOR SHARE blocks claims of the duplicate but not other callers that enqueue the same job.
        cursor.execute("SELECT 1 FROM kernel_job WHERE dedupe_key = %s AND state = 'queued' FOR SHARE", [dedupe_key])
        return cursor.fetchone() is not None


def job(kind: str, *, time_limit: int = 600) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Turn a function `f(job, **args)` into the Celery entry point for jobs of this kind.

    The function takes ids, re-reads the rows, does nothing if the work is done, and can run twice. An `AnnotaryError`
    is final and its message is kept on the row, unless it is `Unavailable`; that and any other error is retried with
    exponential backoff.
    """

    def decorate(function: Callable[..., None]) -> Callable[..., None]:
        @shared_task(name=kind, time_limit=time_limit + 30, soft_time_limit=time_limit)
        @functools.wraps(function)
        def entry(job_id: int) -> None:
            run_job(job_id, function)

        entry.run_function = function  # type: ignore[attr-defined]  # for callers that run a job without a broker
        return entry

    return decorate


def run_job(job_id: int, function: Callable[..., None]) -> None:
    """Claim the job and run it, unless it is done, not yet due, or claimed by another worker."""
    token = uuid.uuid4()
    now = ClockTimestamp()
    due = Q(not_before__isnull=True) | Q(not_before__lte=now)
    free = Q(state=Job.State.QUEUED) & due | Q(state=Job.State.RUNNING, lease_until__lt=now)
    claimed = Job.objects.filter(free, pk=job_id, attempts__lt=F("max_attempts")).update(
        state=Job.State.RUNNING, attempts=F("attempts") + 1, lease_until=now + LEASE, lease_token=token, error=""
    )
    if not claimed:
        return
    row = Job.objects.get(pk=job_id)
    with bound_contextvars(job_id=job_id, job=row.kind, project_id=row.project_id):
        _run_claimed(row, token, function)


def _run_claimed(row: Job, token: uuid.UUID, function: Callable[..., None]) -> None:
    started = time.monotonic()
    try:
        with _heartbeat(row.pk, token):
            function(row, **row.args)
    except Unavailable as error:
        _retry_or_fail(row, token, error.detail)
    except AnnotaryError as error:
        _close(row.pk, token, state=Job.State.FAILED, error=error.detail)
    except Exception as error:
        logger.exception("job raised an error", attempt=row.attempts)
        _retry_or_fail(row, token, f"{type(error).__name__}: {error}"[:2000])
    else:
        _close(row.pk, token, state=Job.State.DONE, error="")
        logger.info("job done", attempt=row.attempts, seconds=round(time.monotonic() - started, 3))


def report_progress(row: Job, *, done: int, total: int) -> None:
    Job.objects.filter(pk=row.pk).update(progress_done=done, progress_total=total)


def _close(job_id: int, token: uuid.UUID, *, state: str, error: str) -> None:
    """Close the job, if this worker still holds its lease; otherwise its successor closes it."""
    if state == Job.State.FAILED:
        logger.warning("job failed", error=error)
    Job.objects.filter(pk=job_id, state=Job.State.RUNNING, lease_token=token).update(
        state=state, error=error, finished_at=ClockTimestamp(), lease_until=None, lease_token=None
    )


def _retry_or_fail(row: Job, token: uuid.UUID, error: str) -> None:
    if row.attempts >= row.max_attempts:
        _close(row.pk, token, state=Job.State.FAILED, error=error)
        return
    try:
        with transaction.atomic():
            Job.objects.filter(pk=row.pk, state=Job.State.RUNNING, lease_token=token).update(
                state=Job.State.QUEUED,
                lease_until=None,
                lease_token=None,
                error=error,
                not_before=ClockTimestamp() + timedelta(seconds=min(2**row.attempts, LONGEST_PAUSE_SECONDS)),
                sent_at=ClockTimestamp(),
            )
        logger.warning("job will be retried", attempt=row.attempts, error=error)
    except IntegrityError:
        # A duplicate with the same dedupe key is already queued and will do this work.
        _close(row.pk, token, state=Job.State.FAILED, error=error)


@contextmanager
def _heartbeat(job_id: int, token: uuid.UUID) -> Iterator[None]:
    """Renew the lease while the job runs, from a thread with its own connection."""
    stop = threading.Event()

    def beat() -> None:
        try:
            while not stop.wait(HEARTBEAT_SECONDS):
                try:
                    Job.objects.filter(pk=job_id, lease_token=token).update(lease_until=ClockTimestamp() + LEASE)
                except DatabaseError:
                    # The lease lasts four heartbeats: if the database is back by then, the job is still held.
                    logger.warning("heartbeat missed: the database is unavailable", job_id=job_id)
                    connection.close()
        finally:
            connection.close()

    thread = threading.Thread(target=beat, name=f"heartbeat-{job_id}", daemon=True)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join(timeout=5)


def resend_lost_jobs() -> int:
    """Write outbox messages for jobs whose message may be lost: queued but not started for a while, or lease expired.

    Skips jobs whose message is still in the outbox: otherwise a broker that was down for an hour would come back to a
    pile of messages.
    """
    now = ClockTimestamp()
    unsent = Exists(OutboxMessage.objects.filter(job=OuterRef("pk")))
    with transaction.atomic():
        stale = list(
            Job.objects.select_for_update(skip_locked=True, no_key=True)
            .filter(~unsent)
            .filter(
                Q(state=Job.State.QUEUED, created_at__lt=now - RESEND_AFTER)
                & (Q(sent_at__isnull=True) | Q(sent_at__lt=now - RESEND_AFTER))
                & (Q(not_before__isnull=True) | Q(not_before__lt=now))
                | Q(state=Job.State.RUNNING, lease_until__lt=now)
            )
            .order_by("id")[:500]
        )
        dead = [row.pk for row in stale if row.attempts >= row.max_attempts]
        live = [row.pk for row in stale if row.attempts < row.max_attempts]
        Job.objects.filter(pk__in=dead).update(
            state=Job.State.FAILED,
            error="The worker process crashed on every attempt. See its log.",
            finished_at=now,
            lease_until=None,
            lease_token=None,
        )
        Job.objects.filter(pk__in=live).update(sent_at=now)
        OutboxMessage.objects.bulk_create([OutboxMessage(job_id=pk) for pk in live])
    if stale:
        logger.warning("jobs sent again", resent=live, failed=dead)
    return len(live)


@shared_task(name="kernel.resend_jobs_job", time_limit=60)
def resend_jobs_job() -> None:
    resend_lost_jobs()


@shared_task(name="kernel.prune_job", time_limit=600)
def prune_job() -> None:
    deleted = prune()
    if deleted:
        logger.info("old rows pruned", rows=deleted)
