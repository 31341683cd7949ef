"""Classes of a project: names, colours, and numbers that are never given twice."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from annotary_core.labels.schema import MAX_CLASSES, MAX_NAME
from projects.colors import default_color
from projects.errors import ClassesRefused
from projects.models import LabelClass, Project

_COLOR = re.compile(r"#[0-9a-fA-F]{6}", re.ASCII)


@dataclass(frozen=True, slots=True)
class ClassSpec:
    """A class as somebody wants it. `number` names a class that exists already, to give it another name."""

    name: str
    color: str | None = None
    number: int | None = None


def checked(specs: Sequence[ClassSpec]) -> list[ClassSpec]:
    """The classes with tidy names and colours. Raises ClassesRefused."""
    if not specs:
        raise ClassesRefused("A project needs at least one class; add one.")
    if len(specs) > MAX_CLASSES:
        raise ClassesRefused(f"These are {len(specs):,} classes; {MAX_CLASSES:,} is the most.")
    seen: dict[str, str] = {}
    tidy: list[ClassSpec] = []
    for spec in specs:
        name = " ".join(spec.name.split())
        if not name or not name.isprintable():
            raise ClassesRefused("A class has no name; write one or remove the class.")
        if len(name) > MAX_NAME:
            raise ClassesRefused(f"The class name “{name[:40]}…” is too long; use {MAX_NAME} characters at most.")
        if name.casefold() in seen:
            raise ClassesRefused(
                f"The classes “{seen[name.casefold()]}” and “{name}” have one name; rename one of them."
            )
        seen[name.casefold()] = name
        if spec.color and _COLOR.fullmatch(spec.color) is None:
            raise ClassesRefused(f'The colour of “{name}” is written as "#rrggbb"; mend it or leave it out.')
        tidy.append(ClassSpec(name, spec.color.lower() if spec.color else None, spec.number))
    return tidy


def plan(specs: Sequence[ClassSpec], rows: Sequence[LabelClass], *, project: Project) -> list[LabelClass]:
    """The rows of these classes in their order: known ones keep their number, also when they come back after
    retirement; new ones follow on the highest number ever given. New rows have no primary key yet.

    Raises ClassesRefused when a number is not one of this project's, or stands twice.
    """
    by_number = {row.number: row for row in rows}
    by_name = {row.name.casefold(): row for row in rows}
    last = max(by_number, default=0)
    planned: list[LabelClass] = []
    for spec in checked(specs):
        row = by_name.get(spec.name.casefold()) if spec.number is None else by_number.get(spec.number)
        if row is None and spec.number is not None:
            raise ClassesRefused(f"This project has no class with the number {spec.number}; leave the number out.")
        if row is None:
            last += 1
            row = LabelClass(project=project, number=last, color=default_color(last))
        if row in planned:
            raise ClassesRefused(f"The class with the number {row.number} stands here twice; remove one.")
        row.name, row.color, row.retired_at = spec.name, spec.color or row.color, None
        planned.append(row)
    _check_names_are_free(planned, rows)
    return planned


def _check_names_are_free(planned: Sequence[LabelClass], rows: Sequence[LabelClass]) -> None:
    """A retired class keeps its name: its labels are still read by it."""
    own = {row.number for row in planned}
    retired = {row.name.casefold() for row in rows if row.number not in own}
    for row in planned:
        if row.name.casefold() in retired:
            raise ClassesRefused(f"An earlier class is called “{row.name}”; take that one back or choose another name.")
