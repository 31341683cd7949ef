"""JSON that grows past memory: entries are spooled to disk while records stream by, then joined into one file."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import ExitStack
from tempfile import SpooledTemporaryFile
from types import TracebackType
from typing import Any, BinaryIO, cast

CHUNK = 256 * 1024
_IN_MEMORY = 1024 * 1024


def compact(value: Any) -> bytes:
    """One line of JSON: keys sorted, ASCII alone (pycocotools opens files in the reader's locale), no NaN."""
    return json.dumps(value, sort_keys=True, ensure_ascii=True, allow_nan=False, separators=(",", ":")).encode()


class Spool:
    """Lines of JSON in a temporary file that is gone when it is closed."""

    def __init__(self) -> None:
        # Closed by `Spools`, which owns every spool that a format opens.
        self._file = cast(BinaryIO, SpooledTemporaryFile(max_size=_IN_MEMORY))  # noqa: SIM115
        self.count = 0

    def add(self, entry: bytes, *, between: bytes = b"\n") -> None:
        """Append one line; `between` stands behind the line before it."""
        if self.count:
            self._file.write(between)
        self._file.write(entry)
        self.count += 1

    def chunks(self) -> Iterator[bytes]:
        self._file.seek(0)
        while chunk := self._file.read(CHUNK):
            yield chunk
        if self.count:
            yield b"\n"

    def close(self) -> None:
        self._file.close()


class Spools:
    """Spools by name, closed together."""

    def __init__(self) -> None:
        self._by_name: dict[str, Spool] = {}
        self._stack = ExitStack()

    def __getitem__(self, name: str) -> Spool:
        if name not in self._by_name:
            spool = self._by_name[name] = Spool()
            self._stack.callback(spool.close)
        return self._by_name[name]

    def __enter__(self) -> Spools:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._stack.close()
