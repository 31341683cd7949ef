"""Process the files of an import one by one: check, render and store them as images."""

import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path

import structlog
from django.db import transaction
from django.db.models import F

from storage.backends import BlobMissing
from storage.models import Blob
from storage.services import blob_file, store_blob
from storage.temporary_files import spool_folder
from tasks.ingest.groups import group_of
from tasks.ingest.models import Image, Import, ImportItem
from tasks.ingest.selectors import metadata_by_item
from tasks.validate.imaging.errors import ImageRefused
from tasks.validate.imaging.inspect import RenderedImage, inspect_and_render

logger = structlog.get_logger(__name__)

DUPLICATE = "The dataset already contains this image as {name}."
_SCREEN_TYPE = "image/jpeg"


def process_item(
    *,
    item: ImportItem,
    metadata: Mapping[str, str] | None = None,
    slot: int = 0,
    may_save: Callable[[], bool] = lambda: True,
) -> Image | None:
    """Process a waiting item; return its image, new or existing, or None if it was refused or processed concurrently.

    Reading and rendering happen outside the single short transaction that writes the result, so a killed run leaves
    the item waiting and only blobs that are swept later. `metadata` is the item's row in the metadata table; it is
    looked up if None. `slot` selects the decoder process: concurrent threads use different slots. `may_save` is called
    before an image is saved, and can wait; if it returns False, the item stays waiting.
    Raises DecoderUnavailable or StorageBusy: try again later.
    """
    row = ImportItem.objects.select_related("batch_import", "original").defer("batch_import__metadata").get(pk=item.pk)
    if row.state != ImportItem.State.WAITING or row.original is None:
        return row.image
    existing = Image.objects.filter(dataset_id=row.batch_import.dataset_id, sha256=row.original.sha256).first()
    if existing is not None:
        return _close_item(row, image=existing)
    if metadata is None:
        metadata = metadata_by_item(batch_import=row.batch_import).get(row.name, {})
    try:
        with (
            tempfile.TemporaryDirectory(dir=spool_folder(), prefix="annotary-image-") as folder,
            blob_file(row.original) as source,
        ):
            rendered = inspect_and_render(source, out=Path(folder), name=row.name, slot=slot)
            blobs = _store(rendered)
    except ImageRefused as error:
        _refuse(row, code=error.reason, reason=error.sentence)
        return None
    except BlobMissing:
        # One lost file must not block the others forever.
        _refuse(row, code="file_lost", reason="The file was lost before it could be read. Upload it again.")
        return None
    return _save_image(row, rendered, blobs, metadata) if may_save() else None


def _store(rendered: RenderedImage) -> dict[str, Blob]:
    return {
        "release": store_blob(source=rendered.release, content_type=rendered.release_type),
        "rendition": store_blob(source=rendered.screen, content_type=_SCREEN_TYPE),
        "thumb": store_blob(source=rendered.thumb, content_type=_SCREEN_TYPE),
    }


@transaction.atomic
def _save_image(row: ImportItem, rendered: RenderedImage, blobs: dict[str, Blob], metadata: Mapping[str, str]) -> Image:
    assert row.original is not None
    image = Image(
        dataset_id=row.batch_import.dataset_id,
        sha256=rendered.sha256,
        source_key=row.name,
        metadata=dict(metadata),
        group_key=group_of(row.batch_import, name=row.name, row=metadata),
        width=rendered.width,
        height=rendered.height,
        original_width=rendered.original_width,
        original_height=rendered.original_height,
        orientation=rendered.orientation,
        original=row.original,
        perceptual_hash=rendered.phash,
        quality={
            "format": rendered.format,
            "mode": rendered.mode,
            "sharpness": rendered.sharpness,
            "brightness": rendered.brightness,
            "contrast": rendered.contrast,
            "notes": list(rendered.notes),
        },
        **blobs,
    )
    # A concurrent import may save the same content: the unique index decides, and the loser becomes a duplicate.
    Image.objects.bulk_create([image], ignore_conflicts=True)
    saved = Image.objects.get(dataset_id=image.dataset_id, sha256=image.sha256)
    return _close_item(row, image=saved, new=saved.public_id == image.public_id)


@transaction.atomic
def _close_item(row: ImportItem, *, image: Image, new: bool = False) -> Image:
    """Close the item with its image and count it, if it is still waiting."""
    state = ImportItem.State.TAKEN if new else ImportItem.State.DUPLICATE
    reason = "" if new else DUPLICATE.format(name=image.source_key)[:500]
    closed = ImportItem.objects.filter(pk=row.pk, state=ImportItem.State.WAITING).update(
        state=state, image=image, original=None, code="" if new else "duplicate", reason=reason
    )
    if closed:
        column = "taken" if new else "duplicates"
        Import.objects.filter(pk=row.batch_import_id).update(**{column: F(column) + 1})
    return image


@transaction.atomic
def _refuse(row: ImportItem, *, code: str, reason: str) -> None:
    """Close the item with its reason and count it, if it is still waiting. Its file is released and swept later."""
    closed = ImportItem.objects.filter(pk=row.pk, state=ImportItem.State.WAITING).update(
        state=ImportItem.State.REFUSED, original=None, code=code[:40], reason=reason[:500]
    )
    if closed:
        logger.warning("image refused", item_id=row.pk, import_id=row.batch_import_id, problem=code)
        Import.objects.filter(pk=row.batch_import_id).update(refused=F("refused") + 1)
