"""The Celery entry point for writing exports."""

from kernel.errors import AnnotaryError
from kernel.jobs import job, report_progress
from kernel.models import Job
from tasks.exports.services import EXPORT_INTERRUPTED, WRITE, fail_export, write_export


@job(WRITE, time_limit=6 * 3600)
def write_export_job(row: Job, *, export_id: int) -> None:
    try:
        write_export(export_id=export_id, progress=lambda done, total: report_progress(row, done=done, total=total))
    except AnnotaryError as error:
        fail_export(export_id=export_id, error=error.detail)
        raise
    except Exception:
        # The kernel retries until the last attempt; after that, the export must not stay unfinished.
        if row.attempts >= row.max_attempts:
            fail_export(export_id=export_id, error=EXPORT_INTERRUPTED)
        raise
