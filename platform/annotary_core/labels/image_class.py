"""One class for the whole image."""

from __future__ import annotations

from collections.abc import Container

from annotary_core.labels.json_reading import read_class_number


class ImageClassTool:
    name = "class"
    field = "class"
    title = "One class per image"
    hint = "Workers choose the class of each image."

    def parse(self, raw: object, *, classes: Container[int], path: str) -> int | None:
        return None if raw is None else read_class_number(raw, allowed=classes, path=path)
