"""Closes jobs. A job that fails for good tells its owner in the transaction that closes its row.

The owner is what the job works for, such as an export: without the hook it would say "writing" forever.
"""

import functools
import uuid
from collections.abc import Callable
from datetime import timedelta

import structlog
from celery import current_app
from django.db import IntegrityError, transaction
from django.db.models import QuerySet

from kernel.clock import ClockTimestamp
from kernel.errors import AnnotaryError
from kernel.models import Job

logger = structlog.get_logger(__name__)

LONGEST_PAUSE_SECONDS = 300
#: After an outage, such as a full disk: people wait for the work once it is over, and another attempt costs little.
LONGEST_PAUSE_IN_OUTAGE_SECONDS = 30
CRASHED = "The worker process crashed on every attempt. See its log."

#: Called with the job and the error that people may read, or None if the last attempt crashed or hit a bug.
OnFailure = Callable[[Job, AnnotaryError | None], None]

_hooks: dict[str, OnFailure] = {}


def tell_on_failure(kind: str, hook: OnFailure) -> None:
    """Register what is called in the transaction that closes a job of this kind as failed."""
    _hooks[kind] = hook


def close_done(row: Job, token: uuid.UUID) -> None:
    """Close the job, if this worker still holds its lease; otherwise its successor closes it."""
    _close(_held(row.pk, token), state=Job.State.DONE, error="")


@transaction.atomic
def close_failed(row: Job, token: uuid.UUID, *, error: str, cause: AnnotaryError | None = None) -> None:
    """Locks the job, then its owner. Close it and tell its owner, if this worker still holds its lease."""
    if _close(_held(row.pk, token), state=Job.State.FAILED, error=error):
        logger.warning("job failed", error=error)
        _tell(row, cause)


@transaction.atomic
def close_dead(job_id: int) -> bool:
    """Locks the job, then its owner. Close a job whose worker died on the last attempt; returns whether it was."""
    rows = Job.objects.select_for_update(skip_locked=True, no_key=True)
    row = rows.filter(pk=job_id, state=Job.State.RUNNING, lease_until__lt=ClockTimestamp()).first()
    if row is None:
        return False
    _close(Job.objects.filter(pk=row.pk), state=Job.State.FAILED, error=CRASHED)
    _tell(row, None)
    return True


def retry_or_fail(row: Job, token: uuid.UUID, *, error: str, cause: AnnotaryError | None = None) -> None:
    """Queue the job for another attempt after a pause that grows; close it after the last one.

    `cause` is the outage that ended the attempt, if one did.
    """
    if row.attempts >= row.max_attempts:
        close_failed(row, token, error=error, cause=cause)
        return
    longest = LONGEST_PAUSE_SECONDS if cause is None else LONGEST_PAUSE_IN_OUTAGE_SECONDS
    try:
        with transaction.atomic():
            _held(row.pk, token).update(
                state=Job.State.QUEUED,
                lease_until=None,
                lease_token=None,
                error=error,
                not_before=ClockTimestamp() + timedelta(seconds=min(2**row.attempts, longest)),
                sent_at=None,
            )
        logger.warning("job will be retried", attempt=row.attempts, error=error)
    except IntegrityError:
        # A duplicate with the same dedupe key is already queued and will do this work, so the owner is not told.
        _close(_held(row.pk, token), state=Job.State.FAILED, error=error)


def _tell(row: Job, cause: AnnotaryError | None) -> None:
    _import_hooks()
    hook = _hooks.get(row.kind)
    if hook is not None:
        hook(row, cause)


@functools.cache
def _import_hooks() -> None:
    """Import the modules that register the hooks. Job workers have; other processes that run a sweep have not."""
    current_app.loader.import_default_modules()


def _held(job_id: int, token: uuid.UUID) -> QuerySet[Job]:
    return Job.objects.filter(pk=job_id, state=Job.State.RUNNING, lease_token=token)


def _close(rows: QuerySet[Job], *, state: str, error: str) -> int:
    return rows.update(state=state, error=error, finished_at=ClockTimestamp(), lease_until=None, lease_token=None)
