"""The demo reads a COCO release with pycocotools: what it finds are the labels of the release."""

from pathlib import Path

import numpy as np
import pytest

from annotary.demo.errors import DemoError
from annotary.demo.releasing import read_coco
from annotary_core.labels.shapes.polygon import Polygon
from tests.golden.release import CANNOT_TELL, box, label, polygon, record, write
from tests.golden.test_coco_polygons import AT_THE_EDGE, FRAMED, TRIANGLE, WIDE
from tests.polygons import pixels_of

RECORDS = [
    record("a.jpg", label(box(7, 1, 2, 10.25, 20.5), polygon(2, TRIANGLE, AT_THE_EDGE, id="o2")), **WIDE),
    record("b.jpg", label(polygon(2, FRAMED)), **WIDE),
    record("c.jpg", label(cls=9), **WIDE),
    record("d.jpg", CANNOT_TELL, **WIDE),
]


def test_boxes_and_polygons_are_those_of_the_release(tmp_path: Path) -> None:
    write("coco", RECORDS, tmp_path)
    labels = read_coco(tmp_path / "coco")
    assert list(labels) == ["a.jpg", "b.jpg", "c.jpg"]
    for each in (RECORDS[0], RECORDS[2]):
        found = labels[each.file_name]
        assert (found.verdict, found.image) == (each.label.verdict, each.label.image)
        assert [(item.class_number, item.tool, item.geom) for item in found.objects] == [
            (item.class_number, item.tool, item.geom) for item in each.label.objects
        ]
    (framed,), (released,) = labels["b.jpg"].objects, RECORDS[1].label.objects
    assert isinstance(framed.geom, Polygon) and isinstance(released.geom, Polygon)
    assert np.array_equal(pixels_of(framed.geom), pixels_of(released.geom))


def test_a_segmentation_that_cannot_be_read_names_its_image(tmp_path: Path) -> None:
    write("coco", RECORDS, tmp_path)
    file = tmp_path / "coco/annotations.json"
    file.write_text(file.read_text().replace('"size":[48,64]', '"size":[64,48]'))
    with pytest.raises(DemoError, match=r"The labels of b\.jpg in the release cannot be read"):
        read_coco(tmp_path / "coco")
