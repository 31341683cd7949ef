"""Renaming, merging, splitting and retiring classes: which classes a project has then, and how earlier answers are
read. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from annotary_core.labels.class_mapping import ClassMapping
from projects.classes import ClassSpec
from projects.errors import ClassesRefused

Kind = Literal["rename", "merge", "split", "retire"]
#: What becomes of the labels of a class that is split or retired: they stay as they are, or their images are labeled
#: again with the classes that there are then.
Labels = Literal["keep", "ask_again"]


@dataclass(frozen=True, slots=True)
class ClassEdit:
    """What a manager wants. numbers: the classes that it is about, one of them to rename or to split.

    into: the class that they are merged into. name: the new name of a renamed class. new: the classes that a class is
    split into. labels: see `Labels`; for a split and for a retired class.
    """

    kind: Kind
    numbers: tuple[int, ...]
    into: int | None = None
    name: str = ""
    new: tuple[ClassSpec, ...] = ()
    labels: Labels = "keep"


@dataclass(frozen=True, slots=True)
class PlannedEdit:
    """specs: the classes afterward, in order. mapping: what the edit adds to how answers are read."""

    specs: tuple[ClassSpec, ...]
    mapping: ClassMapping


def plan_edit(edit: ClassEdit, body: Mapping[str, Any]) -> PlannedEdit:
    """Plan an edit of a schema with this body. Raises ClassesRefused with what to correct."""
    current = specs_of(body)
    names = {spec.number: spec.name for spec in current}
    unknown = [number for number in (*edit.numbers, edit.into) if number is not None and number not in names]
    if unknown:
        raise ClassesRefused(f"The project has no class with the number {unknown[0]} now. Reload the page.")
    if not edit.numbers or len(set(edit.numbers)) < len(edit.numbers):
        raise ClassesRefused("Choose each class once, and at least one.")
    if edit.kind in ("rename", "split") and len(edit.numbers) > 1:
        raise ClassesRefused(f"You can {edit.kind} one class at a time. Choose one.")
    if edit.kind == "rename":
        return _rename(edit, current)
    new, target = _new_classes(edit, names), _target(edit)
    specs: list[ClassSpec] = []
    for spec in current:
        if spec.number == edit.numbers[0]:
            specs += new
        if spec.number not in edit.numbers:
            specs.append(spec)
    if not specs:
        raise ClassesRefused("A project needs at least one class. Add another one first.")
    is_read_otherwise = edit.kind == "merge" or edit.labels == "ask_again"
    return PlannedEdit(tuple(specs), ClassMapping(dict.fromkeys(edit.numbers, target) if is_read_otherwise else {}))


def specs_of(body: Mapping[str, Any]) -> list[ClassSpec]:
    """Return the classes of a schema with this body."""
    return [ClassSpec(row["name"], row["color"] or None, row["number"]) for row in body["classes"]]


def specs_without(
    current: Mapping[str, Any], *, before: Mapping[str, Any], after: Mapping[str, Any]
) -> list[ClassSpec]:
    """Return the classes of a schema without the edit that made `after` of `before`, all of them bodies of schemas.

    Classes that the edit added are left out, those that it retired are where they were, and one that it renamed has its
    earlier name back. What was changed otherwise since stays.
    """
    earlier = {spec.number: spec for spec in specs_of(before)}
    made = {spec.number: spec for spec in specs_of(after)}
    specs = []
    for spec in specs_of(current):
        old = earlier.get(spec.number)
        if old is None and spec.number in made:
            continue
        is_renamed = old is not None and spec.number in made and old.name != made[spec.number].name == spec.name
        specs.append(ClassSpec(old.name, spec.color, spec.number) if old is not None and is_renamed else spec)
    order = list(earlier)
    for number in order:
        if number not in made:
            following = set(order[order.index(number) + 1 :])
            place = next((n for n, spec in enumerate(specs) if spec.number in following), len(specs))
            specs.insert(place, earlier[number])
    return specs


def described(mapping: Mapping[str, int | None], names: Mapping[int, str]) -> list[dict[str, Any]]:
    """Return a mapping as a list for people and programs, in the order of the numbers."""
    return [
        {"number": int(number), "name": names.get(int(number), ""), "read_as": target}
        for number, target in sorted(mapping.items(), key=lambda row: int(row[0]))
    ]


def _rename(edit: ClassEdit, current: Iterable[ClassSpec]) -> PlannedEdit:
    if not edit.name.strip():
        raise ClassesRefused("The class has no new name. Enter one.")
    specs = [ClassSpec(edit.name, spec.color, spec.number) if spec.number in edit.numbers else spec for spec in current]
    if specs == list(current):
        raise ClassesRefused("The class has this name already. Enter another one.")
    return PlannedEdit(tuple(specs), ClassMapping())


def _target(edit: ClassEdit) -> int | None:
    if edit.kind != "merge":
        return None
    if edit.into is None or edit.into in edit.numbers:
        raise ClassesRefused("Choose the class that the others become part of. It must not be one of them.")
    return edit.into


def _new_classes(edit: ClassEdit, names: Mapping[int | None, str]) -> list[ClassSpec]:
    if edit.kind != "split":
        return []
    if len(edit.new) < 2:
        name = names[edit.numbers[0]]
        raise ClassesRefused(f"Name at least two classes that “{name}” is split into.")
    return [ClassSpec(spec.name, spec.color) for spec in edit.new]
