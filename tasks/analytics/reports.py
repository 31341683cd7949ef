"""Reports too slow to compute in a request: a job computes them, the cache keeps them, pages show their age.

The cache may lose a report at any moment; it is then computed again. Viewing an outdated report triggers an update.
"""

import hashlib
import json
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Generic, TypeVar

from django.core.cache import cache
from django.db.models import Max

from kernel.clock import database_now, rfc3339, utc_now
from kernel.errors import Refused
from kernel.job_kinds import JobKind
from kernel.jobs import enqueue
from kernel.models import Event, Job
from kernel.queues import Queue
from projects.models import Project
from tasks.analytics.offer_figures import OfferFigures, offer_figures
from tasks.analytics.quality_report import project_quality
from tasks.analytics.what_if import project_replay
from tasks.analytics.worker_signals import flagged_workers


@dataclass(frozen=True, slots=True)
class ReportArgs:
    """The report named `name`, asked for with the arguments `asked`, to be kept under `key`."""

    key: str
    name: str
    asked: dict[str, Any]


MAKE = JobKind("analytics.report", ReportArgs, queue=Queue.EXPORT, max_attempts=2, aliases=("flow.report",))
#: Increment it when the structure of a report changes: reports cached by an earlier version are then ignored.
SHAPE = 3
#: The maximum age of a report while new answers arrive.
FRESH = timedelta(minutes=2)
#: The age at which the figures of an offer are computed anew, however little was answered: rarely, so that nobody sees
#: what a single set changed.
OFFER_FRESH = timedelta(hours=1)
#: How long nobody asks again for figures of an offer that a job was queued for.
ASKED_FOR = timedelta(minutes=10)
KEPT_FOR = timedelta(days=30)
#: How long a failure is shown; viewing the report later retries it.
FAILURE_SHOWN = timedelta(minutes=10)

Body = TypeVar("Body")


@dataclass(frozen=True, slots=True)
class ReportKind(Generic[Body]):
    """A report by its name. compute: takes the project and the arguments that the report is asked for with."""

    name: str
    compute: Callable[..., Body]


QUALITY = ReportKind("quality", project_quality)
REPLAY = ReportKind("replay", project_replay)
FLAGS = ReportKind("flags", flagged_workers)
OFFER = ReportKind("offer", offer_figures)
REPORTS: dict[str, ReportKind[Any]] = {kind.name: kind for kind in (QUALITY, REPLAY, FLAGS, OFFER)}


@dataclass(frozen=True, slots=True)
class Report(Generic[Body]):
    """`body` is the computed report, None before the first run. `problem` is the error message of a failed run."""

    body: Body | None = None
    at: datetime | None = None
    is_being_made: bool = False
    problem: str = ""


def get_report(kind: ReportKind[Body], *, project: Project, again: bool = False, **arguments: Any) -> Report[Body]:
    """The last computed report; queues a job if there is none or if it is outdated.

    `arguments` are passed to the report function; each combination has its own report. `again` forces an update.
    """
    key = _key(project.pk, kind.name, arguments)
    kept, job = cache.get(key), _job_of(key)
    is_live = job is not None and job.state in (Job.State.QUEUED, Job.State.RUNNING)
    problem = "" if job is None or is_live else _problem_of(job)
    if not is_live and (again or (not problem and _is_old(project, kept))):
        _queue(project, key, kind.name, arguments)
        is_live, problem = True, ""
    if kept is None:
        return Report(is_being_made=is_live, problem=problem)
    return Report(kept["body"], datetime.fromisoformat(kept["at"]), is_live, problem)


def _queue(project: Project, key: str, name: str, arguments: dict[str, Any]) -> None:
    job = enqueue(
        MAKE,
        ReportArgs(key, name, arguments),
        project_id=project.pk,
        dedupe_key=f"{MAKE.name}:{key}",
    )
    if job is not None:
        cache.set(f"{key}-job", job.pk, timeout=int(KEPT_FOR.total_seconds()))


def _job_of(key: str) -> Job | None:
    """The last job queued for the report. Its key is cached with the report, since a project has very many jobs."""
    pk = cache.get(f"{key}-job")
    return Job.objects.filter(pk=pk).first() if pk is not None else None


def _problem_of(job: Job) -> str:
    """The error of the last run, while it is recent."""
    is_recent = job.finished_at is not None and database_now() - job.finished_at < FAILURE_SHOWN
    return (job.error or "The job failed.") if job.state == Job.State.FAILED and is_recent else ""


def cached_report(kind: ReportKind[Body], *, project: Project, **arguments: Any) -> Body | None:
    """The body of the last computed report, however old; None if there is none."""
    kept = cache.get(_key(project.pk, kind.name, arguments))
    return kept["body"] if kept is not None else None


def offer_reports(*, projects: Iterable[Project]) -> dict[int, OfferFigures]:
    """Return {project id: the figures of its offer under its present terms of pay}, without those that no job has
    computed yet; queues a job for these, and for figures that are older than an hour.

    However many projects there are, the cache is read once, and the database only if a job is queued.
    """
    keys: dict[str, tuple[Project, dict[str, Any]]] = {}
    for project in projects:
        arguments = {"terms": project.pay_terms.to_json()}
        keys[_key(project.pk, OFFER.name, arguments)] = (project, arguments)
    kept, found = cache.get_many(keys), dict[int, OfferFigures]()
    for key, (project, arguments) in keys.items():
        report = kept.get(key)
        if report is not None:
            found[project.pk] = report["body"]
        is_old = report is None or utc_now() - datetime.fromisoformat(report["at"]) > OFFER_FRESH
        if is_old and cache.add(f"{key}-asked", True, timeout=int(ASKED_FOR.total_seconds())):
            _queue(project, key, OFFER.name, arguments)
    return found


def make_report(*, project_id: int, key: str, name: str, arguments: dict[str, Any]) -> None:
    """Compute the report and cache it; called by the job."""
    if name not in REPORTS:
        raise Refused("Unknown report. Reload the page.")
    project = Project.objects.select_related("schema").filter(pk=project_id).first()
    if project is None:
        return
    seen = _last_event(project)
    at = rfc3339(database_now())
    body = REPORTS[name].compute(project=project, **arguments)
    cache.set(key, {"body": body, "at": at, "seen": seen}, timeout=int(KEPT_FOR.total_seconds()))


def _is_old(project: Project, kept: dict[str, Any] | None) -> bool:
    if kept is None:
        return True
    age = database_now() - datetime.fromisoformat(kept["at"])
    return age > FRESH and kept["seen"] != _last_event(project)


def _last_event(project: Project) -> int:
    """The number of the last event in the live stream, which records every change that affects a report."""
    return Event.objects.filter(project_id=project.pk).aggregate(last=Max("number"))["last"] or 0


def _key(project_id: int, name: str, arguments: dict[str, Any]) -> str:
    arguments_hash = hashlib.sha256(json.dumps(arguments, sort_keys=True, default=str).encode()).hexdigest()[:16]
    return f"report-{SHAPE}-{project_id}-{name}-{arguments_hash}"
