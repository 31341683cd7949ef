"""Every shape has words for pages, and a JSON Schema and an example for clients, which agree with its parser."""

from typing import Any

import jsonschema  # type: ignore[import-untyped]
import pytest

from annotary_core.labels.errors import AnswerError
from annotary_core.labels.geometry import Frame
from annotary_core.labels.shapes import SHAPES, action_of, label_tools, measure_of, noun_of

FRAME = Frame(400, 300)


@pytest.mark.parametrize("name", SHAPES)
def test_the_example_fulfills_the_json_schema_and_is_parsed(name: str) -> None:
    shape = SHAPES[name]
    jsonschema.Draft202012Validator.check_schema(shape.json_schema)
    jsonschema.validate(shape.example, shape.json_schema)
    geometry = shape.parse(shape.example, frame=FRAME, path="geom")
    jsonschema.validate(geometry.to_json(), shape.json_schema)


@pytest.mark.parametrize("name", SHAPES)
@pytest.mark.parametrize("raw", [None, 1, "text", [], {}, {"parts": []}, {"parts": [[]]}, {"x": 1}])
def test_what_the_json_schema_refuses_the_parser_refuses(name: str, raw: Any) -> None:
    shape = SHAPES[name]
    assert not jsonschema.Draft202012Validator(shape.json_schema).is_valid(raw)
    with pytest.raises(AnswerError):
        shape.parse(raw, frame=FRAME, path="geom")


@pytest.mark.parametrize("name", label_tools())
def test_the_choice_of_a_tool_has_a_title_and_one_sentence(name: str) -> None:
    tool = label_tools()[name]
    assert tool.title == tool.title.strip().capitalize()
    assert tool.hint.startswith("Workers ")
    assert tool.hint.count(".") == 1


@pytest.mark.parametrize("name", SHAPES)
def test_workers_read_what_to_draw_and_how(name: str) -> None:
    shape = SHAPES[name]
    assert shape.noun.with_article in shape.action
    assert shape.how.endswith(".")
    assert shape.measure == shape.measure.lower()


def test_several_tools_draw_objects() -> None:
    both = ("box", "polygon")
    assert (noun_of(both).with_article, noun_of(both).many, action_of(both)) == ("an object", "objects", "mark")
    assert (noun_of(("box",)).with_article, action_of(("box",))) == ("a box", "draw a box around")
    assert measure_of(both) == "overlap", "both are compared in the same way"
    assert measure_of(()) == "similarity"
