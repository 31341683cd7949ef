"""COCO object detection: the images, one JSON file for the whole release and one for each split.

    coco/annotations.json  coco/annotations_{train,val,test}.json  coco/images/...  coco/README.txt

Source: the format page of cocodataset.org and pycocotools, which golden tests read releases with.

Decisions, each with a golden test:
- The split files use the image and annotation ids of the whole file. Both start at 1, since COCOeval reads an
  annotation id of 0 as "no match". Category ids are the numbers of the label schema; unused ones are listed.
- `bbox`, `area` and `segmentation` are in the canonical frame (outer corners, upright pixels): shapes.py says what they
  are for each shape that COCO can hold. `iscrowd` is 0: it would be a fact of the object, not of its mask.
- The class of a whole image is not written as a box around everything: no annotator drew it, and COCOeval would count
  it. It is in the image's entry under `annotary`, with the tags, and the report says how many images have one.
- An approved "empty" image is in the file without annotations; a "cannot tell" image is not in the file, where it would
  read as empty.
- The evidence of each label is under `annotary`; attributes are under `attributes`, where other tools look for them.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any, ClassVar

from annotary_core.formats.base import (
    SPLITS,
    OpenImage,
    ReleaseInfo,
    ReleaseRecord,
    Sink,
    Tree,
    validated_records,
)
from annotary_core.formats.coco.shapes import HELD, CocoGeometry
from annotary_core.formats.coco.verifier import image_fingerprint, object_fingerprint, verify_coco
from annotary_core.formats.held_objects import ClassTable, HeldObject, held_objects, image_class
from annotary_core.formats.large_json import EntryBuffers, compact
from annotary_core.formats.names import NameAllocator, safe_path
from annotary_core.formats.report import Counts, ExportReport, Fingerprints
from annotary_core.labels.geometry import Frame

ROOT = "coco"
_CANNOT_TELL = "The annotators agreed that this image cannot be labeled. In COCO it would read as an empty image."
# Part of every export: another wording would make a release exported again differ from the first time.
_README = """\
COCO release of {project}, release {number}.

images/                     the upright images that the labels were drawn on
annotations.json            every label; annotations_train.json, _val.json and _test.json hold one split each
                            (same image and annotation ids in all of them)

Load:  pycocotools.coco.COCO("annotations.json"), or torchvision.datasets.CocoDetection("images", "annotations.json")
{objects}Each entry's "annotary" says why the label may be believed. An image without annotations was seen and is empty.
"""
_OF_BOXES = """\
Boxes: [x, y, width, height] in pixels from the outer corner of the first pixel.
       There are no masks: "segmentation" is empty, and asking for a mask fails.
"""
_OF_POLYGONS = """\
Boxes: [x, y, width, height] in pixels from the outer corner of the first pixel.
Masks: "segmentation" has one outline for each part of a polygon, [x, y, x, y, ...] in the same pixels. A polygon with a
       hole is a compressed RLE mask instead, since a list of outlines would fill the hole. "area" is in pixels of the
       mask. If a "segmentation" is empty, the object was drawn as a box and has no mask.
"""


class Coco:
    """COCO JSON with boxes and polygons."""

    name: ClassVar[str] = "coco"
    title: ClassVar[str] = "COCO JSON"

    def write(
        self, info: ReleaseInfo, records: Iterable[ReleaseRecord], open_image: OpenImage, sink: Sink
    ) -> ExportReport:
        """See `Format.write`. Keeps one record in memory, and 8 bytes of hash per file name, image and object."""
        report, names = ExportReport(self.name, fingerprints=Fingerprints()), NameAllocator()
        with EntryBuffers() as buffers:
            writer = _Writer(info, ClassTable(info.classes), report, buffers)
            for record in validated_records(records):
                if record.label.verdict == "cannot_tell":
                    report.leave_out("cannot_tell", _CANNOT_TELL, record.file_name)
                    continue
                name = names.allocate(safe_path(record.file_name, record.media_type), record.image_id)
                report.record_name(record.file_name, name)
                sink.write_image(f"{ROOT}/images/{name}", record, open_image)
                writer.add(record, name)
            for part in ("", *SPLITS):
                path = f"{ROOT}/annotations{part and '_' + part}.json"
                sink.write(path, _document(info, part, buffers))
        objects = _OF_POLYGONS if writer.has_segmentations else _OF_BOXES
        readme = _README.format(project=info.project, number=info.number, objects=objects)
        sink.write(f"{ROOT}/README.txt", [readme.encode()])
        return report

    def verify(self, tree: Tree, expected: Counts) -> None:
        """See `Format.verify`. Keeps a few bytes for each entry, and one entry, in memory."""
        verify_coco(tree, expected, ROOT)


@dataclass(slots=True)
class _Writer:
    """The state of an export in progress. `has_segmentations`: whether any object is more than a box."""

    info: ReleaseInfo
    table: ClassTable
    report: ExportReport
    buffers: EntryBuffers
    has_segmentations: bool = False

    def add(self, record: ReleaseRecord, name: str) -> None:
        image_id = self.buffers["images"].count + 1
        cls, marks = image_class(record, self.table), self.report.fingerprints or Fingerprints()
        marks.images.append(_said_of_image(record, name, self.table))
        self._write("images", record, _image(self.info, record, name, image_id, self.table))
        self.report.images[record.split] += 1
        if cls is not None:
            self.report.images_by_class[cls.name] += 1
        for item in held_objects(record, self.table, self.report, HELD):
            geometry = HELD[item.tool](item.geom, Frame(record.width, record.height))
            marks.objects.append(_said_of_object(item, geometry, image_id))
            number = self.buffers["annotations"].count + 1
            self._write("annotations", record, _annotation(record, item, geometry, image_id, number))
            self.has_segmentations |= bool(geometry.segmentation)
            self.report.objects[record.split] += 1
            self.report.objects_by_class[item.cls.name] += 1

    def _write(self, part: str, record: ReleaseRecord, value: dict[str, Any]) -> None:
        """Add an entry to the file of the whole release and to that of its split."""
        entry = compact(value)
        self.buffers[part].add(entry, between=b",\n")
        self.buffers[f"{part}_{record.split}"].add(entry, between=b",\n")


# From the release's own values and not from the entries, so that the comparison finds an entry that was formed wrongly.


def _said_of_image(record: ReleaseRecord, name: str, table: ClassTable) -> int:
    label = record.label
    extension = {
        "image": record.image_id,
        "source": record.file_name,
        "split": record.split,
        "verdict": label.verdict,
        "class_id": label.image.class_number,
        "tags": [table.find(number, record).name for number in label.image.tags],
        "evidence": {"label_hash": record.evidence.label_hash},
    }
    return image_fingerprint({"file_name": name, "width": record.width, "height": record.height, "annotary": extension})


def _said_of_object(item: HeldObject, geometry: CocoGeometry, image_id: int) -> int:
    entry = {
        "image_id": image_id,
        "category_id": item.cls.number,
        "bbox": geometry.bbox,
        "area": geometry.area,
        "annotary": {"object": item.id},
    }
    return object_fingerprint(entry, geometry.content)


def _image(info: ReleaseInfo, record: ReleaseRecord, name: str, image_id: int, table: ClassTable) -> dict[str, Any]:
    image = record.label.image
    cls = image_class(record, table)
    entry: dict[str, Any] = {
        "id": image_id,
        "file_name": name,
        "width": record.width,
        "height": record.height,
        "annotary": {
            "image": record.image_id,
            "source": record.file_name,
            "split": record.split,
            "verdict": record.label.verdict,
            "class": cls.name if cls else None,
            "class_id": cls.number if cls else None,
            "tags": [table.find(number, record).name for number in image.tags],
            "attributes": dict(image.attrs),
            "metadata": dict(record.metadata),
            "evidence": record.evidence.as_json(),
        },
    }
    if info.licence:
        entry["license"] = 1
    return entry


def _annotation(
    record: ReleaseRecord, item: HeldObject, geometry: CocoGeometry, image_id: int, annotation_id: int
) -> dict[str, Any]:
    return {
        "id": annotation_id,
        "image_id": image_id,
        "category_id": item.cls.number,
        "bbox": list(geometry.bbox),
        "area": geometry.area,
        "iscrowd": 0,
        "segmentation": geometry.segmentation,
        "attributes": dict(item.attrs),
        "annotary": {
            "object": item.id,
            "evidence": {**record.evidence.as_json(), **record.evidence.objects.get(item.id, {})},
        },
    }


def _document(info: ReleaseInfo, part: str, buffers: EntryBuffers) -> Iterator[bytes]:
    """Yield the file of the whole release (`part` is "") or of one split, in chunks."""
    suffix = part and f"_{part}"
    about = {
        "description": info.description or info.project,
        "version": str(info.number),
        "contributor": info.contributor,
        "url": "",
        "annotary": {"project": info.project, "content_hash": info.content_hash, "split": part or "all"},
    }
    licences = [{"id": 1, "name": info.licence, "url": info.licence_url}] if info.licence else []
    categories = [
        {"id": each.number, "name": each.name, "supercategory": "", "annotary": {"color": each.color}}
        for each in info.classes
    ]
    yield b'{"info":' + compact(about) + b',\n"licenses":' + compact(licences)
    yield b',\n"categories":' + compact(categories) + b',\n"images":[\n'
    yield from buffers[f"images{suffix}"].chunks()
    yield b'],\n"annotations":[\n'
    yield from buffers[f"annotations{suffix}"].chunks()
    yield b"]}\n"
