"""Figures that take too long for a page: made by a job, kept in the cache, shown with their age.

The cache may lose them at any moment; then they are made again. A report is brought up to date by whoever looks at it.
"""

import hashlib
import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.core.cache import cache
from django.db.models import Max

from kernel.clock import utc_now
from kernel.errors import Refused
from kernel.jobs import enqueue
from kernel.models import Event, Job
from projects.models import Project
from tasks.analytics.quality_report import project_quality
from tasks.analytics.what_if import project_replay

KIND = "flow.report"
#: Raise it when a maker's body gets another shape: what an earlier version kept is not read any more.
SHAPE = 2
#: How old figures may be while answers still come in.
FRESH = timedelta(minutes=2)
KEPT = timedelta(days=30)
#: A failure is told for so long; whoever looks later has it tried again.
TOLD = timedelta(minutes=10)

Json = dict[str, Any]
MAKERS: dict[str, Callable[..., Json]] = {"quality": project_quality, "replay": project_replay}


@dataclass(frozen=True, slots=True)
class Report:
    """`body` as its maker gave it, None before the first. `problem` is the sentence of a making that failed."""

    body: Json | None = None
    at: datetime | None = None
    is_being_made: bool = False
    problem: str = ""


def report_of(*, project: Project, name: str, again: bool = False, **asked: Any) -> Report:
    """The report as it was last made; a job is queued when there is none, or when much has happened since.

    `asked` are plain arguments of the maker; each set of them has a report of its own. `again` makes it anew.
    """
    key = _key(project.pk, name, asked)
    kept, job = cache.get(key), _job_of(key)
    is_live = job is not None and job.state in (Job.State.QUEUED, Job.State.RUNNING)
    problem = "" if job is None or is_live else _problem_of(job)
    if not is_live and (again or (not problem and _is_old(project, kept))):
        _ask(project, key, name, asked)
        is_live, problem = True, ""
    if kept is None:
        return Report(is_being_made=is_live, problem=problem)
    return Report(kept["body"], datetime.fromisoformat(kept["at"]), is_live, problem)


def _ask(project: Project, key: str, name: str, asked: Json) -> None:
    job = enqueue(
        KIND, project_id=project.pk, dedupe_key=f"{KIND}:{key}", max_attempts=2, key=key, name=name, asked=asked
    )
    if job is not None:
        cache.set(f"{key}-job", job.pk, timeout=int(KEPT.total_seconds()))


def _job_of(key: str) -> Job | None:
    """The last job that was asked to make it. Its key is kept beside it: a project has very many jobs."""
    pk = cache.get(f"{key}-job")
    return Job.objects.filter(pk=pk).first() if pk is not None else None


def _problem_of(job: Job) -> str:
    """Why the last making failed, while that is worth telling."""
    is_recent = job.finished_at is not None and utc_now() - job.finished_at < TOLD
    return (job.error or "The job failed.") if job.state == Job.State.FAILED and is_recent else ""


def kept_report(*, project: Project, name: str, **asked: Any) -> Json | None:
    """The body of the report as it was last made, however old; None when there is none."""
    kept = cache.get(_key(project.pk, name, asked))
    return kept["body"] if kept is not None else None


def make_report(*, project_id: int, key: str, name: str, asked: Json) -> None:
    """For the job: make the report and keep it."""
    if name not in MAKERS:
        raise Refused("There is no such report; load the page again.")
    project = Project.objects.select_related("schema").filter(pk=project_id).first()
    if project is None:
        return
    seen = _last_event(project)
    at = utc_now().isoformat()
    body = MAKERS[name](project=project, **asked)
    cache.set(key, {"body": body, "at": at, "seen": seen}, timeout=int(KEPT.total_seconds()))


def _is_old(project: Project, kept: Json | None) -> bool:
    if kept is None:
        return True
    age = utc_now() - datetime.fromisoformat(kept["at"])
    return age > FRESH and kept["seen"] != _last_event(project)


def _last_event(project: Project) -> int:
    """The number of the last event of the live stream: whatever changes a figure is told there."""
    return Event.objects.filter(project_id=project.pk).aggregate(last=Max("number"))["last"] or 0


def _key(project_id: int, name: str, asked: Json) -> str:
    told = hashlib.sha256(json.dumps(asked, sort_keys=True, default=str).encode()).hexdigest()[:16]
    return f"report-{SHAPE}-{project_id}-{name}-{told}"
