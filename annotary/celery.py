"""The Celery application. Jobs are database rows (kernel.jobs); a message only carries the id of one."""

import os
from typing import Any

from celery import Celery
from celery.signals import setup_logging, task_postrun, task_prerun, worker_init, worker_process_init
from kombu import Exchange
from kombu import Queue as BrokerQueue
from structlog.contextvars import bind_contextvars, clear_contextvars

from kernel.queues import ALL_QUEUES, Queue
from kernel.scratch import use_scratch_folder

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
        "tasks.flow",
        "tasks.analytics",
    ],
    related_name="jobs",
)
app.conf.task_queues = [BrokerQueue(name, Exchange(name), routing_key=name) for name in ALL_QUEUES]


def _sweep(task: str, seconds: float) -> dict[str, Any]:
    return {"task": task, "schedule": seconds, "options": {"queue": Queue.SWEEPS.value}}


app.conf.beat_scheduler = "kernel.beat:MonotonicScheduler"
app.conf.beat_schedule = {
    "resend-jobs": _sweep("kernel.resend_jobs_job", 5.0),
    "expire-leases": _sweep("flow.expire_leases_job", 3.0),
    "fold-commitments": _sweep("flow.fold_commitments_job", 60.0),
    "suspend-contested-gold": _sweep("flow.suspend_contested_gold_job", 60.0),
    "delete-cursors": _sweep("flow.delete_cursors_job", 3600.0),
    "sweep-blobs": _sweep("storage.sweep_blobs_job", 900.0),
    "mail-notices": _sweep("flow.queue_notice_mails_job", 60.0),
    "delete-old-notices": _sweep("flow.delete_old_notices_job", 3600.0),
    "delete-old-traces": _sweep("flow.delete_old_traces_job", 3600.0),
    "prune": _sweep("kernel.prune_job", 3600.0),
}


@worker_init.connect
@worker_process_init.connect
def _use_scratch_folder(**kwargs: Any) -> None:
    """In the pool's processes, and in the worker's own, which runs the jobs of other kinds of pools."""
    use_scratch_folder()


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
