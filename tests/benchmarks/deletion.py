"""Delete a big project: `python tests/benchmarks/deletion.py`; about ten minutes.

Builds the project of `big_project.py` (200,000 tasks, 600,000 answers) in a temporary PostgreSQL, deletes it, and
prints how long people wait for the preview and the deletion, how long the job takes, and its longest transaction, in
which it holds locks. Ends with status 1 if people wait longer than the target or something is left.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

#: Milliseconds that the preview and the deletion may take.
TARGET = 150


def report(size: Any) -> Iterator[str]:
    from tasks.analytics.project_losses import project_losses
    from tasks.batching.services import refresh_statistics
    from tasks.flow import project_deletion
    from tests import factories
    from tests.benchmarks.big_data import a_worked_project
    from tests.benchmarks.big_project import describe
    from tests.benchmarks.claims import machine

    yield machine()
    project, _ = a_worked_project(size, factories.a_blob())
    refresh_statistics()
    yield describe(project)
    project_losses(project=project)
    losses, waited = timed(lambda: project_losses(project=project))
    yield f"{waited:8.0f} ms  preview: {losses.to_json()}"
    _, deleted = timed(
        lambda: project_deletion.delete_project(
            project=project, by=factories.ada(), confirm=project.name, record=losses.to_json()
        )
    )
    yield f"{deleted:8.0f} ms  deletion, after which nobody reaches the project"
    longest: list[tuple[float, str]] = []
    for name in ("_delete_rows", "_execute"):
        setattr(project_deletion, name, noting(getattr(project_deletion, name), longest))
    _, took = timed(lambda: project_deletion.erase_project(project_id=project.pk, progress=lambda done, total: None))
    milliseconds, what = max(longest)
    yield f"{took / 1000:8.1f} s   job, in {len(longest):,} transactions, the longest {milliseconds:.0f} ms ({what})"
    yield f"left: {describe(project)}"
    slowest = max(waited, deleted)
    yield f"people waited {slowest:.0f} ms, {'within' if slowest <= TARGET else 'above'} {TARGET} ms"


def noting(function: Any, longest: list[tuple[float, str]]) -> Any:
    def wrapped(*arguments: Any) -> Any:
        result, milliseconds = timed(lambda: function(*arguments))
        what = arguments[0] if isinstance(arguments[0], str) else arguments[0][-1]
        longest.append((milliseconds, what[:60]))
        return result

    return wrapped


def timed(call: Any) -> tuple[Any, float]:
    """Return the result and the milliseconds that it took."""
    start = time.perf_counter()
    result = call()
    return result, (time.perf_counter() - start) * 1000


def main() -> int:
    sys.path.insert(0, str(Path(__file__).resolve().parents[2]))
    from tests.benchmarks.claims import a_database

    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tasks", type=int, default=200_000)
    parser.add_argument("--workers", type=int, default=300)
    options = parser.parse_args()
    line = ""
    with a_database():
        from tests.benchmarks.big_data import Size

        for line in report(Size(tasks=options.tasks, workers=options.workers)):
            print(line, flush=True)
    return 0 if "within" in line else 1


if __name__ == "__main__":
    raise SystemExit(main())
