"""Imports the owner's ground truth: a sample of it becomes gold, the rest remains for comparison."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from accounts.models import Actor
from annotary_core.formats.ground_truth import Problem, Unreadable
from kernel.errors import Conflict, Refused
from projects.models import Project
from projects.selectors import require_not_closed, schema_of
from tasks.flow.gold_images import make_gold_image
from tasks.gold.models import Gold
from tasks.ingest.ground_truth import GroundTruthRecords, ImageFrame, read_ground_truth, to_answer, unknown_classes
from tasks.ingest.models import Image, ImportItem
from tasks.ingest.name_matching import match_names

__all__ = [
    "GroundTruthReport",
    "MatchedGroundTruth",
    "SampleRefused",
    "import_ground_truth",
    "match_ground_truth",
    "read_ground_truth",
]


class SampleRefused(Refused):
    """Give the number of check images to create as a whole number, or as a share from 0 to 1."""

    code = "sample_refused"


@dataclass(slots=True)
class MatchedGroundTruth:
    """Ground truth mapped to a project: {id of an image: body of its canonical answer}.

    `unmatched` are file names in the labels without an image; `problems` are labels that cannot be used, with the
    reason; `unknown_classes` are class names that the project does not have.
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
    """Match the labels to images of the project's dataset, by source key, else by base name.

    Writes nothing. See `tasks.ingest.ground_truth` for the coordinate frame of boxes.
    """
    schema = schema_of(project=project)
    images = _images_by_key(project)
    keys = match_names(truth.records, list(images))
    matched = MatchedGroundTruth(
        unmatched=[name for name in truth.records if name not in keys],
        problems=list(truth.problems),
        unknown_classes=unknown_classes(truth, schema=schema),
    )
    for name, key in keys.items():
        image = images[key]
        frame = ImageFrame(image.width, image.height, image.original_width, image.original_height, image.orientation)
        try:
            answer = to_answer(truth.records[name], schema=schema, frame=frame)
        except Unreadable as error:
            matched.problems.append(Problem(name, str(error)))
            continue
        if matched.answers.setdefault(image.pk, answer) != answer:
            matched.problems.append(
                Problem(name, f"The same image as {image.source_key}, which has a different label.")
            )
    return matched


def import_ground_truth(
    *, project: Project, by: Actor, path: Path, as_gold: int | float, seed: int = 0
) -> GroundTruthReport:
    """Read labels from `path` and turn a sample of them into gold, each in its own transaction.

    `as_gold` is a number of images or, as a float, a share of the matching ones. The same seed chooses the same images
    on every machine. Images that are being labeled or are already gold are skipped for the next in the sample.
    Raises ProjectClosed, SampleRefused, GroundTruthRefused, ArchiveRefused; individual labels that cannot be used are
    reported.
    """
    require_not_closed(project_id=project.pk)
    truth = read_ground_truth(path=path)
    matched = match_ground_truth(project=project, truth=truth)
    count = _count(as_gold, len(matched.answers))
    golds: list[Gold] = []
    for image in _shuffled(matched.answers, seed):
        if len(golds) >= count:
            break
        try:
            gold = make_gold_image(
                project=project, image=image, raw=matched.answers[image.pk], by=by, source=Gold.Source.TRUTH
            )
        except Conflict as error:
            matched.problems.append(Problem(image.source_key, error.detail))
        else:
            golds.append(gold)
    return GroundTruthReport(
        reader=truth.reader,
        records=len(truth.records),
        matched=len(matched.answers),
        golds=tuple(golds),
        unmatched=tuple(matched.unmatched),
        unknown_classes=tuple(matched.unknown_classes),
        problems=tuple(matched.problems),
    )


def _images_by_key(project: Project) -> dict[str, Image]:
    """Images by every name under which their content was sent, since a duplicate has the labels of its original.

    If two imports contain different images under one name, the earlier one keeps it.
    """
    by_id = {image.pk: image for image in Image.objects.filter(dataset_id=project.dataset_id).order_by("id")}
    by_name: dict[str, Image] = {}
    for image in by_id.values():
        by_name.setdefault(image.source_key, image)
    duplicates = ImportItem.objects.filter(
        batch_import__dataset_id=project.dataset_id, state=ImportItem.State.DUPLICATE, image__isnull=False
    )
    for name, image_id in duplicates.order_by("id").values_list("name", "image_id"):
        if image_id in by_id:
            by_name.setdefault(name, by_id[image_id])
    return by_name


def _count(as_gold: int | float, matched: int) -> int:
    if isinstance(as_gold, bool) or as_gold < 0 or (isinstance(as_gold, float) and as_gold > 1):
        raise SampleRefused
    return round(as_gold * matched) if isinstance(as_gold, float) else as_gold


def _shuffled(answers: Mapping[int, object], seed: int) -> Sequence[Image]:
    """The images in pseudorandom order, which depends only on seed and content, not on ids or Python's `random`."""
    images = Image.objects.filter(pk__in=list(answers))
    return sorted(images, key=lambda image: hashlib.sha256(f"{seed}:{image.sha256}".encode()).digest())
