"""Celery entry point of reports: computes one and is safe to run twice."""

from typing import Any

from kernel.jobs import job
from kernel.models import Job
from tasks.analytics.reports import make_report


@job("flow.report", time_limit=300)
def make_report_job(row: Job, *, key: str, name: str, asked: dict[str, Any]) -> None:
    assert row.project_id is not None  # a report belongs to a project
    make_report(project_id=row.project_id, key=key, name=name, arguments=asked)
