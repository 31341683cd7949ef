"""The registry of label tools: a tool is one file here and one line below."""

from __future__ import annotations

from annotary_core.labels.image_class import ImageClassTool
from annotary_core.labels.shapes.base import ImageTool, ObjectTool
from annotary_core.labels.shapes.box import BoxTool

IMAGE_TOOLS: dict[str, ImageTool] = {tool.name: tool for tool in (ImageClassTool(),)}
OBJECT_TOOLS: dict[str, ObjectTool] = {tool.name: tool for tool in (BoxTool(),)}

#: Names that the answer format keeps for its tools; those without a registry line are refused by name.
RESERVED = ("class", "tags", "box", "rotated_box", "polygon", "mask", "keypoints", "line")


def tool_names() -> tuple[str, ...]:
    """The tools that can be used, in a fixed order."""
    return (*IMAGE_TOOLS, *OBJECT_TOOLS)


def refusal(name: str) -> str:
    """The sentence for a tool that cannot be used."""
    usable = ", ".join(tool_names())
    if name in RESERVED:
        return f"The tool {name} is not available in this version; use one of: {usable}."
    return f"There is no tool of that name; use one of: {usable}."
