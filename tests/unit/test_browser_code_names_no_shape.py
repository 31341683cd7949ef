"""Browser code asks its tools about shapes: only canvas/tools names them, and each has one line in its registry."""

import re

from annotary.runtime.source_roots import ROOT
from annotary_core.labels.shapes import RESERVED, SHAPES
from annotary_core.labels.shapes.polygon import MAX_VERTICES

STATIC = ROOT / "workers_ui/static/workers_ui"
TOOLS = STATIC / "canvas/tools"
BUILT = ("bundles", "vendor")
COMMENT = re.compile(r"/\*.*?\*/|(?<!:)//[^\n]*", re.DOTALL)
STRING = re.compile(r"""("(?:[^"\\\n]|\\.)*"|'(?:[^'\\\n]|\\.)*'|`(?:[^`\\]|\\.)*`)""", re.DOTALL)
#: "class" labels the image, "point" and "tags" are plain words as well.
NAMES = [*(set(RESERVED) - {"class", "point", "tags"}), *(word for shape in SHAPES.values() for word in shape.noun)]
SHAPE_NAME = re.compile(rf"\b({'|'.join(sorted(set(NAMES)))})\b", re.IGNORECASE)


def strings_in(source: str) -> list[str]:
    return STRING.findall(COMMENT.sub("", source))


def test_no_string_outside_the_tools_names_a_shape() -> None:
    paths = [
        path
        for path in sorted(STATIC.rglob("*.js"))
        if not path.is_relative_to(TOOLS) and path.relative_to(STATIC).parts[0] not in BUILT
    ]
    assert len(paths) > 50
    found = [
        f"{path.relative_to(ROOT)}: {text}"
        for path in paths
        for text in strings_in(path.read_text())
        if SHAPE_NAME.search(text)
    ]
    assert found == [], "\n".join(found)


def test_the_rule_finds_names_in_strings_alone() -> None:
    source = """/* a "box" */ const a = "box"; // `polygon`
    const box = 'Draw a Polygon first'; f(`${box} boxes`, "inbox");"""
    assert [text for text in strings_in(source) if SHAPE_NAME.search(text)] == [
        '"box"',
        "'Draw a Polygon first'",
        "`${box} boxes`",
    ]


def test_every_shape_has_a_tool_in_the_browser() -> None:
    registry = re.search(r"^const TOOLS = \[(.*?)\];", (TOOLS / "index.js").read_text(), re.DOTALL | re.MULTILINE)
    assert registry is not None
    assert [name.strip() for name in registry.group(1).split(",") if name.strip()] == list(SHAPES)


def test_the_limits_of_polygons_are_those_of_the_server() -> None:
    text = (TOOLS / "polygon.js").read_text()
    assert re.findall(r"MAX_VERTICES = (\d+)", text) == [str(MAX_VERTICES)]
