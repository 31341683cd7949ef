"""The interface of export formats: their input, their output and their checks. Pure: no Django, no clock.

Frame: upright full-resolution pixels, origin at the outer corner of the first pixel, x to the right, y down.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, BinaryIO, ClassVar, Protocol

from annotary_core.formats.errors import ReleaseError
from annotary_core.formats.report import Counts, ExportReport
from annotary_core.labels.answer import VERDICTS, Answer
from annotary_core.labels.schema import LabelClass

SPLITS = ("train", "val", "test")
CHUNK = 256 * 1024


@dataclass(frozen=True, slots=True)
class ReleaseInfo:
    """The description of a release. `classes` is in schema order and includes unused ones. It contains no timestamp."""

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
            raise ReleaseError("The label schema has a duplicate class number or one below 1. Correct the schema.")


@dataclass(frozen=True, slots=True)
class Evidence:
    """The evidence for a label.

    `confidence` is 0 to 1, or None if the method gives none. `review` is "reviewed", "fixed by a reviewer",
    "by policy" or similar. `objects` contains figures of individual objects by object id (e.g. an existence posterior).
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
    """The approved label of one image.

    `file_name` is the owner's source key. `width`, `height`, `channels` and `image_sha256` (of the file, in hex) are
    those of the release image.
    """

    image_id: str
    file_name: str
    width: int
    height: int
    split: str
    label: Answer
    evidence: Evidence
    metadata: Mapping[str, Any] = field(default_factory=dict)
    media_type: str = "image/jpeg"
    channels: int = 3
    image_sha256: str = ""


OpenImage = Callable[[ReleaseRecord], BinaryIO]


class Sink(Protocol):
    """The target that a format writes its files to: a folder or an archive."""

    def write(self, path: str, chunks: Iterable[bytes]) -> None:
        """Write one file at a relative POSIX path. Raises ReleaseError for an unsafe or repeated path."""
        ...

    def write_image(self, path: str, record: ReleaseRecord, open_image: OpenImage) -> None:
        """Write the record's image at a path. Raises ReleaseError like `write`, and if it cannot be read."""
        ...


class Tree(Protocol):
    """A written release that is read back: a folder or an archive."""

    def names(self) -> Iterator[str]:
        """Yield the relative POSIX path of every file."""
        ...

    def open(self, name: str) -> BinaryIO:
        """Raises FileNotFoundError if there is no such file."""
        ...


class Format(Protocol):
    """An export format: one file, one line in the registry, one golden test."""

    name: ClassVar[str]
    title: ClassVar[str]

    def write(
        self, info: ReleaseInfo, records: Iterable[ReleaseRecord], open_image: OpenImage, sink: Sink
    ) -> ExportReport:
        """Write the release to the sink, with one record in memory at a time.

        The records come in a fixed order, one per image. The ids in the files follow that order, so the same records
        give the same bytes. Raises ReleaseError for an invalid record.
        """
        ...

    def verify(self, tree: Tree, expected: Counts) -> None:
        """Read the release back with the format's own reader. Raises ReleaseError on any discrepancy."""
        ...


def validated_records(records: Iterable[ReleaseRecord]) -> Iterator[ReleaseRecord]:
    """Yield the records, checking that each is unique, has a known split, a valid size and a finished label."""
    seen: set[int] = set()
    for record in records:
        key = hash(record.image_id)  # 8 bytes: with a million images, one release in 30 million has a collision
        if key in seen:
            raise ReleaseError(f"{record.file_name} occurs twice. A release has one agreed label per image.")
        seen.add(key)
        if record.split not in SPLITS:
            raise ReleaseError(f"{record.file_name} is in the split “{record.split}”. Use train, val, or test.")
        if record.width < 1 or record.height < 1:
            raise ReleaseError(f"{record.file_name} has no valid size. Import the image again.")
        if record.label.verdict not in VERDICTS:
            raise ReleaseError(f"{record.file_name} has no finished label. Leave it out until it is approved.")
        yield record


def image_chunks(record: ReleaseRecord, open_image: OpenImage) -> Iterator[bytes]:
    """Yield the release image in chunks of bounded size. Raises ReleaseError if it cannot be opened."""
    try:
        stream = open_image(record)
    except OSError as error:
        raise ReleaseError(
            f"The image {record.file_name} cannot be read from storage. Restore it, then export again."
        ) from error
    with stream:
        while chunk := stream.read(CHUNK):
            yield chunk
