"""Protocols of label tools. A tool is one file and one line in the registry."""

from __future__ import annotations

from collections.abc import Container, Mapping
from typing import Protocol

from annotary_core.labels.geometry import Box, Frame

#: The canonical geometry types; each object tool adds its own.
Geometry = Box


class ImageTool(Protocol):
    """Labels the image as a whole, in one field of the answer's `image`."""

    name: str
    field: str

    def parse(self, raw: object, *, classes: Container[int], path: str) -> int | None:
        """Return the value of the field, None if it was left empty; raises AnswerError."""
        ...


class ObjectTool(Protocol):
    """Draws objects with a geometry."""

    name: str

    def parse(self, raw: object, *, frame: Frame, path: str) -> Geometry:
        """Return an untrusted geometry in canonical form (pixels of the upright image); raises AnswerError."""
        ...

    def load(self, stored: Mapping[str, float]) -> Geometry:
        """Load a stored geometry that this tool made canonical before."""
        ...
