"""The folders of splits, by all the names that data sets give them: an image of one is never an image of another."""

from __future__ import annotations

import re

_SPLITS = {
    "train": "train",
    "training": "train",
    "val": "val",
    "valid": "val",
    "validation": "val",
    "test": "test",
    "testing": "test",
}
# COCO's folders have the year in their names: train2017.
_WITH_YEAR = re.compile(r"(train|val|test)[0-9]{4}")


def split_of(folder: str) -> str:
    """Return train, val or test if this is the name of a split's folder, else the empty string: `Valid`, `val2017`."""
    name = folder.casefold()
    year = _WITH_YEAR.fullmatch(name)
    return year[1] if year else _SPLITS.get(name, "")


def folder_key(folder: str) -> str:
    """Return a folder's name in the form in which folders are compared: `valid` and `Val` are one folder."""
    return split_of(folder) or folder.casefold()


def split_folder(path: str) -> str:
    """Return the name of the innermost folder on a folder's path that is that of a split, else the empty string."""
    return next((part for part in reversed(path.split("/")) if split_of(part)), "")


def last_folder(path: str) -> str:
    """Return the name of the innermost folder of a folder's path."""
    return path.rpartition("/")[2]
