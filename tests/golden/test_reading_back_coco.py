"""Reading a COCO archive back finds what differs from the release, in a memory that does not grow with its labels."""

import io
import json
import re
import tracemalloc
from collections.abc import Callable
from typing import Any

import pytest

from annotary_core.formats.coco.writer import Coco
from annotary_core.formats.errors import ReleaseError
from annotary_core.formats.registry import verify_release
from annotary_core.formats.release_archive import ZipSink, open_tree
from annotary_core.formats.report import Counts
from tests.golden.release import INFO, STRAYS, box, label, open_image, record

PARTS = ("annotations.json", "annotations_train.json", "annotations_val.json", "annotations_test.json")
Files = dict[str, bytes]


@pytest.fixture
def release() -> tuple[Files, Counts]:
    """The files of a release that were written, and what they must contain."""
    target = io.BytesIO()
    with ZipSink(target) as sink:
        report = Coco().write(INFO, iter(STRAYS), open_image, sink)
    with open_tree(target) as tree:
        return {name: tree.open(name).read() for name in tree.names()}, report.counts()


def archive(files: Files) -> io.BytesIO:
    target = io.BytesIO()
    with ZipSink(target) as sink:
        for name, content in files.items():
            sink.write(name, [content])
    return target


def edited(files: Files, change: Callable[[dict[str, Any]], None], parts: tuple[str, ...] = PARTS) -> Files:
    """Change the label files alike, so that they agree with each other."""
    bodies = {part: json.loads(files[f"coco/{part}"]) for part in parts}
    for body in bodies.values():
        change(body)
    return files | {f"coco/{part}": json.dumps(body).encode() for part, body in bodies.items()}


def refused(files: Files, counts: Counts, sentence: str) -> None:
    with pytest.raises(ReleaseError, match=sentence):
        verify_release("coco", archive(files), counts)


def annotation(body: dict[str, Any], key: int) -> dict[str, Any]:
    found = [each for each in body["annotations"] if each["id"] == key]
    return found[0] if found else {"bbox": [0, 0, 1, 1], "annotary": {}}


def image(body: dict[str, Any], key: int) -> dict[str, Any]:
    found = [each for each in body["images"] if each["id"] == key]
    return found[0] if found else {"annotary": {}}


def test_what_was_written_passes(release: tuple[Files, Counts]) -> None:
    files, counts = release
    verify_release("coco", archive(files), counts)
    verify_release("coco", archive(edited(files, lambda body: None)), counts)


def test_a_missing_object(release: tuple[Files, Counts]) -> None:
    files, counts = release

    def lose(body: dict[str, Any]) -> None:
        body["annotations"] = [each for each in body["annotations"] if each["id"] != 2]

    refused(edited(files, lose), counts, "Annotation 3 is where Annotation 2 belongs")


@pytest.mark.parametrize(
    "change",
    [
        lambda entry: entry["bbox"].__setitem__(0, entry["bbox"][0] + 0.01),
        lambda entry: entry.update(category_id=9),
        lambda entry: entry.update(image_id=1),
        lambda entry: entry["annotary"].update(object="another"),
    ],
    ids=["a side", "the class", "the image", "the object"],
)
def test_a_shifted_value_that_all_files_agree_on(release: tuple[Files, Counts], change: Any) -> None:
    files, counts = release
    sentence = "Annotation 3 does not say what the release says"
    refused(edited(files, lambda body: change(annotation(body, 3))), counts, sentence)


@pytest.mark.parametrize(("key", "value"), [("verdict", "empty"), ("class_id", 9), ("split", "val"), ("tags", ["cat"])])
def test_another_label_of_an_image_that_all_files_agree_on(release: tuple[Files, Counts], key: str, value: Any) -> None:
    files, counts = release

    def change(body: dict[str, Any]) -> None:
        image(body, 2)["annotary"][key] = value

    refused(edited(files, change), counts, "Image 2 does not say what the release says")


def test_a_value_that_one_file_alone_has(release: tuple[Files, Counts]) -> None:
    files, counts = release
    for part in PARTS[1:3]:
        changed = files[f"coco/{part}"].replace(b'"answers":3', b'"answers":4', 1)
        refused(files | {f"coco/{part}": changed}, counts, f"{part} does not agree with annotations.json")


@pytest.mark.parametrize("part", PARTS)
def test_a_key_twice(release: tuple[Files, Counts], part: str) -> None:
    files, counts = release
    key = b'"verdict":' if part == PARTS[3] else b'"iscrowd":0,'
    twice = files[f"coco/{part}"].replace(key, b'"iscrowd":0,' + key if key in b'"iscrowd":0,' else b'"split":1,' + key)
    assert twice != files[f"coco/{part}"]
    refused(files | {f"coco/{part}": twice}, counts, f"{part} is missing or cannot be read")


def test_an_id_twice(release: tuple[Files, Counts]) -> None:
    files, counts = release
    refused(edited(files, lambda body: annotation(body, 3).update(id=1)), counts, "uses an id twice: Annotation 1")
    refused(edited(files, lambda body: image(body, 2).update(id=1)), counts, "uses an id twice: Image 1")
    refused(edited(files, lambda body: annotation(body, 3).update(id="3")), counts, "Annotation 3 is where")


def test_an_entry_in_two_splits(release: tuple[Files, Counts]) -> None:
    files, counts = release
    splits = [re.search(rb'"images":\[\n(.*?)\n\]', files[f"coco/{part}"], re.DOTALL) for part in PARTS[1:]]
    assert splits[0] and splits[1]
    moved = files["coco/annotations_val.json"].replace(splits[1][1], splits[0][1].split(b",\n")[0])
    refused(files | {"coco/annotations_val.json": moved}, counts, "annotations_val.json does not agree")


@pytest.mark.parametrize("part", PARTS)
def test_a_torn_file(release: tuple[Files, Counts], part: str) -> None:
    files, counts = release
    body = files[f"coco/{part}"].rstrip()
    for size in range(0, len(body), 37):
        refused(files | {f"coco/{part}": body[:size]}, counts, f"{part} is missing or cannot be read")
    refused({name: body for name, body in files.items() if name != f"coco/{part}"}, counts, f"{part} is missing")


def test_an_extra_image(release: tuple[Files, Counts]) -> None:
    files, counts = release
    refused(files | {"coco/images/extra.jpg": b"x"}, counts, "image files that annotations.json does not list")


def test_a_list_or_a_class_that_is_missing(release: tuple[Files, Counts]) -> None:
    files, counts = release
    for part in PARTS:
        without = edited(files, lambda body: body.pop("categories"), (part,))
        refused(without, counts, "(?i)annotation")
        other = files[f"coco/{part}"].replace(b'"id":9,', b'"id":8,', 1)
        if part != PARTS[0]:
            refused(files | {f"coco/{part}": other}, counts, f"{part} does not have the classes of annotations.json")


def test_memory_does_not_grow_with_the_labels() -> None:
    objects = [box(7, n, n, 5, 5, id=f"o{n}") for n in range(20)]
    records = [record(f"{number:05}.jpg", label(*objects)) for number in range(2_000)]
    content = open_image(records[0]).read()
    target = io.BytesIO()
    with ZipSink(target) as sink:
        counts = Coco().write(INFO, iter(records), lambda _: io.BytesIO(content), sink).counts()
    assert counts.objects == 40_000
    tracemalloc.start()
    try:
        verify_release("coco", target, counts)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    # The entries themselves are 60 MB.
    assert peak < 5_000_000
