"""Background jobs of the storage app."""

import structlog
from celery import shared_task

from storage.services import sweep_blobs
from storage.temporary_files import sweep_spool

logger = structlog.get_logger(__name__)


@shared_task(name="storage.sweep_blobs_job", time_limit=840)
def sweep_blobs_job() -> None:
    spooled = sweep_spool()
    rows, files = sweep_blobs()
    if rows or files or spooled:
        logger.info("blobs swept", rows=rows, files=files, spooled=spooled)
