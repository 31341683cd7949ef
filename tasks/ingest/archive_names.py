"""Rules for the names in an archive that can become an image's source key. Pure; only `archives` opens archives."""

from __future__ import annotations

import re

MAX_NAME = 1_024
MAX_PART = 255

_DRIVE = re.compile(r"[A-Za-z]:")
_SYSTEM_FILES = frozenset({".ds_store", "thumbs.db", "desktop.ini", "ehthumbs.db"})


def is_system_file(name: str) -> bool:
    """Whether an operating system added this file. Such files are counted but never reported."""
    parts = name.split("/")
    return "__MACOSX" in parts or parts[-1].lower() in _SYSTEM_FILES or parts[-1].startswith("._")


def name_refusal(name: str) -> tuple[str, str] | None:
    """Return why an entry's name is refused, as (stable code, rest of a sentence), or None if the name is fine."""
    if not name or "\0" in name:
        return "name_nul", "the name is empty or contains a NUL character. Rename the file."
    if any(ord(char) < 32 or 127 <= ord(char) < 160 for char in name):
        return "name_control", "the name contains control characters. Rename the file."
    if "\\" in name:
        return "name_backslash", "the name contains a backslash. Pack the archive again with / as the separator."
    if name.startswith("/") or _DRIVE.match(name):
        return "name_absolute", "the name is an absolute path. Pack the archive from inside the folder."
    parts = name.split("/")
    if ".." in parts or "." in parts or "" in parts:
        return (
            "name_path",
            "the path contains an empty part, a dot, or two dots. Pack the archive from inside the folder.",
        )
    encoded = name.encode("utf-8", "surrogatepass")
    if len(encoded) > MAX_NAME or any(len(part.encode("utf-8", "surrogatepass")) > MAX_PART for part in parts):
        return "name_long", f"the path is over {MAX_NAME} bytes, or one part is over {MAX_PART}. Shorten it."
    if any(0xD800 <= ord(char) < 0xE000 for char in name):
        return "name_encoding", "the name is not valid Unicode. Rename the file."
    return None
