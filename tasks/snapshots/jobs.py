"""The Celery entry point for building releases."""

from kernel.errors import AnnotaryError
from kernel.jobs import job
from kernel.models import Job
from tasks.snapshots.services import BUILD, BUILD_INTERRUPTED, build_snapshot, fail_snapshot


def _fail(row: Job, error: AnnotaryError | None) -> None:
    fail_snapshot(snapshot_id=row.args["snapshot_id"], error=error.detail if error else BUILD_INTERRUPTED)


@job(BUILD, time_limit=3600, on_failure=_fail)
def build_snapshot_job(row: Job, *, snapshot_id: int) -> None:
    build_snapshot(snapshot_id=snapshot_id)
