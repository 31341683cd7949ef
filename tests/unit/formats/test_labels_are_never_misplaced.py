"""Whatever mistakes label files contain: no label of another image, nothing lost without a problem, no false empty.

Generated COCO and VOC files contain the mistakes of real exports. Where each object belongs is known: its class is the
name of its image, and its x is its number.
"""

import json
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from annotary_core.formats.errors import Unreadable
from annotary_core.formats.ground_truth import posix_name
from annotary_core.labels.schema import LabelClass, Schema
from tasks.ingest.ground_truth import GroundTruthRecords, ImageFrame, read_ground_truth, to_answer
from tasks.ingest.name_matching import NameMatches, match_names
from tests.truth_boxes import sides_of

#: {image: its name in the project}. The last two have one base name.
PRESENT = {"a": "a.jpg", "b": "train/b.jpg", "c": "train/c.jpg", "d": "val/c.jpg"}
IMAGES = tuple(PRESENT)
IMAGE_OF = {name: image for image, name in PRESENT.items()}
SCHEMA = Schema(tuple(LabelClass(number, name) for number, name in enumerate(IMAGES, start=1)), ("box",))
FRAME = ImageFrame(400, 80, 400, 80, 1)

Write = Callable[[int], object]
writes: st.SearchStrategy[Write] = st.sampled_from([int, float, str, lambda n: f"{n}.0", lambda n: f" {n} "])
broken_ids: st.SearchStrategy[object] = st.sampled_from([None, True, 1.5, [], "", "none", 99, float("nan")])


def names_of(image: str) -> st.SearchStrategy[str]:
    """The ways in which exports name an image."""
    path = PRESENT[image]
    ways = [path, path.upper(), f"./{path}", f"../{path}", f"https://host.example/{path}?x=1", path.replace("/", "%2F")]
    ways += [f"C:\\set\\{path}".replace("/", "\\"), path.removesuffix(".jpg"), path.removesuffix("jpg") + "png"]
    return st.sampled_from([*ways, path.rpartition("/")[2]])


@dataclass
class Sent:
    """The files of an upload. `objects` is {number of an object: (its image, the names under which it is reported)}.

    `empty` are images of which a file without broken links states that they are empty.
    """

    files: dict[str, str] = field(default_factory=dict)
    objects: dict[int, tuple[str, set[str]]] = field(default_factory=dict)
    empty: set[str] = field(default_factory=set)

    def add_object(self, image: str, *names: str) -> int:
        number = len(self.objects) + 1
        self.objects[number] = (image, set(names))
        return number


@st.composite
def coco_entries(draw: st.DrawFn, sent: Sent, path: str) -> bool:
    """Add a COCO file with a few images and their boxes."""
    body: dict[str, list[dict[str, Any]]] = {"images": [], "annotations": []}
    empty, are_linked = set(), True
    for position, image in enumerate(draw(st.lists(st.sampled_from(IMAGES), min_size=1, max_size=5))):
        image_id = draw(st.one_of(st.just(position), st.integers(0, 2)))
        name = draw(names_of(image))
        sizes = {"width": draw(writes)(400), "height": draw(st.sampled_from([80, 80.0, None, "80", float("nan")]))}
        body["images"].append({"id": draw(writes)(image_id), "file_name": name, **sizes})
        count = draw(st.integers(0, 2))
        empty |= set() if count else {image}
        for _ in range(count):
            is_linked = draw(st.integers(0, 9)) > 0
            link = draw(writes)(image_id) if is_linked else draw(broken_ids)
            are_linked &= is_linked
            number = sent.add_object(image, path, posix_name(name))
            body["annotations"].append({"image_id": link, **draw(an_annotation(image, number))})
    categories = [{"id": draw(writes)(number), "name": name} for number, name in enumerate(IMAGES)]
    sent.files[path] = json.dumps(body | {"categories": categories})
    sent.empty |= empty if are_linked else set()
    return True


@st.composite
def an_annotation(draw: st.DrawFn, image: str, number: int) -> dict[str, Any]:
    box = [number, 10, 5, 5]
    usual = {"category_id": draw(writes)(IMAGES.index(image)), "bbox": box}
    unusual = {
        "bbox": st.sampled_from([[str(each) for each in box], json.dumps(box), [500, 10, 5, 5], None, box]),
        "iscrowd": st.sampled_from([0, False, None, "0", 1]),
        "area": st.sampled_from([float("nan"), 5]),
    }
    return usual | draw(st.fixed_dictionaries({}, optional=unusual))


@st.composite
def voc_entries(draw: st.DrawFn, sent: Sent, folder: str) -> bool:
    """Add a VOC file. Its own name or its <filename> may be wrong, but not both."""
    image = draw(st.sampled_from(IMAGES))
    split, _, base = PRESENT[image].rpartition("/")
    stem, name = base.removesuffix(".jpg"), draw(st.one_of(names_of(image), st.sampled_from(["", "%s", "gone.jpg"])))
    if draw(st.booleans()):
        stem, name = draw(st.sampled_from(["x", "a", "b", "c"])), draw(names_of(image))
    path = "/".join(part for part in (folder, split, f"{stem}.xml") if part)
    if path in sent.files:
        return False
    corners = draw(st.sampled_from([(1, 11, 5, 20), (1.0, 11.5, 5, 20), (5, 11, 1, 20)]))
    objects = ""
    for _ in range(draw(st.integers(0, 2))):
        stated = posix_name(stem if name in ("", "%s") else name)
        number = sent.add_object(image, path, stated, f"{split}/{stated}", f"{folder}/{stated}")
        tags = zip(("xmin", "ymin", "xmax", "ymax"), corners, strict=True)
        box = "".join(f"<{tag}>{each + number if tag[0] == 'x' else each}</{tag}>" for tag, each in tags)
        objects += f"<object><name>{image}</name><bndbox>{box}</bndbox></object>"
    if not objects:
        sent.empty.add(image)
    size = draw(
        st.sampled_from(["", "<size><width>400</width><height>80.0</height></size>", "<size><width>0</width></size>"])
    )
    sent.files[path] = f"<annotation><filename>{name}</filename>{size}{objects}</annotation>"
    return True


@st.composite
def uploads(draw: st.DrawFn) -> Sent:
    sent = Sent()
    draw(coco_entries(sent, "0.json"))
    if draw(st.booleans()):
        draw(coco_entries(sent, "1.json"))
    for number in range(draw(st.integers(0, 3))):
        draw(voc_entries(sent, draw(st.sampled_from(["", f"set{number}"]))))
    return sent


def read(files: Mapping[str, str]) -> GroundTruthRecords:
    with tempfile.TemporaryDirectory() as folder:
        for name, text in files.items():
            path = Path(folder) / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
        return read_ground_truth(path=Path(folder))


def reported_names(truth: GroundTruthRecords, matching: NameMatches) -> set[str]:
    """The files and images for which an import reports something other than success."""
    problems = {each.file for each in truth.problems}
    problems |= {key for key, name in matching.matches.items() if name in matching.repeats.values()}
    return problems | matching.refused.keys() | {key for key in truth.records if key not in matching.matches}


@settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))
@given(uploads())
def test_labels_are_on_their_image_or_reported(sent: Sent) -> None:
    truth = read(sent.files)
    matching = match_names(truth.claims(), PRESENT.values())
    arrived: set[int] = set()
    unusable: set[str] = set()
    for key, name in matching.matches.items():
        image = IMAGE_OF[name]
        if key not in truth.records or name in matching.repeats.values():
            continue  # Only used if all its records agree.
        record = truth.records[key]
        try:
            objects = to_answer(record, schema=SCHEMA, frame=FRAME)["objects"]
        except Unreadable:
            unusable.add(key)
            continue
        assert {IMAGES[each["class"] - 1] for each in objects} <= {image}, "a label of another image"
        assert objects or image in sent.empty, "a false empty"
        arrived |= {round(sides_of(item)["x"]) for item in record.objects}
    reported = reported_names(truth, matching) | unusable
    for number, (_, names) in sent.objects.items():
        assert number in arrived or names & reported, f"object {number} is lost without a problem"
