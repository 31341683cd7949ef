"""Synthetic scenes: the same seed gives the same scene, and the ground truth bounds the visible pixels."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import shapely
from pycocotools.coco import COCO
from scipy import ndimage

from annotary_core.labels.shapes.mask import Window, mask_iou
from annotary_core.labels.shapes.rings import rasterize
from annotary_core.synthesis.scenes.compose import CLASSES, STROKE_CLASSES, draw_scene
from annotary_core.synthesis.scenes.synthesize import read_figures, synthesize


def test_the_same_seed_gives_the_same_scene_and_another_does_not() -> None:
    one, again, other = (draw_scene(seed=seed, index=2) for seed in (7, 7, 8))
    assert one.jpeg() == again.jpeg() != other.jpeg()
    assert [(thing.class_name, thing.x, thing.y) for thing in one.objects] == [
        (thing.class_name, thing.x, thing.y) for thing in again.objects
    ]


def test_boxes_bound_the_visible_pixels_exactly_and_masks_do_not_overlap() -> None:
    for index in range(12):
        scene = draw_scene(seed=5, index=index)
        everything = np.zeros((scene.image.height, scene.image.width), dtype=int)
        for thing in scene.objects:
            inside = thing.mask[thing.y : thing.y + thing.h, thing.x : thing.x + thing.w]
            assert inside.sum() == thing.mask.sum() > 100
            assert inside[0].any() and inside[-1].any() and inside[:, 0].any() and inside[:, -1].any()
            everything += thing.mask
        assert everything.max(initial=0) <= 1


@pytest.mark.parametrize("strokes", [False, True])
def test_outlines_follow_the_visible_pixels(strokes: bool) -> None:
    for index in range(12):
        scene = draw_scene(seed=5, index=index, strokes=strokes)
        for thing in scene.objects:
            painted = Window(0, 0, ndimage.binary_fill_holes(thing.mask))
            parts = [shapely.Polygon(ring) for ring in thing.outline]
            assert all(part.is_valid for part in parts)
            assert sum(part.area for part in parts) == pytest.approx(painted.area, rel=0.02)
            assert mask_iou(rasterize(tuple((ring,) for ring in thing.outline)), painted) > 0.9
            points = np.concatenate(thing.outline)
            assert (points >= (thing.x, thing.y)).all() and (points <= (thing.x + thing.w, thing.y + thing.h)).all()
            assert strokes or sum(len(ring) for ring in thing.outline) < 250


def test_strokes_are_painted_along_their_center_lines_and_do_not_cross() -> None:
    seen = set()
    for index in range(20):
        scene = draw_scene(seed=5, index=index, strokes=True)
        lines = []
        for thing in scene.objects:
            assert thing.line is not None
            line = shapely.LineString(thing.line)
            lines.append(line)
            rows, columns = np.nonzero(thing.mask)
            painted = shapely.points(columns + 0.5, rows + 0.5)
            assert shapely.distance(painted, line).max() < 7
            on_line = shapely.get_coordinates(line.segmentize(1.0)).astype(int)
            assert thing.mask[on_line[:, 1], on_line[:, 0]].all()
            if thing.class_name == "straight":
                middle = shapely.Point(columns.mean() + 0.5, rows.mean() + 0.5)
                assert middle.distance(line.centroid) < 0.4
            seen.add(thing.class_name)
        assert all(one.distance(other) > 30 for one in lines for other in lines if one is not other)
    assert seen == set(STROKE_CLASSES)


def test_objects_stand_out_from_their_surroundings() -> None:
    scene = draw_scene(seed=5, index=0)
    pixels = np.asarray(scene.image, dtype=int)
    for thing in scene.objects:
        around = pixels[max(0, thing.y - 3) : thing.y + thing.h + 3, max(0, thing.x - 3) : thing.x + thing.w + 3]
        assert np.abs(pixels[thing.mask].mean(axis=0) - around.mean(axis=(0, 1))).max() > 1


def test_about_one_scene_in_twenty_is_empty_and_every_class_appears() -> None:
    scenes = [draw_scene(seed=11, index=index) for index in range(40)]
    assert 1 <= sum(not scene.objects for scene in scenes) <= 6
    assert {thing.class_name for scene in scenes for thing in scene.objects} == set(CLASSES)
    assert max(len(scene.objects) for scene in scenes) <= 5


@pytest.mark.filterwarnings("ignore::DeprecationWarning:pycocotools")
def test_the_ground_truth_is_readable_by_pycocotools(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = synthesize(tmp_path, count=6, seed=7)
    truth = COCO(str(path))
    assert len(truth.getImgIds()) == 6
    assert [category["name"] for category in truth.loadCats(truth.getCatIds())] == list(CLASSES)
    for annotation in truth.loadAnns(truth.getAnnIds()):
        assert truth.annToMask(annotation).sum() == pytest.approx(annotation["area"], rel=0.02)
        assert annotation["id"] >= 1
    for image in json.loads(path.read_text())["images"]:
        assert 10_000 < (tmp_path / image["file_name"]).stat().st_size < 120_000


@pytest.mark.parametrize("strokes", [False, True])
def test_the_figures_of_the_ground_truth_are_those_of_the_scenes(tmp_path: Path, strokes: bool) -> None:
    figures = read_figures(synthesize(tmp_path, count=5, seed=7, strokes=strokes))
    assert sorted(figures) == sorted(file.name for file in (tmp_path / "images").iterdir())
    for index, each in enumerate(figures.values()):
        objects = draw_scene(seed=7, index=index, strokes=strokes).objects
        assert [figure.class_name for figure in each] == [thing.class_name for thing in objects]
        for figure, thing in zip(each, objects, strict=True):
            paths = thing.outline if thing.line is None else (thing.line,)
            assert all(np.allclose(one, two, atol=0.01) for one, two in zip(figure.paths, paths, strict=True))
