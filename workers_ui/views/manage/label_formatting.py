"""Format labels, and the changes between their versions, as text."""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from annotary_core.labels.answer import Answer
from annotary_core.labels.shapes import noun_of
from annotary_core.wording import format_count
from projects.models import Project
from projects.selectors import schema_of
from tasks.consensus.label_methods import GOLD, REVIEW, SINGLE
from tasks.gold.compare import match_objects

METHOD_LABELS = {REVIEW: "Set by a reviewer", GOLD: "Answered by the owner", SINGLE: "A single answer"}

#: An answer, or one of its objects, as it is stored.
Stored = Mapping[str, Any]
Names = Mapping[int, str]


def class_name(names: Names, number: int) -> str:
    return names.get(number) or f"class {number}"


def describe_answer(body: Stored, names: Names) -> str:
    """Describe an answer: "cat", "2 boxes: cup, leaf", "nothing to label", "cannot tell"."""
    if body["verdict"] == "cannot_tell":
        return "cannot tell"
    image = body.get("image") or {}
    parts = [class_name(names, image["class"])] if image.get("class") is not None else []
    parts += [class_name(names, tag) for tag in image.get("tags") or ()]
    objects = body.get("objects") or ()
    if objects:
        parts.append(f"{describe_objects(objects)}: {join_shortened(class_name(names, n) for n in _numbers(objects))}")
    return ", ".join(parts) or "nothing to label"


def describe_objects(objects: Sequence[Stored]) -> str:
    """Describe objects: "3 boxes", "2 boxes and 1 polygon"."""
    counts = Counter(item["tool"] for item in objects)
    return " and ".join(format_count(count, *noun_of([tool])) for tool, count in counts.items())


def describe_changes(before: Stored | None, after: Stored, names: Names) -> str:
    """Describe what a new version changes: "cat became dog; 1 box added, 1 box moved". Empty for the first version."""
    if before is None:
        return ""
    parts = []
    if before["verdict"] != after["verdict"] and "cannot_tell" in (before["verdict"], after["verdict"]):
        parts.append(f"{describe_answer(before, names)} became {describe_answer(after, names)}")
    elif before["image"]["class"] != after["image"]["class"]:
        old, new = (each["image"]["class"] for each in (before, after))
        words = ["no class" if number is None else class_name(names, number) for number in (old, new)]
        parts.append(f"{words[0]} became {words[1]}")
    if before["objects"] != after["objects"]:
        parts.append(_object_changes(before, after))
    return "; ".join(part for part in parts if part) or "the same label"


def _object_changes(before: Stored, after: Stored) -> str:
    old, new = (Answer.from_json(each).objects for each in (before, after))
    identities = [{(item.class_number, item.tool, item.geom) for item in version} for version in (old, new)]
    unchanged = len(identities[0] & identities[1])
    match = match_objects(new, old)
    reclassified = match.class_mismatches
    counts = {
        "added": len(new) - match.matched - reclassified,
        "removed": len(old) - match.matched - reclassified,
        "moved": match.matched - unchanged,
        "of another class": reclassified,
    }
    noun = noun_of(item.tool for item in (*old, *new))
    return ", ".join(f"{format_count(count, *noun)} {word}" for word, count in counts.items() if count > 0)


def _numbers(objects: Sequence[Stored]) -> list[int]:
    return sorted({item["class"] for item in objects})


def join_shortened(words: Any, most: int = 4, *, separator: str = ", ") -> str:
    """Join words into a list that stays short: "cup, leaf and 3 more"."""
    items = list(words)
    if len(items) <= most:
        return separator.join(items)
    return f"{separator.join(items[: most - 1])} and {len(items) - most + 1:,} more"


def example_reasons(project: Project) -> tuple[str, str]:
    """Examples, with the project's own classes, of what is wrong with a label, and with a worker's answers."""
    if project.schema is None:
        return "", ""
    schema = schema_of(project=project)
    first, second = [*(item.name for item in schema.classes), "", ""][:2]
    if schema.object_tools:
        return f"One “{first}” is missing.", f"Often one “{first}” is missing."
    if second:
        return f"This is “{second}”, not “{first}”.", f"“{first}” and “{second}” are often mixed up."
    return f"This is not “{first}”.", f"“{first}” is often wrong."


def describe_method(method: str) -> str:
    return METHOD_LABELS.get(method, "Agreed by workers")
