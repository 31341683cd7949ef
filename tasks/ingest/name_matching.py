"""Which name in a table or in labels means which image. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable


def match_names(wanted: Iterable[str], present: Collection[str]) -> dict[str, str]:
    """{wanted name: present name}, both relative POSIX paths: the whole path, else the base name.

    A base name counts only when one of the remaining wanted and one of the remaining present names have it: the same
    base name in two folders is two images, and a label on the wrong one is worse than none.
    """
    there = set(present)
    names = list(dict.fromkeys(wanted))
    found = {name: name for name in names if name in there}
    left = [name for name in names if name not in found]
    rest = there - found.keys()
    asked = Counter(_base(name) for name in left)
    have = Counter(_base(name) for name in rest)
    by_base = {_base(name): name for name in rest}
    for name in left:
        base = _base(name)
        if asked[base] == 1 and have[base] == 1:
            found[name] = by_base[base]
    return found


def _base(name: str) -> str:
    return name.rsplit("/", 1)[-1]
