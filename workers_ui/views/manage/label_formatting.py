"""A label in words, and what changed from one version of it to the next."""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from annotary_core.labels.answer import Answer
from projects.models import LabelClass, Project
from tasks.consensus.label_methods import GOLD, REVIEW, SINGLE
from tasks.gold.compare import match_boxes

#: How much of a box must stay where it was for it to be the same box.
SAME_BOX = 0.5
OBJECT_WORDS = {
    "box": ("box", "boxes"),
    "rotated_box": ("turned box", "turned boxes"),
    "polygon": ("outline", "outlines"),
    "mask": ("mask", "masks"),
    "keypoints": ("skeleton", "skeletons"),
    "point": ("point", "points"),
    "line": ("line", "lines"),
}
METHOD_WORDS = {REVIEW: "Set by a reviewer", GOLD: "Answered by the owner", SINGLE: "One answer alone"}

Json = Mapping[str, Any]
Names = Mapping[int, str]


def class_names(*, project: Project) -> dict[int, str]:
    """{number: name} of all classes, retired ones too: labels that use them stay readable."""
    return dict(LabelClass.objects.filter(project=project).values_list("number", "name"))


def name_of(names: Names, number: int) -> str:
    return names.get(number) or f"class {number}"


def answer_words(body: Json, names: Names) -> str:
    """ "cat", "2 boxes: cup, leaf", "nothing to label", "cannot tell"."""
    if body["verdict"] == "cannot_tell":
        return "cannot tell"
    image = body.get("image") or {}
    parts = [name_of(names, image["class"])] if image.get("class") is not None else []
    parts += [name_of(names, tag) for tag in image.get("tags") or ()]
    objects = body.get("objects") or ()
    if objects:
        parts.append(f"{objects_words(objects)}: {listed(name_of(names, n) for n in _numbers(objects))}")
    return ", ".join(parts) or "nothing to label"


def objects_words(objects: Sequence[Json]) -> str:
    """ "3 boxes", "2 boxes and 1 point"."""
    counts = Counter(item["tool"] for item in objects)
    return " and ".join(many(count, *OBJECT_WORDS.get(tool, ("object", "objects"))) for tool, count in counts.items())


def changes_words(before: Json | None, after: Json, names: Names) -> str:
    """What a new version says otherwise: "cat became dog; 1 box added, 1 moved". Empty for the first one."""
    if before is None:
        return ""
    said = []
    if before["verdict"] != after["verdict"] and "cannot_tell" in (before["verdict"], after["verdict"]):
        said.append(f"{answer_words(before, names)} became {answer_words(after, names)}")
    elif before["image"]["class"] != after["image"]["class"]:
        old, new = (each["image"]["class"] for each in (before, after))
        words = ["no class" if number is None else name_of(names, number) for number in (old, new)]
        said.append(f"{words[0]} became {words[1]}")
    if before["objects"] != after["objects"]:
        said.append(_object_changes(before, after))
    return "; ".join(part for part in said if part) or "the same label"


def _object_changes(before: Json, after: Json) -> str:
    old, new = (Answer.from_json(each).objects for each in (before, after))
    boxes = [[item for item in part if item.tool == "box"] for part in (old, new)]
    others = [[item.to_json() for item in part if item.tool != "box"] for part in (old, new)]
    places = [{(item.class_number, item.geom) for item in part} for part in boxes]
    same = len(places[0] & places[1])
    match = match_boxes(boxes[1], boxes[0], iou=SAME_BOX)
    renamed = match.misplaced_class
    counts = {
        "added": len(boxes[1]) - match.matched - renamed,
        "removed": len(boxes[0]) - match.matched - renamed,
        "moved": match.matched - same,
        "of another class": renamed,
    }
    said = [f"{many(count, 'box', 'boxes')} {word}" for word, count in counts.items() if count > 0]
    if [_bare(item) for item in others[0]] != [_bare(item) for item in others[1]]:
        said.append("other objects changed")
    return ", ".join(said)


def _bare(item: Json) -> tuple[Any, ...]:
    return item["class"], item["tool"], str(item["geom"])


def _numbers(objects: Sequence[Json]) -> list[int]:
    return sorted({item["class"] for item in objects})


def many(count: int, one: str, more: str = "") -> str:
    return f"{count:,} {one if count == 1 else more or one + 's'}"


def listed(words: Any, most: int = 4) -> str:
    """ "cup, leaf and 3 more": a list that stays short."""
    every = list(words)
    if len(every) <= most:
        return ", ".join(every)
    return f"{', '.join(every[: most - 1])} and {len(every) - most + 1:,} more"


def method_words(method: str) -> str:
    return METHOD_WORDS.get(method, "Agreed by the crowd")


def pseudonym(worker: str) -> str:
    """What a worker is called beside answers: the pages of evidence name nobody."""
    return f"Worker {worker[:4]}"
