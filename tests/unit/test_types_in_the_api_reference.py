"""The API reference says what a value may be in words, null included."""

from typing import Any

import pytest

from workers_ui.views.api_docs import _fields, _groups, _type

DOCUMENT = {"components": {"schemas": {"Point": {"type": "object", "properties": {"x": {"type": "number"}}}}}}
POINT = {"$ref": "#/components/schemas/Point"}


@pytest.mark.parametrize(
    ("schema", "words"),
    [
        ({"type": "string"}, "string"),
        ({"type": ["string", "null"]}, "string or null"),
        ({"type": ["null", "string"], "format": "date-time"}, "date-time or null"),
        ({"type": ["string", "integer"]}, "string or integer"),
        ({"type": ["array", "null"], "items": {"type": "integer"}}, "list of integer or null"),
        ({"type": ["string", "null"], "enum": ["a", "b", None]}, "“a”, “b” or null"),
        ({"oneOf": [{"type": "null"}, POINT]}, "object or null"),
        ({"type": "string", "const": "a"}, "“a”"),
        ({"oneOf": [POINT, {"type": "object", "properties": {}}]}, "object"),
        ({"anyOf": [{"type": "integer"}, {"type": "string"}]}, "integer or string"),
        ({}, "any"),
    ],
)
def test_a_type_is_in_words(schema: dict[str, Any], words: str) -> None:
    assert _type(DOCUMENT, schema) == words


def test_fields_below_what_may_be_null_are_listed() -> None:
    rows = {"type": ["array", "null"], "items": POINT}
    schema = {"type": "object", "properties": {"at": {"oneOf": [POINT, {"type": "null"}]}, "rows": rows}}
    assert [field.name for field in _fields(DOCUMENT, schema, "", 2)] == ["at", "at.x", "rows", "rows.[].x"]


def test_no_type_of_our_own_document_is_shown_as_python_writes_it() -> None:
    calls = [call for _, group in _groups() for call in group]
    fields = [field for call in calls for field in call.parameters]
    fields += [field for call in calls for body in (call.request, *call.responses) if body for field in body.fields]
    assert any(field.type.endswith(" or null") for field in fields)
    assert [field for field in fields if "[" in str(field.type) or "None" in str(field.type)] == []
