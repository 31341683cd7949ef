"""The forms in which `name_matching` compares file names. Pure.

Programs write URLs (with %20), absolute and relative paths (`C:\\data\\a.jpg`, `../../a.jpg`), another case, no
extension, or that of the format they converted the image to.
"""

from __future__ import annotations

import re
from urllib.parse import unquote

from annotary_core.formats.label_files import IMAGE_SUFFIXES
from annotary_core.labels.names import normalize_name

_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]+:/+")
# Label Studio serves local files as `?d=path`.
_LOCAL_FILE = re.compile(r".*[?&]d=", re.DOTALL)


def as_written(name: str) -> str:
    """Return the name itself, or nothing if it leads out of a folder: what `..` leaves is a guess."""
    return "" if ".." in name.split("/") else normalize_name(name)


def without_notation(name: str) -> str:
    """Return the name as a lower-case relative path: no scheme, query, percent codes, drive, `..` or outer spaces."""
    path = _LOCAL_FILE.sub("", name)
    if scheme := _SCHEME.match(path):
        path = path[scheme.end() :].partition("?")[0].partition("#")[0]
    path = unquote(path).replace("\\", "/")
    parts: list[str] = []
    for part in (each.strip() for each in path.split("/")):
        if part == "..":
            del parts[-1:]
        elif part not in ("", "."):
            parts.append(part)
    return normalize_name(normalize_name("/".join(parts)).casefold())


def without_extension(name: str) -> str:
    """Return the form `without_notation` without the extension of an image."""
    path = without_notation(name)
    stem, dot, extension = path.rpartition(".")
    return stem if dot + extension in IMAGE_SUFFIXES and stem and not stem.endswith("/") else path
