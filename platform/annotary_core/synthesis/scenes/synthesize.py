"""Write a folder of scenes with their ground truth in COCO format, like a labeled dataset that a user uploads."""

from __future__ import annotations

import json
import multiprocessing
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import shapely

from annotary_core.labels.arrays import FloatArray
from annotary_core.synthesis.scenes.compose import CLASSES, STROKE_CLASSES, SceneObject, draw_scene

TRUTH_NAME = "truth.json"
IMAGES_NAME = "images"

# The entry of an image and the entries of its objects.
_Entries = tuple[dict[str, Any], list[dict[str, Any]]]


@dataclass(frozen=True, slots=True)
class Figure:
    """An object in the ground truth. paths: its center line if it is a stroke, otherwise the closed outlines of its
    visible parts; shape (k, 2) each, in pixels of the upright image."""

    class_name: str
    paths: tuple[FloatArray, ...]


def synthesize(out: Path, *, count: int, seed: int, processes: int = 1, strokes: bool = False) -> Path:
    """Draw `count` scenes into `out/images` and write their ground truth to `out/truth.json`; return that path.

    The ground truth is COCO: ids from 1, categories in the order of CLASSES, boxes of the visible pixels, and outlines
    as polygons. With `strokes` the scenes show lines of STROKE_CLASSES instead; COCO has no lines, so each annotation
    has its center line under `annotary`. `read_figures` reads both. The same seed gives the same files with the same
    versions of Pillow and NumPy, for any `processes`.
    """
    folder = out / IMAGES_NAME
    folder.mkdir(parents=True, exist_ok=True)
    images: list[dict[str, Any]] = []
    annotations: list[dict[str, Any]] = []
    classes = STROKE_CLASSES if strokes else CLASSES
    for number, (image, drawn) in enumerate(_scenes(folder, count, seed, processes, strokes), 1):
        images.append({"id": number, **image})
        annotations += [{"id": n, "image_id": number, **each} for n, each in enumerate(drawn, len(annotations) + 1)]
    categories = [{"id": number, "name": name} for number, name in enumerate(classes, 1)]
    truth = {"images": images, "annotations": annotations, "categories": categories}
    path = out / TRUTH_NAME
    path.write_text(json.dumps(truth, indent=1) + "\n", encoding="utf-8")
    return path


def read_figures(truth: Path) -> dict[str, list[Figure]]:
    """Read the ground truth that `synthesize` wrote: {file name of an image in the folder of images: its objects}."""
    body = json.loads(truth.read_text(encoding="utf-8"))
    names = {image["id"]: image["file_name"].removeprefix(f"{IMAGES_NAME}/") for image in body["images"]}
    classes = {category["id"]: category["name"] for category in body["categories"]}
    figures: dict[str, list[Figure]] = {name: [] for name in names.values()}
    for each in body["annotations"]:
        paths = [each["annotary"]["line"]] if "annotary" in each else each["segmentation"]
        figure = Figure(classes[each["category_id"]], tuple(_points(path) for path in paths))
        figures[names[each["image_id"]]].append(figure)
    return figures


def _scenes(folder: Path, count: int, seed: int, processes: int, strokes: bool) -> Iterator[_Entries]:
    draw = partial(_draw, folder, seed, strokes)
    if processes == 1:
        yield from map(draw, range(count))
        return
    # spawn, not fork: the caller may have threads.
    with ProcessPoolExecutor(processes, mp_context=multiprocessing.get_context("spawn")) as pool:
        yield from pool.map(draw, range(count), chunksize=4)


def _draw(folder: Path, seed: int, strokes: bool, index: int) -> _Entries:
    """Draw one scene into its file; return its entry and those of its objects, without ids."""
    scene = draw_scene(seed=seed, index=index, strokes=strokes)
    name = f"scene_{seed}_{index + 1:05}.jpg"
    (folder / name).write_bytes(scene.jpeg())
    image = {"file_name": f"{IMAGES_NAME}/{name}", "width": scene.image.width, "height": scene.image.height}
    return image, [_annotation(each) for each in scene.objects]


def _annotation(thing: SceneObject) -> dict[str, Any]:
    entry = {
        "category_id": (CLASSES if thing.line is None else STROKE_CLASSES).index(thing.class_name) + 1,
        "bbox": [thing.x, thing.y, thing.w, thing.h],
        "area": round(sum(shapely.Polygon(ring).area for ring in thing.outline), 2),
        "iscrowd": 0,
        "segmentation": [_numbers(ring) for ring in thing.outline],
    }
    return entry if thing.line is None else {**entry, "annotary": {"line": _numbers(thing.line)}}


def _numbers(path: FloatArray) -> list[float]:
    """Return a path as COCO writes it: x and y in turn."""
    numbers: list[float] = np.round(path, 2).ravel().tolist()
    return numbers


def _points(numbers: list[float]) -> FloatArray:
    return np.array(numbers, np.float64).reshape(-1, 2)
