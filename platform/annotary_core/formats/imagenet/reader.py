"""Reader for classes given by an image's folder or file name, ImageNet style. No boxes.

- `train/dog/x.jpg`, `dog/x.jpg`: the folder that contains the image is its class.
- `n02100877_Irish_setter.JPEG` without a class folder: the class is the name after the WordNet id, with underscores
  read as spaces.
- `n02100877_107.JPEG` without a class folder: ILSVRC's numbering of images; the class is the WordNet id.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import PurePosixPath
from typing import ClassVar

from annotary_core.formats.errors import Unreadable
from annotary_core.formats.ground_truth import GroundTruthRecord, Problem, ReportProblem, class_name
from annotary_core.formats.label_files import IMAGE_SUFFIXES, LabelFiles
from annotary_core.labels.names import normalize_name

_WORDNET = re.compile(r"(?P<id>n\d{8})_(?P<rest>.+)")
# Folders that group images by something other than class.
_NO_CLASS = frozenset({"train", "training", "val", "valid", "validation", "test", "images", "jpegimages", "img"})


class Folders:
    """Class from the folder or the file name."""

    name: ClassVar[str] = "folders"
    title: ClassVar[str] = "Class from folder or file name"

    def accepts(self, files: LabelFiles) -> bool:
        """Whether any image is in a class folder or named after a class."""
        return not files.is_single and any(_class_of(file.name) for file in files.with_suffix(IMAGE_SUFFIXES))

    def read(self, files: LabelFiles, report: ReportProblem) -> Iterator[GroundTruthRecord]:
        """See `Reader.read`. Images without a class in folder or name are reported; no class is guessed."""
        for file in files.with_suffix(IMAGE_SUFFIXES):
            cls = _class_of(file.name)
            try:
                if cls is None:
                    raise Unreadable(
                        "Neither its folder nor its name gives its class. Put it in a folder named after the class."
                    )
                yield GroundTruthRecord(normalize_name(file.name), None, None, class_name(cls), (), file.name)
            except Unreadable as error:
                report(Problem(file.name, str(error)))


def _class_of(name: str) -> str | None:
    *folders, base = name.split("/")
    if folders and folders[-1].lower() not in _NO_CLASS:
        return folders[-1]
    match = _WORDNET.fullmatch(PurePosixPath(base).stem)
    if match is None:
        return None
    rest = match["rest"]
    return match["id"] if rest.isdigit() else rest.replace("_", " ").strip() or None
