"""Names of classes, tags, attributes, files and paths: which characters they may contain, and how they are compared.

All characters are allowed except those that control a terminal, a file format or a line. `str.isprintable` is too
strict: it refuses the no-break spaces in the names of macOS screenshots and in French numbers, and the joiners inside
emoji.
"""

import re
import unicodedata

# C0 and C1 controls, line and paragraph separators, surrogates, and the two noncharacters that XML forbids.
_CONTROL = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff\ufffe\uffff]")


def has_control(text: str) -> bool:
    """Whether the text contains a character that no name may contain."""
    return _CONTROL.search(text) is not None


def escape_control(text: str) -> str:
    """Return the text with control characters as backslash escapes, so that it can be stored and displayed."""
    return _CONTROL.sub(lambda match: match[0].encode("unicode_escape", "backslashreplace").decode(), text)


def replace_control(text: str) -> str:
    """Return the text with an underscore for each control character, for the names of files."""
    return _CONTROL.sub("_", text)


def is_name(text: str) -> bool:
    """Whether the text can name something: it has no control characters, and at least one visible character."""
    return not has_control(text) and any(unicodedata.category(char)[0] not in "ZC" for char in text)


def normalize_name(text: str) -> str:
    """Return the text in Unicode NFC, the form in which names are compared: macOS writes the letters of é apart."""
    return unicodedata.normalize("NFC", text)
