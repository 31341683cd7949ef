"""Read untrusted JSON: each function returns the typed value or raises an AnswerError with the path."""

from __future__ import annotations

import math
import re
from collections.abc import Container, Mapping, Sequence
from typing import cast

from annotary_core.labels.errors import AnswerError, ShapeError

#: A thousand boxes take about 150 kB; the rest is for polygons.
MAX_BODY_BYTES = 1_000_000

#: Clients generate ids. The alphabet excludes lone surrogates and NUL, which UTF-8 and PostgreSQL reject.
_OBJECT_ID = re.compile(r"[A-Za-z0-9_.:-]{1,64}", re.ASCII)


def shown(value: object) -> str:
    """Format an untrusted value for an error message, truncated."""
    text = ascii(value) if isinstance(value, str | int | float | bool | None) else type(value).__name__
    return text if len(text) <= 40 else f"{text[:37]}..."


def read_object(
    raw: object, *, path: str, allowed: Container[str], error: type[ShapeError] = AnswerError
) -> Mapping[str, object]:
    """Return a JSON object that has only the allowed fields."""
    if not isinstance(raw, Mapping):
        raise error("wrong_type", f"Send a JSON object here, not {shown(raw)}.", path)
    for key in raw:
        if not isinstance(key, str) or key not in allowed:
            raise error("unknown_field", f"The field {shown(key)} is unknown. Leave it out.", path)
    return cast(Mapping[str, object], raw)


def read_list(raw: object, *, path: str, error: type[ShapeError] = AnswerError) -> Sequence[object]:
    """Return a JSON array."""
    if not isinstance(raw, list | tuple):
        raise error("wrong_type", f"Send a list here, not {shown(raw)}.", path)
    return cast(Sequence[object], raw)


def read_number(raw: object, *, path: str) -> float:
    """Return a finite number; rejects booleans, text, NaN and infinity."""
    if isinstance(raw, bool) or not isinstance(raw, int | float):
        raise AnswerError("wrong_type", f"Send a number here, not {shown(raw)}.", path)
    try:
        value = float(raw)
    except OverflowError:
        value = math.inf
    if not math.isfinite(value):
        raise AnswerError("not_finite", "The number is not finite. Send a position in pixels.", path)
    return value


def read_class_number(raw: object, *, allowed: Container[int], path: str) -> int:
    """Return the stable number of a class in the schema."""
    if isinstance(raw, bool) or not isinstance(raw, int):
        raise AnswerError("wrong_type", f"Send the number of a class here, not {shown(raw)}.", path)
    if raw not in allowed:
        raise AnswerError("unknown_class", f"This project has no class {shown(raw)}. Choose one of its classes.", path)
    return raw


def read_object_id(raw: object, *, path: str) -> str:
    """Return the id of an object within its answer: 1 to 64 letters, digits, or any of `_ . : -`."""
    if not isinstance(raw, str):
        raise AnswerError("wrong_type", f"Every object needs a string id, not {shown(raw)}.", path)
    if _OBJECT_ID.fullmatch(raw) is None:
        raise AnswerError("bad_object_id", f"The id {shown(raw)} is invalid. Send a UUID.", path)
    return raw


def reject_attributes(raw: object, *, path: str) -> None:
    """Reject attribute values instead of dropping them: schemas declare attributes, and none declares any yet."""
    if raw is not None and read_object(raw, path=path, allowed=_Anything()):
        raise AnswerError("unknown_attribute", "This project does not use attributes. Leave them out.", path)


class _Anything:
    def __contains__(self, _item: object) -> bool:
        return True
