"""Background jobs: database rows with a lease and a heartbeat, run by Celery.

`enqueue` writes the row and an outbox message in the caller's transaction; the relay sends the message to the job's
queue; a Celery worker claims the row, renews its lease while it runs, and closes it. If a worker is killed, its lease
expires and `resend_jobs_job` sends the job again: Redis itself would not redeliver before its visibility timeout.
"""

import ctypes
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import TypeVar

import structlog
from celery import shared_task
from django.db import DatabaseError, connection, transaction
from django.db.models import F, Q, QuerySet
from structlog.contextvars import bound_contextvars

from kernel.clock import ClockTimestamp
from kernel.closing import OnFailure, close_done, close_failed, retry_or_fail, tell_on_failure
from kernel.errors import AnnotaryError
from kernel.job_kinds import JobKind
from kernel.lost_jobs import resend_lost_jobs as resend_lost_jobs
from kernel.models import Job, OutboxMessage
from kernel.outages import handle_outage
from kernel.progress import Progress
from kernel.pruning import prune
from kernel.queues import Queue
from kernel.statements import insert_unless_exists

logger = structlog.get_logger(__name__)

#: Five heartbeats, so that neither a restart of the database nor a long call that keeps the interpreter busy ends it.
LEASE = timedelta(seconds=25)
HEARTBEAT_SECONDS = 5.0
#: After a heartbeat that failed: by then the lease may be about to end.
RETRY_SECONDS = 1.0
#: A job's progress is written at most this often, however often the job reports it.
PROGRESS_SECONDS = 1.0


A = TypeVar("A")
OnProgress = Callable[[Job, Progress], None]
_progress_hooks: dict[str, OnProgress] = {}
#: What runs the jobs of each kind, by its name and its aliases.
handlers: dict[str, Callable[[Job], None]] = {}
#: The heartbeats of the jobs that this process runs, by the job's id.
_beats: dict[int, "_Beat"] = {}


class LeaseLost(Exception):
    """The lease ended and another worker took the job over, so this one must stop."""


def enqueue(
    kind: JobKind[A],
    args: A,
    *,
    queue: Queue | None = None,
    project_id: int | None = None,
    dedupe_key: str | None = None,
    not_before: datetime | None = None,
) -> Job | None:
    """Queue a job in the caller's transaction. Return None if a job with the same `dedupe_key` is already queued.

    `queue` replaces that of the kind, for example for work that nobody waits for. With `not_before` the job waits until
    then, and a few seconds longer for the sweep that sends it.

    The queued duplicate is locked until the caller commits: a worker that claimed it earlier would not see the caller's
    rows.
    """
    return _insert(
        Job(
            kind=kind.name,
            queue=queue or kind.queue,
            project_id=project_id,
            dedupe_key=dedupe_key,
            max_attempts=kind.max_attempts,
            not_before=not_before,
            args=kind.stored(args),
        )
    )


def enqueue_again(row: Job, *, not_before: datetime) -> Job | None:
    """Queue the work of a job that has failed once more, like `enqueue`. The failed job stays in the table."""
    return _insert(
        Job(
            kind=row.kind,
            queue=row.queue if row.queue in Queue.values else Queue.HEAVY,
            project_id=row.project_id,
            dedupe_key=row.dedupe_key,
            max_attempts=row.max_attempts,
            not_before=not_before,
            args=row.args,
        )
    )


def _insert(row: Job) -> Job | None:
    while not insert_unless_exists(row):
        if _lock_queued_duplicate(row.dedupe_key):
            return None
        # It has been claimed and may already have read its input, so a new job is needed.
    if row.not_before is None:
        OutboxMessage.objects.create(job=row, queue=row.queue, project_id=row.project_id or 0)
    return row


def _lock_queued_duplicate(dedupe_key: str | None) -> bool:
    with connection.cursor() as cursor:
        # FOR SHARE blocks claims of the duplicate but not other callers that enqueue the same job.
        cursor.execute("SELECT 1 FROM kernel_job WHERE dedupe_key = %s AND state = 'queued' FOR SHARE", [dedupe_key])
        return cursor.fetchone() is not None


def job(
    kind: JobKind[A],
    *,
    time_limit: int = 600,
    on_failure: OnFailure | None = None,
    on_progress: OnProgress | None = None,
) -> Callable[[Callable[[Job, A], None]], Callable[..., None]]:
    """Turn a function `f(job, args)` into the Celery entry point for jobs of this kind: its one handler.

    The function takes ids, re-reads the rows, does nothing if the work is done, and can run twice. An `AnnotaryError`
    is final and its message is kept on the row, unless it is `Unavailable`; that and any other error is retried with
    exponential backoff. Errors of drivers and of the disk count as the outage that they mean (`kernel.outages`).
    `on_failure(job, error)` is called in the transaction that closes the job as failed, however that comes about; it
    must not rely on the attempt that failed, and `error` is None unless people may read it. In the transaction that
    writes what the job has reported, `on_progress(job, progress)` is called. Raises ValueError for a kind that has a
    handler already.
    """

    def decorate(function: Callable[[Job, A], None]) -> Callable[..., None]:
        def run(row: Job) -> None:
            function(row, kind.args_of(row))

        for name in kind.names:
            if name in handlers:
                raise ValueError(f"Two functions handle jobs of the kind {name}.")
            handlers[name] = run
            if on_failure is not None:
                tell_on_failure(name, on_failure)
            if on_progress is not None:
                _progress_hooks[name] = on_progress
        entry, *_ = [
            shared_task(name=name, time_limit=time_limit + 30, soft_time_limit=time_limit)(_entry(function, run))
            for name in kind.names
        ]
        entry.run_function = run  # type: ignore[attr-defined]  # for callers that run a job without a broker
        return entry

    return decorate


def _entry(function: Callable[[Job, A], None], run: Callable[[Job], None]) -> Callable[[int], None]:
    def entry(job_id: int) -> None:
        run_job(job_id, run)

    # Celery takes names and words from these.
    entry.__module__, entry.__qualname__, entry.__doc__ = function.__module__, function.__qualname__, function.__doc__
    entry.__name__ = function.__name__
    return entry


def run_job(job_id: int, function: Callable[[Job], None]) -> None:
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


def _run_claimed(row: Job, token: uuid.UUID, function: Callable[[Job], None]) -> None:
    started = time.monotonic()
    try:
        with _heartbeat(row, token):
            function(row)
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
