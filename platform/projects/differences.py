"""What changed between two versions of a text, paragraph by paragraph and word by word. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from itertools import zip_longest
from typing import Literal

Kind = Literal["same", "added", "removed"]

#: A word or a sign, with the space after it.
_WORDS = re.compile(r"\w+\s*|[^\w\s]\s*|\s+")
_PARAGRAPHS = re.compile(r"\n\s*\n")
#: Less alike, a changed paragraph is easier to read as one that was removed and one that was added.
_ALIKE = 0.4
#: Comparing takes time with the product of the lengths: beyond this many pairs in total, a part is shown as replaced.
_MOST_PAIRS = 2_000_000


@dataclass(frozen=True, slots=True)
class Piece:
    """A piece of a paragraph that is the same in both versions, or only in the new one, or only in the old one."""

    kind: Kind
    text: str


@dataclass(frozen=True, slots=True)
class Paragraph:
    """A paragraph of either version or of both, in pieces."""

    pieces: tuple[Piece, ...]

    @property
    def is_same(self) -> bool:
        return all(piece.kind == "same" for piece in self.pieces)


def differences(old: str, new: str) -> list[Paragraph]:
    """Return the paragraphs of both versions in the order of the new one; removed ones are where they were."""
    return list(_Comparison().paragraphs(_PARAGRAPHS.split(old.strip()), _PARAGRAPHS.split(new.strip())))


class _Comparison:
    """A comparison of two texts, of bounded time."""

    def __init__(self) -> None:
        self._left = _MOST_PAIRS

    def paragraphs(self, old: Sequence[str], new: Sequence[str]) -> Iterator[Paragraph]:
        for tag, a, b, c, d in self._steps(old, new):
            if tag == "equal":
                yield from (Paragraph((Piece("same", text),)) for text in new[c:d])
                continue
            for before, after in zip_longest(old[a:b], new[c:d]):
                yield from self._changed(before or "", after or "")

    def _changed(self, old: str, new: str) -> Iterator[Paragraph]:
        pieces = list(self._pieces(_WORDS.findall(old), _WORDS.findall(new))) if old and new else []
        same = sum(len(piece.text) for piece in pieces if piece.kind == "same")
        if pieces and same >= _ALIKE * max(len(old), len(new)):
            yield Paragraph(tuple(pieces))
            return
        if old:
            yield Paragraph((Piece("removed", old),))
        if new:
            yield Paragraph((Piece("added", new),))

    def _pieces(self, old: Sequence[str], new: Sequence[str]) -> Iterator[Piece]:
        for _, a, b, c, d in self._steps([word.strip() for word in old], [word.strip() for word in new]):
            before, after = "".join(old[a:b]), "".join(new[c:d])
            if [word.strip() for word in old[a:b]] == [word.strip() for word in new[c:d]]:
                yield Piece("same", after)
                continue
            yield from _marked("removed", before)
            yield from _marked("added", after)

    def _steps(self, old: Sequence[str], new: Sequence[str]) -> list[tuple[str, int, int, int, int]]:
        """(tag, old start and end, new start and end), as of SequenceMatcher."""
        start = 0
        while start < min(len(old), len(new)) and old[start] == new[start]:
            start += 1
        end = 0
        while end < min(len(old), len(new)) - start and old[-1 - end] == new[-1 - end]:
            end += 1
        a, b, c, d = start, len(old) - end, start, len(new) - end
        steps = [("equal", 0, start, 0, start)] if start else []
        steps += [(tag, a + i, a + j, c + k, c + m) for tag, i, j, k, m in self._between(old[a:b], new[c:d])]
        return [*steps, ("equal", b, len(old), d, len(new))] if end else steps

    def _between(self, old: Sequence[str], new: Sequence[str]) -> list[tuple[str, int, int, int, int]]:
        if not old and not new:
            return []
        self._left -= len(old) * len(new)
        if self._left < 0:
            return [("replace", 0, len(old), 0, len(new))]
        return list(SequenceMatcher(None, old, new, autojunk=False).get_opcodes())


def _marked(kind: Kind, text: str) -> Iterator[Piece]:
    """The space after a word that changed is not a change."""
    words = text.rstrip()
    if words:
        yield Piece(kind, words)
    if len(words) < len(text):
        yield Piece("same", text[len(words) :])
