"""Polygons from workers to a release, and from its COCO file to check images of another project."""

import contextlib
import io
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pycocotools.coco import COCO

from annotary_core.formats.release_archive import open_tree
from annotary_core.labels.answer import Answer
from annotary_core.labels.geometry import Frame
from annotary_core.labels.shapes.polygon import Polygon, polygon_of
from projects.models import Project
from storage.composed_files import open_file
from tasks.exports.models import Export
from tasks.exports.selectors import file_of
from tasks.exports.services import request_export, write_export
from tasks.flow.ground_truth import GroundTruthReport, import_ground_truth
from tasks.snapshots.models import Snapshot
from tasks.snapshots.services import build_snapshot, create_snapshot
from tests.factories import a_project, a_task, ada, an_image, wren
from tests.integration.exports.conftest import Approve
from tests.polygons import pixels_of, square

# pycocotools decodes masks in a way that NumPy 2 warns about.
pytestmark = [pytest.mark.django_db, pytest.mark.filterwarnings("ignore::DeprecationWarning:pycocotools")]

FRAME = Frame(64, 48)
FRAMED = polygon_of([[square(4, 4, 24), square(10.25, 10, 8)], [square(12, 12, 3)]])
TRIANGLE = polygon_of([[[(40, 3.5), (60.75, 20), (36.2, 27.33)]]])
BOTH = polygon_of([[square(2, 30, 10)], [square(20, 33.33, 10.1)]])


def answer_of(*polygons: tuple[int, Polygon]) -> dict[str, Any]:
    objects = [
        {"id": f"o{at}", "class": number, "tool": "polygon", "geom": geometry.to_json(), "attrs": {}}
        for at, (number, geometry) in enumerate(polygons)
    ]
    image: dict[str, Any] = {"class": None, "tags": [], "attrs": {}}
    return Answer.from_json({"image": image, "objects": objects, "verdict": "labels"}).to_json()


@pytest.fixture
def project() -> Project:
    return a_project(tools=("polygon",), answers_min=1, answers_max=1, split_train=1, split_val=0, workers=[wren()])


@pytest.fixture
def release(project: Project, approve: Approve) -> Snapshot:
    approve("a.jpg", answer_of((1, TRIANGLE), (2, FRAMED)))
    approve("b.jpg", answer_of((2, BOTH)), color=(10, 20, 200))
    snapshot = create_snapshot(project=project, by=ada())
    build_snapshot(snapshot_id=snapshot.pk)
    snapshot.refresh_from_db()
    return snapshot


def exported(snapshot: Snapshot, format: str, folder: Path) -> Export:
    """Write the export, and extract its label files into a folder."""
    export = request_export(snapshot=snapshot, format=format, by=ada())
    write_export(export_id=export.pk)
    export.refresh_from_db()
    file = file_of(export)
    assert file is not None
    with open_file(file) as whole, open_tree(whole) as tree:
        for name in tree.names():
            if name.endswith((".json", ".jsonl")):
                with tree.open(name) as stream:
                    (folder / Path(name).name).write_bytes(stream.read())
    return export


def imported(tool: str, labels: Path, **image: Any) -> tuple[GroundTruthReport, dict[str, list[dict[str, Any]]]]:
    """Import labels into a new project with this tool; return the report, and the objects of its check images."""
    project = a_project(f"With {tool} {image}", tools=(tool,))
    for name in ("a.jpg", "b.jpg"):
        a_task(project, image=an_image(project, name=name, **({"width": 64, "height": 48} | image)))
    report = import_ground_truth(project=project, by=ada(), path=labels, as_gold=1.0)
    return report, {gold.image.source_key: gold.accepted[0]["objects"] for gold in report.golds}


def test_a_release_becomes_check_images_of_another_project(release: Snapshot, tmp_path: Path) -> None:
    export = exported(release, "coco", tmp_path)
    assert (export.report["objects"], export.report["left_out"]) == (3, {})
    with contextlib.redirect_stdout(io.StringIO()):
        coco = COCO(str(tmp_path / "annotations.json"))
    masks = {coco.cats[row["category_id"]]["name"]: coco.annToMask(row) for row in coco.loadAnns(coco.getAnnIds([1]))}
    assert np.array_equal(masks["dog"].astype(bool), pixels_of(FRAMED, FRAME))

    report, objects = imported("polygon", tmp_path / "annotations.json")
    assert (report.problems, report.matched) == ((), 2)
    assert [each["geom"] for each in objects["b.jpg"]] == [BOTH.to_json()]
    framed, triangle = sorted(objects["a.jpg"], key=lambda each: each["class"], reverse=True)
    assert triangle["geom"] == TRIANGLE.to_json()
    # The polygon with a hole comes back along the edges of its pixels.
    (geometry,) = (item.geom for item in Answer.from_json(answer_of((2, polygon_of(framed["geom"]["parts"])))).objects)
    assert isinstance(geometry, Polygon)
    assert np.array_equal(pixels_of(geometry, FRAME), pixels_of(FRAMED, FRAME))
    assert sorted(len(part) for part in geometry.parts) == [1, 2]


def test_the_same_file_becomes_boxes_in_a_project_of_boxes(release: Snapshot, tmp_path: Path) -> None:
    exported(release, "coco", tmp_path)
    report, objects = imported("box", tmp_path / "annotations.json")
    assert report.problems == ()
    assert [each["geom"] for each in objects["b.jpg"]] == [{"x": 2, "y": 30, "w": 28.1, "h": 13.43}]
    assert [each["tool"] for each in objects["a.jpg"]] == ["box", "box"]


def test_labels_that_are_boxes_are_refused_by_image_in_a_project_of_polygons(tmp_path: Path) -> None:
    box = {"id": 1, "image_id": 1, "category_id": 1, "bbox": [1, 1, 9, 9]}
    outline = box | {"id": 2, "image_id": 2, "segmentation": [[1, 1, 10, 1, 10, 10]]}
    images = [{"id": number, "file_name": name} for number, name in enumerate(("a.jpg", "b.jpg"), start=1)]
    body = {"images": images, "annotations": [box, outline], "categories": [{"id": 1, "name": "cat"}]}
    (tmp_path / "truth.json").write_text(json.dumps(body))
    report, objects = imported("polygon", tmp_path / "truth.json")
    assert list(objects) == ["b.jpg"]
    assert [(each.file, each.sentence) for each in report.problems] == [
        ("a.jpg", "The labels of a.jpg are boxes, but this project draws polygons. Upload labels with polygons.")
    ]


def test_polygons_drawn_on_stored_pixels_are_turned_with_the_image(release: Snapshot, tmp_path: Path) -> None:
    exported(release, "coco", tmp_path)
    stored = {"width": 48, "height": 64, "original_width": 64, "original_height": 48, "orientation": 6}
    report, objects = imported("polygon", tmp_path / "annotations.json", **stored)
    assert report.problems == ()
    turned = polygon_of([[[(48 - y, x) for x, y in ring] for ring in part] for part in BOTH.parts])
    assert [each["geom"] for each in objects["b.jpg"]] == [turned.to_json()]


def test_class_folders_count_the_polygons_that_they_leave_out(release: Snapshot, tmp_path: Path) -> None:
    report = exported(release, "imagenet", tmp_path).report
    assert report["left_out"]["tool:polygon"]["why"] == "This format cannot hold polygons. 3 polygons are left out."
    assert (report["images"], report["objects"]) == (1, 0)
    (line,) = map(json.loads, (tmp_path / "labels.jsonl").read_text().splitlines())
    assert line["label"]["objects"][0]["geom"] == BOTH.to_json()
