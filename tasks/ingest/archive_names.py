"""Which names in an archive may be kept as an image's source key. Pure; `archives` alone opens archives."""

from __future__ import annotations

import re

MAX_NAME = 1_024
MAX_PART = 255

_DRIVE = re.compile(r"[A-Za-z]:")
_LITTER = frozenset({".ds_store", "thumbs.db", "desktop.ini", "ehthumbs.db"})


def is_litter(name: str) -> bool:
    """Whether an operating system put this file there: counted, and never mentioned to anybody."""
    parts = name.split("/")
    return "__MACOSX" in parts or parts[-1].lower() in _LITTER or parts[-1].startswith("._")


def reason_against(name: str) -> tuple[str, str] | None:
    """Why the name of an entry is refused, as a stable word and the rest of a sentence; None when it may be kept."""
    if not name or "\0" in name:
        return "name_nul", "the name is empty or holds a NUL character; rename it."
    if any(ord(letter) < 32 or 127 <= ord(letter) < 160 for letter in name):
        return "name_control", "the name holds control characters; rename it."
    if "\\" in name:
        return "name_backslash", "the name holds a backslash; pack it with / between folders."
    if name.startswith("/") or _DRIVE.match(name):
        return "name_absolute", "the name is an absolute path; pack it from inside its folder."
    parts = name.split("/")
    if ".." in parts or "." in parts or "" in parts:
        return "name_path", "the name has empty parts, . or .. in it; pack it from inside its folder."
    encoded = name.encode("utf-8", "surrogatepass")
    if len(encoded) > MAX_NAME or any(len(part.encode("utf-8", "surrogatepass")) > MAX_PART for part in parts):
        return "name_long", f"the name is longer than {MAX_NAME} bytes, or one part than {MAX_PART}; shorten it."
    if any(0xD800 <= ord(letter) < 0xE000 for letter in name):
        return "name_encoding", "the name is not valid Unicode; rename it."
    return None
