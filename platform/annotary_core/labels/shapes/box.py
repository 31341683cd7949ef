"""Upright boxes: {"x", "y", "w", "h"} in pixels of the upright image."""

from __future__ import annotations

from collections.abc import Mapping

from annotary_core.labels.errors import AnswerError
from annotary_core.labels.geometry import Box, Frame, canonical_box
from annotary_core.labels.json_reading import read_number, read_object

_FIELDS = ("x", "y", "w", "h")


class BoxTool:
    name = "box"

    def parse(self, raw: object, *, frame: Frame, path: str) -> Box:
        body = read_object(raw, path=path, allowed=_FIELDS)
        for field in _FIELDS:
            if field not in body:
                raise AnswerError("missing_field", f"The box has no {field!r}. Send x, y, w and h.", path)
        x, y, w, h = (read_number(body[field], path=f"{path}.{field}") for field in _FIELDS)
        return canonical_box(x, y, w, h, frame=frame, path=path)

    def load(self, stored: Mapping[str, float]) -> Box:
        x, y, w, h = (stored[field] for field in _FIELDS)
        return Box(x=x, y=y, w=w, h=h)
