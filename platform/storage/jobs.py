"""Background jobs of the storage app."""

import structlog
from celery import shared_task
from django.db import transaction

from kernel.job_kinds import JobKind, NoArgs
from kernel.jobs import enqueue, job
from kernel.models import Job
from kernel.queues import Queue
from storage import services
from storage.temporary_files import sweep_spool

logger = structlog.get_logger(__name__)

SWEEP_ON = JobKind("storage.sweep_on", NoArgs, queue=Queue.HEAVY)


@shared_task(name="storage.sweep_blobs_job", time_limit=840)
def sweep_blobs_job() -> None:
    spooled = sweep_spool()
    rows, files = services.sweep_blobs()
    if rows or files or spooled:
        logger.info("blobs swept", rows=rows, files=files, spooled=spooled)
    _sweep_on(rows)


@job(SWEEP_ON, time_limit=840)
def sweep_on_job(row: Job, args: NoArgs) -> None:
    """The next step of a sweep that has more to delete, such as the files of a big project that was deleted."""
    rows = services.sweep_unreferenced()
    logger.info("blobs swept", rows=rows)
    _sweep_on(rows)


def _sweep_on(rows: int) -> None:
    """Queue another step unless the last one found little to delete. Short steps let other jobs take their turns.

    One that deleted nothing ends it as well: during a backup, for example, which the next periodic sweep waits out.
    """
    if rows > services.SWEEP_AT_MOST // 2:
        with transaction.atomic():
            enqueue(SWEEP_ON, NoArgs(), dedupe_key=SWEEP_ON.name)
