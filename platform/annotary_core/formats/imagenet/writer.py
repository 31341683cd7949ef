"""ImageNet style: `split/class/file`, as read by torchvision's ImageFolder and similar readers.

    imagenet/{train,val,test}/<class folder>/<file>     each image once
    imagenet/Annotations/<split>/<class folder>/<file stem>.xml   its boxes, apart so that folder readers ignore them
    imagenet/classes.json  class_to_idx.json  labels.jsonl  left_out.jsonl  README.txt

Decisions, each with a golden test:
- An image's class is the class of the whole image in its label, or else that of its objects if they all agree. Images
  with several classes or none are listed in the report and in left_out.jsonl; no class is guessed or invented.
- The XML files hold boxes. Objects of other shapes are counted in the report and stay in labels.jsonl.
- Class folders are the schema's class names made safe and unique; indices count the schema's classes from 0 in its
  order, including unused ones. Folder readers number the folders that they find instead, hence class_to_idx.json.
  There are no empty folders, since ImageFolder refuses them.
- Two images never share a stem, even in different classes: `x.jpg` and `x.png` would share one `x.xml`.
- labels.jsonl contains each image's whole label and its evidence, which folders cannot represent.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
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
from annotary_core.formats.held_objects import ClassTable, HeldObject, held_objects, image_class
from annotary_core.formats.imagenet.verifier import verify_imagenet
from annotary_core.formats.large_json import EntryBuffers, compact
from annotary_core.formats.names import NameAllocator, fold, safe_part, safe_path
from annotary_core.formats.report import Counts, ExportReport
from annotary_core.formats.voc.annotation_xml import annotation_xml
from annotary_core.labels.schema import LabelClass
from annotary_core.labels.shapes.box import BoxShape
from annotary_core.wording import format_count

ROOT = "imagenet"
#: The shapes that the XML files can hold.
HELD = (BoxShape.name,)
_CLASS_LIMIT = 80
_REASONS = {
    "cannot_tell": "The annotators agreed that this image cannot be labeled, so it has no class.",
    "empty": "The image is empty, and class folders cannot contain an image without a class.",
    "no_class": "The label has no class, and class folders cannot contain an image without a class.",
    "several_classes": "The objects have several classes, and an image can only be in one class folder.",
}
# Part of every export: another wording would make a release exported again differ from the first time.
_README = """\
ImageNet-style release of {project}, release {number}.

train/ val/ test/     one folder a class, one file an image
Annotations/          boxes in the VOC-like XML of ILSVRC: integers, pixels counted from 1, both corners inside the box
classes.json          the classes: index, stable number, name, folder
class_to_idx.json     folder to index. Folder readers number the folders that they find, and a class without an image
                      in a split has no folder there: use this map, so that an index means one class in all splits
labels.jsonl          each image's whole label, and why it may be believed
left_out.jsonl        approved images that folders cannot hold, and why

Load:  class Release(torchvision.datasets.ImageFolder):
           def find_classes(self, directory):
               index = json.load(open("class_to_idx.json"))
               return list(index), index
       Release("train", allow_empty=True)
"""


class ImageNet:
    """Class folders, with boxes in ILSVRC's XML."""

    name: ClassVar[str] = "imagenet"
    title: ClassVar[str] = "ImageNet style"

    def write(
        self, info: ReleaseInfo, records: Iterable[ReleaseRecord], open_image: OpenImage, sink: Sink
    ) -> ExportReport:
        """See `Format.write`. Keeps one record in memory, and 8 bytes of hash per file name."""
        report = ExportReport(self.name)
        writer = _Writer(report, ClassTable(info.classes), class_folders(info.classes), sink)
        with EntryBuffers() as buffers:
            for record in validated_records(records):
                writer.add(record, open_image, buffers)
            for name in ("labels", "left_out"):
                sink.write(f"{ROOT}/{name}.jsonl", buffers[name].chunks())
        _note_absent_classes(info, report, writer.filled)
        _write_maps(info, writer.folders, sink)
        return report

    def verify(self, tree: Tree, expected: Counts) -> None:
        """See `Format.verify`. Walks the folders as torchvision's ImageFolder does."""
        verify_imagenet(tree, expected, ROOT)


@dataclass(slots=True)
class _Writer:
    """The state of an export in progress. `filled` contains the (split, class number) pairs that have a folder."""

    report: ExportReport
    table: ClassTable
    folders: Mapping[int, str]
    sink: Sink
    names: NameAllocator = field(default_factory=lambda: NameAllocator(by_stem=True))
    filled: set[tuple[str, int]] = field(default_factory=set)

    def add(self, record: ReleaseRecord, open_image: OpenImage, buffers: EntryBuffers) -> None:
        boxes = held_objects(record, self.table, self.report, HELD)
        cls, reason = _one_class(record, self.table)
        if cls is None:
            self.report.leave_out(reason, _REASONS[reason], record.file_name)
            buffers["left_out"].add(compact(_line(record) | {"why": reason}))
            return
        base_name = safe_path(record.file_name, record.media_type).rpartition("/")[2]
        name = self.names.allocate(base_name, record.image_id)
        self.report.record_name(re.split(r"[/\\]", record.file_name)[-1], name)
        folder = f"{record.split}/{self.folders[cls.number]}"
        self.sink.write_image(f"{ROOT}/{folder}/{name}", record, open_image)
        self._write_boxes(record, boxes, folder, name)
        buffers["labels"].add(compact(_line(record) | {"path": f"{folder}/{name}", "boxes": len(boxes)}))
        self.filled.add((record.split, cls.number))
        self.report.images[record.split] += 1
        self.report.objects[record.split] += len(boxes)
        self.report.images_by_class[cls.name] += 1
        self.report.objects_by_class.update(box.cls.name for box in boxes)

    def _write_boxes(self, record: ReleaseRecord, boxes: list[HeldObject], folder: str, name: str) -> None:
        """Write the XML file, if there are boxes: in a project without a box tool, their absence means nothing."""
        if boxes:
            body = annotation_xml(
                folder=folder.rpartition("/")[2],
                file_name=name,
                size=(record.width, record.height, record.channels),
                boxes=((self.folders[box.cls.number], box) for box in boxes),
            )
            self.sink.write(f"{ROOT}/Annotations/{folder}/{name.rpartition('.')[0]}.xml", [body])


def class_folders(classes: Iterable[LabelClass]) -> dict[int, str]:
    """Return the folder of each class by number: its name made safe, with the number appended on a collision."""
    folders: dict[int, str] = {}
    taken: set[str] = set()
    for each in classes:
        base_name = safe_part(each.name, _CLASS_LIMIT)
        folder, attempt = base_name, 0
        while fold(folder) in taken:
            folder = f"{base_name}_{each.number}" + "_" * attempt
            attempt += 1
        taken.add(fold(folder))
        folders[each.number] = folder
    return folders


def _one_class(record: ReleaseRecord, table: ClassTable) -> tuple[LabelClass | None, str]:
    """Return the single class of an image, or None and the reason why it has none."""
    verdict = record.label.verdict
    if verdict != "labels":
        return None, verdict
    cls = image_class(record, table)
    if cls is not None:
        return cls, ""
    classes = {item.class_number for item in record.label.objects}
    if len(classes) == 1:
        return table.find(classes.pop(), record), ""
    return None, "several_classes" if classes else "no_class"


def _line(record: ReleaseRecord) -> dict[str, Any]:
    return {
        "image": record.image_id,
        "source": record.file_name,
        "split": record.split,
        "width": record.width,
        "height": record.height,
        "label": record.label.to_json(),
        "metadata": dict(record.metadata),
        "evidence": record.evidence.as_json()
        | {"objects": {key: dict(value) for key, value in sorted(record.evidence.objects.items())}},
    }


def _note_absent_classes(info: ReleaseInfo, report: ExportReport, filled: set[tuple[str, int]]) -> None:
    for split in SPLITS:
        absent = [each.name for each in info.classes if (split, each.number) not in filled]
        if absent and report.images[split]:
            classes = format_count(len(info.classes), "class", "classes")
            report.notes.append(
                f"{split} has no image of {len(absent)} of {classes} ({', '.join(absent[:20])}); "
                "folder readers number the folders that they find, so use class_to_idx.json instead."
            )


def _write_maps(info: ReleaseInfo, folders: Mapping[int, str], sink: Sink) -> None:
    classes = [
        {"index": index, "number": each.number, "name": each.name, "color": each.color, "folder": folders[each.number]}
        for index, each in enumerate(info.classes)
    ]
    release = {
        "project": info.project,
        "release": info.number,
        "content_hash": info.content_hash,
        "licence": info.licence,
        "licence_url": info.licence_url,
        "classes": classes,
    }
    index = {folders[each.number]: index for index, each in enumerate(info.classes)}
    sink.write(f"{ROOT}/classes.json", [compact(release)])
    # In schema order, not sorted: `list(index)` must be the list of classes by index.
    sink.write(f"{ROOT}/class_to_idx.json", [json.dumps(index).encode()])
    sink.write(f"{ROOT}/README.txt", [_README.format(project=info.project, number=info.number).encode()])
