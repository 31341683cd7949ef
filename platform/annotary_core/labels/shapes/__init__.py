"""The registry of label tools: a tool is one file in this package and one line below.

base has the protocols of tools, and box is the tool for objects. mask, contours and rle are the pixel operations
(windows, contour tracing, COCO run lengths) that consensus on masks and polygons uses.
"""

from __future__ import annotations

from annotary_core.labels.image_class import ImageClassTool
from annotary_core.labels.shapes.base import ImageTool, ObjectTool
from annotary_core.labels.shapes.box import BoxTool

IMAGE_TOOLS: dict[str, ImageTool] = {tool.name: tool for tool in (ImageClassTool(),)}
OBJECT_TOOLS: dict[str, ObjectTool] = {tool.name: tool for tool in (BoxTool(),)}

#: Tool names that the answer format reserves; those without a registry entry get their own error message.
RESERVED = ("class", "tags", "box", "rotated_box", "polygon", "mask", "keypoints", "line")


def tool_names() -> tuple[str, ...]:
    """Return the available tools, in a fixed order."""
    return (*IMAGE_TOOLS, *OBJECT_TOOLS)


def unavailable_message(name: str) -> str:
    """Return the error message for a tool that is not available."""
    available = ", ".join(tool_names())
    if name in RESERVED:
        return f"The tool {name} is not available in this version. Use one of: {available}."
    return f"The tool does not exist. Use one of: {available}."
