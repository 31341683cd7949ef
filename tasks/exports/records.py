"""Conversion of a release's rows to the formats' input: records in a fixed order, and their image files."""

from collections import OrderedDict
from collections.abc import Iterator, Mapping
from typing import Any, BinaryIO

from annotary_core.formats.base import Evidence, ReleaseInfo, ReleaseRecord
from annotary_core.labels.answer import Answer
from annotary_core.labels.schema import LabelClass, Schema
from storage.backends import BlobMissing
from storage.models import Blob
from storage.services import open_blob
from tasks.consensus.models import ConsensusLabel
from tasks.ingest.models import Image
from tasks.snapshots.models import Snapshot, SnapshotItem
from tasks.snapshots.selectors import review_kind

CHUNK = 500
_OBJECT_FIGURES = ("existence", "votes", "seen", "agreement")


def release_info(snapshot: Snapshot) -> ReleaseInfo:
    """Describe the release; its classes are those of its schema, then the retired ones that its labels still use."""
    retired = tuple(LabelClass(**row) for row in snapshot.counts.get("retired_classes", ()))
    return ReleaseInfo(
        project=snapshot.project.name,
        number=snapshot.number,
        content_hash=snapshot.content_hash,
        classes=Schema.from_json(snapshot.schema.body).classes + retired,
        contributor=snapshot.project.organisation.name,
    )


class ReleaseImages:
    """Opens the release image of a record. Caches the blobs of the most recent records; others are queried."""

    def __init__(self) -> None:
        self._blobs: OrderedDict[str, Blob] = OrderedDict()

    def remember(self, image_id: str, blob: Blob) -> None:
        self._blobs[image_id] = blob
        if len(self._blobs) > 2 * CHUNK:
            self._blobs.popitem(last=False)

    def __call__(self, record: ReleaseRecord) -> BinaryIO:
        """Open the image. Raises OSError if the file is missing; the formats turn that into a message with its name."""
        blob = self._blobs.get(record.image_id)
        if blob is None:
            blob = Image.objects.select_related("release").get(public_id=record.image_id).release
        try:
            return open_blob(blob)
        except BlobMissing as error:
            raise FileNotFoundError(record.file_name) from error


def records(snapshot: Snapshot, images: ReleaseImages) -> Iterator[ReleaseRecord]:
    """Yield the release's items in the order in which it was built, with one chunk in memory at a time."""
    items = (
        SnapshotItem.objects.filter(snapshot=snapshot)
        .select_related("image", "image__release", "label", "review")
        .order_by("pk")
    )
    for item in items.iterator(chunk_size=CHUNK):
        image_id = str(item.image.public_id)
        images.remember(image_id, item.image.release)
        yield _record(item, image_id)


def _record(item: SnapshotItem, image_id: str) -> ReleaseRecord:
    image, label = item.image, item.label
    return ReleaseRecord(
        image_id=image_id,
        file_name=image.source_key,
        width=image.width,
        height=image.height,
        split=item.split,
        label=Answer.from_json(label.body),
        evidence=Evidence(
            method=label.method,
            answers=int(label.evidence.get("n", 0)),
            confidence=label.confidence,
            review=review_kind(method=label.method, verdict=item.review.verdict, by_policy=item.review.by_policy),
            label_hash=label.content_hash,
            objects=_object_figures(label),
        ),
        metadata=image.metadata,
        media_type=image.release.content_type,
        channels=int(image.quality.get("channels", 3)),
        image_sha256=image.release.sha256,
    )


def _object_figures(label: ConsensusLabel) -> Mapping[str, Mapping[str, Any]]:
    """Return the figures by object id, if the method has any: objects of a single answer carry the answer's own ids."""
    objects = label.evidence.get("objects", ())
    return {each["id"]: {name: each[name] for name in _OBJECT_FIGURES} for each in objects if each["released"]}
