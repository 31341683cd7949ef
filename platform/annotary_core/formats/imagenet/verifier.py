"""Verification of an ImageNet-style release: its folders as torchvision's ImageFolder walks them, its boxes as VOC."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from typing import Any

from defusedxml import DefusedXmlException
from defusedxml.ElementTree import ParseError, fromstring

from annotary_core.formats.base import CHUNK, SPLITS, Tree
from annotary_core.formats.errors import ReleaseError
from annotary_core.formats.image_size import image_size
from annotary_core.formats.names import IMAGE_EXTENSIONS, fold
from annotary_core.formats.report import Counts
from annotary_core.wording import format_count


def verify_imagenet(tree: Tree, expected: Counts, root: str) -> None:
    """Check that every image exists once, in the folder of a known class, with its size and with its boxes inside it.

    Raises ReleaseError for the first discrepancy.
    """
    index = _json(tree, f"{root}/class_to_idx.json")
    if sorted(index.values()) != list(range(len(index))):
        raise ReleaseError("class_to_idx.json does not number the classes from 0 without gaps.")
    unlisted, box_files = _walk(tree, root, set(index))
    images, objects = Counter[str](), Counter[str]()
    stems: set[int] = set()
    boxed = 0
    for line in _lines(tree, f"{root}/labels.jsonl"):
        split, path = line["split"], f"{root}/{line['path']}"
        if hash(path) not in unlisted[split]:
            raise ReleaseError(f"The image {line['path']} is not where folder readers look for images.")
        unlisted[split].remove(hash(path))
        stems.add(hash(fold(path.rpartition("/")[2].rpartition(".")[0])))
        images[split] += 1
        count = _check_image(tree, line, root)
        objects[split] += count
        boxed += count > 0
    if any(unlisted.values()):
        left = set[int]().union(*unlisted.values())
        extra = next(name for name in tree.names() if hash(name) in left)
        raise ReleaseError(f"The release contains {extra}, which labels.jsonl does not list.")
    if len(stems) != images.total():
        raise ReleaseError("Two images of the release have file names that differ only by case or extension.")
    if box_files != boxed:
        raise ReleaseError("The release contains box files that belong to no image.")
    _check_counts(expected, images, objects)


def _walk(tree: Tree, root: str, classes: set[str]) -> tuple[dict[str, set[int]], int]:
    """Return the hashes of what torchvision's ImageFolder finds in each split, and the number of box files.

    It finds files with an image extension in class folders. Source: torchvision.datasets.folder, make_dataset and
    has_file_allowed_extension. Raises ReleaseError for a folder that is not a class: ImageFolder would invent one.
    """
    found: dict[str, set[int]] = {split: set() for split in SPLITS}
    box_files = 0
    for name in tree.names():
        folder, _, path = name.removeprefix(f"{root}/").partition("/")
        if not name.startswith(f"{root}/") or not path:
            continue
        box_files += folder == "Annotations"
        if folder in found:
            cls, slash, _ = path.partition("/")
            if not slash or cls not in classes or not name.lower().endswith(IMAGE_EXTENSIONS):
                raise ReleaseError(f"Folder readers would ignore or misread {name}.")
            found[folder].add(hash(name))
    return found, box_files


def _check_image(tree: Tree, line: dict[str, Any], root: str) -> int:
    """Check one image and its boxes; return the number of boxes."""
    with tree.open(f"{root}/{line['path']}") as stream:
        size = image_size(stream)
        while stream.read(CHUNK):  # to the end, where an archive verifies the entry's CRC
            pass
    if size != (line["width"], line["height"]):
        raise ReleaseError(f"The image {line['path']} does not have the size stated in its label.")
    path = f"{root}/Annotations/{line['path'].rpartition('.')[0]}.xml"
    try:
        with tree.open(path) as stream:
            count = _count_boxes(stream.read(), path, size)
    except FileNotFoundError:
        count = 0
    if count != line["boxes"]:
        boxes = format_count(line["boxes"], "box", "boxes")
        raise ReleaseError(f"The image {line['path']} has {boxes}, but its XML file has {count}.")
    return count


def _count_boxes(body: bytes, path: str, size: tuple[int, int]) -> int:
    try:
        tree = fromstring(body, forbid_dtd=True)
        stated = tuple(int(tree.findtext(f"size/{key}", "")) for key in ("width", "height"))
        objects = tree.findall("object")
        for each in objects:
            xmin, ymin, xmax, ymax = (
                int(each.findtext(f"bndbox/{key}", "")) for key in ("xmin", "ymin", "xmax", "ymax")
            )
            flags = {each.findtext("truncated"), each.findtext("difficult")}
            inside = 1 <= xmin <= xmax <= size[0] and 1 <= ymin <= ymax <= size[1]
            if not inside or not flags <= {"0", "1"} or not each.findtext("pose") or not each.findtext("name"):
                raise ReleaseError(f"A box in {path} extends outside the image or is incomplete.")
    except (ParseError, DefusedXmlException, ValueError) as error:
        raise ReleaseError(f"{path} cannot be read as VOC XML. Create the export again.") from error
    if stated != size:
        raise ReleaseError(f"The size stated in {path} is not that of its image.")
    return len(objects)


def _check_counts(expected: Counts, images: Counter[str], objects: Counter[str]) -> None:
    if (images.total(), objects.total()) != (expected.images, expected.objects):
        raise ReleaseError(
            f"The folders contain {format_count(images.total(), 'image')} and"
            f" {format_count(objects.total(), 'box', 'boxes')},"
            f" but the release has {expected.images} and {expected.objects}."
        )
    for split in SPLITS:
        counts = expected.images_by_split.get(split, 0), expected.objects_by_split.get(split, 0)
        if (images[split], objects[split]) != counts:
            raise ReleaseError(f"The split {split} does not contain the expected images and boxes.")


def _json(tree: Tree, name: str) -> Any:
    try:
        with tree.open(name) as stream:
            return json.load(stream)
    except (OSError, KeyError, ValueError) as error:
        raise ReleaseError(f"{name} is missing or damaged. Create the export again.") from error


def _lines(tree: Tree, name: str) -> Iterator[dict[str, Any]]:
    try:
        with tree.open(name) as stream:
            for line in stream:
                yield json.loads(line)
    except (OSError, KeyError, ValueError) as error:
        raise ReleaseError(f"{name} is missing or damaged. Create the export again.") from error
