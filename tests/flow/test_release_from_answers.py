"""From an open project to a downloaded release, through the public services and the real jobs."""

import hashlib
import io
import json
import zipfile  # noqa: TID251 - reads our own archive
from pathlib import Path
from typing import Any

import pytest
from PIL import Image as Picture
from pytest_django.fixtures import Settings

from accounts.models import Actor
from kernel.jobs import run_job
from kernel.models import Event, Job
from projects.models import Project
from storage.composed_files import open_file
from storage.services import store_blob
from tasks.analytics.dashboard import project_figures
from tasks.annotation.services import submit_answer
from tasks.assignment.services import claim_hand
from tasks.batching.models import Task
from tasks.consensus.models import ConsensusLabel
from tasks.exports.selectors import file_of
from tasks.exports.services import request_export
from tasks.flow.gold_images import make_gold_image
from tasks.flow.jobs import build_snapshot_job, refit_job, update_labels_job, write_export_job
from tasks.flow.rejection import reject_label
from tasks.flow.settlement import settle_hand
from tasks.pay.models import LedgerEntry
from tasks.review.services import approve_batch, approve_label, fix_label
from tasks.snapshots.services import create_snapshot
from tests.factories import a_project, a_task, a_worker, ada, an_image, class_answer, finch, wren
from tests.worker_actions import leases_of

pytestmark = pytest.mark.django_db
ENTRIES: dict[str, Any] = {
    "consensus.refit": refit_job,
    "consensus.update": update_labels_job,
    "snapshots.build": build_snapshot_job,
    "exports.write": write_export_job,
}
ANSWERS = {"0.jpg": 1, "1.jpg": 2, "2.jpg": 1}


def run_queued_jobs() -> None:
    """Run queued jobs, as the job workers do, until the queue is empty."""
    while job := Job.objects.filter(state="queued").order_by("pk").first():
        run_job(job.pk, ENTRIES[job.kind].run_function)
        job.refresh_from_db()
        assert job.state == "done", job.error


def work(worker: Actor, project: Project, **wrong: int) -> int:
    """Claim a hand, answer it according to ANSWERS and settle it; returns the size of the hand."""
    hand = claim_hand(worker=worker, project=project)
    if hand is None:
        return 0
    for assignment in leases_of(hand):
        target: Any = assignment.task or assignment.gold
        image = target.image
        raw = class_answer(wrong.get(Path(image.source_key).stem, ANSWERS[image.source_key]))
        submit_answer(
            worker=worker,
            assignment_id=assignment.public_id,
            raw=raw,
            raw_sha256=hashlib.sha256(json.dumps(raw).encode()).hexdigest(),
        )
    settle_hand(worker=worker, hand_id=hand.public_id)
    run_queued_jobs()
    return hand.size


@pytest.fixture
def project(tmp_path: Path, settings: Settings) -> Project:
    settings.ANNOTARY_DATA = tmp_path
    local = {**settings.STORAGES["default"], "OPTIONS": {"location": tmp_path / "files"}}
    settings.STORAGES = {**settings.STORAGES, "default": local}
    project = a_project(answers_min=2, answers_max=3, gold_rate=0, workers=[wren(), finch(), a_worker("robin")])
    for number, name in enumerate(ANSWERS):
        stream = io.BytesIO()
        Picture.new("RGB", (64, 48), (10 + 60 * number, 90, 90)).save(stream, "JPEG")
        stream.seek(0)
        blob = store_blob(source=stream, content_type="image/jpeg")
        a_task(project, image=an_image(project, name=name, width=64, height=48, release=blob))
    return project


def label(name: str) -> ConsensusLabel:
    return ConsensusLabel.objects.select_related("task").get(task__image__source_key=name, is_current=True)


def test_answers_become_a_release_that_carries_its_evidence(project: Project) -> None:
    by = ada()
    assert work(wren(), project) == 3
    assert work(finch(), project, **{"2": 2}) == 3
    assert Task.objects.get(image__source_key="2.jpg").wanted == 3
    assert work(a_worker("robin"), project) == 1
    assert not Task.objects.filter(state="open").exists()

    approve_label(reviewer=by, task=label("0.jpg").task, label_hash=label("0.jpg").content_hash)
    fix_label(reviewer=by, task=label("1.jpg").task, label_hash=label("1.jpg").content_hash, raw=class_answer(1))
    assert approve_batch(reviewer=by, batch=label("0.jpg").task.batch) == 1
    snapshot = create_snapshot(project=project, by=by)
    run_queued_jobs()
    snapshot.refresh_from_db()
    export = request_export(snapshot=snapshot, format="coco", by=by)
    run_queued_jobs()
    export.refresh_from_db()

    file = file_of(export)
    assert file is not None
    with open_file(file) as stream, zipfile.ZipFile(stream) as archive:
        document = json.loads(archive.read("coco/annotations.json"))
    records = {image["file_name"]: image["annotary"] for image in document["images"]}
    assert {name: row["class"] for name, row in records.items()} == {"0.jpg": "cat", "1.jpg": "cat", "2.jpg": "cat"}
    evidence: dict[str, dict[str, Any]] = {name: row["evidence"] for name, row in records.items()}
    assert [(evidence[name]["review"], evidence[name]["answers"]) for name in sorted(evidence)] == [
        ("reviewed", 2),
        ("fixed by a reviewer", 2),
        ("by policy", 3),
    ]
    assert 2 / 3 < evidence["2.jpg"]["confidence"] < 0.8
    assert snapshot.counts["review"] == {"by policy": 1, "fixed by a reviewer": 1, "reviewed": 1}


def test_a_rejected_image_is_labeled_again_by_the_same_people_and_paid_again(project: Project) -> None:
    work(wren(), project)
    work(finch(), project)
    first = label("0.jpg")
    reject_label(reviewer=ada(), task=first.task, label_hash=first.content_hash, reason="It is a dog.")

    assert work(wren(), project, **{"0": 2}) == 1
    assert work(finch(), project, **{"0": 2}) == 1

    again = label("0.jpg")
    assert (again.version, again.body) == (2, class_answer(2))
    assert LedgerEntry.objects.filter(kind="credit").count() == 8
    task = Task.objects.get(pk=again.task_id)
    assert (task.state, task.round, task.taken) == ("answered", 2, 2)


def test_the_deltas_of_the_stream_sum_to_the_tables(project: Project) -> None:
    make_gold_image(project=project, image=label_image("1.jpg"), raw=class_answer(2), by=ada())
    Project.objects.filter(pk=project.pk).update(gold_rate=0.5)
    project.refresh_from_db()
    work(wren(), project)
    work(finch(), project)
    first = label("0.jpg")
    reject_label(reviewer=ada(), task=first.task, label_hash=first.content_hash, reason="It is a dog.")
    approve_label(reviewer=ada(), task=label("2.jpg").task, label_hash=label("2.jpg").content_hash)

    totals: dict[str, int] = {}
    for event in Event.objects.filter(project_id=project.pk):
        for name, change in event.delta.items():
            totals[name] = totals.get(name, 0) + change

    progress = project_figures(project=project)["progress"]
    assert (totals["answered"], totals["approved"]) == (progress["answered"], progress["approved"]) == (1, 1)
    assert totals["leased"] == progress["in_work"] == 0
    assert totals["settled"] == totals["submitted"] == LedgerEntry.objects.filter(kind="credit").count()


def label_image(name: str) -> Any:
    return Task.objects.get(image__source_key=name).image
