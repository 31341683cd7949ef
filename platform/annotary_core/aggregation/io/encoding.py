"""Names of tasks, workers and labels, texts or integers, encoded as 0, 1, 2, … in natural order."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from decimal import Decimal

import numpy as np

from annotary_core.labels.arrays import FloatArray, IntArray
from annotary_core.labels.names import normalize_name

_INTEGER = re.compile(r"0|-?[1-9][0-9]{0,16}")
_NUMBER = re.compile(r"[-+]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][-+]?[0-9]+)?")
#: Integers that span at most this many times their count are encoded by a lookup table instead of sorting.
_DENSE = 8


@dataclass(frozen=True, slots=True)
class Names:
    """Code -> name. Numbers come first, ordered by value, then other texts, ordered by code point.

    values: ascending integers of shape (n,) if every name is a canonical integer, otherwise the texts in order. "7" and
    "007" are different names.
    """

    values: IntArray | tuple[str, ...]

    def __len__(self) -> int:
        return len(self.values)

    def text(self, code: int) -> str:
        """The name as written in the file."""
        return str(self.values[code])

    def texts(self) -> list[str]:
        """All names as written in the file, by code."""
        return list(map(str, self.values.tolist() if isinstance(self.values, np.ndarray) else self.values))

    def numbers(self) -> FloatArray | None:
        """The names as numbers, shape (n,), or None if any is not a number."""
        if isinstance(self.values, np.ndarray):
            return self.values.astype(np.float64)
        if not all(_is_number(name) for name in self.values):
            return None
        return np.array([float(name) for name in self.values], np.float64)


@dataclass(frozen=True, slots=True)
class Column:
    """An encoded column: `codes` of shape (n,) into `names`."""

    codes: IntArray
    names: Names


def encode_integers(column: IntArray) -> Column:
    """Encode a column of integers."""
    if not len(column):
        return Column(column, Names(column))
    low, high = int(column.min()), int(column.max())
    if high - low < _DENSE * len(column):
        seen = np.zeros(high - low + 1, np.bool_)
        seen[column - low] = True
        codes = (np.cumsum(seen) - 1)[column - low]
        return Column(codes, Names(np.flatnonzero(seen).astype(np.int64) + low))
    values, codes = np.unique(column, return_inverse=True)
    return Column(codes.astype(np.int64), Names(values))


def encode_texts(first_seen: Sequence[str], column: IntArray) -> Column:
    """Encode a column of texts. column: indices into `first_seen`, the texts in the order of first occurrence.

    Texts that are equal in Unicode NFC are one name.
    """
    normalized = [normalize_name(text) for text in first_seen]
    unique = list(dict.fromkeys(normalized))
    names, code = _in_order(unique)
    if len(unique) < len(normalized):
        position = {text: at for at, text in enumerate(unique)}
        code = code[np.array([position[text] for text in normalized], np.int64)]
    return Column(code[column], names)


def merge_names(*columns: Column) -> tuple[Names, list[IntArray]]:
    """Merge the names of several columns; returns them and each column's codes into them."""
    if all(isinstance(column.names.values, np.ndarray) for column in columns):
        values = np.unique(np.concatenate([np.asarray(column.names.values, np.int64) for column in columns]))
        return Names(values), [np.searchsorted(values, column.names.values)[column.codes] for column in columns]
    texts = [column.names.texts() for column in columns]
    first_seen = list(dict.fromkeys(name for part in texts for name in part))
    names, code = _in_order(first_seen)
    code_of = dict(zip(first_seen, code.tolist(), strict=True))
    return names, [
        np.array([code_of[name] for name in part], np.int64)[column.codes]
        for part, column in zip(texts, columns, strict=True)
    ]


def _in_order(texts: Sequence[str]) -> tuple[Names, IntArray]:
    """The names in natural order, and the code of each of the (unique) texts."""
    if all(_INTEGER.fullmatch(text) for text in texts):
        values = np.array([int(text) for text in texts], np.int64)
        order = np.argsort(values, kind="stable")
        code = np.empty(len(texts), np.int64)
        code[order] = np.arange(len(texts))
        return Names(values[order]), code
    numbers = sorted((text for text in texts if _is_number(text)), key=lambda text: (Decimal(text), text))
    names = (*numbers, *sorted(text for text in texts if not _is_number(text)))
    code_of = {name: code for code, name in enumerate(names)}
    return Names(names), np.fromiter(map(code_of.__getitem__, texts), np.int64, len(texts))


def _is_number(text: str) -> bool:
    return _NUMBER.fullmatch(text) is not None and math.isfinite(float(text))


def neutralize_formulas(names: Iterable[str]) -> list[str]:
    """Escape names so that a spreadsheet does not run them as formulas when it opens the CSV file.

    A text that starts like a formula is prefixed with an apostrophe (OWASP, CSV Injection); numbers are unchanged.
    """
    return [f"'{name}" if name[:1] in _FORMULA and not _is_number(name) else name for name in names]


_FORMULA = frozenset("=+-@\t\r\n＝＋－＠")
