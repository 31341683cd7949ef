"""Decoding the names in a ZIP archive that does not say how they are encoded. Pure; only `archives` opens archives.

A name is UTF-8 if its flag says so, or what its Info-ZIP Unicode path field says if that belongs to it (APPNOTE 4.6.9).
Otherwise it is UTF-8, which macOS writes without the flag, or in the code page of the computer that packed the archive,
which nothing records. One program has packed all of them, so they are decoded together, in the code page that makes
them likeliest.

The likelihood of a text is that of its characters, each drawn from a group of equally frequent ones (the common
characters of a language, its rare ones, letters, symbols), times that of the changes between the groups: a common
Japanese character is rare between two Latin letters, as is a capital letter within a word.
"""

from __future__ import annotations

import math
import struct
import zlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass

UNICODE_PATH = 0x7075
#: Natural logarithm of how many times likelier the best code page has to be for its guess to be called certain.
MARGIN = math.log(1_000)
#: The code page is chosen by this many of an archive's different names, spread evenly over them.
SAMPLE = 2_000

_NEUTRAL = "neutral"
_ASCII, _RARE, _ANY = math.log(1 / 60), math.log(1 / 1_000), math.log(1 / 3_000)
_SAME, _CHANGED, _IN_WORD = math.log(0.9), math.log(0.1), math.log(0.02)


@dataclass(frozen=True, slots=True)
class CodePage:
    """A code page with what the note calls it, its share of archives, and the groups of its characters.

    `group_of` maps the bytes of a character to (its group's share of the text, the number of characters in the group).
    """

    codec: str
    title: str
    share: float
    group_of: Callable[[bytes], tuple[float, int]]


def unicode_path(extra: bytes, raw: bytes) -> str | None:
    """Return the name in the Info-ZIP Unicode path field of an entry, or None without a valid one for `raw`."""
    while len(extra) >= 4:
        kind, size = struct.unpack("<HH", extra[:4])
        body, extra = extra[4 : 4 + size], extra[4 + size :]
        if kind != UNICODE_PATH or len(body) < 5 or body[0] != 1:
            continue
        # The checksum tells whether a program that does not know the field has renamed the entry.
        if struct.unpack("<L", body[1:5])[0] != zlib.crc32(raw):
            return None
        try:
            return body[5:].decode()
        except UnicodeDecodeError:
            return None
    return None


def decode_names(names: Sequence[bytes]) -> tuple[list[str], str]:
    """Decode the names of an archive that does not say how; return them with a sentence about the guess, if any.

    If some are not UTF-8, most are in one code page. A short name may be valid UTF-8 by chance: it is read as UTF-8
    beside others only if that is much likelier, and names that all are valid, if that is likelier at all.
    """
    certain = [_utf8(name) for name in names]
    foreign = [name for name, text in zip(names, certain, strict=True) if text is None]
    if not foreign:
        return _all_utf8(names, [text for text in certain if text is not None])
    # Code page 437 decodes everything, so there is always one.
    (best, page), *others = _ranked(foreign)
    decoded = [
        text if text is not None and _is_utf8(name, text, page) else name.decode(page.codec, "replace")
        for name, text in zip(names, certain, strict=True)
    ]
    is_doubtful = bool(others) and best - others[0][0] < MARGIN
    return decoded, _note(len(foreign), foreign[0].decode(page.codec), page, others[0][1] if is_doubtful else None)


def _all_utf8(names: Sequence[bytes], texts: list[str]) -> tuple[list[str], str]:
    """Decode names that are valid UTF-8, and say so if they may be in a code page all the same."""
    unclear = [name for name in names if not name.isascii()]
    if not unclear:
        return texts, ""
    best, page = _ranked(unclear)[0]
    as_utf8 = math.log(_UTF8.share) + sum(_utf8_likelihood(name.decode()) for name in _sample(unclear))
    if as_utf8 - best >= MARGIN:
        return texts, ""
    if as_utf8 >= best:
        return texts, _note(len(unclear), unclear[0].decode(), _UTF8, page)
    decoded = [name.decode(page.codec) for name in names]
    alternative = _UTF8 if best - as_utf8 < MARGIN else None
    return decoded, _note(len(unclear), unclear[0].decode(page.codec), page, alternative)


def _note(count: int, example: str, page: CodePage, alternative: CodePage | None) -> str:
    names = "1 name is" if count == 1 else f"{count:,} names are"
    doubt = f" It could also be {alternative.title}." if alternative else ""
    return (
        f"The archive does not say how {names} encoded. Read as {page.title}, such as {example[:80]}.{doubt}"
        " If that is wrong, pack the archive again with a program that writes UTF-8 names."
    )


def _ranked(names: Sequence[bytes]) -> list[tuple[float, CodePage]]:
    """The code pages that can decode all of these names with their likelihood by a sample of them, the best first."""
    sample = _sample(names)
    scores = [(_score(sample, page), page) for page in _PAGES if _decodes(names, page)]
    return sorted(((score, page) for score, page in scores if score is not None), key=lambda pair: -pair[0])


def _sample(names: Sequence[bytes]) -> list[bytes]:
    different = list(dict.fromkeys(names))
    return different[:: -(-len(different) // SAMPLE)]


def _decodes(names: Sequence[bytes], page: CodePage) -> bool:
    try:
        for name in names:
            name.decode(page.codec)
    except UnicodeDecodeError:
        return False
    return True


def _utf8(name: bytes) -> str | None:
    try:
        return name.decode()
    except UnicodeDecodeError:
        return None


def _is_utf8(name: bytes, text: str, page: CodePage) -> bool:
    """Whether a name of an archive that uses this code page is UTF-8 all the same: much likelier than the other."""
    if name.isascii():
        return True
    other = _score([name], page)
    return other is None or _likelihood(text, lambda char: _ASCII if char.isascii() else _ANY) - MARGIN > other


def _utf8_likelihood(text: str) -> float:
    return _likelihood(text, lambda char: _ASCII if char.isascii() else _unicode(char))


def _unicode(char: str) -> float:
    """The likelihood of a character that is UTF-8: in the alphabets of two bytes, most are rare letters and signs."""
    if ord(char) >= 0x800:
        return _ANY
    if char in _WESTERN[0] or "\u0300" <= char <= "\u030c":
        return math.log(0.2 / 60)
    if "\u0410" <= char <= "\u044f" or "\u03ac" <= char <= "\u03ce":
        return math.log(0.9 / 66)
    if "\u05d0" <= char <= "\u05ea" or "\u0621" <= char <= "\u064a":
        return math.log(0.9 / 45)
    return math.log(1 / 2_000) if "\xc0" <= char <= "\u017f" else math.log(1 / 50_000)


def _score(names: Sequence[bytes], page: CodePage) -> float | None:
    """The logarithm of the likelihood of the names in this code page, or None if it cannot decode them."""
    total = math.log(page.share)
    for name in names:
        try:
            total += _likelihood(name.decode(page.codec), lambda char: _character(char, page))
        except UnicodeDecodeError:
            return None
    return total


def _likelihood(text: str, of_character: Callable[[str], float]) -> float:
    total, before = 0.0, _NEUTRAL
    for char in text:
        script = _script(char)
        total += _change(before, script) + of_character(char)
        before = script
    return total


def _character(char: str, page: CodePage) -> float:
    if char.isascii():
        # Control characters, and the signs that hardly any name has, are rare.
        return _ASCII if char.isalnum() or char in " ._-()/" else _RARE
    share, size = page.group_of(char.encode(page.codec))
    return math.log(share / size)


def _script(char: str) -> str:
    if not char.isalpha():
        return _NEUTRAL
    if ord(char) >= 0x530:
        return "other"
    alphabet = "latin" if ord(char) < 0x250 else "cyrillic"
    return f"{alphabet} capital" if char.isupper() else alphabet


def _change(before: str, after: str) -> float:
    if before in (after, f"{after} capital"):
        return _SAME
    return _CHANGED if _NEUTRAL in (before, after) else _IN_WORD


def _japanese(char: bytes) -> tuple[float, int]:
    if len(char) == 1:
        return 0.1, 63  # half-width katakana
    lead = char[0]
    if lead in (0x82, 0x83):
        return 0.5, 169  # hiragana and katakana
    if lead == 0x81:
        return 0.03, 108
    if 0x88 <= lead <= 0x97:
        return 0.43, 2_965  # JIS X 0208 level 1
    return (0.02, 3_390) if lead <= 0xEA else (0.001, 3_000)


def _simplified(char: bytes) -> tuple[float, int]:
    if len(char) != 2:
        return 0.001, 20_000
    lead, trail = char
    if trail >= 0xA1:
        if 0xB0 <= lead <= 0xD7:
            return 0.93, 3_755  # GB 2312 level 1
        if 0xD8 <= lead <= 0xF7:
            return 0.03, 3_008
        if 0xA1 <= lead <= 0xA9:
            return 0.03, 682
    return 0.01, 14_000


def _traditional(char: bytes) -> tuple[float, int]:
    if b"\xa4\x40" <= char <= b"\xc6\x7e":
        return 0.94, 5_401  # Big5 level 1
    return (0.03, 408) if char < b"\xa4\x40" else (0.03, 7_652)


def _korean(char: bytes) -> tuple[float, int]:
    lead, trail = char[0], char[-1]
    if trail >= 0xA1:
        if 0xB0 <= lead <= 0xC8:
            return 0.95, 2_350  # KS X 1001
        if lead >= 0xCA:
            return 0.02, 4_888
        return 0.02, 986
    return 0.01, 8_822


def _alphabet(codec: str, letters: str, share: float) -> Callable[[bytes], tuple[float, int]]:
    """Groups of a code page with one byte per character: letters that make up this share of a text, and the rest."""
    common = {letter.encode(codec, "ignore") for letter in letters} - {b""}
    return lambda char: (share, len(common)) if char in common else (0.01, 128 - len(common))


#: Next to ASCII letters, which most Western text consists of.
_WESTERN = ("äöüÄÖÜßéèêëáàâåæçñóòôíìîïúùûøØÉÅÆÇÑãõÃÕÁ", 0.2)
_CYRILLIC = ("".join(map(chr, range(0x410, 0x450))) + "ёЁ", 0.97)


_PAGES = (
    CodePage("gbk", "GBK (Chinese)", 0.35, _simplified),
    CodePage("cp932", "Shift-JIS (Japanese)", 0.3, _japanese),
    CodePage("cp437", "code page 437 (Western)", 0.2, _alphabet("cp437", *_WESTERN)),
    CodePage("cp949", "EUC-KR (Korean)", 0.05, _korean),
    CodePage("cp950", "Big5 (traditional Chinese)", 0.05, _traditional),
    CodePage("cp1252", "Windows-1252 (Western)", 0.02, _alphabet("cp1252", *_WESTERN)),
    CodePage("cp866", "code page 866 (Cyrillic)", 0.02, _alphabet("cp866", *_CYRILLIC)),
    CodePage("cp1251", "Windows-1251 (Cyrillic)", 0.01, _alphabet("cp1251", *_CYRILLIC)),
)
_UTF8 = CodePage("utf-8", "UTF-8", 1.0, lambda char: (1.0, 1))
