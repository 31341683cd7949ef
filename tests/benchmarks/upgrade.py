"""Time an upgrade of a big database: `python tests/benchmarks/upgrade.py [tasks]`; about five minutes.

Builds a project with 350,000 tasks and a million answers in a temporary PostgreSQL, takes the database back to the
schema before the migrations listed below, and applies them again one at a time, as `migrate` does. Meanwhile another
connection keeps taking the locks that a writer needs, table by table, and writes single tasks. For each migration the
output shows its time, the longest that this writer waited, and for what.
"""

from __future__ import annotations

import random
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Any

TASKS = 350_000
WORKERS = 300
#: The last migration of each app before the upgrade.
BEFORE = {
    "kernel": "0001_initial",
    "accounts": "0002_invitation_project",
    "projects": "0001_initial",
    "storage": "0002_blob_touched_at",
    "tasks": "0008_batch_cursor",
}
TABLES = """
SELECT relname FROM pg_class WHERE relkind = 'r' AND relname ~ '^(kernel|accounts|projects|storage|tasks)_' ORDER BY 1
"""
WRITE = "UPDATE tasks_task SET priority = priority WHERE id = %s"


class Writer:
    """A connection that keeps writing and notes its longest wait; use it as a context manager."""

    def __init__(self, last_task: int) -> None:
        self.last_task, self.longest, self.what = last_task, 0.0, ""
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run)

    def __enter__(self) -> Writer:
        self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._stop.set()
        self._thread.join()

    def _run(self) -> None:
        import psycopg

        chosen = random.Random(1)
        with psycopg.connect(_address(), autocommit=True) as db:
            tables = [row[0] for row in db.execute(TABLES)]
            while not self._stop.wait(0.001):
                for table in tables:
                    with suppress(psycopg.errors.UndefinedTable):  # not there yet, or dropped
                        self._time(db, f"LOCK TABLE {table} IN ROW EXCLUSIVE MODE", None, table)
                self._time(db, WRITE, [chosen.randint(1, self.last_task)], "a task")

    def _time(self, db: Any, statement: str, params: list[int] | None, what: str) -> None:
        start = time.perf_counter()
        with db.transaction():
            db.execute(statement, params)
        taken = time.perf_counter() - start
        if taken > self.longest:
            self.longest, self.what = taken, what


def _address() -> str:
    from django.db import connection
    from psycopg.conninfo import make_conninfo

    at = connection.settings_dict
    return make_conninfo(host=at["HOST"], port=at["PORT"], user=at["USER"], password=at["PASSWORD"], dbname=at["NAME"])


def report(tasks: int) -> Iterator[str]:
    from django.db import connection
    from django.db.migrations.executor import MigrationExecutor

    from tasks.batching.models import Task
    from tests import factories
    from tests.benchmarks.big_data import Size, a_worked_project
    from tests.benchmarks.big_project import describe
    from tests.benchmarks.claims import machine

    yield machine()
    project, _ = a_worked_project(Size(tasks=tasks, workers=WORKERS), factories.a_blob())
    yield describe(project)
    last_task = Task.objects.order_by("-pk").values_list("pk", flat=True)[0]
    latest = MigrationExecutor(connection).loader.graph.leaf_nodes()
    MigrationExecutor(connection).migrate([*BEFORE.items()])
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE")
    plan = MigrationExecutor(connection).migration_plan(latest)
    whole = time.perf_counter()
    for migration, _ in plan:
        executor = MigrationExecutor(connection)
        with Writer(last_task) as writer:
            start = time.perf_counter()
            executor.migrate([(migration.app_label, migration.name)])
            taken = time.perf_counter() - start
        name = f"{migration.app_label}.{migration.name}"
        yield f"  {name:<40} {taken:6.2f} s   longest wait {writer.longest:5.2f} s for {writer.what}"
    yield f"{len(plan)} migrations in {time.perf_counter() - whole:.0f} s"


def main() -> int:
    sys.path.insert(0, str(Path(__file__).resolve().parents[2]))
    from tests.benchmarks.claims import a_database

    tasks = int(sys.argv[1]) if len(sys.argv) > 1 else TASKS
    with a_database():
        for line in report(tasks):
            print(line, flush=True)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
