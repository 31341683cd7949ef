"""The label schema: the classes of a project and the label tools for them."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from annotary_core.labels.errors import SchemaError
from annotary_core.labels.json_reading import read_list, read_object, shown
from annotary_core.labels.names import is_name
from annotary_core.labels.shapes import IMAGE_TOOLS, SHAPES, unavailable_message

MAX_CLASSES = 10_000
MAX_NAME = 100
#: Class numbers are stored as PostgreSQL integers.
MAX_NUMBER = 2**31 - 1

_COLOR = re.compile(r"#[0-9a-fA-F]{6}", re.ASCII)


@dataclass(frozen=True, slots=True)
class LabelClass:
    """A class; `number` is its stable identity and is never reused, `color` is "#rrggbb" or empty."""

    number: int
    name: str
    color: str = ""

    def to_json(self) -> dict[str, object]:
        return {"number": self.number, "name": self.name, "color": self.color}


@dataclass(frozen=True, slots=True)
class Schema:
    """The body of one version of a label schema."""

    classes: tuple[LabelClass, ...]
    tools: tuple[str, ...]
    names: dict[int, str] = field(init=False, repr=False, compare=False, hash=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "names", {item.number: item.name for item in self.classes})

    @property
    def has_image_class(self) -> bool:
        """Whether every labeled image gets exactly one class."""
        return "class" in self.tools

    @property
    def object_tools(self) -> tuple[str, ...]:
        return tuple(name for name in self.tools if name in SHAPES)

    @classmethod
    def from_json(cls, raw: object) -> Schema:
        """Read {"classes": [{"number", "name", "color"}], "tools": [...], "attributes": []}; raises SchemaError."""
        body = read_object(raw, path="", allowed=("classes", "tools", "attributes"), error=SchemaError)
        if read_list(body.get("attributes", []), path="attributes", error=SchemaError):
            raise SchemaError(
                "attributes_unavailable", "Attributes are not available in this version. Leave them out.", "attributes"
            )
        return cls(classes=_read_classes(body.get("classes")), tools=_read_tools(body.get("tools")))

    def to_json(self) -> dict[str, object]:
        return {"classes": [item.to_json() for item in self.classes], "tools": list(self.tools), "attributes": []}


def _read_tools(raw: object) -> tuple[str, ...]:
    names: list[str] = []
    for index, name in enumerate(read_list(raw, path="tools", error=SchemaError)):
        path = f"tools[{index}]"
        if not isinstance(name, str):
            raise SchemaError("wrong_type", f"Send the name of a tool here, not {shown(name)}.", path)
        if name not in IMAGE_TOOLS and name not in SHAPES:
            raise SchemaError("unknown_tool", unavailable_message(name), path)
        if name in names:
            raise SchemaError("duplicate_tool", f"The tool {name} is listed twice. Remove one.", path)
        names.append(name)
    if not names:
        raise SchemaError("no_tool", "The schema has no tool. Choose at least one.", "tools")
    return tuple(names)


def _read_classes(raw: object) -> tuple[LabelClass, ...]:
    rows = read_list(raw, path="classes", error=SchemaError)
    if not rows:
        raise SchemaError("no_class", "The schema has no class. Add at least one.", "classes")
    if len(rows) > MAX_CLASSES:
        raise SchemaError("too_many_classes", f"The schema has {len(rows):,} classes. Use at most {MAX_CLASSES:,}.")
    classes: list[LabelClass] = []
    numbers: set[int] = set()
    names: set[str] = set()
    for index, row in enumerate(rows):
        item = _read_class(row, path=f"classes[{index}]")
        if item.number in numbers:
            raise SchemaError(
                "duplicate_number",
                f"Two classes have the number {item.number}. Use unique numbers.",
                f"classes[{index}]",
            )
        if item.name.casefold() in names:
            raise SchemaError(
                "duplicate_name", f"Two classes are named {shown(item.name)}. Rename one.", f"classes[{index}]"
            )
        numbers.add(item.number)
        names.add(item.name.casefold())
        classes.append(item)
    return tuple(classes)


def _read_class(raw: object, *, path: str) -> LabelClass:
    body = read_object(raw, path=path, allowed=("number", "name", "color"), error=SchemaError)
    number, name, color = body.get("number"), body.get("name"), body.get("color", "")
    if isinstance(number, bool) or not isinstance(number, int) or not 1 <= number <= MAX_NUMBER:
        raise SchemaError("bad_number", "A class needs a whole number of at least 1.", f"{path}.number")
    if not isinstance(name, str) or len(name) > MAX_NAME or not is_name(name):
        raise SchemaError(
            "bad_name", f"A class needs a name of 1 to {MAX_NAME} characters on one line.", f"{path}.name"
        )
    if not isinstance(color, str) or (color and _COLOR.fullmatch(color) is None):
        raise SchemaError("bad_color", 'A color has the form "#rrggbb". Correct it or leave it out.', f"{path}.color")
    return LabelClass(number=number, name=name.strip(), color=color.lower())
