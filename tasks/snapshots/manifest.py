"""The content hash and the counts of a release, accumulated while its items are streamed. Pure."""

import hashlib
import json
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any


class Manifest:
    """Accumulates the content hash and the counts of a release; add the items in their order.

    The hash is the SHA-256 of lines that each end in a newline: first "schema <SHA-256 of the canonical label schema>",
    then for each item "<SHA-256 of the original> <hash of the label> <split> <kind of approval>".
    """

    def __init__(self, schema: Mapping[str, Any]) -> None:
        canonical = json.dumps(schema, sort_keys=True, ensure_ascii=True, separators=(",", ":")).encode()
        self._hash = hashlib.sha256(f"schema {hashlib.sha256(canonical).hexdigest()}\n".encode())
        self.items = 0
        self.cannot_tell = 0
        self.empty = 0
        self._splits: Counter[str] = Counter()
        self._review: Counter[str] = Counter()
        self._methods: Counter[str] = Counter()
        self._images_by_class: Counter[int] = Counter()
        self._objects_by_class: Counter[int] = Counter()

    def add(
        self,
        *,
        sha256: str,
        label_hash: str,
        verdict: str,
        image_class: int | None,
        object_classes: Sequence[int],
        split: str,
        review: str,
        method: str,
    ) -> None:
        self._hash.update(f"{sha256} {label_hash} {split} {review}\n".encode())
        self.items += 1
        self.empty += verdict == "empty"
        self._splits[split] += 1
        self._review[review] += 1
        self._methods[method] += 1
        if image_class is not None:
            self._images_by_class[image_class] += 1
        for number in object_classes:
            self._objects_by_class[number] += 1

    @property
    def content_hash(self) -> str:
        return self._hash.hexdigest()

    def classes_used(self) -> set[int]:
        return set(self._images_by_class) | set(self._objects_by_class)

    def counts(self) -> dict[str, Any]:
        """Return the counts as plain JSON, with classes by number."""
        return {
            "images": self.items,
            "objects": self._objects_by_class.total(),
            "empty": self.empty,
            "splits": dict(sorted(self._splits.items())),
            "review": dict(sorted(self._review.items())),
            "methods": dict(sorted(self._methods.items())),
            "images_by_class": {str(number): n for number, n in sorted(self._images_by_class.items())},
            "objects_by_class": {str(number): n for number, n in sorted(self._objects_by_class.items())},
            "left_out": {"cannot_tell": self.cannot_tell},
        }
