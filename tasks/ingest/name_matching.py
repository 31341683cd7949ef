"""Matching of file names in a table or in labels to images. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable


def match_names(wanted: Iterable[str], present: Collection[str]) -> dict[str, str]:
    """Return {wanted name: present name}, both relative POSIX paths, matched by full path or else by base name.

    A base name matches only if exactly one remaining wanted name and one remaining present name have it: the same
    base name in two folders is two images, and a label on the wrong image is worse than none.
    """
    available = set(present)
    names = list(dict.fromkeys(wanted))
    matches = {name: name for name in names if name in available}
    unmatched = [name for name in names if name not in matches]
    unused = available - matches.keys()
    wanted_count = Counter(_base(name) for name in unmatched)
    unused_count = Counter(_base(name) for name in unused)
    by_base = {_base(name): name for name in unused}
    for name in unmatched:
        base = _base(name)
        if wanted_count[base] == 1 and unused_count[base] == 1:
            matches[name] = by_base[base]
    return matches


def _base(name: str) -> str:
    return name.rsplit("/", 1)[-1]
