"""The whole project from images to a release, step by step over HTTP."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from annotary.demo.crowd import MAX_HELPERS, Crowd, WorkLeft
from annotary.demo.dataset import Dataset
from annotary.demo.errors import DemoError
from annotary.demo.ground_truth import GroundTruth, follow_figures, index_images, match_ground_truth
from annotary.demo.manager import Json, Manager
from annotary.demo.progress import StageProgress
from annotary.demo.releasing import read_coco, unpack
from annotary.demo.reviewing import ReviewResult, review
from annotary.demo.skills import crowd_of
from annotary.demo.worker import Job, Record
from annotary_core.labels.answer import Answer
from annotary_core.labels.shapes import IMAGE_TOOLS, SHAPES
from annotary_core.wording import format_count

FORMATS = ("coco", "imagenet")
#: Which share of the images becomes gold. No check image is seen more often than an image of work, and newcomers get
#: three among their first ten, so a small project needs more than its rate.
GOLD_SHARE = 0.2
POLICY: Mapping[str, Any] = {
    "answers_min": 3,
    "answers_max": 5,
    "confidence_target": 0.9,
    "gold_rate": 0.1,
    "share_reviewed": 0.1,
    "hand_size": 10,
    "batch_size": 50,
}


@dataclass
class RunResult:
    """Everything that a run produced; labels by source key. `before` holds the crowd's labels before review."""

    project: Json
    dataset: Dataset
    imported: Json
    ground_truth: GroundTruth
    images: list[Json]
    golds: frozenset[str] = frozenset()
    crowd: list[Record] = field(default_factory=list)
    labels: list[Json] = field(default_factory=list)
    before: dict[str, Answer] = field(default_factory=dict)
    reviewed: ReviewResult = field(default_factory=ReviewResult)
    figures: Json = field(default_factory=dict)
    workers: list[Json] = field(default_factory=list)
    release: Json = field(default_factory=dict)
    exports: dict[str, Json] = field(default_factory=dict)
    released: dict[str, Answer] = field(default_factory=dict)
    left_open: int = 0
    proposed_changes: int = 0


def make_project(manager: Manager, dataset: Dataset, name: str) -> Json:
    return manager.create_project(
        {
            "name": name[:120],
            "classes": [{"name": each} for each in dataset.classes],
            "tools": list(dataset.tools),
            "instructions": "\n\n".join([*map(_instruction, dataset.tools), "If you cannot tell, say so."]),
            "policy": dict(POLICY),
        }
    )


def _instruction(tool: str) -> str:
    if tool in IMAGE_TOOLS:
        return "Choose the one class that fits the image best."
    shape = SHAPES[tool]
    if shape.follows_lines:
        return f"Draw a {shape.noun.one} along the middle of every object of these classes."
    return f"Draw a tight {shape.noun.one} around the visible part of every object of these classes."


def import_images(manager: Manager, project: Json, dataset: Dataset, stages: StageProgress, *, seed: int) -> RunResult:
    """Import the images, upload the ground truth, create gold, and open the project."""
    with stages.stage("Import images", dataset.count) as on_progress:
        imported = manager.upload(project["id"], dataset.archive, on_progress)
    _note_refused(imported, stages)
    images = manager.images(project["id"])
    ground_truth = ground_truth_of(dataset, images, project["schema"])
    with stages.stage("Create check images"):
        if dataset.labels is not None:
            manager.send_truth(project["id"], dataset.labels, share=GOLD_SHARE, seed=seed)
        else:
            _create_golds(manager, project, images, ground_truth, seed)
        golds = frozenset(row["source_key"] for row in manager.golds(project["id"]))
        manager.open(project["id"])
    stages.note(format_count(len(golds), "check image"))
    with stages.stage("Download images", len(images)) as on_progress:
        index_images(ground_truth, manager, images, on_progress)
    return RunResult(project, dataset, imported, ground_truth, images, golds)


def ground_truth_of(dataset: Dataset, images: Sequence[Json], schema: Json) -> GroundTruth:
    if dataset.labels is not None:
        return match_ground_truth(dataset.records, images, schema)
    return follow_figures(dataset.figures, images, schema)


def _create_golds(
    manager: Manager, project: Json, images: Sequence[Json], ground_truth: GroundTruth, seed: int
) -> None:
    """Create the same share of gold as an upload of labels would, image by image."""
    known = [image for image in images if image["source_key"] in ground_truth.answers]
    # The order depends only on the seed and the names.
    shuffled = sorted(known, key=lambda image: hashlib.sha256(f"{seed}:{image['source_key']}".encode()).digest())
    for image in shuffled[: round(GOLD_SHARE * len(known))]:
        manager.create_gold(project["id"], image["id"], ground_truth.answers[image["source_key"]])


def _note_refused(imported: Json, stages: StageProgress) -> None:
    notes = [
        f"{imported[name]} {word}"
        for name, word in (("refused", "refused"), ("duplicates", "duplicate"))
        if imported[name]
    ]
    stages.note(", ".join(notes))


def label(manager: Manager, outcome: RunResult, stages: StageProgress, *, workers: int, seed: int) -> None:
    """Invite the crowd and let it work."""
    project = outcome.project["id"]
    work = len(outcome.images) - len(outcome.golds)
    members = crowd_of(workers)
    job = Job(
        url=manager.client.url,
        invitation=manager.invite(project, uses=workers + MAX_HELPERS),
        project=project,
        seed=seed,
        ground_truth=outcome.ground_truth,
        retry_seconds=60.0,
    )
    with stages.stage("Crowd labels images", work * POLICY["answers_min"]) as on_progress:
        # Gold comes on top, and uncertain images need more answers, so the total grows.
        least = round(work * POLICY["answers_min"] * (1 + POLICY["gold_rate"]))
        crowd = Crowd(
            job,
            count_left=lambda: work_left(manager, project),
            on_progress=lambda n: on_progress(n, max(least, n)),
        )
        outcome.crowd = crowd.run(members)
        outcome.left_open = crowd.unfinished
    answers = format_count(sum(len(record.receipts) for record in outcome.crowd), "answer")
    stages.note(f"{answers} sent by {format_count(len(outcome.crowd), 'worker')}")
    outcome.labels = manager.labels(project, state="answered")
    outcome.before = {row["source_key"]: Answer.from_json(row["answer"]) for row in outcome.labels}


def work_left(manager: Manager, project: str) -> WorkLeft:
    progress = manager.figures(project)["progress"]
    return WorkLeft(images=int(progress["open"]), answers=int(progress["answers_left"]))


def approve(manager: Manager, outcome: RunResult, stages: StageProgress) -> None:
    """Review the least confident labels, then approve the batches, which covers the rest."""
    with stages.stage("Review labels") as on_progress:
        outcome.reviewed = review(
            manager, outcome.labels, outcome.ground_truth, share=POLICY["share_reviewed"], on_progress=on_progress
        )
    stages.note(f"the least confident; {len(outcome.reviewed.fixed)} corrected")
    batches = manager.batches(outcome.project["id"])
    with stages.stage("Approve batches", len(batches)) as on_progress:
        for number, batch in enumerate(batches, start=1):
            if batch["state"] != "approved":
                manager.approve_batch(batch)
            on_progress(number, len(batches))
    outcome.labels = _labels_before_review(manager, outcome)
    outcome.before = {row["source_key"]: Answer.from_json(row["answer"]) for row in outcome.labels}


def _labels_before_review(manager: Manager, outcome: RunResult) -> list[Json]:
    """Return the current labels, which the worker model may still change for a while after the last answer; reviewed
    ones as they were before review."""
    current = {row["source_key"]: row for row in manager.labels(outcome.project["id"], state="approved")}
    unreviewed = outcome.reviewed.labels_before
    return [
        row | {"answer": unreviewed[row["source_key"]].to_json()}
        if row["source_key"] in unreviewed
        else current.get(row["source_key"], row)
        for row in outcome.labels
    ]


def release(manager: Manager, outcome: RunResult, stages: StageProgress, out: Path) -> None:
    """Create the release, export it in both formats, download and read them."""
    project = outcome.project["id"]
    with stages.stage("Create release"):
        outcome.release = manager.release(project)
    with stages.stage("Export COCO, ImageNet", len(FORMATS)) as on_progress:
        for number, form in enumerate(FORMATS, start=1):
            archive = out / f"{form}.zip"
            outcome.exports[form] = manager.export(outcome.release["id"], form, archive)
            folder = unpack(archive, out, form)
            archive.unlink()
            if not any(folder.iterdir()):
                raise DemoError(f"The {form} release is empty. See the export's report in the console.")
            on_progress(number, len(FORMATS))
        outcome.released = _released(manager, outcome, out / "coco")
    outcome.figures = manager.figures(project)
    outcome.workers = manager.workers(project)
    outcome.proposed_changes = manager.proposed_changes(project)


def _released(manager: Manager, outcome: RunResult, coco: Path) -> dict[str, Answer]:
    """Return the labels of the release as its COCO file has them, or as the API has them if COCO cannot hold them."""
    released = read_coco(coco)
    if any(label.objects for label in released.values()) or not any(label.objects for label in outcome.before.values()):
        return released
    labels = manager.labels(outcome.project["id"], state="approved")
    return {row["source_key"]: Answer.from_json(row["answer"]) for row in labels}
