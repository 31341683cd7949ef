"""The Celery application. Jobs are database rows (kernel.jobs); a message only carries the id of one."""

import os
from typing import Any

from celery import Celery
from celery.signals import setup_logging, task_postrun, task_prerun
from structlog.contextvars import bind_contextvars, clear_contextvars

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "annotary.settings.embedded")
# For workers, which import this before the settings: a frozen one must not hold its locks. Between two statements of a
# transaction no job computes as long.
os.environ.setdefault("ANNOTARY_IDLE_TRANSACTION_SECONDS", "300")

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


@task_prerun.connect
def _bind_task(task: Any, **kwargs: Any) -> None:
    """Name the Celery task on every log line; `kernel.jobs` adds the job and its project."""
    clear_contextvars()
    bind_contextvars(celery_task=task.name)


@task_postrun.connect
def _unbind_task(**kwargs: Any) -> None:
    clear_contextvars()
