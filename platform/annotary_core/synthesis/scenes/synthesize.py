"""Write a folder of scenes with their ground truth in COCO format, like a labeled dataset that a user uploads."""

from __future__ import annotations

import json
import multiprocessing
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from pycocotools import mask as coco_mask

from annotary_core.synthesis.scenes.compose import CLASSES, SceneObject, draw_scene

TRUTH_NAME = "truth.json"
IMAGES_NAME = "images"

# The entry of an image and the entries of its objects.
_Entries = tuple[dict[str, Any], list[dict[str, Any]]]


def synthesize(out: Path, *, count: int, seed: int, processes: int = 1) -> Path:
    """Draw `count` scenes into `out/images` and write their ground truth to `out/truth.json`; return that path.

    The ground truth is COCO: ids from 1, categories in the order of CLASSES, masks as compressed RLE of the visible
    pixels. The same seed gives the same files with the same versions of Pillow and NumPy, for any `processes`.
    """
    folder = out / IMAGES_NAME
    folder.mkdir(parents=True, exist_ok=True)
    images: list[dict[str, Any]] = []
    annotations: list[dict[str, Any]] = []
    for number, (image, drawn) in enumerate(_scenes(folder, count, seed, processes), 1):
        images.append({"id": number, **image})
        annotations += [{"id": n, "image_id": number, **each} for n, each in enumerate(drawn, len(annotations) + 1)]
    categories = [{"id": number, "name": name} for number, name in enumerate(CLASSES, 1)]
    truth = {"images": images, "annotations": annotations, "categories": categories}
    path = out / TRUTH_NAME
    path.write_text(json.dumps(truth, indent=1) + "\n", encoding="utf-8")
    return path


def _scenes(folder: Path, count: int, seed: int, processes: int) -> Iterator[_Entries]:
    draw = partial(_draw, folder, seed)
    if processes == 1:
        yield from map(draw, range(count))
        return
    # spawn, not fork: the caller may have threads.
    with ProcessPoolExecutor(processes, mp_context=multiprocessing.get_context("spawn")) as pool:
        yield from pool.map(draw, range(count), chunksize=4)


def _draw(folder: Path, seed: int, index: int) -> _Entries:
    """Draw one scene into its file; return its entry and those of its objects, without ids."""
    scene = draw_scene(seed=seed, index=index)
    name = f"scene_{seed}_{index + 1:05}.jpg"
    (folder / name).write_bytes(scene.jpeg())
    image = {"file_name": f"{IMAGES_NAME}/{name}", "width": scene.image.width, "height": scene.image.height}
    return image, [_annotation(each) for each in scene.objects]


def _annotation(thing: SceneObject) -> dict[str, Any]:
    encoded = coco_mask.encode(np.asfortranarray(thing.mask.astype(np.uint8)))
    return {
        "category_id": CLASSES.index(thing.class_name) + 1,
        "bbox": [thing.x, thing.y, thing.w, thing.h],
        "area": int(thing.mask.sum()),
        "iscrowd": 0,
        "segmentation": {"size": encoded["size"], "counts": encoded["counts"].decode("ascii")},
    }
