"""A label schema is read completely or rejected with the path."""

from __future__ import annotations

from typing import Any

import pytest

from annotary_core.labels.errors import SchemaError
from annotary_core.labels.schema import Schema
from tests.unit.labels.makers import BOTH_SCHEMA, CLASS_SCHEMA, FOX, RACCOON

ONE = {"number": 1, "name": "raccoon"}


def test_a_schema_survives_a_round_trip() -> None:
    body = {
        "classes": [{"number": 3, "name": "raccoon", "color": "#e69f00"}],
        "tools": ["box", "class"],
        "attributes": [],
    }
    assert Schema.from_json(body).to_json() == body


def test_a_schema_knows_its_names_and_tools() -> None:
    assert BOTH_SCHEMA.names == {RACCOON: "raccoon", FOX: "fox"}
    assert BOTH_SCHEMA.has_image_class and BOTH_SCHEMA.object_tools == ("box",)
    assert CLASS_SCHEMA.object_tools == ()


@pytest.mark.parametrize(
    ("change", "code", "path"),
    [
        ({"classes": []}, "no_class", "classes"),
        ({"classes": None}, "wrong_type", "classes"),
        ({"classes": [ONE, {"number": 1, "name": "fox"}]}, "duplicate_number", "classes[1]"),
        ({"classes": [ONE, {"number": 2, "name": "Raccoon"}]}, "duplicate_name", "classes[1]"),
        ({"classes": [{"number": 0, "name": "fox"}]}, "bad_number", "classes[0].number"),
        ({"classes": [{"number": True, "name": "fox"}]}, "bad_number", "classes[0].number"),
        ({"classes": [{"number": 2**31, "name": "fox"}]}, "bad_number", "classes[0].number"),
        ({"classes": [{"number": 1, "name": "  "}]}, "bad_name", "classes[0].name"),
        ({"classes": [{"number": 1, "name": "a\nb"}]}, "bad_name", "classes[0].name"),
        ({"classes": [{"number": 1, "name": "fox", "color": "red"}]}, "bad_color", "classes[0].color"),
        ({"classes": [{"number": 1, "name": "fox", "colour": ""}]}, "unknown_field", "classes[0]"),
        ({"classes": [{"number": i, "name": f"c{i}"} for i in range(1, 10_002)]}, "too_many_classes", ""),
        ({"tools": []}, "no_tool", "tools"),
        ({"tools": ["lasso"]}, "unknown_tool", "tools[0]"),
        ({"tools": ["class", "mask"]}, "unknown_tool", "tools[1]"),
        ({"tools": [1]}, "wrong_type", "tools[0]"),
        ({"tools": ["box", "box"]}, "duplicate_tool", "tools[1]"),
        ({"attributes": [{"name": "blur"}]}, "attributes_unavailable", "attributes"),
    ],
)
def test_an_invalid_schema_is_rejected(change: dict[str, Any], code: str, path: str) -> None:
    with pytest.raises(SchemaError) as caught:
        Schema.from_json({"classes": [ONE], "tools": ["box"], **change})
    assert (caught.value.code, caught.value.path) == (code, path)


def test_a_reserved_tool_has_its_own_message() -> None:
    with pytest.raises(SchemaError, match=r"mask is not available in this version\. Use one of: class, box"):
        Schema.from_json({"classes": [ONE], "tools": ["mask"]})
