"""Synthetic scenes: the same seed gives the same scene, and the ground truth bounds the visible pixels."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from pycocotools.coco import COCO

from annotary_core.synthesis.scenes.compose import CLASSES, draw_scene
from annotary_core.synthesis.scenes.synthesize import synthesize


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
        assert truth.annToMask(annotation).sum() == annotation["area"]
        assert annotation["id"] >= 1
    for image in json.loads(path.read_text())["images"]:
        assert 10_000 < (tmp_path / image["file_name"]).stat().st_size < 120_000
