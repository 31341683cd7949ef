"""Classes of a project: names, colors, and numbers that are never reused."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from annotary_core.labels.names import is_name, normalize_name
from annotary_core.labels.schema import MAX_CLASSES, MAX_NAME
from projects.colors import default_color
from projects.errors import ClassesRefused
from projects.models import LabelClass, Project

_COLOR = re.compile(r"#[0-9a-fA-F]{6}", re.ASCII)
# Not the no-break spaces, which are part of a name: a French label writes 10 € with one.
_SPACE = re.compile(r"\s+", re.ASCII)


@dataclass(frozen=True, slots=True)
class ClassSpec:
    """A requested class. `number` refers to an existing class, to rename it."""

    name: str
    color: str | None = None
    number: int | None = None


def folded(name: str) -> str:
    """Return the form in which the names of two classes are compared: without regard to case and Unicode form."""
    return normalize_name(name).casefold()


def _normalize(specs: Sequence[ClassSpec]) -> list[ClassSpec]:
    """Return the classes with normalized names and colors. Raises ClassesRefused."""
    if not specs:
        raise ClassesRefused("A project needs at least one class. Add one.")
    if len(specs) > MAX_CLASSES:
        raise ClassesRefused(f"A project can have {MAX_CLASSES:,} classes at most. These are {len(specs):,}.")
    seen: dict[str, str] = {}
    normalized: list[ClassSpec] = []
    for spec in specs:
        name = normalize_name(_SPACE.sub(" ", spec.name).strip(" "))
        if not is_name(name):
            raise ClassesRefused("A class has no name, or one with control characters. Name it or remove it.")
        if len(name) > MAX_NAME:
            raise ClassesRefused(f"The class name “{name[:40]}…” is too long. Use {MAX_NAME} characters at most.")
        if folded(name) in seen:
            raise ClassesRefused(
                f"The classes “{seen[folded(name)]}” and “{name}” have the same name. Rename one of them."
            )
        seen[folded(name)] = name
        if spec.color and _COLOR.fullmatch(spec.color) is None:
            raise ClassesRefused(f'The color of “{name}” must have the form "#rrggbb". Correct it or leave it out.')
        normalized.append(ClassSpec(name, spec.color.lower() if spec.color else None, spec.number))
    return normalized


def plan(specs: Sequence[ClassSpec], rows: Sequence[LabelClass], *, project: Project) -> list[LabelClass]:
    """Return the rows of these classes, in order, without saving them. Existing classes keep their number, even if they
    return after retirement; new ones continue after the highest number ever used. New rows have no primary key yet.

    Raises ClassesRefused if a number does not belong to this project or occurs twice.
    """
    by_number = {row.number: row for row in rows}
    by_name = {folded(row.name): row for row in rows}
    last = max(by_number, default=0)
    planned: list[LabelClass] = []
    for spec in _normalize(specs):
        row = by_name.get(folded(spec.name)) if spec.number is None else by_number.get(spec.number)
        if row is None and spec.number is not None:
            raise ClassesRefused(f"This project has no class with the number {spec.number}. Leave the number out.")
        if row is None:
            last += 1
            row = LabelClass(project=project, number=last, color=default_color(last))
        if row in planned:
            raise ClassesRefused(f"The class with the number {row.number} is listed twice. Remove one.")
        row.name, row.color, row.retired_at = spec.name, spec.color or row.color, None
        planned.append(row)
    _check_names_are_free(planned, rows)
    return planned


def _check_names_are_free(planned: Sequence[LabelClass], rows: Sequence[LabelClass]) -> None:
    """Refuse names of retired classes: their labels are still shown under those names."""
    own = {row.number for row in planned}
    retired = {folded(row.name) for row in rows if row.number not in own}
    for row in planned:
        if folded(row.name) in retired:
            raise ClassesRefused(f"A retired class is called “{row.name}”. Restore it or choose another name.")


def refuse_mapped(planned: Sequence[LabelClass], mapping: Mapping[str, int | None]) -> None:
    """Refuse classes that were merged into others or split: answers that name them are read as others. Raises
    ClassesRefused."""
    for row in planned:
        if str(row.number) in mapping:
            raise ClassesRefused(
                f"The class “{row.name}” was merged or split. Undo that change to have it back, or choose another name."
            )
