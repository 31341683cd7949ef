"""Code asks a shape for what it needs: no shape has its name or its class in an `if` elsewhere.

Allowed are the shapes themselves, formats of files (which hold certain shapes), and the functions that fuse objects.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

from annotary_core.labels.shapes import RESERVED

ROOT = Path(__file__).resolve().parents[2]
CORE = "platform/annotary_core/"
ALLOWED = (
    f"{CORE}labels/shapes/",
    f"{CORE}formats/",
    f"{CORE}aggregation/objects/",
    # Files of boxes, whose columns are corners, and the report of such a file.
    f"{CORE}aggregation/io/",
    f"{CORE}aggregation/agreement/report_text.py",
)
NAMES = frozenset(RESERVED) - {"class", "tags"}


def shape_classes() -> frozenset[str]:
    """Return the names of the classes that the shapes define."""
    files = (ROOT / CORE / "labels" / "shapes").glob("*.py")
    shared = {"objects.py", "base.py", "__init__.py"}
    return frozenset(
        node.name
        for file in files
        if file.name not in shared
        for node in ast.parse(file.read_text()).body
        if isinstance(node, ast.ClassDef)
    )


def findings(source: str) -> Iterator[str]:
    """Yield what a module knows of shapes by name, with its line."""
    tree = ast.parse(source)
    classes = shape_classes()
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and node.value in NAMES:
            yield f"line {node.lineno}: the name {node.value!r}"
        if (
            isinstance(node, ast.Call)
            and isinstance(node.func, ast.Name)
            and node.func.id in ("isinstance", "issubclass")
        ):
            for name in ast.walk(node.args[1]):
                if isinstance(name, ast.Name) and name.id in classes:
                    yield f"line {node.lineno}: {node.func.id} of {name.id}"
        if isinstance(node, ast.MatchClass) and isinstance(node.cls, ast.Name) and node.cls.id in classes:
            yield f"line {node.cls.lineno}: match on {node.cls.id}"


def modules() -> list[Path]:
    roots = ("annotary", "platform", "tasks", "workers_ui")
    files = (file for root in roots for file in (ROOT / root).rglob("*.py"))
    return [
        file
        for file in sorted(files)
        if "migrations" not in file.parts and not str(file.relative_to(ROOT)).startswith(ALLOWED)
    ]


def test_no_module_knows_a_shape_by_its_name_or_class() -> None:
    files = modules()
    assert len(files) > 300
    found = [f"{file.relative_to(ROOT)}, {each}" for file in files for each in findings(file.read_text())]
    assert not found, "\n".join(["Ask SHAPES[tool] instead:", *found])


@pytest.mark.parametrize(
    "source",
    ['if tool == "box": pass', "isinstance(geom, (int, Box))", "match geom:\n    case Polygon(): pass", '{"mask": 1}'],
)
def test_the_lint_finds_names_and_classes(source: str) -> None:
    assert list(findings(source))
