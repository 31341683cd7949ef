"""Numbers and ids as programs write them: JSON of pandas has 1.0, NaN and null, other languages quote numbers."""

from __future__ import annotations

import math
import re

from annotary_core.formats.errors import Unreadable
from annotary_core.labels.names import normalize_name

# From here on a float no longer tells neighboring integers apart.
_EXACT = 2**53
_INTEGER = re.compile(r"(0|-?[1-9][0-9]{0,18})(\.0*)?", re.ASCII)
_NUMBER = re.compile(r"[-+]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][-+]?[0-9]+)?", re.ASCII)
# A string, which is kept, or a number that JSON does not have.
_NOT_JSON = re.compile(rb'"(?:[^"\\]|\\.)*"|-?(?:NaN|nan|Infinity|inf)\b', re.DOTALL)


def without_nan(body: bytes) -> bytes:
    """Replace NaN and infinities, which Python writes into JSON although JSON has neither, with null."""
    return _NOT_JSON.sub(lambda match: match[0] if match[0].startswith(b'"') else b"null", body)


def entry_id(value: object) -> int | str | None:
    """Return an id in the form in which ids are compared: 1, 1.0, "1" and "1.0" are the id 1.

    Other texts are ids as they are: "007" is not 7. None if the value is no id: null, a boolean, empty text, a list, or
    a float that is not whole or too large to be exact.
    """
    if isinstance(value, bool):
        return None
    if isinstance(value, int):
        return value
    if isinstance(value, float):
        return int(value) if value.is_integer() and abs(value) <= _EXACT else None
    if not isinstance(value, str):
        return None
    text = normalize_name(value.strip())
    whole = _INTEGER.fullmatch(text)
    return int(whole[1]) if whole else text or None


def finite_number(value: object) -> float | None:
    """Return a number, also one that was written as text, or None if the value is anything else."""
    if isinstance(value, str):
        value = float(value) if _NUMBER.fullmatch(value.strip()) else None
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    try:
        number = float(value)
    except OverflowError:
        return None
    return number if math.isfinite(number) else None


def side_length(value: object, key: str) -> int | None:
    """Return a width or height in pixels, or None: programs that do not know it leave it out or write 0 or null.

    Raises Unreadable for anything else that is not a whole number of pixels.
    """
    if value is None or (isinstance(value, str) and not value.strip()):
        return None
    number = finite_number(value)
    if number is None or number < 0 or not number.is_integer() or number > _EXACT:
        shown = str(value).strip()[:20]
        raise Unreadable(f"The {key} is {shown}. Use a whole number of pixels.")
    return int(number) or None


def flag(value: object) -> bool | None:
    """Return a yes or no, written as a boolean, 0 or 1, text or null (no). None for anything else."""
    if value is None or isinstance(value, bool):
        return bool(value)
    if isinstance(value, str) and value.strip().lower() in ("true", "false", ""):
        return value.strip().lower() == "true"
    number = finite_number(value)
    return bool(number) if number in (0, 1) else None
