"""Reading a COCO archive of polygons back finds what differs from the release, in a bounded memory."""

import io
import tracemalloc
from collections.abc import Callable
from typing import Any

import pytest

from annotary_core.formats.coco.writer import Coco
from annotary_core.formats.registry import verify_release
from annotary_core.formats.release_archive import ZipSink, open_tree
from annotary_core.formats.report import Counts
from annotary_core.labels.geometry import Frame
from annotary_core.labels.shapes.polygon import polygon_of
from annotary_core.labels.shapes.rle import encode
from tests.golden.release import INFO, label, open_image, polygon, record
from tests.golden.test_coco_polygons import FRAMED, RECORDS, WIDE
from tests.golden.test_reading_back_coco import Files, annotation, archive, edited, refused
from tests.polygons import mask_of, square

OTHER = "does not say what the release says"


@pytest.fixture
def release() -> tuple[Files, Counts]:
    target = io.BytesIO()
    with ZipSink(target) as sink:
        report = Coco().write(INFO, iter(RECORDS), open_image, sink)
    with open_tree(target) as tree:
        return {name: tree.open(name).read() for name in tree.names()}, report.counts()


def rle(*parts: list[list[tuple[float, float]]], frame: Frame | None = None) -> dict[str, Any]:
    packed = encode(mask_of(polygon_of(parts)), frame or Frame(64, 48))
    return {"counts": packed.counts.decode(), "size": list(packed.size)}


def test_what_was_written_passes(release: tuple[Files, Counts]) -> None:
    files, counts = release
    verify_release("coco", archive(edited(files, lambda body: None)), counts)


CORRUPTIONS: dict[str, tuple[int, Callable[[dict[str, Any]], Any], str]] = {
    "a moved vertex": (1, lambda row: row["segmentation"][0].__setitem__(2, 60.74), "box of annotation 1 is not"),
    "a vertex moved inside the box": (3, lambda row: row["segmentation"][0].__setitem__(1, 32.01), OTHER),
    "a lost vertex": (3, lambda row: row["segmentation"][1].__delitem__(slice(0, 2)), "box of annotation|" + OTHER),
    "a lost part": (3, lambda row: row["segmentation"].pop(), "box of annotation 3 is not"),
    "a lost part inside the box": (6, lambda row: row["segmentation"].pop(1), "box of annotation|" + OTHER),
    "a second part": (1, lambda row: row["segmentation"].append([45.0, 15.0, 46.0, 15.0, 46.0, 16.0]), OTHER),
    "no segmentation": (1, lambda row: row.update(segmentation=[]), OTHER),
    "a mask of a box": (5, lambda row: row.update(segmentation=[[1.5, 2, 11.5, 2, 11.5, 22.25, 1.5, 22.25]]), OTHER),
    "outlines in another order": (3, lambda row: row["segmentation"].reverse(), OTHER),
    "a filled hole": (2, lambda row: row.update(segmentation=rle(FRAMED[:1])), OTHER),
    "a hole that is an outline": (
        2,
        lambda row: row.update(segmentation=[[side for vertex in ring for side in vertex] for ring in FRAMED]),
        OTHER,
    ),
    "a hole elsewhere": (2, lambda row: row.update(segmentation=rle([FRAMED[0], square(11.25, 10, 8)])), OTHER),
    "a lost island": (4, lambda row: row.update(segmentation=rle(FRAMED)), OTHER),
    "a mask elsewhere": (2, lambda row: row.update(segmentation=rle([square(5, 4, 24)])), "box of annotation 2 is not"),
    "a mask of another image": (
        2,
        lambda row: row.update(segmentation=rle(FRAMED, frame=Frame(48, 64))),
        "cannot be read as COCO",
    ),
    "a mask cut off": (
        2,
        lambda row: row["segmentation"].update(counts=row["segmentation"]["counts"][:-2]),
        "cannot be read as COCO",
    ),
    "a mask without counts": (2, lambda row: row["segmentation"].pop("counts"), "cannot be read as COCO"),
    "an outline of two points": (1, lambda row: row.update(segmentation=[[40, 3.5, 60.75, 27]]), "cannot be read"),
    "an outline of half a point": (1, lambda row: row["segmentation"][0].append(40.0), "cannot be read as COCO"),
    "an area": (1, lambda row: row.update(area=row["area"] + 1), OTHER),
    "the area of a mask": (2, lambda row: row.update(area=576.0), OTHER),
    "a box": (1, lambda row: row["bbox"].__setitem__(2, row["bbox"][2] - 0.01), "box of annotation 1 is not"),
    "the box of a mask": (2, lambda row: row.update(bbox=[4, 4, 24.01, 24]), OTHER),
    "a class": (2, lambda row: row.update(category_id=9), OTHER),
    "an image": (2, lambda row: row.update(image_id=3), OTHER),
    "a crowd": (2, lambda row: row.update(iscrowd=1), "extends outside the image"),
}


@pytest.mark.parametrize("kind", CORRUPTIONS)
def test_a_corruption_that_all_files_agree_on(release: tuple[Files, Counts], kind: str) -> None:
    files, counts = release
    key, change, sentence = CORRUPTIONS[kind]

    def corrupt(body: dict[str, Any]) -> None:
        if any(each["id"] == key for each in body["annotations"]):
            change(annotation(body, key))

    refused(edited(files, corrupt), counts, sentence)


def test_memory_does_not_grow_with_the_polygons() -> None:
    wave = [(float(x), 10.0 + 5 * (x % 2)) for x in range(60)] + [(59.0, 40.0), (0.0, 40.0)]
    objects = [polygon(7, [wave], id=f"o{n}") for n in range(5)]
    objects += [polygon(7, FRAMED, [wave], id=f"h{n}") for n in range(5)]
    records = [record(f"{number:05}.jpg", label(*objects), **WIDE) for number in range(600)]
    content = open_image(records[0]).read()
    target = io.BytesIO()
    with ZipSink(target) as sink:
        counts = Coco().write(INFO, iter(records), lambda _: io.BytesIO(content), sink).counts()
    assert counts.objects == 6_000
    tracemalloc.start()
    try:
        verify_release("coco", target, counts)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    # As numbers, the outlines are 12 MB.
    assert peak < 5_000_000
