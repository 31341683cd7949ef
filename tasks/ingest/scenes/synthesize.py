"""Write a folder of scenes with their truth in COCO's format, as a person would send a labeled dataset."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
from pycocotools import mask as coco_mask

from tasks.ingest.scenes.compose import CLASSES, Scene, SceneObject, draw_scene

TRUTH_NAME = "truth.json"
IMAGES_NAME = "images"


def synthesize(out: Path, *, count: int, seed: int) -> Path:
    """Draw `count` scenes into `out/images` and their truth into `out/truth.json`; return the latter's path.

    Truth is COCO: ids from 1, categories in the order of CLASSES, masks as compressed RLE of the visible pixels.
    The same seed gives the same files with the same versions of Pillow and NumPy.
    """
    folder = out / IMAGES_NAME
    folder.mkdir(parents=True, exist_ok=True)
    images: list[dict[str, Any]] = []
    annotations: list[dict[str, Any]] = []
    for index in range(count):
        scene = draw_scene(seed=seed, index=index)
        name = f"scene_{seed}_{index + 1:05}.jpg"
        (folder / name).write_bytes(scene.jpeg())
        images.append(_image(scene, index + 1, name))
        annotations += [_annotation(each, index + 1, len(annotations) + n) for n, each in enumerate(scene.objects, 1)]
    categories = [{"id": number, "name": name} for number, name in enumerate(CLASSES, 1)]
    truth = {"images": images, "annotations": annotations, "categories": categories}
    path = out / TRUTH_NAME
    path.write_text(json.dumps(truth, indent=1) + "\n", encoding="utf-8")
    return path


def _image(scene: Scene, number: int, name: str) -> dict[str, Any]:
    return {
        "id": number,
        "file_name": f"{IMAGES_NAME}/{name}",
        "width": scene.image.width,
        "height": scene.image.height,
    }


def _annotation(thing: SceneObject, image: int, number: int) -> dict[str, Any]:
    encoded = coco_mask.encode(np.asfortranarray(thing.mask.astype(np.uint8)))
    return {
        "id": number,
        "image_id": image,
        "category_id": CLASSES.index(thing.class_name) + 1,
        "bbox": [thing.x, thing.y, thing.w, thing.h],
        "area": int(thing.mask.sum()),
        "iscrowd": 0,
        "segmentation": {"size": encoded["size"], "counts": encoded["counts"].decode("ascii")},
    }
