"""The ground truth that the simulated crowd and reviewer use, looked up by the bytes of the image they are shown."""

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from annotary.demo.manager import Manager, ProgressCallback
from annotary_core.formats.errors import Unreadable
from annotary_core.formats.ground_truth import GroundTruthRecord, Problem
from annotary_core.labels.answer import Answer, LabelObject
from annotary_core.labels.geometry import Frame
from annotary_core.labels.schema import Schema
from annotary_core.labels.shapes import SHAPES
from annotary_core.synthesis.scenes.synthesize import Figure
from tasks.ingest.ground_truth import ImageFrame, to_answer
from tasks.ingest.name_matching import Claim, match_names


@dataclass
class GroundTruth:
    """`answers` is {source key of an image: its true answer in the project's class numbers}.

    `names` is {SHA-256 of an image as workers see it: source key}; `unmatched` names labels without an image.
    """

    answers: dict[str, Answer] = field(default_factory=dict)
    names: dict[str, str] = field(default_factory=dict)
    unmatched: list[str] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)

    def name_of(self, pixels: bytes) -> str:
        """Return the source key of an image by its bytes, or their SHA-256 if the image is unknown."""
        digest = hashlib.sha256(pixels).hexdigest()
        return self.names.get(digest, digest)


def match_ground_truth(
    records: Mapping[str, GroundTruthRecord], images: Iterable[Mapping[str, Any]], schema: Mapping[str, Any]
) -> GroundTruth:
    """Match labels to the images of a project, as the API lists them, by their names."""
    known = GroundTruth()
    by_key: dict[str, Mapping[str, Any]] = {}
    for image in images:
        by_key.setdefault(image["source_key"], image)
    body = Schema.from_json({name: schema[name] for name in ("classes", "tools", "attributes")})
    claims = {name: Claim(each.file_name, each.folder, each.own_name) for name, each in records.items()}
    matching = match_names(claims, list(by_key))
    known.unmatched = [name for name in records if name not in matching.matches and name not in matching.refused]
    known.problems = [Problem(name, sentence, records[name].location) for name, sentence in matching.refused.items()]
    for name, key in matching.matches.items():
        width, height = by_key[key]["width"], by_key[key]["height"]
        try:
            raw = to_answer(records[name], schema=body, frame=ImageFrame(width, height, width, height, 1))
        except Unreadable as error:
            known.problems.append(Problem(name, str(error), records[name].location))
        else:
            known.answers[key] = Answer.from_json(raw)
    return known


def follow_figures(
    figures: Mapping[str, Sequence[Figure]], images: Iterable[Mapping[str, Any]], schema: Mapping[str, Any]
) -> GroundTruth:
    """Return the answers whose objects follow the figures of synthetic scenes exactly, in the shape of the schema."""
    known = GroundTruth()
    body = Schema.from_json({name: schema[name] for name in ("classes", "tools", "attributes")})
    numbers = {item.name: item.number for item in body.classes}
    (tool,) = body.object_tools
    shape = SHAPES[tool]
    for image in images:
        frame = Frame(image["width"], image["height"])
        objects = tuple(
            LabelObject(f"truth-{at}", numbers[each.class_name], tool, shape.along(each.paths, frame=frame))
            for at, each in enumerate(figures[image["source_key"]], start=1)
        )
        known.answers[image["source_key"]] = Answer("labels" if objects else "empty", objects=objects)
    return known


def index_images(
    known: GroundTruth, manager: Manager, images: Iterable[Mapping[str, Any]], on_progress: ProgressCallback
) -> None:
    """Download every image as workers will see it, so that it can be identified by its bytes alone."""
    rows = list(images)
    for done, image in enumerate(rows, start=1):
        pixels = manager.image_bytes(image["id"], "rendition")
        known.names[hashlib.sha256(pixels).hexdigest()] = image["source_key"]
        on_progress(done, len(rows))
