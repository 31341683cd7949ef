"""Reads an ImageNet-style release back: the folders as torchvision's ImageFolder walks them, the boxes as VOC."""

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


def verify_imagenet(tree: Tree, expected: Counts, root: str) -> None:
    """Every image is found once, in a folder of a known class, in its size, with its boxes inside it.

    Raises ReleaseError with the first disagreement.
    """
    names = set(tree.names())
    index = _json(tree, f"{root}/class_to_idx.json")
    if sorted(index.values()) != list(range(len(index))):
        raise ReleaseError("class_to_idx.json does not number the classes from 0 without gaps.")
    found = {split: set(image_folder(names, f"{root}/{split}/", set(index))) for split in SPLITS}
    images, objects = Counter[str](), Counter[str]()
    stems: set[str] = set()
    boxed = 0
    for line in _lines(tree, f"{root}/labels.jsonl"):
        split, path = line["split"], f"{root}/{line['path']}"
        if path not in found[split]:
            raise ReleaseError(f"The image {line['path']} is not where a reader of folders finds images.")
        found[split].remove(path)
        stems.add(fold(path.rpartition("/")[2].rpartition(".")[0]))
        images[split] += 1
        count = _check_image(tree, names, line, root)
        objects[split] += count
        boxed += count > 0
    left = next((path for paths in found.values() for path in paths), None)
    if left is not None:
        raise ReleaseError(f"The release holds {left}, which labels.jsonl does not name.")
    if len(stems) != images.total():
        raise ReleaseError("Two images of the release have the same file name but for case or extension.")
    if sum(name.startswith(f"{root}/Annotations/") for name in names) != boxed:
        raise ReleaseError("The release holds files of boxes that belong to no image.")
    _check_counts(expected, images, objects)


def image_folder(names: set[str], folder: str, classes: set[str]) -> Iterator[str]:
    """What torchvision's ImageFolder finds under `folder`: files with an image's extension, below a folder each.

    Source: torchvision.datasets.folder, make_dataset and has_file_allowed_extension. Raises ReleaseError for a
    folder that is no class: ImageFolder would invent one.
    """
    for name in sorted(names):
        if not name.startswith(folder):
            continue
        cls, slash, _ = name.removeprefix(folder).partition("/")
        if not slash or cls not in classes or not name.lower().endswith(IMAGE_EXTENSIONS):
            raise ReleaseError(f"A reader of folders would overlook or misread {name}.")
        yield name


def _check_image(tree: Tree, names: set[str], line: dict[str, Any], root: str) -> int:
    """The number of boxes of one image, all of them checked."""
    with tree.open(f"{root}/{line['path']}") as stream:
        size = image_size(stream)
        while stream.read(CHUNK):  # to the end: an archive checks an entry's sum there
            pass
    if size != (line["width"], line["height"]):
        raise ReleaseError(f"The image {line['path']} has another size than its label says.")
    path = f"{root}/Annotations/{line['path'].rpartition('.')[0]}.xml"
    if path not in names:
        count = 0
    else:
        with tree.open(path) as stream:
            count = _count_boxes(stream.read(), path, size)
    if count != line["boxes"]:
        raise ReleaseError(f"The image {line['path']} has {line['boxes']} boxes, and its XML file {count}.")
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
                raise ReleaseError(f"A box in {path} leaves the image or is incomplete.")
    except (ParseError, DefusedXmlException, ValueError) as error:
        raise ReleaseError(f"{path} cannot be read as VOC XML; make the export again.") from error
    if stated != size:
        raise ReleaseError(f"{path} states another size than its image has.")
    return len(objects)


def _check_counts(expected: Counts, images: Counter[str], objects: Counter[str]) -> None:
    if (images.total(), objects.total()) != (expected.images, expected.objects):
        raise ReleaseError(
            f"The folders hold {images.total()} images and {objects.total()} boxes, "
            f"and the release has {expected.images} and {expected.objects}."
        )
    for split in SPLITS:
        wanted = expected.images_by_split.get(split, 0), expected.objects_by_split.get(split, 0)
        if (images[split], objects[split]) != wanted:
            raise ReleaseError(f"The split {split} does not hold the images and boxes that it should.")


def _json(tree: Tree, name: str) -> Any:
    try:
        with tree.open(name) as stream:
            return json.load(stream)
    except (OSError, KeyError, ValueError) as error:
        raise ReleaseError(f"{name} is missing or damaged; make the export again.") from error


def _lines(tree: Tree, name: str) -> Iterator[dict[str, Any]]:
    try:
        with tree.open(name) as stream:
            for line in stream:
                yield json.loads(line)
    except (OSError, KeyError, ValueError) as error:
        raise ReleaseError(f"{name} is missing or damaged; make the export again.") from error
