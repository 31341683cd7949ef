"""What the codes of a column stand for: texts or integers, coded 0, 1, 2, … in an order that everybody expects."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from annotary_core.labels.arrays import FloatArray, IntArray

_INTEGER = re.compile(r"0|-?[1-9][0-9]{0,16}")
_NUMBER = re.compile(r"[-+]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][-+]?[0-9]+)?")
#: A span of integers up to this many times their count is looked up in a table instead of being sorted.
_DENSE = 8


@dataclass(frozen=True, slots=True)
class Names:
    """Code -> name. Numbers come first and in the order of their values, other texts after them by code point.

    values: ascending integers of shape (n,) when every name is written like an integer, else the texts in order. "7"
    and "007" are different names.
    """

    values: IntArray | tuple[str, ...]

    def __len__(self) -> int:
        return len(self.values)

    def text(self, code: int) -> str:
        """The name as it was written."""
        return str(self.values[code])

    def texts(self) -> list[str]:
        """All names as they were written, by code."""
        return list(map(str, self.values.tolist() if isinstance(self.values, np.ndarray) else self.values))

    def numbers(self) -> FloatArray | None:
        """The values of the names, shape (n,), or None when one of them is not a number."""
        if isinstance(self.values, np.ndarray):
            return self.values.astype(np.float64)
        if not all(_is_number(name) for name in self.values):
            return None
        return np.array([float(name) for name in self.values], np.float64)


@dataclass(frozen=True, slots=True)
class Column:
    """A column: `codes` of shape (n,) into `names`."""

    codes: IntArray
    names: Names


def code_integers(column: IntArray) -> Column:
    """A column of integers, coded."""
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


def code_texts(first_seen: Sequence[str], column: IntArray) -> Column:
    """A column whose entries number the texts in order of first sight, coded in the order of names."""
    names, place = _in_order(first_seen)
    return Column(place[column], names)


def merged(*columns: Column) -> tuple[Names, list[IntArray]]:
    """One set of names for several columns, and the codes of each column in it."""
    if all(isinstance(column.names.values, np.ndarray) for column in columns):
        values = np.unique(np.concatenate([np.asarray(column.names.values, np.int64) for column in columns]))
        return Names(values), [np.searchsorted(values, column.names.values)[column.codes] for column in columns]
    texts = [column.names.texts() for column in columns]
    first_seen = list(dict.fromkeys(name for part in texts for name in part))
    names, place = _in_order(first_seen)
    number = dict(zip(first_seen, place.tolist(), strict=True))
    return names, [
        np.array([number[name] for name in part], np.int64)[column.codes]
        for part, column in zip(texts, columns, strict=True)
    ]


def _in_order(texts: Sequence[str]) -> tuple[Names, IntArray]:
    """The names in order, and the place in them of each of the (unique) texts."""
    if all(_INTEGER.fullmatch(text) for text in texts):
        values = np.array([int(text) for text in texts], np.int64)
        order = np.argsort(values, kind="stable")
        place = np.empty(len(texts), np.int64)
        place[order] = np.arange(len(texts))
        return Names(values[order]), place
    numbers = sorted((text for text in texts if _is_number(text)), key=lambda text: (float(text), text))
    names = (*numbers, *sorted(text for text in texts if not _is_number(text)))
    number = {name: code for code, name in enumerate(names)}
    return Names(names), np.fromiter(map(number.__getitem__, texts), np.int64, len(texts))


def _is_number(text: str) -> bool:
    return _NUMBER.fullmatch(text) is not None and math.isfinite(float(text))


def neutral(names: Iterable[str]) -> list[str]:
    """The names as cells of a CSV file that a spreadsheet will not run.

    A text that begins like a formula gets an apostrophe before it (OWASP, CSV Injection); numbers stay as they are.
    """
    return [f"'{name}" if name[:1] in _FORMULA and not _is_number(name) else name for name in names]


_FORMULA = frozenset("=+-@\t\r\n＝＋－＠")
