"""COCO with polygons: the file byte for byte, and the masks that pycocotools reads from it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval

from annotary_core.formats.errors import ReleaseError
from annotary_core.labels.shapes.polygon import Polygon, PolygonShape
from tests.golden.release import STRAYS, box, label, polygon, record, write
from tests.polygons import distance_to_outline, iou, pixels_of, square

# pycocotools decodes masks in a way that NumPy 2 warns about.
pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning:pycocotools")
EXPECTED = Path(__file__).parent / "expected"
WIDE: dict[str, Any] = {"width": 64, "height": 48}
#: The outer ring of a part, and its hole.
FRAMED = [square(4, 4, 24), square(10.25, 10, 8)]
TRIANGLE = [[(40.0, 3.5), (60.75, 20.0), (36.2, 27.33)]]
ISLAND = [square(12, 12, 3)]
BOWTIE = [[(2.0, 32.0), (20.0, 46.0), (20.0, 32.0), (2.0, 46.0)]]
AT_THE_EDGE = [[(50.0, 40.0), (64.0, 40.0), (64.0, 48.0), (50.0, 48.0)]]

RECORDS = [
    record("a.jpg", label(polygon(7, TRIANGLE), polygon(2, FRAMED, id="o2")), **WIDE),
    record("b.jpg", label(polygon(7, BOWTIE, AT_THE_EDGE), polygon(2, FRAMED, ISLAND, id="o2")), split="val", **WIDE),
    record("c.jpg", label(box(9, 1.5, 2, 10, 20.25), polygon(9, AT_THE_EDGE, TRIANGLE, id="o2")), **WIDE),
    record("d.jpg", label(), split="test", **WIDE),
]
SHAPES_DRAWN = [item for each in RECORDS for item in each.label.objects]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    write("coco", RECORDS, tmp_path)
    return tmp_path / "coco"


def rows_of(folder: Path) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = json.loads((folder / "annotations.json").read_text())["annotations"]
    return rows


def test_the_file_matches_the_expected_one_byte_for_byte(folder: Path) -> None:
    assert (folder / "annotations.json").read_text() == (EXPECTED / "coco_polygons.json").read_text()


def test_each_part_is_an_outline_and_an_object_with_a_hole_is_a_mask(folder: Path) -> None:
    first, holed, several, island, boxed, last = (each["segmentation"] for each in rows_of(folder))
    assert first == [[40.0, 3.5, 60.75, 20.0, 36.2, 27.33]]
    assert [len(outline) for outline in several] == [8, 8]
    assert holed["size"] == island["size"] == [48, 64]
    assert isinstance(holed["counts"], str)
    assert boxed == []
    assert len(last) == 2


def test_area_and_box_are_those_of_the_geometry(folder: Path) -> None:
    for row, item in zip(rows_of(folder), SHAPES_DRAWN, strict=True):
        left, top, right, bottom = item.geom.bounds()
        assert row["bbox"] == [left, top, round(right - left, 2), round(bottom - top, 2)]
        assert row["iscrowd"] == 0
        if item.tool == "polygon":
            assert isinstance(item.geom, Polygon)
            assert row["area"] == pixels_of(item.geom).sum()
            # Of the exact area, a mask is off by some of the pixels on its outline.
            assert row["area"] == pytest.approx(PolygonShape().area(item.geom), rel=0.06)
    # A part over another one counts once, an island in a hole counts.
    assert [row["area"] for row in rows_of(folder)][1::2][:2] == [576 - 64, 576 - 64 + 9]


def test_pycocotools_reads_the_masks(folder: Path) -> None:
    coco = COCO(str(folder / "annotations.json"))
    measured = []
    for row, item in zip(coco.anns.values(), SHAPES_DRAWN, strict=True):
        if item.tool != "polygon":
            continue
        assert isinstance(item.geom, Polygon)
        ours, theirs = pixels_of(item.geom), coco.annToMask(row).astype(bool)
        measured.append(iou(ours, theirs))
        if isinstance(row["segmentation"], dict):
            assert np.array_equal(ours, theirs)
            continue
        # pycocotools rounds vertices to a fifth of a pixel: pixels differ where the outline passes close by the center.
        assert distance_to_outline(item.geom, ours ^ theirs) < 0.3
    assert min(measured) > 0.97


def test_pycocotools_scores_a_perfect_segmentation_as_perfect(folder: Path) -> None:
    truth = COCO(str(folder / "annotations.json"))
    rows = [each for each in truth.dataset["annotations"] if each["segmentation"]]
    truth.dataset["annotations"] = rows
    truth.createIndex()
    found = [
        {key: each[key] for key in ("image_id", "category_id")} | {"segmentation": truth.annToRLE(each), "score": 0.9}
        for each in rows
    ]
    scores = COCOeval(truth, truth.loadRes(found), "segm")
    scores.evaluate()
    scores.accumulate()
    scores.summarize()
    assert scores.stats[0] == pytest.approx(1.0)


def test_the_readme_speaks_of_masks_if_there_are_any(folder: Path, tmp_path: Path) -> None:
    assert "a hole is a compressed RLE mask" in (folder / "README.txt").read_text().replace("\n       ", " ")
    write("coco", STRAYS, tmp_path / "boxes")
    assert "There are no masks" in (tmp_path / "boxes/coco/README.txt").read_text()


@pytest.mark.parametrize(
    "ring",
    [square(60, 40, 4.01), [(-0.5, 1.0), (5.0, 1.0), (5.0, 5.0)], [(1.0, 1.0), (9.0, 1.0), (5.0, 1.0)]],
    ids=["outside", "left of the image", "no height"],
)
def test_a_polygon_outside_the_image_stops_the_release(tmp_path: Path, ring: list[tuple[float, float]]) -> None:
    with pytest.raises(ReleaseError, match=r"A polygon of a\.jpg is empty or extends outside the image"):
        write("coco", [record("a.jpg", label(polygon(7, [ring])), **WIDE)], tmp_path)


def test_class_folders_take_the_class_of_polygons_and_count_what_their_xml_cannot_hold(tmp_path: Path) -> None:
    report = write("imagenet", RECORDS, tmp_path).as_json()
    left_out = report["left_out"]
    assert left_out["tool:polygon"]["why"] == "This format cannot hold polygons. 5 polygons are left out."
    assert left_out["several_classes"]["names"] == ["a.jpg", "b.jpg"]
    assert (tmp_path / "imagenet/train/lynx/c.jpg").is_file()
    line = json.loads((tmp_path / "imagenet/labels.jsonl").read_text())
    assert [each["tool"] for each in line["label"]["objects"]] == ["box", "polygon"]
    assert (report["objects"], line["boxes"]) == (1, 1)
