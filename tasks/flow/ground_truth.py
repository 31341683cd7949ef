"""Imports the owner's ground truth: a sample of it becomes gold, the rest remains for comparison."""

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from accounts.models import Actor
from annotary_core.formats.errors import Unreadable
from annotary_core.formats.ground_truth import Problem
from annotary_core.labels.schema import Schema
from kernel.errors import Conflict
from projects.models import Project
from projects.selectors import require_not_closed, schema_of
from tasks.flow.errors import SampleRefused
from tasks.flow.gold_images import make_gold_image
from tasks.gold.errors import GoldExists
from tasks.gold.models import Gold
from tasks.ingest.ground_truth import (
    GroundTruthRecords,
    ImageFrame,
    merged_objects,
    read_ground_truth,
    to_answer,
    unknown_classes,
)
from tasks.ingest.models import Image, ImportItem
from tasks.ingest.name_matching import NameMatches, match_names

__all__ = [
    "GroundTruthReport",
    "MatchedGroundTruth",
    "SampleRefused",
    "import_ground_truth",
    "match_ground_truth",
    "read_ground_truth",
]


@dataclass(slots=True)
class MatchedGroundTruth:
    """Ground truth mapped to a project: {id of an image: body of its canonical answer}.

    `unmatched` are file names in the labels without an image; `problems` are labels that cannot be used, with the
    reason, and warnings about labels that were used; `unknown_classes` are class names that the project does not have.
    """

    answers: dict[int, dict[str, Any]] = field(default_factory=dict)
    unmatched: list[str] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)
    unknown_classes: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class GroundTruthReport:
    """The result of an import of ground truth: `records` read, `matched` usable ones, `golds` created from these."""

    reader: str
    records: int
    matched: int
    golds: tuple[Gold, ...]
    unmatched: tuple[str, ...]
    unknown_classes: tuple[str, ...]
    problems: tuple[Problem, ...]


def match_ground_truth(*, project: Project, truth: GroundTruthRecords) -> MatchedGroundTruth:
    """Match the labels to images of the project's dataset by their names, see `tasks.ingest.name_matching`.

    If several records match one image, which may have been sent under several names, they must agree. Writes nothing.
    See `tasks.ingest.ground_truth` for the coordinate frame of boxes.
    """
    schema = schema_of(project=project)
    images, names = _images(project), _images_by_name(project)
    claims = truth.claims()
    matching = match_names(claims, names)
    matched = MatchedGroundTruth(
        unmatched=[
            key
            for key in truth.records
            if not (key in matching.matches or key in matching.refused or key in matching.repeats)
        ],
        problems=[*truth.problems, *_name_problems(matching, truth)],
        unknown_classes=unknown_classes(truth, schema=schema),
    )
    by_image: dict[int, list[str]] = {}
    for key, name in [*matching.matches.items(), *matching.repeats.items()]:
        (image_id,) = names[name]
        by_image.setdefault(image_id, []).append(key)
    for image_id, keys in by_image.items():
        _add_answer(matched, truth, keys, images[image_id], schema)
    return matched


def _name_problems(matching: NameMatches, truth: GroundTruthRecords) -> Iterator[Problem]:
    for key, sentence in matching.refused.items():
        if key in truth.records:
            yield Problem(key, sentence, truth.records[key].location)
    for key, sentence in matching.second_tries.items():
        if key in truth.records:
            yield Problem(key, sentence, truth.records[key].location, "warning")


def _add_answer(
    matched: MatchedGroundTruth, truth: GroundTruthRecords, keys: Sequence[str], image: Image, schema: Schema
) -> None:
    """Add the answer on which all records for an image agree; if they do not, each is a problem."""
    frame = ImageFrame(image.width, image.height, image.original_width, image.original_height, image.orientation)
    answers: list[dict[str, Any]] = []
    problems: list[Problem] = []
    for record in (truth.records[key] for key in keys if key in truth.records):
        try:
            answers.append(to_answer(record, schema=schema, frame=frame))
        except Unreadable as error:
            problems.append(Problem(record.key, str(error), record.location))
        else:
            warning = merged_objects(record, answers[-1])
            matched.problems += [warning] if warning else []
    matched.problems += problems
    if len(answers) == len(keys) and len({_labels_of(answer) for answer in answers}) == 1:
        matched.answers[image.pk] = answers[0]
    elif answers:
        others = ", ".join(keys)
        sentence = f"The entries {others} are for one image, {image.source_key}, and do not agree. None was used."
        locations = ", ".join(dict.fromkeys(truth.records[key].location for key in keys if key in truth.records))
        matched.problems += [Problem(key, sentence, locations) for key in keys if key in truth.records]


def _labels_of(answer: Mapping[str, Any]) -> str:
    """The content of an answer without the ids of its objects, which follow the order in the label file."""
    objects = sorted(json.dumps({**each, "id": ""}, sort_keys=True) for each in answer["objects"])
    return json.dumps([answer["image"], answer["verdict"], objects], sort_keys=True)


def import_ground_truth(
    *, project: Project, by: Actor, path: Path, as_gold: int | float, seed: int = 0, name: str = ""
) -> GroundTruthReport:
    """Read labels from `path` and turn a sample of them into gold, each in its own transaction.

    `name` is what the owner calls the file, if it is stored under another name.

    `as_gold` is a number of images or, as a float, a share of the matching ones. The same seed chooses the same images
    on every machine. Images that are being labeled are skipped for the next in the sample; those that are gold already
    count, so that a repeated or interrupted import ends with the same gold.
    Raises ProjectClosed, SampleRefused, GroundTruthRefused, ArchiveRefused; individual labels that cannot be used are
    reported.
    """
    require_not_closed(project_id=project.pk)
    truth = read_ground_truth(path=path, name=name)
    matched = match_ground_truth(project=project, truth=truth)
    count = _count(as_gold, len(matched.answers))
    golds: list[Gold] = []
    existing = 0
    for image in _shuffled(matched.answers, seed):
        if len(golds) + existing >= count:
            break
        try:
            gold = make_gold_image(
                project=project, image=image, raw=matched.answers[image.pk], by=by, source=Gold.Source.TRUTH
            )
        except Conflict as error:
            matched.problems.append(Problem(image.source_key, error.detail))
            existing += isinstance(error, GoldExists)
        else:
            golds.append(gold)
    return GroundTruthReport(
        reader=truth.reader,
        records=len(truth.records),
        matched=len(matched.answers),
        golds=tuple(golds),
        unmatched=tuple(matched.unmatched),
        unknown_classes=tuple(matched.unknown_classes),
        problems=tuple(sorted(matched.problems, key=lambda each: each.severity != "error")),
    )


def _images(project: Project) -> dict[int, Image]:
    return {image.pk: image for image in Image.objects.filter(dataset_id=project.dataset_id).order_by("id")}


def _images_by_name(project: Project) -> dict[str, frozenset[int]]:
    """Ids of images by every name under which their content was sent: a duplicate has the labels of its original.

    A name has several images if two imports sent different content under it.
    """
    images = Image.objects.filter(dataset_id=project.dataset_id).order_by("id")
    duplicates = ImportItem.objects.filter(
        batch_import__dataset_id=project.dataset_id, state=ImportItem.State.DUPLICATE, image__isnull=False
    ).order_by("id")
    names: dict[str, set[int]] = {}
    for name, image_id in [*images.values_list("source_key", "pk"), *duplicates.values_list("name", "image_id")]:
        names.setdefault(name, set()).add(image_id)
    return {name: frozenset(ids) for name, ids in names.items()}


def _count(as_gold: int | float, matched: int) -> int:
    if isinstance(as_gold, bool) or as_gold < 0 or (isinstance(as_gold, float) and as_gold > 1):
        raise SampleRefused
    return round(as_gold * matched) if isinstance(as_gold, float) else as_gold


def _shuffled(answers: Mapping[int, object], seed: int) -> Sequence[Image]:
    """The images in pseudorandom order, which depends only on seed and content, not on ids or Python's `random`."""
    images = Image.objects.filter(pk__in=list(answers))
    return sorted(images, key=lambda image: hashlib.sha256(f"{seed}:{image.sha256}".encode()).digest())
