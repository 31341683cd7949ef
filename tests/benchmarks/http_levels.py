"""Pairs at several numbers of clients, while consoles watch and exports are written: `http_pairs.py --workers 1,8,32`.

Each round measures this site, a minimal Django site that sends the same statements, and the statements alone, one after
another, so that a busy minute of the machine affects all of them.
"""

from __future__ import annotations

import contextlib
import io
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from annotary.runtime.instance import Running
from tests.benchmarks.http_pairs import (
    BACKEND,
    PLAIN_BACKEND,
    ROUNDS,
    TASKS,
    Measured,
    Person,
    by_sql,
    over_http,
    sign_in_many,
)
from tests.benchmarks.minimal.server import a_minimal_site

#: What the design asks for: pairs a second as a share of minimal Django's, and p99 as a multiple of p50 at 32 clients.
LEAST_SHARE, MOST_TIMES = 0.7, 10.0
#: Connections of the statements alone: a web server has no more either.
CONNECTIONS = 32
WARM_UP = 32
EXPORTED_ANSWERS, EXPORTED = 60_000, 10_000


@contextmanager
def watching(running: Running, project: Any, sockets: int) -> Iterator[None]:
    """Keep this many consoles of the project open, in a process of their own."""
    from django.conf import settings

    from tests import factories
    from tests.ui.live import session_of

    if not sockets:
        yield
        return
    cookie = f"{settings.SESSION_COOKIE_NAME}={session_of(factories.ada().user)}"
    url = f"{running.ws_url or running.url.replace('http', 'ws', 1)}/ws/projects/{project.public_id}/"
    console = str(Path(__file__).with_name("console.py"))
    process = subprocess.Popen(
        [sys.executable, console, "--watch", url, cookie, str(sockets)], stdout=subprocess.PIPE, text=True
    )
    try:
        assert process.stdout is not None
        assert process.stdout.readline() == "open\n", "the consoles could not be opened"
        yield
    finally:
        process.kill()
        process.wait()


@dataclass
class Exporting:
    """Writes an export of a release again and again; `written` counts them."""

    written: int = 0
    _stop: threading.Event = field(default_factory=threading.Event)

    def prepare(self) -> None:
        from storage.services import store_blob
        from tasks.snapshots.services import build_snapshot, create_snapshot
        from tests import factories
        from tests.benchmarks.many_answers import a_project_with_answers
        from tests.pictures import a_jpeg

        blob = store_blob(source=io.BytesIO(a_jpeg(0, width=640, height=480)), content_type="image/jpeg")
        project = a_project_with_answers(answers=EXPORTED_ANSWERS, approved=EXPORTED, blob=blob)
        self.snapshot = create_snapshot(project=project, by=factories.ada())
        # Its job builds it too; whichever is second finds it ready.
        build_snapshot(snapshot_id=self.snapshot.pk)
        self.snapshot.refresh_from_db()

    @contextmanager
    def running(self) -> Iterator[None]:
        thread = threading.Thread(target=self._run, daemon=True)
        thread.start()
        try:
            yield
        finally:
            self._stop.set()
            thread.join()

    def _run(self) -> None:
        from django.db import connection

        from tasks.exports.models import Export
        from tasks.exports.services import request_export
        from tests import factories

        try:
            while not self._stop.is_set():
                Export.objects.filter(snapshot=self.snapshot).delete()
                export = request_export(snapshot=self.snapshot, format="coco", by=factories.ada())
                while Export.objects.get(pk=export.pk).state not in ("ready", "failed"):
                    if self._stop.wait(0.2):
                        return
                self.written += 1
        finally:
            connection.close()


@dataclass
class Level:
    """What one number of clients measured."""

    clients: int
    site: Measured = field(default_factory=Measured)
    minimal: Measured = field(default_factory=Measured)
    raw: Measured = field(default_factory=Measured)

    def line(self) -> str:
        rates = [each.done / each.wall for each in (self.site, self.minimal, self.raw)]
        p50, p99 = self.site.percentile(0.5), self.site.percentile(0.99)
        share = rates[0] / rates[1]
        missed = ["the share of minimal Django"] if share < LEAST_SHARE else []
        missed += ["p99"] if self.clients == CONNECTIONS and p99 > MOST_TIMES * p50 else []
        return (
            f"  {self.clients:>7} {rates[0]:>9.1f} {rates[1]:>15.1f} {rates[2]:>9.1f} {share:>7.2f}"
            f" {p50 * 1000:>7.0f} ms {p99 * 1000:>6.0f} ms {p99 / p50:>8.1f}"
            + (f"   below the target: {', '.join(missed)}" if missed else "")
        )


def measure_levels(running: Running, levels: Sequence[int], pairs: int, *, sockets: int, export: bool) -> Iterator[str]:
    from django.db import connection

    from projects.models import Project
    from tests import factories
    from tests.benchmarks.claims import machine
    from tests.benchmarks.many_tasks import a_big_project

    yield machine()
    project = a_big_project(tasks=TASKS, behind=0, veteran=factories.wren())
    Project.objects.filter(pk=project.pk).update(hand_size=1, gold_rate=0)
    project.refresh_from_db()
    exporting = Exporting()
    if export:
        exporting.prepare()
    with contextlib.ExitStack() as stack:
        minimal = stack.enter_context(a_minimal_site(running))
        stack.enter_context(watching(running, project, sockets))
        if export:
            stack.enter_context(exporting.running())
        start = time.perf_counter()
        measured = [_measure(running, project, clients, pairs, minimal) for clients in levels]
        seconds = time.perf_counter() - start
    connection.close()
    meanwhile = f"{sockets} consoles watch and {exporting.written} exports are written in {seconds:.0f} s"
    yield f"Pairs a second while {meanwhile}:"
    yield "  clients this site  minimal Django  raw SQL   share      p50       p99  p99/p50"
    yield from (level.line() for level in measured)


def _measure(running: Running, project: Any, clients: int, pairs: int, minimal: tuple[int, int]) -> Level:
    """Let this many clients work, in rounds. One client does fewer pairs."""
    level, each = Level(clients), max(clients, min(pairs, 60 * clients) // ROUNDS)
    port, web = int(running.url.rpartition(":")[2]), running.state().children["web"].pid
    public = str(project.public_id)

    def some(backend: str, count: int = each) -> list[Person]:
        return list(sign_in_many(count, project, backend))

    at_once = min(clients, CONNECTIONS)
    over_http(some(BACKEND, WARM_UP), port, web, public, Measured(), clients=at_once)
    over_http(some(PLAIN_BACKEND, WARM_UP), *minimal, public, Measured(), clients=at_once)
    for _ in range(ROUNDS):
        over_http(some(BACKEND), port, web, public, level.site, clients=clients)
        over_http(some(PLAIN_BACKEND), *minimal, public, level.minimal, clients=clients)
        by_sql(some(BACKEND), project, level.raw, clients=at_once)
    return level
