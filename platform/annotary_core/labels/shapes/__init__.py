"""The registries of label tools: a shape is one file in this package and one line below.

base has the protocols, objects puts objects of any shapes into one column, matching pairs objects. rotated_box, point,
polyline, keypoints and mask are columns for consensus that schemas do not offer yet; rings, contours and rle are the
operations on polygons and masks (rasterization, contour tracing, COCO run lengths).
"""

from __future__ import annotations

from collections.abc import Iterable

from annotary_core.labels.image_class import ImageClassTool
from annotary_core.labels.shapes.base import ImageTool, Noun, Shape
from annotary_core.labels.shapes.box import BoxShape
from annotary_core.labels.shapes.polygon import PolygonShape
from annotary_core.labels.shapes.polyline import PolylineShape

IMAGE_TOOLS: dict[str, ImageTool] = {tool.name: tool for tool in (ImageClassTool(),)}
SHAPES: dict[str, Shape] = {shape.name: shape for shape in (BoxShape(), PolygonShape(), PolylineShape())}

#: The tool of objects in evidence from before it named their tools.
UNNAMED_TOOL = BoxShape.name

#: Tool names that the answer format reserves; those without a registry entry get their own error message.
RESERVED = ("class", "tags", "box", "rotated_box", "polygon", "mask", "keypoints", "polyline", "point")


def tool_names() -> tuple[str, ...]:
    """Return the available tools, in a fixed order."""
    return (*IMAGE_TOOLS, *SHAPES)


def unavailable_message(name: str) -> str:
    """Return the error message for a tool that is not available."""
    available = ", ".join(tool_names())
    if name in RESERVED:
        return f"The tool {name} is not available in this version. Use one of: {available}."
    return f"The tool does not exist. Use one of: {available}."


def label_tools() -> dict[str, ImageTool | Shape]:
    """Return the available tools by name, in a fixed order."""
    return {**IMAGE_TOOLS, **SHAPES}


def noun_of(tools: Iterable[str]) -> Noun:
    """Return the word for objects that these tools drew: "box", "boxes", or "object", "objects" for several tools."""
    nouns = {SHAPES[tool].noun for tool in tools}
    return nouns.pop() if len(nouns) == 1 else Noun("object", "objects")


def measure_of(tools: Iterable[str]) -> str:
    """Return what the similarity of objects that these tools drew is called: "similarity" for several measures."""
    measures = {SHAPES[tool].measure for tool in tools}
    return measures.pop() if len(measures) == 1 else "similarity"


def action_of(tools: Iterable[str]) -> str:
    """Return what workers do with an object, before its name: "draw a box around", or "mark" for several tools."""
    actions = {SHAPES[tool].action for tool in tools}
    return actions.pop() if len(actions) == 1 else "mark"
