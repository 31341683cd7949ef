"""Reading foreign JSON: each function returns the typed value or raises an AnswerError that names the place."""

from __future__ import annotations

import math
import re
from collections.abc import Container, Mapping, Sequence
from typing import cast

from annotary_core.labels.errors import AnswerError, ShapeError

#: A thousand boxes take about 150 kB; room is left for polygons.
MAX_BODY_BYTES = 1_000_000

#: Ids are made by clients. The alphabet keeps lone surrogates and NUL out, which UTF-8 and PostgreSQL refuse.
_OBJECT_ID = re.compile(r"[A-Za-z0-9_.:-]{1,64}", re.ASCII)


def read_body(body: bytes) -> object:
    """Decode the JSON body of an answer; raises AnswerError when it is too large or not JSON (NaN is not JSON)."""
    import orjson  # the rest of the core runs without it

    if len(body) > MAX_BODY_BYTES:
        raise AnswerError(
            "body_too_large",
            f"The answer is {len(body):,} bytes long; send at most {MAX_BODY_BYTES:,} bytes.",
        )
    try:
        return cast(object, orjson.loads(body))
    except orjson.JSONDecodeError as error:
        raise AnswerError("not_json", "The answer is not valid JSON; send it as one JSON object.") from error


def shown(value: object) -> str:
    """A foreign value, cut short, as it may stand in a sentence."""
    text = ascii(value) if isinstance(value, str | int | float | bool | None) else type(value).__name__
    return text if len(text) <= 40 else f"{text[:37]}..."


def read_object(
    raw: object, *, path: str, allowed: Container[str], error: type[ShapeError] = AnswerError
) -> Mapping[str, object]:
    """A JSON object that holds no other fields than the allowed ones."""
    if not isinstance(raw, Mapping):
        raise error("wrong_type", f"Send a JSON object here, not {shown(raw)}.", path)
    for key in raw:
        if not isinstance(key, str) or key not in allowed:
            raise error("unknown_field", f"The field {shown(key)} is not known here; leave it out.", path)
    return cast(Mapping[str, object], raw)


def read_list(raw: object, *, path: str, error: type[ShapeError] = AnswerError) -> Sequence[object]:
    """A JSON array."""
    if not isinstance(raw, list | tuple):
        raise error("wrong_type", f"Send a list here, not {shown(raw)}.", path)
    return cast(Sequence[object], raw)


def read_number(raw: object, *, path: str) -> float:
    """A finite number; booleans, text, NaN and infinity are refused."""
    if isinstance(raw, bool) or not isinstance(raw, int | float):
        raise AnswerError("wrong_type", f"Send a number here, not {shown(raw)}.", path)
    try:
        value = float(raw)
    except OverflowError:
        value = math.inf
    if not math.isfinite(value):
        raise AnswerError("not_finite", "The number is not finite; send a position in pixels.", path)
    return value


def read_class_number(raw: object, *, allowed: Container[int], path: str) -> int:
    """The stable number of a class that the schema holds."""
    if isinstance(raw, bool) or not isinstance(raw, int):
        raise AnswerError("wrong_type", f"Send the number of a class here, not {shown(raw)}.", path)
    if raw not in allowed:
        raise AnswerError("unknown_class", f"This project has no class {shown(raw)}; choose one of its classes.", path)
    return raw


def read_object_id(raw: object, *, path: str) -> str:
    """The id of an object within its answer: 1 to 64 letters, digits, or one of `_ . : -`."""
    if not isinstance(raw, str):
        raise AnswerError("wrong_type", f"Every object needs an id of text, not {shown(raw)}.", path)
    if _OBJECT_ID.fullmatch(raw) is None:
        raise AnswerError("bad_object_id", f"The id {shown(raw)} is not usable; send a UUID.", path)
    return raw


def read_no_attributes(raw: object, *, path: str) -> None:
    """Typed attributes are declared by a schema; as none declares any, values for them are refused, not dropped."""
    if raw is not None and read_object(raw, path=path, allowed=_Anything()):
        raise AnswerError("unknown_attribute", "This project asks for no attributes; leave them out.", path)


class _Anything:
    def __contains__(self, _item: object) -> bool:
        return True
