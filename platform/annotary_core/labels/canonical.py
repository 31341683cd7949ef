"""Canonical bytes and content hash of an answer: equal answers have equal bytes on every machine."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping

from annotary_core.labels.answer import Answer
from annotary_core.labels.geometry import DECIMALS


def canonical_bytes(answer: Answer) -> bytes:
    """Return UTF-8 JSON without whitespace, with sorted keys and exactly two decimals in geometry ("1.50").

    The decimals are fixed because JSON libraries and PostgreSQL's jsonb format 1, 1.0 and 1.5 differently.
    """
    return _encode(answer.to_json()).encode()


def content_hash(answer: Answer) -> str:
    """Return the SHA-256 of the canonical bytes, 64 hexadecimal digits."""
    return hashlib.sha256(canonical_bytes(answer)).hexdigest()


def _encode(value: object) -> str:
    if isinstance(value, float):
        return f"{value:.{DECIMALS}f}"
    if isinstance(value, Mapping):
        return "{" + ",".join(f"{json.dumps(key)}:{_encode(value[key])}" for key in sorted(value)) + "}"
    if isinstance(value, list | tuple):
        return "[" + ",".join(_encode(item) for item in value) + "]"
    return json.dumps(value, ensure_ascii=False)
