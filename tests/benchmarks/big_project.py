"""Time every page and list of a big project: `python tests/benchmarks/big_project.py`; about five minutes.

Builds a project with 200,000 tasks, 600,000 answers, 300 workers and 4,000 batches in a temporary PostgreSQL, requests
every page of managers and workers and every list of the API several times, also deep inside lists, with every filter
and with 500 rows a page, and prints for each the median time of the server (Django's test client, without network) and
the number of SQL statements, slowest first; and for files with all answers or labels their size, time and memory. Ends
with status 1 if a request takes longer than the target.
"""

from __future__ import annotations

import argparse
import base64
import statistics
import sys
import time
import tracemalloc
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

#: Milliseconds that a request may take.
TARGET = 150


@dataclass(slots=True)
class Timing:
    """Medians in milliseconds; `cpu` is that of Python and of the connection's server process together."""

    path: str
    milliseconds: float
    cpu: float
    database: float
    statements: int


class StatementCounter:
    def __init__(self) -> None:
        self.count, self.seconds = 0, 0.0

    def __call__(self, execute: Callable[..., Any], sql: str, params: Any, many: bool, context: dict[str, Any]) -> Any:
        start = time.perf_counter()
        try:
            return execute(sql, params, many, context)
        finally:
            self.count += 1
            self.seconds += time.perf_counter() - start


def measure(client: Any, path: str, runs: int) -> Timing:
    """Request the path once to warm up, then `runs` times."""
    from django.db import connection

    from tests.benchmarks.claims import ServerTime

    response = client.get(path)
    assert response.status_code == 200, f"{path}: {response.status_code}"
    connection.ensure_connection()
    server, taken, statements = ServerTime(), [], 0
    for _ in range(runs):
        counter = StatementCounter()
        with connection.execute_wrapper(counter):
            start, cpu = time.perf_counter(), time.process_time() + server.now()
            client.get(path)
            end = time.perf_counter()
        taken.append((end - start, time.process_time() + server.now() - cpu, counter.seconds))
        statements = max(statements, counter.count)
    wall, used, database = (statistics.median(each) * 1000 for each in zip(*taken, strict=True))
    return Timing(path, wall, used, database, statements)


def manager_pages(project: Any) -> Iterator[str]:
    """Every page of the project and of its manager, the lists also deep inside and filtered."""
    from tasks.batching.models import Batch, Task
    from tasks.standing.models import Standing

    base = f"/projects/{project.public_id}/"
    batches, images = Batch.objects.filter(project=project), Task.objects.filter(project=project).count()
    yield from ("/projects/", "/projects/new/", "/settings/")
    yield from _deep(base, batches.count() // 25, "", "part=board")
    open_batch = batches.filter(state="open").order_by("number")[0]
    pages = max(1, images // 60)
    yield from _deep(f"{base}images/", pages, "", "part=grid", "state=open", f"batch={open_batch.public_id}", "name=77")
    for state, share in (("answered", 0.35), ("approved", 0.6), ("check", 0.01)):
        yield from _deep(f"{base}images/", max(1, int(pages * share)), f"state={state}")
    yield from _deep(f"{base}images/", max(1, pages // 2), f"name=photos&page={max(1, pages // 2)}")
    yield from _deep(f"{base}checks/", 10, "")
    worker = Standing.objects.filter(project=project).select_related("worker").order_by("-pk")[0].worker.public_id
    yield from _deep(f"{base}workers/", 6, "", f"worker={worker}")
    for name in ("to_review", "unseen", "approved", "rejected", "doubtful"):
        yield f"{base}review/?list={name}"
    yield f"{base}review/?batch={open_batch.public_id}"
    task = Task.objects.filter(project=project, state="answered").order_by("-pk")[0].public_id
    yield f"{base}review/?task={task}"
    yield f"{base}tasks/{task}/"
    yield from _deep(f"{base}review/changes/", 10, "")
    yield from (f"{base}{name}/" for name in ("quality", "what-if", "settings"))
    yield from _deep(f"{base}releases/", 2, "", "part=list")


def _deep(path: str, pages: int, *queries: str) -> Iterator[str]:
    """The path with each query; with the first one, also a page in the middle and the last page."""
    for query in queries:
        yield f"{path}?{query}" if query else path
    first = f"{queries[0]}&" if queries[0] else ""
    for number in sorted({pages // 2, pages} - {0, 1}):
        yield f"{path}?{first}page={number}"


def api_lists(project: Any) -> Iterator[str]:
    from tasks.assignment.models import Assignment
    from tasks.batching.models import Batch, Task
    from tasks.consensus.models import ConsensusLabel, LabelProposal
    from tasks.gold.models import Gold
    from tasks.ingest.models import Image, Import
    from tasks.snapshots.models import Snapshot

    base = f"/api/v1/projects/{project.public_id}/"
    yield from ("/api/v1/me/", "/api/v1/organisations/", "/api/v1/tokens/", base, f"{base}figures/", f"{base}workers/")
    yield f"{base}invitations/"
    yield from _cursors("/api/v1/projects/", type(project).objects.all())
    yield from _cursors(f"{base}imports/", Import.objects.filter(project_id=project.pk))
    yield from _cursors(f"{base}images/", Image.objects.filter(dataset_id=project.dataset_id))
    yield from _cursors(f"{base}golds/", Gold.objects.filter(project=project))
    yield from _cursors(f"{base}batches/", Batch.objects.filter(project=project))
    yield from _cursors(f"{base}tasks/", Task.objects.filter(project=project))
    labels = ConsensusLabel.objects.filter(project=project)
    yield from _cursors(f"{base}labels/", labels)
    for state in ("open", "answered", "approved"):
        yield from _cursors(f"{base}labels/", labels, state=state)
    batch = Batch.objects.filter(project=project, state="open").order_by("-number")[0].public_id
    yield from _cursors(f"{base}labels/", labels, batch=batch)
    yield from _cursors(f"{base}proposed-changes/", LabelProposal.objects.filter(project=project))
    yield from _cursors(f"{base}releases/", Snapshot.objects.filter(project=project))
    snapshot = Snapshot.objects.filter(project=project)[0].public_id
    yield from (f"/api/v1/releases/{snapshot}/", f"/api/v1/releases/{snapshot}/exports/")
    yield f"/api/v1/imports/{Import.objects.filter(project_id=project.pk)[0].public_id}/"
    task = Assignment.objects.filter(project=project, task__isnull=False).order_by("-pk")[0].task
    assert task is not None
    yield from (f"/api/v1/tasks/{task.public_id}/", f"/api/v1/images/{task.image.public_id}/")
    yield f"/api/v1/tasks/{task.public_id}/evidence/"


def filtered_lists(project: Any) -> Iterator[str]:
    """Lists with each filter: with a value that many rows have, and one that none has, for which all rows are looked
    through."""
    from django.db.models import F

    from tasks.batching.models import Batch, Task
    from tasks.consensus.models import ConsensusLabel
    from tasks.ingest.models import Image
    from tasks.standing.models import Standing

    task = Task.objects.filter(project=project, state="answered").order_by("-pk")[0]
    image, batch = task.image, Batch.objects.filter(project=project).order_by("-number")[0]
    times = {"created_after": "2100-01-01T00:00:00Z"}
    names: list[dict[str, Any]] = [{"prefix": "photos/"}, {"prefix": "videos/"}, times]
    labels: list[dict[str, Any]] = [{"review": name} for name in ("to_review", "unseen", "approved", "rejected")]
    labels += [{"class": 1}, {"class": 99}, {"method": "em"}, {"method": "none"}, {"confidence_below": 0.7}, *names]
    labels += [{"confidence_below": 0.01}, {"state": "approved", "class": 99}, {"state": "open", "prefix": "videos/"}]
    rows, base = Task.objects.filter(project=project), f"/api/v1/projects/{project.public_id}/"
    for query in names:
        yield from _cursors(f"{base}images/", Image.objects.filter(dataset_id=project.dataset_id), **query)
    yield from (f"{base}images/?source_key={image.source_key}", f"{base}images/?sha256={image.sha256}")
    of_tasks: list[dict[str, Any]] = [{"state": "answered"}, {"state": "open", "prefix": "videos/"}, *names]
    for query in of_tasks:
        yield from _cursors(f"{base}tasks/", rows.annotate(image_order=F("image_id")), key="image_order", **query)
    of_labels = ConsensusLabel.objects.filter(project=project)
    for query in labels:
        yield from _cursors(f"{base}labels/", of_labels, key="task__image_id", **query)
    for each, name, key in (
        *(("tasks", *pair) for pair in (("batch", batch), ("image", image))),
        *(("labels", *pair) for pair in (("batch", batch), ("image", image), ("task", task))),
    ):
        yield f"{base}{each}/?{name}={key.public_id}"
    yield from (f"{base}batches/?state=open", f"{base}batches/?state=draft", f"{base}batches/?number={batch.number}")
    worker = Standing.objects.filter(project=project).select_related("worker")[0].worker.public_id
    yield from (f"{base}{name}/?{urlencode(times)}" for name in ("imports", "batches", "releases"))
    yield from (f"{base}workers/?worker={worker}", f"{base}workers/?state=active", f"{base}golds/?prefix=videos/")
    yield from (f"{base}releases/?state=ready", f"{base}golds/?state=active", f"{base}golds/?image={image.public_id}")
    yield f"{base}proposed-changes/?task={task.public_id}"


def row_files(client: Any, project: Any) -> Iterator[str]:
    """How long a file with all rows takes, and the memory that it needs beyond the requests before it."""
    from tests.benchmarks.claims import ServerTime

    yield f"{'MB':>8} {'s':>8} {'CPU s':>8} {'peak MB':>8}  file"
    for name in ("answers.jsonl", "answers.csv", "answers.jsonl?gold=include", "labels.jsonl", "labels.csv"):
        server, start = ServerTime(), time.perf_counter()
        cpu = time.process_time() + server.now()
        size = sum(len(chunk) for chunk in client.get(f"/api/v1/projects/{project.public_id}/{name}"))
        wall, cpu = time.perf_counter() - start, time.process_time() + server.now() - cpu
        yield f"{size / 1e6:8.0f} {wall:8.1f} {cpu:8.1f} {_peak(client, project, name):8.1f}  {name}"


def _peak(client: Any, project: Any, name: str) -> float:
    """MB of Python's memory at the peak, over a part of the file: it does not grow after that."""
    response = client.get(f"/api/v1/projects/{project.public_id}/{name}")
    tracemalloc.start()
    for _, _chunk in zip(range(20), response, strict=False):
        pass
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    response.close()
    return peak / 1e6


def _cursors(path: str, rows: Any, *, key: str = "pk", **query: Any) -> Iterator[str]:
    """The first page, one of 500 rows, and one of 500 rows that begins in the middle of the list."""
    keys = sorted(rows.values_list(key, flat=True))
    cursor = base64.b64encode(urlencode({"p": keys[len(keys) // 2] if keys else 0}).encode()).decode()
    for extra in ({}, {"page_size": 500}, {"page_size": 500, "cursor": cursor}):
        parameters = urlencode(query | extra)
        yield f"{path}?{parameters}" if parameters else path


def worker_pages(project: Any, worker: Any) -> Iterator[str]:
    from tasks.assignment.models import Hand

    hand = Hand.objects.filter(project=project, worker=worker, state="settled").order_by("-pk")[0]
    base = f"/work/{project.public_id}/"
    yield from ("/work/", base, f"{base}set/", f"{base}handed-in/{hand.public_id}/", "/me/", "/me/delete/")
    yield from _deep("/work/earnings/", 100, "")
    yield from ("/api/v1/work/", f"/api/v1/hands/{hand.public_id}/")
    from tasks.pay.models import LedgerEntry

    yield from _cursors("/api/v1/ledger/", LedgerEntry.objects.filter(worker=worker))


def report(size: Any, runs: int, only: str = "") -> Iterator[str]:
    from django.test import Client

    from tasks.flow.claim_next_hand import claim_next_hand
    from tests import factories
    from tests.benchmarks.big_data import a_worked_project
    from tests.benchmarks.claims import machine

    yield machine()
    start = time.perf_counter()
    project, workers = a_worked_project(size, factories.a_blob())
    yield f"{describe(project)}, written in {time.perf_counter() - start:.0f} s"
    claim_next_hand(worker=workers[0], project=project)
    manager, worker = Client(HTTP_HOST="localhost"), Client(HTTP_HOST="localhost")
    manager.force_login(factories.ada().user)
    worker.force_login(workers[0].user)
    paths = (*manager_pages(project), *api_lists(project), *filtered_lists(project))
    timings = [measure(manager, path, runs) for path in paths if only in path]
    timings += [measure(worker, path, runs) for path in worker_pages(project, workers[0]) if only in path]
    yield from table(project, timings)
    yield from row_files(manager, project)


def describe(project: Any) -> str:
    from tasks.annotation.models import Annotation
    from tasks.batching.models import Batch, Task
    from tasks.consensus.models import ConsensusLabel
    from tasks.pay.models import LedgerEntry
    from tasks.standing.models import Standing

    counts: dict[str, Any] = {
        "tasks": Task,
        "answers": Annotation,
        "workers": Standing,
        "batches": Batch,
        "labels": ConsensusLabel,
        "ledger entries": LedgerEntry,
    }
    return ", ".join(f"{model.objects.filter(project=project).count():,} {name}" for name, model in counts.items())


def table(project: Any, timings: list[Timing]) -> Iterator[str]:
    """The requests, slowest first, with the project's id shortened; ends with how many are above the target."""
    yield f"{'ms':>8} {'CPU ms':>8} {'SQL ms':>8} {'statements':>11}  request"
    for row in sorted(timings, key=lambda each: -each.milliseconds):
        path = row.path.replace(str(project.public_id), "{project}")
        over = "  above the target" if row.milliseconds > TARGET else ""
        yield f"{row.milliseconds:8.0f} {row.cpu:8.0f} {row.database:8.0f} {row.statements:11}  {path}{over}"
    slow = sum(row.milliseconds > TARGET for row in timings)
    yield f"{len(timings)} requests, {slow} above {TARGET} ms"


def main() -> int:
    sys.path.insert(0, str(Path(__file__).resolve().parents[2]))
    from tests.benchmarks.claims import a_database

    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tasks", type=int, default=200_000)
    parser.add_argument("--workers", type=int, default=300)
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--only", default="", metavar="TEXT", help="measure only requests that contain this")
    options = parser.parse_args()
    is_fast = False
    with a_database():
        from tests.benchmarks.big_data import Size

        for line in report(Size(tasks=options.tasks, workers=options.workers), options.runs, options.only):
            print(line, flush=True)
            is_fast = is_fast or " 0 above" in line
    return 0 if is_fast else 1


if __name__ == "__main__":
    raise SystemExit(main())
