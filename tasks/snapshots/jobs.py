"""The Celery entry point for building releases."""

from kernel.errors import AnnotaryError
from kernel.jobs import job
from kernel.models import Job
from tasks.snapshots.services import BUILD, BUILD_INTERRUPTED, build_snapshot, fail_snapshot


@job(BUILD, time_limit=3600)
def build_snapshot_job(row: Job, *, snapshot_id: int) -> None:
    try:
        build_snapshot(snapshot_id=snapshot_id)
    except AnnotaryError as error:
        fail_snapshot(snapshot_id=snapshot_id, error=error.detail)
        raise
    except Exception:
        # The kernel retries until the last attempt; after that, the release must not stay in state building.
        if row.attempts >= row.max_attempts:
            fail_snapshot(snapshot_id=snapshot_id, error=BUILD_INTERRUPTED)
        raise
