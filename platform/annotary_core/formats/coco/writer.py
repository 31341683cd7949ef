"""COCO object detection: the images, one JSON file for the whole release and one for each split.

    coco/annotations.json  coco/annotations_{train,val,test}.json  coco/images/...  coco/README.txt

Source: the format page of cocodataset.org and pycocotools, which golden tests read releases with.

Decisions, each with a golden test:
- The split files use the image and annotation ids of the whole file. Both start at 1, since COCOeval reads an
  annotation id of 0 as "no match". Category ids are the numbers of the label schema; unused ones are listed.
- `bbox` is [x, y, w, h] in the canonical frame (outer corners, upright pixels); `area` is that of the box.
- `segmentation` is `[]`. Without the key, readers that index it fail on load; a rectangle in it would be a contour
  that no annotator drew, and mask training would silently learn it. Decoding such an annotation's mask fails loudly.
- The class of a whole image is not written as a box around everything: no annotator drew it, and COCOeval would count
  it. It is in the image's entry under `annotary`, with the tags, and the report says how many images have one.
- An approved "empty" image is in the file without annotations; a "cannot tell" image is not in the file, where it would
  read as empty.
- The evidence of each label is under `annotary`; attributes are under `attributes`, where other tools look for them.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
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
from annotary_core.formats.box_objects import BoxObject, ClassTable, boxes_of, image_class
from annotary_core.formats.coco.verifier import image_fingerprint, object_fingerprint, verify_coco
from annotary_core.formats.entry_buffer import EntryBuffers, compact
from annotary_core.formats.names import NameAllocator, safe_path
from annotary_core.formats.report import Counts, ExportReport, Fingerprints
from annotary_core.labels.geometry import DECIMALS
from annotary_core.labels.shapes.box import box_area

ROOT = "coco"
_CANNOT_TELL = "The annotators agreed that this image cannot be labeled. In COCO it would read as an empty image."
# Part of every export: another wording would make a release exported again differ from the first time.
_README = """\
COCO release of {project}, release {number}.

images/                     the upright images that the labels were drawn on
annotations.json            every label; annotations_train.json, _val.json and _test.json hold one split each
                            (same image and annotation ids in all of them)

Load:  pycocotools.coco.COCO("annotations.json"), or torchvision.datasets.CocoDetection("images", "annotations.json")
Boxes: [x, y, width, height] in pixels from the outer corner of the first pixel.
       There are no masks: "segmentation" is empty, and asking for a mask fails.
Each entry's "annotary" says why the label may be believed. An image without annotations was seen and is empty.
"""


class Coco:
    """COCO JSON with boxes."""

    name: ClassVar[str] = "coco"
    title: ClassVar[str] = "COCO JSON"

    def write(
        self, info: ReleaseInfo, records: Iterable[ReleaseRecord], open_image: OpenImage, sink: Sink
    ) -> ExportReport:
        """See `Format.write`. Keeps one record in memory, and 8 bytes of hash per file name, image and object."""
        report = ExportReport(self.name, fingerprints=Fingerprints())
        table, names = ClassTable(info.classes), NameAllocator()
        with EntryBuffers() as buffers:
            for record in validated_records(records):
                if record.label["verdict"] == "cannot_tell":
                    report.leave_out("cannot_tell", _CANNOT_TELL, record.file_name)
                    continue
                name = names.allocate(safe_path(record.file_name, record.media_type), record.image_id)
                report.record_name(record.file_name, name)
                sink.write_image(f"{ROOT}/images/{name}", record, open_image)
                _add_record(info, record, name, table, report, buffers)
            for part in ("", *SPLITS):
                path = f"{ROOT}/annotations{part and '_' + part}.json"
                sink.write(path, _document(info, part, buffers))
        readme = _README.format(project=info.project, number=info.number)
        sink.write(f"{ROOT}/README.txt", [readme.encode()])
        return report

    def verify(self, tree: Tree, expected: Counts) -> None:
        """See `Format.verify`. Keeps a few bytes for each entry in memory."""
        verify_coco(tree, expected, ROOT)


def _add_record(
    info: ReleaseInfo, record: ReleaseRecord, name: str, table: ClassTable, report: ExportReport, buffers: EntryBuffers
) -> None:
    image_id = buffers["images"].count + 1
    cls, marks = image_class(record, table), report.fingerprints or Fingerprints()
    marks.images.append(_said_of_image(record, name, table))
    entry = compact(_image(info, record, name, image_id, table))
    buffers["images"].add(entry, between=b",\n")
    buffers[f"images_{record.split}"].add(entry, between=b",\n")
    report.images[record.split] += 1
    if cls is not None:
        report.images_by_class[cls.name] += 1
    for box in boxes_of(record, table, report):
        marks.objects.append(_said_of_object(box, image_id))
        entry = compact(_annotation(record, box, image_id, buffers["annotations"].count + 1))
        buffers["annotations"].add(entry, between=b",\n")
        buffers[f"annotations_{record.split}"].add(entry, between=b",\n")
        report.objects[record.split] += 1
        report.objects_by_class[box.cls.name] += 1


# From the release's own values and not from the entries, so that the comparison finds an entry that was formed wrongly.


def _said_of_image(record: ReleaseRecord, name: str, table: ClassTable) -> int:
    image = record.label.get("image") or {}
    label = {
        "image": record.image_id,
        "source": record.file_name,
        "split": record.split,
        "verdict": record.label["verdict"],
        "class_id": image.get("class"),
        "tags": [table.find(number, record).name for number in image.get("tags") or ()],
        "evidence": {"label_hash": record.evidence.label_hash},
    }
    entry = {"file_name": name, "width": record.width, "height": record.height, "annotary": label}
    return image_fingerprint(entry)


def _said_of_object(box: BoxObject, image_id: int) -> int:
    sides = (box.geom.x, box.geom.y, box.geom.w, box.geom.h)
    entry = {"image_id": image_id, "category_id": box.cls.number, "bbox": sides, "annotary": {"object": box.id}}
    return object_fingerprint(entry)


def _image(info: ReleaseInfo, record: ReleaseRecord, name: str, image_id: int, table: ClassTable) -> dict[str, Any]:
    image = record.label.get("image") or {}
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
            "verdict": record.label["verdict"],
            "class": cls.name if cls else None,
            "class_id": cls.number if cls else None,
            "tags": [table.find(number, record).name for number in image.get("tags") or ()],
            "attributes": dict(image.get("attrs") or {}),
            "metadata": dict(record.metadata),
            "evidence": record.evidence.as_json(),
        },
    }
    if info.licence:
        entry["license"] = 1
    return entry


def _annotation(record: ReleaseRecord, box: BoxObject, image_id: int, annotation_id: int) -> dict[str, Any]:
    return {
        "id": annotation_id,
        "image_id": image_id,
        "category_id": box.cls.number,
        "bbox": [box.geom.x, box.geom.y, box.geom.w, box.geom.h],
        # The product of two numbers with two decimals is exact in four; further digits are floating-point noise.
        "area": round(box_area(box.geom), 2 * DECIMALS),
        "iscrowd": 0,
        "segmentation": [],
        "attributes": dict(box.attrs),
        "annotary": {
            "object": box.id,
            "evidence": {**record.evidence.as_json(), **record.evidence.objects.get(box.id, {})},
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
