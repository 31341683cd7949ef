"""ImageNet style: `split/class/file`, read by torchvision's ImageFolder and everything like it.

    imagenet/{train,val,test}/<class folder>/<file>     one image, once
    imagenet/Annotations/<split>/<class folder>/<file stem>.xml   its boxes, apart so that no folder reader meets them
    imagenet/classes.json  class_to_idx.json  labels.jsonl  left_out.jsonl  README.txt

What is decided here, each with a golden test:
- An image's class is the one that its label gives the whole image, else that of its boxes when all agree. Images with
  several classes, or none, are listed in the report and in left_out.jsonl: no class is guessed or made up for them.
- Class folders are the schema's names made safe and unique; indices count the schema's classes from 0 in its order,
  unused ones included. Folder readers number the folders that they see instead, hence class_to_idx.json; there are no
  empty folders, since ImageFolder refuses them.
- Two images never share a stem, even in different classes: `x.jpg` and `x.png` would share one `x.xml`.
- labels.jsonl has each image's whole label and its evidence, so that nothing is lost that folders cannot say.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar

from annotary_core.formats.base import SPLITS, OpenImage, ReleaseInfo, ReleaseRecord, Sink, Tree, checked, image_chunks
from annotary_core.formats.box_objects import BoxObject, ClassTable, boxes_of, image_class
from annotary_core.formats.imagenet.verifier import verify_imagenet
from annotary_core.formats.json_spool import Spools, compact
from annotary_core.formats.names import NameBook, fold, safe_part, safe_path
from annotary_core.formats.report import Counts, ExportReport
from annotary_core.formats.voc.annotation_xml import annotation_xml
from annotary_core.labels.schema import LabelClass

ROOT = "imagenet"
_CLASS_LIMIT = 80
_REASONS = {
    "cannot_tell": "People agreed that this image cannot be labelled, so it has no class.",
    "empty": "The image is empty, and a folder of images has no place for one without a class.",
    "no_class": "The label names no class, and a folder of images has no place for one without a class.",
    "several_classes": "The boxes are of several classes, and the image can lie in the folder of one alone.",
}
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
    """Folders of classes, with boxes as ILSVRC writes them."""

    name: ClassVar[str] = "imagenet"
    title: ClassVar[str] = "ImageNet style"

    def write(
        self, info: ReleaseInfo, records: Iterable[ReleaseRecord], open_image: OpenImage, sink: Sink
    ) -> ExportReport:
        """See `Format.write`. Holds one record in memory, and 8 bytes of hash for each file name."""
        report = ExportReport(self.name)
        writing = _Writing(report, ClassTable(info.classes), class_folders(info.classes), sink)
        with Spools() as spools:
            for record in checked(records):
                writing.add(record, open_image, spools)
            for name in ("labels", "left_out"):
                sink.write(f"{ROOT}/{name}.jsonl", spools[name].chunks())
        _note_absent_classes(info, report, writing.filled)
        _write_maps(info, writing.folders, sink)
        return report

    def verify(self, tree: Tree, expected: Counts) -> None:
        """See `Format.verify`. Walks the folders as torchvision's ImageFolder does."""
        verify_imagenet(tree, expected, ROOT)


@dataclass(slots=True)
class _Writing:
    """The state of one export under way. `filled` holds the (split, class number) pairs that have a folder."""

    report: ExportReport
    table: ClassTable
    folders: Mapping[int, str]
    sink: Sink
    names: NameBook = field(default_factory=lambda: NameBook(by_stem=True))
    filled: set[tuple[str, int]] = field(default_factory=set)

    def add(self, record: ReleaseRecord, open_image: OpenImage, spools: Spools) -> None:
        boxes = boxes_of(record, self.table, self.report)
        cls, reason = _one_class(record, boxes, self.table)
        if cls is None:
            self.report.leave_out(reason, _REASONS[reason], record.file_name)
            spools["left_out"].add(compact(_line(record) | {"why": reason}))
            return
        wanted = safe_path(record.file_name, record.media_type).rpartition("/")[2]
        name = self.names.give(wanted, record.image_id)
        self.report.name_given(re.split(r"[/\\]", record.file_name)[-1], name)
        place = f"{record.split}/{self.folders[cls.number]}"
        self.sink.write(f"{ROOT}/{place}/{name}", image_chunks(record, open_image))
        self._write_boxes(record, boxes, place, name)
        spools["labels"].add(compact(_line(record) | {"path": f"{place}/{name}", "boxes": len(boxes)}))
        self.filled.add((record.split, cls.number))
        self.report.images[record.split] += 1
        self.report.objects[record.split] += len(boxes)
        self.report.images_by_class[cls.name] += 1
        self.report.objects_by_class.update(box.cls.name for box in boxes)

    def _write_boxes(self, record: ReleaseRecord, boxes: list[BoxObject], place: str, name: str) -> None:
        """No boxes, no file: the absence of boxes in a project without box tool says nothing of the image."""
        if boxes:
            body = annotation_xml(
                folder=place.rpartition("/")[2],
                file_name=name,
                size=(record.width, record.height, record.channels),
                boxes=((self.folders[box.cls.number], box) for box in boxes),
            )
            self.sink.write(f"{ROOT}/Annotations/{place}/{name.rpartition('.')[0]}.xml", [body])


def class_folders(classes: Iterable[LabelClass]) -> dict[int, str]:
    """The folder of each class by number: its name made safe, with the number behind it where two would be one."""
    folders: dict[int, str] = {}
    taken: set[str] = set()
    for each in classes:
        wanted = safe_part(each.name, _CLASS_LIMIT)
        folder, attempt = wanted, 0
        while fold(folder) in taken:
            folder = f"{wanted}_{each.number}" + "_" * attempt
            attempt += 1
        taken.add(fold(folder))
        folders[each.number] = folder
    return folders


def _one_class(record: ReleaseRecord, boxes: list[BoxObject], table: ClassTable) -> tuple[LabelClass | None, str]:
    """The one class of an image, or None and the reason for which it has none."""
    verdict = record.label["verdict"]
    if verdict != "labels":
        return None, verdict
    whole = image_class(record, table)
    if whole is not None:
        return whole, ""
    classes = {box.cls.number: box.cls for box in boxes}
    if len(classes) == 1:
        return next(iter(classes.values())), ""
    return None, "several_classes" if classes else "no_class"


def _line(record: ReleaseRecord) -> dict[str, Any]:
    return {
        "image": record.image_id,
        "source": record.file_name,
        "split": record.split,
        "width": record.width,
        "height": record.height,
        "label": dict(record.label),
        "metadata": dict(record.metadata),
        "evidence": record.evidence.as_json()
        | {"objects": {key: dict(value) for key, value in sorted(record.evidence.objects.items())}},
    }


def _note_absent_classes(info: ReleaseInfo, report: ExportReport, filled: set[tuple[str, int]]) -> None:
    for split in SPLITS:
        absent = [each.name for each in info.classes if (split, each.number) not in filled]
        if absent and report.images[split]:
            report.notes.append(
                f"{split} has no image of {len(absent)} of {len(info.classes)} classes ({', '.join(absent[:20])}); "
                "folder readers number the folders that they find, so use class_to_idx.json."
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
    # In the order of the schema, not sorted: `list(index)` must be the list of classes by index.
    sink.write(f"{ROOT}/class_to_idx.json", [json.dumps(index).encode()])
    sink.write(f"{ROOT}/README.txt", [_README.format(project=info.project, number=info.number).encode()])
