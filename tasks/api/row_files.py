"""Files of rows that are sent while they are read, and how a reader sees that one is not complete.

The web server ends a response whose iterator raises an error as if it were complete, and the status was sent long
before. So the first rows are read before the first byte is sent, and the last line of an unfinished file is the
problem; in CSV it has more cells than there are columns, which readers refuse. See
docs/decisions/0021-filters-and-files-of-rows.md.
"""

import csv
import io
import time
from collections.abc import Callable, Generator, Iterable, Iterator
from typing import Any

import structlog

from tasks.api.errors import FileUnfinished
from tasks.api.problems import handle_exception

logger = structlog.get_logger(__name__)

#: Seconds after which a file ends unfinished. The front takes a gigabyte from a thread at once, so that only a slow
#: reader of more than that can come near; it must not hold the thread, and the database's snapshot, for longer.
DEADLINE = 600


class RowFile:
    """The bytes of a file, to be iterated once. The first chunk is read at once: if that fails, so does the request.

    If a later one fails, `problem` makes the last line of it.
    """

    def __init__(self, chunks: Generator[bytes, None, None], problem: Callable[[dict[str, Any]], bytes]) -> None:
        self._chunks, self._problem = chunks, problem
        self._first = next(chunks, b"")

    def __iter__(self) -> Iterator[bytes]:
        deadline = time.monotonic() + DEADLINE
        yield self._first
        try:
            for chunk in self._chunks:
                yield chunk
                if time.monotonic() > deadline:
                    raise FileUnfinished
        except Exception as error:
            problem = handle_exception(error, {}).data
            logger.warning("file not complete", problem=problem["type"], error=repr(error))
            yield self._problem(problem)

    def close(self) -> None:
        """End the transaction; called by the server in any case, also if the client is gone."""
        self._chunks.close()


def csv_lines(rows: Iterable[Iterable[Any]]) -> bytes:
    target = io.StringIO()
    csv.writer(target).writerows(rows)
    return target.getvalue().encode()


def csv_problem(columns: int) -> Callable[[dict[str, Any]], bytes]:
    """Return what makes the last line of an unfinished CSV file with so many columns."""
    return lambda problem: csv_lines([[problem["detail"], problem["type"], *[""] * columns]])
