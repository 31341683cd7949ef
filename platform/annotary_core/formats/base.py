"""What every export format reads, writes and answers for. Pure: no Django, no clock.

Frame: upright full-resolution pixels, origin at the outer corner of the first pixel, x to the right, y down.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, BinaryIO, ClassVar, Protocol

from annotary_core.formats.errors import ReleaseError
from annotary_core.formats.report import Counts, ExportReport
from annotary_core.labels.schema import LabelClass

SPLITS = ("train", "val", "test")
CHUNK = 256 * 1024


@dataclass(frozen=True, slots=True)
class ReleaseInfo:
    """What a release says about itself. `classes` stand in schema order, unused ones included. It holds no clock."""

    project: str
    number: int
    content_hash: str
    classes: tuple[LabelClass, ...]
    licence: str = ""
    licence_url: str = ""
    contributor: str = ""
    description: str = ""

    def __post_init__(self) -> None:
        numbers = [each.number for each in self.classes]
        if len(set(numbers)) != len(numbers) or min(numbers, default=1) < 1:
            raise ReleaseError("The label schema has two classes with one number, or a number below 1.")


@dataclass(frozen=True, slots=True)
class Evidence:
    """Why a label may be believed.

    `confidence` is 0 to 1, or None when the method states none. `review` is "reviewed", "fixed by a reviewer",
    "by policy" or the like. `objects` holds figures of single objects by object id (an existence posterior, say).
    """

    method: str
    answers: int
    confidence: float | None
    review: str
    label_hash: str
    objects: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)

    def as_json(self) -> dict[str, Any]:
        return {
            "method": self.method,
            "answers": self.answers,
            "confidence": None if self.confidence is None else round(self.confidence, 6),
            "review": self.review,
            "label_hash": self.label_hash,
        }


@dataclass(frozen=True, slots=True)
class ReleaseRecord:
    """One approved label of one image.

    `file_name` is the owner's source key. `width`, `height` and `channels` are those of the release image.
    `label` is the canonical answer as annotary_core.labels stores it: {"image": {"class", "tags", "attrs"}, "objects":
    [{"id", "class", "tool", "geom", "attrs"}], "verdict"}; classes by number, a box's geometry {"x", "y", "w", "h"}.
    """

    image_id: str
    file_name: str
    width: int
    height: int
    split: str
    label: Mapping[str, Any]
    evidence: Evidence
    metadata: Mapping[str, Any] = field(default_factory=dict)
    media_type: str = "image/jpeg"
    channels: int = 3


OpenImage = Callable[[ReleaseRecord], BinaryIO]


class Sink(Protocol):
    """Where a format writes its files: a folder or an archive."""

    def write(self, path: str, chunks: Iterable[bytes]) -> None:
        """Write one file under a relative POSIX path, once. Raises ReleaseError for an unsafe or repeated path."""
        ...


class Tree(Protocol):
    """A written release to read back: a folder or an archive."""

    def names(self) -> Iterator[str]:
        """The relative POSIX path of every file."""
        ...

    def open(self, name: str) -> BinaryIO: ...


class Format(Protocol):
    """One export format: one file, one line in the registry, one golden test."""

    name: ClassVar[str]
    title: ClassVar[str]

    def write(
        self, info: ReleaseInfo, records: Iterable[ReleaseRecord], open_image: OpenImage, sink: Sink
    ) -> ExportReport:
        """Write the release into the sink, one record in memory at a time.

        The records come in one fixed order, one for each image: the numbers in the files follow it, so the same
        records give the same bytes. Raises ReleaseError when a record cannot be true.
        """
        ...

    def verify(self, tree: Tree, expected: Counts) -> None:
        """Read the release back with the format's own reader. Raises ReleaseError when anything disagrees."""
        ...


def checked(records: Iterable[ReleaseRecord]) -> Iterator[ReleaseRecord]:
    """The records, each one checked to be the only one and a finished label of a real image in a known split."""
    seen: set[int] = set()
    for record in records:
        mark = hash(record.image_id)  # 8 bytes: at a million images two marks are one in 30 million releases
        if mark in seen:
            raise ReleaseError(f"{record.file_name} comes twice; a release holds one agreed label an image.")
        seen.add(mark)
        if record.split not in SPLITS:
            raise ReleaseError(f"{record.file_name} is in the split “{record.split}”; there are train, val and test.")
        if record.width < 1 or record.height < 1:
            raise ReleaseError(f"{record.file_name} has no size, so its labels cannot be placed.")
        if record.label.get("verdict") not in ("labels", "empty", "cannot_tell"):
            raise ReleaseError(f"{record.file_name} has no finished label; leave it out until it is approved.")
        yield record


def image_chunks(record: ReleaseRecord, open_image: OpenImage) -> Iterator[bytes]:
    """The release image in pieces of bounded size. Raises ReleaseError when it cannot be opened."""
    try:
        stream = open_image(record)
    except OSError as error:
        raise ReleaseError(
            f"The image {record.file_name} cannot be read from storage; restore it, then export again."
        ) from error
    with stream:
        while chunk := stream.read(CHUNK):
            yield chunk
