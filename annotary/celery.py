"""The Celery application. Jobs are database rows (kernel.jobs); a message only carries the id of one."""

import os
from typing import Any

from celery import Celery
from celery.signals import setup_logging

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "annotary.settings.embedded")

app = Celery("annotary")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks(
    [
        "kernel",
        "storage",
        "tasks.snapshots",
        "tasks.exports",
        "tasks.flow",
        "tasks.analytics",
    ],
    related_name="jobs",
)
app.conf.beat_schedule = {
    "resend-jobs": {"task": "kernel.resend_jobs_job", "schedule": 15.0},
    "expire-leases": {"task": "flow.expire_leases_job", "schedule": 15.0},
    "sweep-blobs": {"task": "storage.sweep_blobs_job", "schedule": 900.0},
    "prune": {"task": "kernel.prune_job", "schedule": 86_400.0},
}


@setup_logging.connect
def _use_django_logging(**kwargs: Any) -> None:
    """Keep Django's logging settings, which Celery would otherwise replace with its own."""
