"""The export formats by name. Each format has one file, one line here and one golden test."""

from __future__ import annotations

from pathlib import Path
from typing import BinaryIO

from annotary_core.formats.base import Format
from annotary_core.formats.coco.writer import Coco
from annotary_core.formats.errors import ReleaseError
from annotary_core.formats.imagenet.writer import ImageNet
from annotary_core.formats.release_archive import open_tree
from annotary_core.formats.report import Counts

FORMATS: dict[str, Format] = {each.name: each for each in (Coco(), ImageNet())}


def get_format(name: str) -> Format:
    """Return the format with this name. Raises ReleaseError for an unknown name."""
    try:
        return FORMATS[name]
    except KeyError:
        raise ReleaseError(f"Unknown export format “{name}”. Choose one of {', '.join(FORMATS)}.") from None


def verify_release(name: str, source: Path | BinaryIO, expected: Counts) -> None:
    """Verify a release, a folder or an archive, by reading it back in its format. Raises ReleaseError."""
    with open_tree(source) as tree:
        get_format(name).verify(tree, expected)
