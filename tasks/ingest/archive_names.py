"""Rules for the names in an archive that can become an image's source key. Pure; only `archives` opens archives."""

from __future__ import annotations

import re

from annotary_core.labels.names import has_control, normalize_name

MAX_NAME = 1_024
MAX_PART = 255

_DRIVE = re.compile(r"[A-Za-z]:")
_SYSTEM_FILES = frozenset({".ds_store", "thumbs.db", "desktop.ini", "ehthumbs.db"})
_SYSTEM_FOLDER = "__macosx"


def clean_path(name: str) -> str:
    """Return the name in NFC, with / as the separator and without `.` parts: `.\\dir\\a.jpg` is `dir/a.jpg`.

    Parts that could leave the folder stay, so that `name_refusal` finds them.
    """
    parts = normalize_name(name).replace("\\", "/").split("/")
    return "/".join(part for part in parts if part != ".")


def is_system_file(name: str) -> bool:
    """Whether an operating system added this file. Such files are counted but never reported."""
    *folders, base = name.replace("\\", "/").lower().split("/")
    return _SYSTEM_FOLDER in folders or base in (_SYSTEM_FOLDER, *_SYSTEM_FILES) or base.startswith("._")


def name_refusal(name: str) -> tuple[str, str] | None:
    """Return why a cleaned name is refused, as (stable code, rest of a sentence), or None if the name is fine."""
    if not name or "\0" in name:
        return "name_nul", "the name is empty or contains a NUL character. Rename the file."
    if any(0xD800 <= ord(char) < 0xE000 for char in name):
        return "name_encoding", "the name is not valid Unicode. Rename the file."
    if has_control(name):
        return "name_control", "the name contains control characters. Rename the file."
    if name.startswith("/") or _DRIVE.match(name):
        return "name_absolute", "the name is an absolute path. Pack the archive from inside the folder."
    parts = name.split("/")
    if ".." in parts or "" in parts:
        return "name_path", "the path contains an empty part or two dots. Pack the archive from inside the folder."
    if len(name.encode()) > MAX_NAME or any(len(part.encode()) > MAX_PART for part in parts):
        return "name_long", f"the path is over {MAX_NAME} bytes, or one part is over {MAX_PART}. Shorten it."
    return None
