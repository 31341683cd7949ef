"""Verification of a written COCO release, with pycocotools and with checks of our own."""

from __future__ import annotations

import os
from contextlib import redirect_stdout
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from pycocotools.coco import COCO

from annotary_core.formats.base import CHUNK, SPLITS, Tree
from annotary_core.formats.entry_buffer import compact
from annotary_core.formats.errors import ReleaseError
from annotary_core.formats.image_size import image_size
from annotary_core.formats.names import fold
from annotary_core.formats.report import Counts
from annotary_core.wording import format_count

# The sum of two rounded coordinates may have a floating-point error.
_EPSILON = 1e-6


def verify_coco(tree: Tree, expected: Counts, root: str) -> None:
    """Check that every annotation file loads, has the expected counts and matches the images in the release.

    Raises ReleaseError for the first discrepancy.
    """
    names = set(tree.names())
    whole = _load(tree, f"{root}/annotations.json")
    _check_counts("annotations.json", whole, expected.images, expected.objects)
    _check_annotations(whole)
    _check_images(tree, whole, names, f"{root}/images/")
    # From here on, fingerprints replace the whole file, so that two files are never in memory at once.
    images, annotations = _fingerprints(whole.imgs), _fingerprints(whole.anns)
    del whole
    seen = 0
    for split in SPLITS:
        name = f"annotations_{split}.json"
        part = _load(tree, f"{root}/{name}")
        counts = expected.images_by_split.get(split, 0), expected.objects_by_split.get(split, 0)
        _check_counts(name, part, *counts)
        seen += len(part.imgs)
        if not (
            _fingerprints(part.imgs).items() <= images.items()
            and _fingerprints(part.anns).items() <= annotations.items()
        ):
            raise ReleaseError(f"{name} does not agree with annotations.json. Create the export again.")
        del part
    if seen != len(images):
        raise ReleaseError("The splits together are not the whole release. Create the export again.")


def _fingerprints(entries: dict[int, Any]) -> dict[int, int]:
    return {key: hash(compact(entry)) for key, entry in entries.items()}


def _load(tree: Tree, name: str) -> Any:
    """Load a file with pycocotools, which reads from paths only and prints: give it a copy and discard its output."""
    with TemporaryDirectory() as folder:
        copy = Path(folder) / "annotations.json"
        try:
            with tree.open(name) as source, copy.open("wb") as target:
                while chunk := source.read(CHUNK):
                    target.write(chunk)
            with Path(os.devnull).open("w") as nowhere, redirect_stdout(nowhere):
                return COCO(str(copy))
        except (OSError, KeyError, ValueError, AssertionError, TypeError) as error:
            raise ReleaseError(f"{name} is missing or pycocotools cannot read it. Create the export again.") from error


def _check_counts(name: str, coco: Any, images: int, objects: int) -> None:
    listed = len(coco.dataset["images"]), len(coco.dataset["annotations"])
    # The index is keyed by id: fewer keys than entries means that an id is used twice.
    if (len(coco.imgs), len(coco.anns)) != listed:
        raise ReleaseError(f"{name} uses an id twice. Create the export again.")
    if listed != (images, objects):
        raise ReleaseError(
            f"{name} has {format_count(listed[0], 'image')} and {format_count(listed[1], 'object')},"
            f" but the release has {images} and {objects}."
            " Create the export again."
        )


def _check_annotations(coco: Any) -> None:
    for key, each in coco.anns.items():
        image = coco.imgs.get(each["image_id"])
        if image is None or each["category_id"] not in coco.cats or not isinstance(key, int) or key < 1:
            raise ReleaseError(
                f"Annotation {key} refers to an image or class that is not in the release. Create the export again."
            )
        x, y, w, h = each["bbox"]
        inside = x >= 0 and y >= 0 and x + w <= image["width"] + _EPSILON and y + h <= image["height"] + _EPSILON
        if not inside or w <= 0 or h <= 0 or each["area"] < 0 or each["iscrowd"] != 0:
            raise ReleaseError(
                f"A box of {image['file_name']} is empty or extends outside the image. Review its label."
            )


def _check_images(tree: Tree, coco: Any, names: set[str], folder: str) -> None:
    folded: set[str] = set()
    for image in coco.imgs.values():
        name = image["file_name"]
        path = folder + name
        if path not in names:
            raise ReleaseError(f"The image {name} is listed in annotations.json but missing from the release.")
        folded.add(fold(name))
        with tree.open(path) as stream:
            size = image_size(stream)
            while stream.read(CHUNK):  # to the end, where an archive verifies the entry's CRC
                pass
        if size != (image["width"], image["height"]):
            raise ReleaseError(f"The image {name} does not have the size stated in annotations.json.")
    if len(folded) != len(coco.imgs):
        raise ReleaseError("Two images of the release have file names that differ only by case.")
    if sum(name.startswith(folder) for name in names) != len(coco.imgs):
        raise ReleaseError("The release contains image files that annotations.json does not list.")
