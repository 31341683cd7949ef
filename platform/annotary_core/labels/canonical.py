"""The bytes of an answer and their hash: equal answers have equal bytes on every machine."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping

from annotary_core.labels.answer import Answer
from annotary_core.labels.geometry import DECIMALS


def canonical_bytes(answer: Answer) -> bytes:
    """UTF-8 JSON without blanks, keys sorted, geometry with exactly two decimals ("1.50").

    The decimals are written out since JSON libraries and PostgreSQL's jsonb spell 1, 1.0 and 1.5 in their own ways.
    """
    return _encode(answer.to_json()).encode()


def content_hash(answer: Answer) -> str:
    """SHA-256 of the canonical bytes, 64 hexadecimal digits."""
    return hashlib.sha256(canonical_bytes(answer)).hexdigest()


def _encode(value: object) -> str:
    if isinstance(value, float):
        return f"{value:.{DECIMALS}f}"
    if isinstance(value, Mapping):
        return "{" + ",".join(f"{json.dumps(key)}:{_encode(value[key])}" for key in sorted(value)) + "}"
    if isinstance(value, list | tuple):
        return "[" + ",".join(_encode(item) for item in value) + "]"
    return json.dumps(value, ensure_ascii=False)
