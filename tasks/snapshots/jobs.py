"""The Celery entry point for building releases."""

from kernel.errors import AnnotaryError
from kernel.jobs import job, report_progress
from kernel.models import Job
from kernel.progress import Progress
from tasks.snapshots.selectors import BUILD, SnapshotId
from tasks.snapshots.services import BUILD_INTERRUPTED, build_snapshot, fail_snapshot, record_progress


def _fail(row: Job, error: AnnotaryError | None) -> None:
    fail_snapshot(snapshot_id=BUILD.args_of(row).snapshot_id, error=error.detail if error else BUILD_INTERRUPTED)


def _announce(row: Job, progress: Progress) -> None:
    record_progress(snapshot_id=BUILD.args_of(row).snapshot_id, progress=progress)


@job(BUILD, time_limit=3600, on_failure=_fail, on_progress=_announce)
def build_snapshot_job(row: Job, args: SnapshotId) -> None:
    build_snapshot(
        snapshot_id=args.snapshot_id, report=lambda done, total: report_progress(row, done=done, total=total)
    )
