"""Background jobs: database rows with a lease and a heartbeat, run by Celery.

`enqueue` writes the row and an outbox message in the caller's transaction; the relay sends the message to the job's
queue; a Celery worker claims the row, renews its lease while it runs, and closes it. If a worker is killed, its lease
expires and `resend_jobs_job` sends the job again: Redis itself would not redeliver before its visibility timeout.
"""

import ctypes
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
from django.db import DatabaseError, connection, transaction
from django.db.models import F, Q, QuerySet
from structlog.contextvars import bound_contextvars

from kernel.clock import ClockTimestamp
from kernel.closing import OnFailure, close_done, close_failed, retry_or_fail, tell_on_failure
from kernel.errors import AnnotaryError
from kernel.inserting import insert_unless_exists
from kernel.lost_jobs import resend_lost_jobs as resend_lost_jobs
from kernel.models import Job, OutboxMessage
from kernel.outages import handle_outage
from kernel.progress import Progress
from kernel.pruning import prune
from kernel.queues import Queue

logger = structlog.get_logger(__name__)

#: Five heartbeats, so that neither a restart of the database nor a long call that keeps the interpreter busy ends it.
LEASE = timedelta(seconds=25)
HEARTBEAT_SECONDS = 5.0
#: After a heartbeat that failed: by then the lease may be about to end.
RETRY_SECONDS = 1.0
#: A job's progress is written at most this often, however often the job reports it.
PROGRESS_SECONDS = 1.0
# For work that nothing else would trigger again, such as pay: more than three days of retries at the longest pause.
KEEP_TRYING = 1000


OnProgress = Callable[[Job, Progress], None]
_progress_hooks: dict[str, OnProgress] = {}
#: The heartbeats of the jobs that this process runs, by the job's id.
_beats: dict[int, "_Beat"] = {}


class LeaseLost(Exception):
    """The lease ended and another worker took the job over, so this one must stop."""


def enqueue(
    kind: str,
    *,
    queue: Queue = Queue.INTERACTIVE,
    project_id: int | None = None,
    dedupe_key: str | None = None,
    max_attempts: int = 5,
    not_before: datetime | None = None,
    **args: Any,
) -> Job | None:
    """Queue a job in the caller's transaction. Return None if a job with the same `dedupe_key` is already queued.

    `queue` says which workers run it: work that takes more than a moment must not stay in the interactive queue. With
    `not_before` the job waits until then, and a few seconds longer for the sweep that sends it.

    The queued duplicate is locked until the caller commits: a worker that claimed it earlier would not see the caller's
    rows.
    """
    job = Job(
        kind=kind,
        queue=queue,
        project_id=project_id,
        dedupe_key=dedupe_key,
        max_attempts=max_attempts,
        not_before=not_before,
        args=args,
    )
    while not insert_unless_exists(job):
        if _lock_queued_duplicate(dedupe_key):
            return None
        # It has been claimed and may already have read its input, so a new job is needed.
    if not_before is None:
        OutboxMessage.objects.create(job=job, queue=queue, project_id=project_id or 0)
    return job


def _lock_queued_duplicate(dedupe_key: str | None) -> bool:
    with connection.cursor() as cursor:
        # FOR SHARE blocks claims of the duplicate but not other callers that enqueue the same job.
        cursor.execute("SELECT 1 FROM kernel_job WHERE dedupe_key = %s AND state = 'queued' FOR SHARE", [dedupe_key])
        return cursor.fetchone() is not None


def job(
    kind: str,
    *,
    time_limit: int = 600,
    on_failure: OnFailure | None = None,
    on_progress: OnProgress | None = None,
) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Turn a function `f(job, **args)` into the Celery entry point for jobs of this kind.

    The function takes ids, re-reads the rows, does nothing if the work is done, and can run twice. An `AnnotaryError`
    is final and its message is kept on the row, unless it is `Unavailable`; that and any other error is retried with
    exponential backoff. Errors of drivers and of the disk count as the outage that they mean (`kernel.outages`).
    `on_failure(job, error)` is called in the transaction that closes the job as failed, however that comes about; it
    must not rely on the attempt that failed, and `error` is None unless people may read it. In the transaction that
    writes what the job has reported, `on_progress(job, progress)` is called.
    """
    if on_failure is not None:
        tell_on_failure(kind, on_failure)
    if on_progress is not None:
        _progress_hooks[kind] = on_progress

    def decorate(function: Callable[..., None]) -> Callable[..., None]:
        @shared_task(name=kind, time_limit=time_limit + 30, soft_time_limit=time_limit)
        @functools.wraps(function)
        def entry(job_id: int) -> None:
            run_job(job_id, function)

        entry.run_function = function  # type: ignore[attr-defined]  # for callers that run a job without a broker
        return entry

    return decorate


def run_job(job_id: int, function: Callable[..., None]) -> None:
    """Claim the job and run it, unless it is done, not yet due, or claimed by another worker.

    A message that is refused costs this one statement.
    """
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
        with _heartbeat(row, token):
            function(row, **row.args)
    except LeaseLost:
        # It may have been interrupted within a statement, or while a transaction ended: then Django would keep it.
        connection.in_atomic_block = False
        connection.close()
        logger.warning("job interrupted: another worker has taken it over", attempt=row.attempts)
    except Exception as error:
        _close_after(row, token, error)
    else:
        close_done(row, token)
        logger.info("job done", attempt=row.attempts, seconds=round(time.monotonic() - started, 3))


def _close_after(row: Job, token: uuid.UUID, error: Exception) -> None:
    outage = handle_outage(error)
    if outage is not None:
        retry_or_fail(row, token, error=outage.detail, cause=outage)
    elif isinstance(error, AnnotaryError):
        close_failed(row, token, error=error.detail, cause=error)
    else:
        logger.exception("job raised an error", attempt=row.attempts)
        retry_or_fail(row, token, error=f"{type(error).__name__}: {error}"[:2000])


def report_progress(row: Job, *, done: int, total: int) -> None:
    """Note how far the job is. Its heartbeat writes that, on a connection of its own, at most once a second.

    So it costs nothing to report each step, and others see it while the job is within a transaction.
    """
    beat = _beats.get(row.pk)
    if beat is not None:
        beat.reported = Progress(done, total)


def others_wait(row: Job) -> bool:
    """Whether a job of another project in the same queue could run now. A long job makes room for it.

    Jobs of one project run one after the other: the images of a later upload come after those of an earlier one.
    """
    due = Q(not_before__isnull=True) | Q(not_before__lte=ClockTimestamp())
    waiting = Job.objects.filter(due, queue=row.queue, state=Job.State.QUEUED)
    return waiting.exclude(pk=row.pk).exclude(project_id=row.project_id).exists()


@contextmanager
def _heartbeat(row: Job, token: uuid.UUID) -> Iterator[None]:
    """Renew the lease while the block runs. Raises LeaseLost in the block if another worker has taken the job over.

    The exception reaches the block between two of its instructions, so an open transaction is rolled back.
    """
    beat = _beats[row.pk] = _Beat(row, token, threading.get_ident())
    thread = threading.Thread(target=beat.run, name=f"heartbeat-{row.pk}", daemon=True)
    thread.start()
    try:
        yield
    finally:
        _beats.pop(row.pk, None)
        try:
            beat.stop()
        except LeaseLost:
            beat.stop()
            raise
        finally:
            thread.join(timeout=5)


class _Beat:
    def __init__(self, row: Job, token: uuid.UUID, worker: int) -> None:
        self._row, self._token, self._worker = row, token, worker
        self.reported: Progress | None = None  # by the job, in its own thread
        self._written: Progress | None = None
        self._stop = threading.Event()
        # Held while the job is interrupted, so that the exception cannot reach what the thread does after the job.
        self._running = threading.Lock()

    def run(self) -> None:
        due = time.monotonic() + HEARTBEAT_SECONDS
        try:
            while not self._stop.wait(min(PROGRESS_SECONDS, max(0.0, due - time.monotonic()))):
                self._write_progress()
                if time.monotonic() >= due:
                    due = time.monotonic() + self._renew()
        finally:
            connection.close()

    def stop(self) -> None:
        with self._running:
            self._stop.set()

    def _renew(self) -> float:
        """Renew the lease; return the seconds until the next time."""
        try:
            renewed = self._held().update(lease_until=ClockTimestamp() + LEASE)
        except DatabaseError:
            logger.warning("heartbeat missed: the database is unavailable", job_id=self._row.pk)
            connection.close()
            return min(RETRY_SECONDS, HEARTBEAT_SECONDS)
        if not renewed:
            self._interrupt()
        return HEARTBEAT_SECONDS

    def _write_progress(self) -> None:
        progress = self.reported
        if progress is None or progress == self._written:
            return
        try:
            with transaction.atomic():
                held = self._held().update(progress_done=progress.done, progress_total=progress.total or 0)
                if held and self._row.kind in _progress_hooks:
                    _progress_hooks[self._row.kind](self._row, progress)
        except DatabaseError:
            connection.close()  # the next heartbeat logs it
        else:
            self._written = progress

    def _held(self) -> QuerySet[Job]:
        return Job.objects.filter(pk=self._row.pk, state=Job.State.RUNNING, lease_token=self._token)

    def _interrupt(self) -> None:
        with self._running:
            if not self._stop.is_set():
                ctypes.pythonapi.PyThreadState_SetAsyncExc(ctypes.c_ulong(self._worker), ctypes.py_object(LeaseLost))


@shared_task(name="kernel.resend_jobs_job", time_limit=60)
def resend_jobs_job() -> None:
    resend_lost_jobs()


@shared_task(name="kernel.prune_job", time_limit=600)
def prune_job() -> None:
    deleted = prune()
    if deleted:
        logger.info("old rows pruned", rows=deleted)
