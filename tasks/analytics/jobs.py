"""Celery entry point of reports: computes one and is safe to run twice."""

from kernel.jobs import job
from kernel.models import Job
from tasks.analytics.reports import MAKE, ReportArgs, make_report


@job(MAKE, time_limit=300)
def make_report_job(row: Job, args: ReportArgs) -> None:
    assert row.project_id is not None  # a report belongs to a project
    make_report(project_id=row.project_id, key=args.key, name=args.name, arguments=args.asked)
