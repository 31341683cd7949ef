"""JSON that is larger than memory. Reading: an object whose arrays are read entry by entry. Writing: entries go to disk
while records are streamed, then are joined into a file."""

from __future__ import annotations

import codecs
import json
from collections.abc import Iterator
from contextlib import ExitStack
from tempfile import SpooledTemporaryFile
from types import TracebackType
from typing import Any, BinaryIO, NamedTuple, cast

CHUNK = 256 * 1024
#: Characters of one entry. A file without an end of its first entry is refused before it fills the memory.
ENTRY_LIMIT = 64 * 1024 * 1024
_SPACE = " \t\n\r"
_IN_MEMORY = 1024 * 1024


class Member(NamedTuple):
    """An entry of an array of the object, or the value of another member; `text_hash` is equal for equal text."""

    key: str
    value: Any
    text_hash: int


class JsonStream:
    """Reads `stream` in chunks of bounded size. `keys` contains the members that have begun so far.

    Stricter than the standard library, because readers disagree about the rest: a key that occurs twice in one object
    is refused, and so are NaN, Infinity, and anything behind the object. Raises ValueError.
    """

    def __init__(self, stream: BinaryIO) -> None:
        self.keys: set[str] = set()
        self._stream, self._decode = stream, codecs.getincrementaldecoder("utf-8")().decode
        self._parse = json.JSONDecoder(object_pairs_hook=_unique, parse_constant=_refuse_constant).raw_decode
        self._text, self._at, self._ended = "", 0, False

    def members(self) -> Iterator[Member]:
        """Yield the members of the object in their order, arrays as one `Member` for each entry."""
        self._expect("{")
        if self._next() == "}":
            self._at += 1
        else:
            while True:
                yield from self._member()
                if self._one_of(",}") == "}":
                    break
        if self._next():
            raise ValueError("text behind the object")

    def _member(self) -> Iterator[Member]:
        key = self._value("").value if self._next() == '"' else None
        if key is None or key in self.keys:
            raise ValueError(f"not a key, or one that occurs twice: {key!r}")
        self.keys.add(key)
        self._expect(":")
        if self._next() != "[":
            yield self._value(key)
            return
        self._at += 1
        if self._next() == "]":
            self._at += 1
            return
        while True:
            yield self._value(key)
            if self._one_of(",]") == "]":
                return

    def _value(self, key: str) -> Member:
        self._next()
        while True:
            try:
                value, end = self._parse(self._text, self._at)
            except json.JSONDecodeError:
                # Unfinished or wrong: which of the two, the next chunk says.
                if not self._fill():
                    raise
                continue
            if end == len(self._text) and self._fill():
                continue  # a number may go on in the next chunk
            text_hash = hash(self._text[self._at : end])
            self._at = end
            return Member(key, value, text_hash)

    def _next(self) -> str:
        """Skip white space and return the next character without taking it; empty at the end."""
        while True:
            while self._at < len(self._text):
                if self._text[self._at] not in _SPACE:
                    return self._text[self._at]
                self._at += 1
            if not self._fill():
                return ""

    def _one_of(self, characters: str) -> str:
        found = self._next()
        if not found or found not in characters:
            raise ValueError(f"{found!r} in place of one of {characters!r}")
        self._at += 1
        return found

    def _expect(self, character: str) -> None:
        self._one_of(character)

    def _fill(self) -> bool:
        """Drop what was read, and read on; return False at the end of the stream."""
        if self._ended:
            return False
        rest = self._text[self._at :]
        if len(rest) > ENTRY_LIMIT:
            raise ValueError("an entry is too long or has no end")
        # As much as is there already, so that a long entry is parsed a logarithmic number of times.
        chunk = self._stream.read(max(CHUNK, len(rest)))
        self._ended = not chunk
        self._text, self._at = rest + self._decode(chunk, self._ended), 0
        return True


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a key occurs twice in one object")
    return found


def _refuse_constant(name: str) -> None:
    raise ValueError(f"{name} is not JSON")


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
