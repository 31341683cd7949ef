"""A small release that contains every pitfall of the label formats, and helpers to write it."""

from __future__ import annotations

from collections.abc import Mapping
from io import BytesIO
from pathlib import Path
from typing import Any, BinaryIO

from PIL import Image

from annotary_core.formats.base import Evidence, ReleaseInfo, ReleaseRecord
from annotary_core.formats.registry import get_format
from annotary_core.formats.release_archive import FolderSink, open_tree
from annotary_core.formats.report import ExportReport
from annotary_core.labels.answer import Answer
from annotary_core.labels.schema import LabelClass
from annotary_core.labels.shapes.polygon import polygon_of

# Unsorted numbers with gaps, and an unused “lynx”: categories must come from the schema only.
CAT, DOG, LYNX = LabelClass(7, "cat", "#e69f00"), LabelClass(2, "dog", "#56b4e9"), LabelClass(9, "lynx", "#009e73")
INFO = ReleaseInfo(
    project="Strays",
    number=3,
    content_hash="c0ffee",
    classes=(CAT, DOG, LYNX),
    licence="CC BY 4.0",
    licence_url="https://creativecommons.org/licenses/by/4.0/",
    contributor="ada",
)
EVIDENCE = Evidence("dawid-skene", 3, 0.97, "reviewed", "a1b2", {"o1": {"existence": 0.99}})


def box(
    number: int, x: float, y: float, w: float, h: float, *, id: str = "o1", attrs: Mapping[str, Any] | None = None
) -> dict[str, Any]:
    geom = {"x": x, "y": y, "w": w, "h": h}
    return {"id": id, "class": number, "tool": "box", "geom": geom, "attrs": attrs or {}}


def polygon(number: int, *parts: list[list[tuple[float, float]]], id: str = "o1") -> dict[str, Any]:
    """Each part is its outer ring, then its holes."""
    return {"id": id, "class": number, "tool": "polygon", "geom": polygon_of(parts).to_json(), "attrs": {}}


def label(*objects: dict[str, Any], cls: int | None = None, tags: tuple[int, ...] = ()) -> Answer:
    body = {
        "image": {"class": cls, "tags": list(tags), "attrs": {}},
        "objects": list(objects),
        "verdict": "labels" if objects or cls or tags else "empty",
    }
    answer = Answer.from_json(body)
    # The expected files have the objects in the order in which they are given here, which is not that of an answer.
    order = {each["id"]: position for position, each in enumerate(objects)}
    object.__setattr__(answer, "objects", tuple(sorted(answer.objects, key=lambda item: order[item.id])))
    return answer


CANNOT_TELL = Answer("cannot_tell")


def record(name: str, answer: Answer, *, split: str = "train", **more: Any) -> ReleaseRecord:
    fields: dict[str, Any] = {"image_id": f"id of {name}", "width": 40, "height": 30, "evidence": EVIDENCE} | more
    return ReleaseRecord(file_name=name, split=split, label=answer, **fields)


def open_image(record: ReleaseRecord) -> BinaryIO:
    """Return a release image: real bytes with the record's size and format."""
    stream = BytesIO()
    kind = {"image/jpeg": "JPEG", "image/png": "PNG", "image/webp": "WEBP"}[record.media_type]
    Image.new("RGB", (record.width, record.height), (200, 150, 100)).save(stream, kind)
    stream.seek(0)
    return stream


def write(name: str, records: list[ReleaseRecord], folder: Path, info: ReleaseInfo = INFO) -> ExportReport:
    """Write the release to a folder and verify it, as before publication."""
    form = get_format(name)
    report = form.write(info, iter(records), open_image, FolderSink(folder))
    with open_tree(folder) as tree:
        form.verify(tree, report.counts())
    return report


STRAYS = [
    record("park/x.jpg", label(box(7, 1, 2, 10.25, 20.5), box(2, 0, 0, 40, 30, id="o2")), metadata={"camera": "a"}),
    record("yard/x.jpg", label(box(2, 3.33, 4.44, 5.55, 6.66, attrs={"truncated": True, "pose": "Left"}))),
    record("yard/X.JPG", label(box(2, 0.5, 0.5, 1, 1), cls=7), split="val"),
    record("nothing.png", label(), media_type="image/png", split="test"),
    record("unclear.jpg", CANNOT_TELL, split="val"),
    record("whole.webp", label(cls=2), media_type="image/webp", split="test"),
]
