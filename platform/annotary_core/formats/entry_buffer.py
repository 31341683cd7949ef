"""Buffers for JSON larger than memory: entries go to disk while records are streamed, then are joined into a file."""

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
    """Encode one line of JSON: sorted keys, ASCII only (pycocotools opens files in the reader's locale), no NaN."""
    return json.dumps(value, sort_keys=True, ensure_ascii=True, allow_nan=False, separators=(",", ":")).encode()


class EntryBuffer:
    """Lines of JSON in a temporary file that is deleted when it is closed."""

    def __init__(self) -> None:
        # Closed by the collection below, which owns all buffers of a format.
        self._file = cast(BinaryIO, SpooledTemporaryFile(max_size=_IN_MEMORY))  # noqa: SIM115
        self.count = 0

    def add(self, entry: bytes, *, between: bytes = b"\n") -> None:
        """Append one line; `between` separates it from the previous line."""
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


class EntryBuffers:
    """Buffers by name, created on first use and closed together."""

    def __init__(self) -> None:
        self._by_name: dict[str, EntryBuffer] = {}
        self._stack = ExitStack()

    def __getitem__(self, name: str) -> EntryBuffer:
        if name not in self._by_name:
            buffer = self._by_name[name] = EntryBuffer()
            self._stack.callback(buffer.close)
        return self._by_name[name]

    def __enter__(self) -> EntryBuffers:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._stack.close()
