"""Large JSON is read entry by entry, and refused where readers would disagree."""

import io
import json
from typing import Any

import pytest

from annotary_core.formats import large_json
from annotary_core.formats.large_json import JsonStream

BODY = {
    "info": {"a": 1.5},
    "empty": [],
    "images": [{"id": 1, "name": 'ä \U0001f431 \\ " ]}'}, {"id": 2}, 12345, "text", None, True, [], [1, [2]]],
    "number": 123456,
    "last": [{"x": {"y": [{}]}}],
}


def members(text: bytes) -> list[tuple[str, Any]]:
    return [(each.key, each.value) for each in JsonStream(io.BytesIO(text)).members()]


def expected(body: dict[str, Any]) -> list[tuple[str, Any]]:
    return [(key, each) for key, value in body.items() for each in (value if isinstance(value, list) else [value])]


@pytest.mark.parametrize("size", [1, 2, 3, 7, 64, 256 * 1024])
@pytest.mark.parametrize("layout", [{}, {"indent": 2}, {"separators": (",", ":")}, {"ensure_ascii": False}])
def test_entries_are_those_of_the_whole(monkeypatch: pytest.MonkeyPatch, size: int, layout: dict[str, Any]) -> None:
    monkeypatch.setattr(large_json, "CHUNK", size)
    assert members(json.dumps(BODY, **layout).encode()) == expected(BODY)
    assert members(b" { } \n") == []


@pytest.mark.parametrize("size", [1, 256 * 1024])
def test_a_file_that_is_torn_anywhere_is_refused(monkeypatch: pytest.MonkeyPatch, size: int) -> None:
    monkeypatch.setattr(large_json, "CHUNK", size)
    text = json.dumps(BODY, ensure_ascii=False).encode()
    for end in range(len(text)):
        with pytest.raises(ValueError):
            members(text[:end])


@pytest.mark.parametrize(
    "text",
    [
        b'{"a": 1, "a": 2}',
        b'{"a": [], "a": []}',
        b'{"a": [{"b": 1, "b": 1}]}',
        b'{"a": [{"b": {"c": 1, "c": 2}}]}',
        b'{"a": NaN}',
        b'{"a": [Infinity]}',
        b'{"a": 1} {',
        b'{"a": [1,]}',
        b'{"a": [1 2]}',
        b'{"a": 1,}',
        b"{1: 2}",
        b"[]",
        b"\xff",
        b"",
    ],
)
def test_what_readers_disagree_about_is_refused(text: bytes) -> None:
    with pytest.raises(ValueError):
        members(text)


def test_an_entry_without_an_end_does_not_fill_the_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(large_json, "ENTRY_LIMIT", 1000)
    monkeypatch.setattr(large_json, "CHUNK", 100)
    source = io.BytesIO(b'{"a": ["' + b"x" * 100_000)
    with pytest.raises(ValueError, match="too long"):
        list(JsonStream(source).members())
    assert source.tell() < 5000


def test_equal_text_has_equal_hashes() -> None:
    first, second, other = JsonStream(io.BytesIO(b'{"a": [{"b": 1.0},{"b": 1.0}, {"b":1.0}]}')).members()
    assert first.text_hash == second.text_hash != other.text_hash
