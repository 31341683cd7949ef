"""The Celery entry point for writing exports."""

from kernel.errors import AnnotaryError
from kernel.jobs import job, report_progress
from kernel.models import Job
from kernel.progress import Progress
from tasks.exports.selectors import WRITE, ExportId
from tasks.exports.services import EXPORT_INTERRUPTED, fail_export, record_progress, write_export


def _fail(row: Job, error: AnnotaryError | None) -> None:
    fail_export(export_id=WRITE.args_of(row).export_id, error=error.detail if error else EXPORT_INTERRUPTED)


def _announce(row: Job, progress: Progress) -> None:
    record_progress(export_id=WRITE.args_of(row).export_id, progress=progress)


@job(WRITE, time_limit=6 * 3600, on_failure=_fail, on_progress=_announce)
def write_export_job(row: Job, args: ExportId) -> None:
    write_export(export_id=args.export_id, progress=lambda done, total: report_progress(row, done=done, total=total))
