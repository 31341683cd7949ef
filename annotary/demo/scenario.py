"""The main job from images to a release, step by step over HTTP."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from annotary.demo.crowd import MOST_HELPERS, Crowd
from annotary.demo.dataset import Dataset
from annotary.demo.errors import DemoError
from annotary.demo.ground_truth import Knowledge, know, learn_pixels
from annotary.demo.manager import Json, Manager
from annotary.demo.progress import Stages
from annotary.demo.releasing import read_coco, unpack
from annotary.demo.reviewing import Reviewed, review
from annotary.demo.skills import crowd_of
from annotary.demo.worker import Job, Record
from annotary_core.labels.answer import Answer

FORMATS = ("coco", "imagenet")
POLICY: Mapping[str, Any] = {
    "answers_min": 3,
    "answers_max": 5,
    "confidence_target": 0.9,
    "gold_rate": 0.1,
    "share_reviewed": 0.1,
    "hand_size": 10,
    "batch_size": 50,
}
INSTRUCTIONS = {
    "class": "Choose the one class that fits the image best.",
    "box": "Draw a box around every object of these classes, tight to what you see of it.",
}


@dataclass
class Outcome:
    """All that a run brought about; labels by source key. `before` is what the crowd agreed on before any review."""

    project: Json
    dataset: Dataset
    imported: Json
    truth_report: Json
    knowledge: Knowledge
    images: list[Json]
    golds: frozenset[str] = frozenset()
    crowd: list[Record] = field(default_factory=list)
    labels: list[Json] = field(default_factory=list)
    before: dict[str, Answer] = field(default_factory=dict)
    reviewed: Reviewed = field(default_factory=Reviewed)
    figures: Json = field(default_factory=dict)
    workers: list[Json] = field(default_factory=list)
    release: Json = field(default_factory=dict)
    exports: dict[str, Json] = field(default_factory=dict)
    released: dict[str, Answer] = field(default_factory=dict)
    left_open: int = 0


def make_project(manager: Manager, dataset: Dataset, name: str) -> Json:
    return manager.create_project(
        {
            "name": name[:120],
            "classes": [{"name": each} for each in dataset.classes],
            "tools": list(dataset.tools),
            "instructions": "\n\n".join(
                [*(INSTRUCTIONS[tool] for tool in dataset.tools), "Say so when you cannot tell."]
            ),
            "policy": dict(POLICY),
        }
    )


def bring_in(manager: Manager, project: Json, dataset: Dataset, stages: Stages, *, seed: int) -> Outcome:
    """Images, known labels, check images; then the doors open."""
    with stages.stage("Bring images in", dataset.count) as told:
        imported = manager.upload(project["id"], dataset.archive, told)
    _note_refused(imported, stages)
    images = manager.images(project["id"])
    knowledge = know(dataset.records, images, project["schema"])
    with stages.stage("Make check images"):
        report = manager.send_truth(project["id"], dataset.labels, share=POLICY["gold_rate"], seed=seed)
        golds = frozenset(row["source_key"] for row in manager.golds(project["id"]))
        manager.open(project["id"])
    stages.note(f"{len(golds)} of them")
    with stages.stage("See what workers see", len(images)) as told:
        learn_pixels(knowledge, manager, images, told)
    return Outcome(project, dataset, imported, report, knowledge, images, golds)


def _note_refused(imported: Json, stages: Stages) -> None:
    notes = [
        f"{imported[name]} {word}" for name, word in (("refused", "refused"), ("duplicates", "twice")) if imported[name]
    ]
    stages.note(", ".join(notes))


def label(manager: Manager, outcome: Outcome, stages: Stages, *, workers: int, seed: int) -> None:
    """Invite the crowd and let it work."""
    project = outcome.project["id"]
    work = len(outcome.images) - len(outcome.golds)
    members = crowd_of(workers)
    job = Job(
        url=manager.line.url,
        invitation=manager.invite(project, uses=workers + MOST_HELPERS),
        project=project,
        seed=seed,
        knowledge=outcome.knowledge,
        patience=60.0,
    )
    with stages.stage("The crowd answers", work * POLICY["answers_min"]) as told:
        # Check images come on top, and doubtful images ask for more: the bar follows.
        least = round(work * POLICY["answers_min"] * (1 + POLICY["gold_rate"]))
        crowd = Crowd(job, left=lambda: open_images(manager, project), told=lambda n: told(n, max(least, n)))
        outcome.crowd = crowd.run(members)
        outcome.left_open = crowd.unfinished
    stages.note(f"{sum(len(record.receipts) for record in outcome.crowd)} sent by {len(outcome.crowd)} people")
    outcome.labels = manager.labels(project, state="answered")
    outcome.before = {row["source_key"]: Answer.from_json(row["answer"]) for row in outcome.labels}


def open_images(manager: Manager, project: str) -> int:
    return int(manager.figures(project)["progress"]["open"])


def approve(manager: Manager, outcome: Outcome, stages: Stages) -> None:
    """Look at the least sure labels, then approve the batches, which covers the rest."""
    with stages.stage("Review the least sure") as told:
        outcome.reviewed = review(manager, outcome.labels, outcome.knowledge, share=POLICY["share_reviewed"], told=told)
    stages.note(f"{len(outcome.reviewed.fixed)} fixed")
    batches = manager.batches(outcome.project["id"])
    with stages.stage("Approve the batches", len(batches)) as told:
        for number, batch in enumerate(batches, start=1):
            if batch["state"] != "approved":
                manager.approve_batch(batch)
            told(number, len(batches))
    outcome.labels = _as_the_crowd_left_them(manager, outcome)
    outcome.before = {row["source_key"]: Answer.from_json(row["answer"]) for row in outcome.labels}


def _as_the_crowd_left_them(manager: Manager, outcome: Outcome) -> list[Json]:
    """The labels of now, as what is learnt of the workers moves them for a while after the last answer; those that were
    reviewed as they were found."""
    now = {row["source_key"]: row for row in manager.labels(outcome.project["id"], state="approved")}
    found = outcome.reviewed.found
    return [
        row | {"answer": found[row["source_key"]].to_json()}
        if row["source_key"] in found
        else now.get(row["source_key"], row)
        for row in outcome.labels
    ]


def release(manager: Manager, outcome: Outcome, stages: Stages, out: Path) -> None:
    """Make the release, write it in both formats, load them and read them."""
    project = outcome.project["id"]
    with stages.stage("Make the release"):
        outcome.release = manager.release(project)
    with stages.stage("Load COCO and ImageNet", len(FORMATS)) as told:
        for number, form in enumerate(FORMATS, start=1):
            archive = out / f"{form}.zip"
            outcome.exports[form] = manager.export(outcome.release["id"], form, archive)
            folder = unpack(archive, out, form)
            archive.unlink()
            if not any(folder.iterdir()):
                raise DemoError(f"The {form} release is empty; look into the export's report in the console.")
            told(number, len(FORMATS))
        outcome.released = read_coco(out / "coco")
    outcome.figures = manager.figures(project)
    outcome.workers = manager.workers(project)
