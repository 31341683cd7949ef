"""The customer's side of a release: unpack it and read it with the standard reader of its format."""

import contextlib
import io
import shutil
from pathlib import Path

from pycocotools.coco import COCO

from annotary.demo.errors import DemoError
from annotary_core.formats.coco.segmentation import label_objects
from annotary_core.formats.errors import ReleaseError, Unreadable
from annotary_core.formats.release_archive import FolderSink, open_tree
from annotary_core.labels.answer import Answer, ImageLabel
from annotary_core.labels.geometry import Frame

CHUNK = 256 * 1024


def unpack(archive: Path, out: Path, root: str) -> Path:
    """Extract the archive below `out`; its files are in the folder `root`, which replaces an earlier one."""
    shutil.rmtree(out / root, ignore_errors=True)
    try:
        with open_tree(archive) as tree:
            sink = FolderSink(out)
            for name in tree.names():
                with tree.open(name) as file:
                    sink.write(name, iter(lambda: file.read(CHUNK), b""))
    except ReleaseError as error:
        raise DemoError(str(error)) from error
    return out / root


def read_coco(folder: Path) -> dict[str, Answer]:
    """Return {source key: label} of an extracted COCO release, read with pycocotools."""
    # pycocotools prints timings to standard output.
    with contextlib.redirect_stdout(io.StringIO()):
        coco = COCO(str(folder / "annotations.json"))
    labels: dict[str, Answer] = {}
    for image_id, image in coco.imgs.items():
        if not (folder / "images" / image["file_name"]).is_file():
            raise DemoError(f"The release lacks the image {image['file_name']}. Create the export again.")
        annotations = coco.loadAnns(coco.getAnnIds(imgIds=[image_id]))
        try:
            objects = label_objects(annotations, Frame(image["width"], image["height"]))
        except Unreadable as error:
            raise DemoError(f"The labels of {image['file_name']} in the release cannot be read. {error}") from error
        extension = image["annotary"]
        labels[extension["source"]] = Answer(extension["verdict"], ImageLabel(extension["class_id"]), objects)
    return labels
