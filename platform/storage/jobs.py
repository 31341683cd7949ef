"""Background jobs of the storage app."""

from celery import shared_task

from storage.services import sweep_blobs


@shared_task(name="storage.sweep_blobs_job", time_limit=840)
def sweep_blobs_job() -> None:
    sweep_blobs()
