"""Verification of a written COCO release, entry by entry: its memory is bytes for each entry, never the entries.

pycocotools, which a golden test reads releases with, keeps a whole file in memory. What it needs is checked here: every
key that it reads, ids that it indexes by, and classes and images that entries refer to.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from annotary_core.formats.base import CHUNK, SPLITS, Tree
from annotary_core.formats.coco.shapes import mask_content
from annotary_core.formats.errors import ReleaseError
from annotary_core.formats.image_size import image_size
from annotary_core.formats.large_json import JsonStream, Member
from annotary_core.formats.names import fold
from annotary_core.formats.report import Counts
from annotary_core.labels.geometry import Bounds, Frame
from annotary_core.labels.shapes.rle import Rle, decode
from annotary_core.wording import format_count

WHOLE = "annotations.json"
# The sum of two rounded coordinates may have a floating-point error.
_EPSILON = 1e-6
_LISTS = ("images", "annotations", "categories")


@dataclass(slots=True)
class _Whole:
    """What is kept of annotations.json. Ids count from 1, so the entry with an id is at the index before it.

    `split` has the number of the split in which an image was found, counted from 1, and 0 before.
    """

    categories: set[int] = field(default_factory=set)
    widths: array[int] = field(default_factory=lambda: array("L"))
    heights: array[int] = field(default_factory=lambda: array("L"))
    images: array[int] = field(default_factory=lambda: array("q"))
    annotations: array[int] = field(default_factory=lambda: array("q"))
    split: bytearray = field(default_factory=bytearray)


def verify_coco(tree: Tree, expected: Counts, root: str) -> None:
    """Check that every annotation file can be read, says what the release says and matches the images in the release.

    Raises ReleaseError for the first discrepancy.
    """
    whole = _check_whole(tree, expected, root)
    images = annotations = 0
    for number, split in enumerate(SPLITS, start=1):
        counts = _check_split(tree, whole, root, split, number)
        name = f"annotations_{split}.json"
        _check_counts(name, counts, expected.images_by_split.get(split, 0), expected.objects_by_split.get(split, 0))
        images, annotations = images + counts[0], annotations + counts[1]
    if (images, annotations) != (len(whole.images), len(whole.annotations)):
        raise ReleaseError("The splits together are not the whole release. Create the export again.")


def image_fingerprint(entry: Mapping[str, Any]) -> int:
    """Return a hash of what an entry says of its image; equal content has equal hashes within one process."""
    label = entry["annotary"]
    return hash(
        (
            *(entry["file_name"], entry["width"], entry["height"]),
            *(label["image"], label["source"], label["split"], label["verdict"], label["class_id"]),
            *label["tags"],
            label["evidence"]["label_hash"],
        )
    )


def object_fingerprint(entry: Mapping[str, Any], content: object) -> int:
    """Like `image_fingerprint`, of an annotation. `content` is that of its segmentation, see `CocoGeometry`."""
    return hash(
        (
            *(entry["image_id"], entry["category_id"], *entry["bbox"], entry["area"]),
            *(content, entry["annotary"]["object"]),
        )
    )


def _check_whole(tree: Tree, expected: Counts, root: str) -> _Whole:
    whole, folded = _Whole(), set[int]()
    known = expected.fingerprints
    said_of_images, said_of_objects = (known.images, known.objects) if known else (None, None)
    with _reading(WHOLE):
        for member in _members(tree, f"{root}/{WHOLE}"):
            entry = member.value
            if member.key == "categories":
                whole.categories.add(entry["id"])
            elif member.key == "images":
                _check_id("Image", entry["id"], len(whole.images) + 1)
                _check_image(tree, entry, f"{root}/images/")
                folded.add(hash(fold(entry["file_name"])))
                whole.widths.append(entry["width"])
                whole.heights.append(entry["height"])
                whole.images.append(member.text_hash)
                _check_label("Image", entry["id"], image_fingerprint(entry), said_of_images)
            elif member.key == "annotations":
                _check_id("Annotation", entry["id"], len(whole.annotations) + 1)
                content = _check_annotation(tree, root, whole, entry)
                whole.annotations.append(member.text_hash)
                _check_label("Annotation", entry["id"], object_fingerprint(entry, content), said_of_objects)
    _check_counts(WHOLE, (len(whole.images), len(whole.annotations)), expected.images, expected.objects)
    if len(folded) != len(whole.images):
        raise ReleaseError("Two images of the release have file names that differ only by case.")
    if sum(name.startswith(f"{root}/images/") for name in tree.names()) != len(whole.images):
        raise ReleaseError("The release contains image files that annotations.json does not list.")
    whole.split = bytearray(len(whole.images))
    return whole


def _check_split(tree: Tree, whole: _Whole, root: str, split: str, number: int) -> tuple[int, int]:
    """Check that each entry of a split's file is one of the whole file, and in no other; return their numbers."""
    name = f"annotations_{split}.json"
    categories: set[int] = set()
    found = {"images": [0, 0], "annotations": [0, 0]}  # how many, and the id of the last
    with _reading(name):
        for member in _members(tree, f"{root}/{name}"):
            entry = member.value
            if member.key == "categories":
                categories.add(entry["id"])
            if member.key not in found:
                continue
            key, last = entry["id"], found[member.key][1]
            texts = whole.images if member.key == "images" else whole.annotations
            same = type(key) is int and last < key <= len(texts) and texts[key - 1] == member.text_hash
            if same and member.key == "images":
                same, whole.split[key - 1] = whole.split[key - 1] == 0, number
            elif same:
                same = whole.split[entry["image_id"] - 1] == number
            if not same:
                raise ReleaseError(f"{name} does not agree with annotations.json. Create the export again.")
            found[member.key] = [found[member.key][0] + 1, key]
    if categories != whole.categories:
        raise ReleaseError(f"{name} does not have the classes of annotations.json. Create the export again.")
    return found["images"][0], found["annotations"][0]


def _members(tree: Tree, path: str) -> Iterator[Member]:
    with tree.open(path) as source:
        stream = JsonStream(source)
        yield from stream.members()
        if not stream.keys.issuperset(_LISTS):
            raise ValueError("one of the lists is missing")


@contextmanager
def _reading(name: str) -> Iterator[None]:
    """Turn what a missing, torn or misshapen file raises into a sentence."""
    try:
        yield
    except (OSError, LookupError, ValueError, TypeError, AttributeError) as error:
        raise ReleaseError(f"{name} is missing or cannot be read as COCO. Create the export again.") from error


def _check_id(kind: str, key: Any, position: int) -> None:
    if type(key) is int and key == position:
        return
    if type(key) is int and 1 <= key < position:
        raise ReleaseError(f"annotations.json uses an id twice: {kind} {key}. Create the export again.")
    raise ReleaseError(f"{kind} {key} is where {kind} {position} belongs. Create the export again.")


def _check_label(kind: str, key: int, fingerprint: int, expected: array[int] | None) -> None:
    if expected is not None and key <= len(expected) and fingerprint != expected[key - 1]:
        raise ReleaseError(f"{kind} {key} does not say what the release says. Create the export again.")


def _check_counts(name: str, counts: tuple[int, int], images: int, objects: int) -> None:
    if counts != (images, objects):
        raise ReleaseError(
            f"{name} has {format_count(counts[0], 'image')} and {format_count(counts[1], 'object')},"
            f" but the release has {images} and {objects}."
            " Create the export again."
        )


def _check_annotation(tree: Tree, root: str, whole: _Whole, entry: Mapping[str, Any]) -> object:
    """Check that an object is inside an image of the release, and return the content of its segmentation."""
    image = entry["image_id"]
    known = type(image) is int and 1 <= image <= len(whole.images)
    if not known or entry["category_id"] not in whole.categories:
        raise ReleaseError(
            f"Annotation {entry['id']} refers to an image or class that is not in the release. Create the export again."
        )
    x, y, w, h = entry["bbox"]
    frame = Frame(whole.widths[image - 1], whole.heights[image - 1])
    inside = x >= 0 and y >= 0 and x + w <= frame.width + _EPSILON and y + h <= frame.height + _EPSILON
    if not inside or w <= 0 or h <= 0 or entry["area"] < 0 or entry["iscrowd"] != 0:
        name = _file_name(tree, root, image)
        raise ReleaseError(f"An object of {name} is empty or extends outside the image. Review its label.")
    return _segmentation(entry, (x, y, x + w, y + h), frame)


def _segmentation(entry: Mapping[str, Any], box: Bounds, frame: Frame) -> object:
    """Return the content of a segmentation, see `CocoGeometry`. Raises ReleaseError if the box is not around it."""
    value = entry["segmentation"]
    if isinstance(value, dict):
        mask = decode(Rle(size=tuple(value["size"]), counts=value["counts"].encode("ascii")), frame).trimmed()
        # The mask has the pixels whose centers lie in the object, so it may lack a sliver of it.
        left, top, right, bottom = mask.bounds
        fits = not mask.area or _is_inside((left + 0.5, top + 0.5, right - 0.5, bottom - 0.5), box)
        content = mask_content(mask)
    else:
        if any(len(outline) < 6 or len(outline) % 2 for outline in value):
            raise ValueError("an outline without three points")
        sides = [side for outline in value for side in outline]
        around = (min(sides[::2]), min(sides[1::2]), max(sides[::2]), max(sides[1::2])) if sides else box
        fits = _is_inside(around, box) and _is_inside(box, around)
        content = tuple(map(tuple, value))
    if not fits:
        raise ReleaseError(
            f"The box of annotation {entry['id']} is not that of its segmentation. Create the export again."
        )
    return content


def _is_inside(inner: Bounds, outer: Bounds) -> bool:
    low = all(a >= b - _EPSILON for a, b in zip(inner[:2], outer[:2], strict=True))
    return low and all(a <= b + _EPSILON for a, b in zip(inner[2:], outer[2:], strict=True))


def _file_name(tree: Tree, root: str, image: int) -> str:
    """Look up an image's name in the file, since names are not kept."""
    members = _members(tree, f"{root}/{WHOLE}")
    return next(str(each.value["file_name"]) for each in members if each.key == "images" and each.value["id"] == image)


def _check_image(tree: Tree, entry: Mapping[str, Any], folder: str) -> None:
    name = entry["file_name"]
    try:
        stream = tree.open(folder + name)
    except FileNotFoundError:
        raise ReleaseError(f"The image {name} is listed in annotations.json but missing from the release.") from None
    with stream:
        size = image_size(stream)
        while stream.read(CHUNK):  # to the end, where an archive verifies the entry's CRC
            pass
    if size != (entry["width"], entry["height"]):
        raise ReleaseError(f"The image {name} does not have the size stated in annotations.json.")
