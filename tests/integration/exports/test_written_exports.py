"""A release is written in a format and verified before it is published."""

import json
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from annotary_core.formats.errors import ReleaseError
from annotary_core.formats.release_archive import open_tree
from kernel.clock import utc_now
from kernel.jobs import run_job
from kernel.models import Event, Job
from projects.models import LabelClass, LabelSchema, Project
from storage.composed_files import digest, open_file
from storage.services import blob_file
from tasks.exports.errors import ReleaseNotReady, ReleaseRetracted, UnknownFormat
from tasks.exports.models import Export
from tasks.exports.selectors import download_name, file_of
from tasks.exports.services import request_export, retry_export, write_export
from tasks.flow.jobs import write_export_job
from tasks.snapshots.models import Snapshot
from tasks.snapshots.services import build_snapshot, create_snapshot, retract
from tests.factories import ada

pytestmark = pytest.mark.django_db


def written(snapshot: Snapshot, format: str = "coco") -> Export:
    export = request_export(snapshot=snapshot, format=format, by=ada())
    write_export(export_id=export.pk)
    export.refresh_from_db()
    return export


def run_jobs() -> None:
    for job in Job.objects.filter(kind="exports.write", state="queued"):
        run_job(job.pk, write_export_job.run_function)  # type: ignore[attr-defined]  # kernel.jobs sets it


def annotations(export: Export) -> dict[str, Any]:
    file = file_of(export)
    assert file is not None
    with open_file(file) as whole, open_tree(whole) as tree, tree.open("coco/annotations.json") as stream:
        document: dict[str, Any] = json.load(stream)
    return document


def test_coco_contains_every_image_and_the_evidence_of_each_label(release: Snapshot) -> None:
    export = written(release)

    document = annotations(export)

    assert [image["annotary"]["source"] for image in document["images"]] == [
        "street/1.jpg",
        "street/2.jpg",
        "street/3.jpg",
    ]
    assert [row["bbox"] for row in document["annotations"]] == [[4, 4, 20, 20], [30, 10, 12, 12], [8, 8, 16, 16]]
    first = document["images"][0]["annotary"]
    assert first["metadata"] == {"camera": "north"}
    assert first["evidence"]["method"] == "single"
    assert (first["evidence"]["answers"], first["evidence"]["review"]) == (1, "reviewed")
    assert export.report["images"] == 3


def test_every_format_reads_back(release: Snapshot) -> None:
    for format in ("coco", "imagenet"):
        export = written(release, format)
        assert (export.state, export.format) == ("ready", format)
        file = file_of(export)
        assert file is not None
        with open_file(file) as whole:
            assert (export.sha256, export.size) == digest(whole)
    assert {event.data["format"] for event in Event.objects.filter(kind="export.ready")} == {"coco", "imagenet"}


def test_the_same_release_gives_the_same_bytes(release: Snapshot) -> None:
    first = written(release)
    sha256 = first.sha256
    Export.objects.filter(pk=first.pk).delete()

    assert written(release).sha256 == sha256


def test_requesting_twice_gives_one_export(release: Snapshot) -> None:
    first = request_export(snapshot=release, format="coco", by=ada())

    assert request_export(snapshot=release, format="coco", by=ada()) == first
    assert Job.objects.filter(kind="exports.write").count() == 1


def test_the_job_writes_the_export_and_a_second_run_does_nothing(release: Snapshot) -> None:
    export = request_export(snapshot=release, format="coco", by=ada())
    run_jobs()

    export.refresh_from_db()
    assert export.state == "ready"
    assert write_export(export_id=export.pk) is False
    assert Event.objects.filter(kind="export.ready").count() == 1


def test_a_missing_image_fails_the_export_by_name_and_a_retry_succeeds(release: Snapshot) -> None:
    export = request_export(snapshot=release, format="coco", by=ada())
    item = release.items.select_related("image__release").order_by("pk")[1]
    with blob_file(item.image.release) as path:
        content = path.read_bytes()
        path.unlink()

    run_jobs()
    export.refresh_from_db()
    assert export.state == "failed"
    assert "cannot be read from storage. Restore it, then export again." in export.error

    path.write_bytes(content)
    retry_export(export=export)
    run_jobs()
    export.refresh_from_db()
    assert (export.state, export.error) == ("ready", "")


def test_an_export_that_fails_verification_is_not_published(release: Snapshot, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*args: object) -> None:
        raise ReleaseError("Annotation 1 refers to an image that is not in the release.")

    monkeypatch.setattr("tasks.exports.services.verify_release", refuse)
    export = request_export(snapshot=release, format="coco", by=ada())
    run_jobs()

    export.refresh_from_db()
    assert (export.state, file_of(export), export.frame) == ("failed", None, None)
    assert export.error == "Annotation 1 refers to an image that is not in the release."


def test_a_killed_attempt_is_retried_when_its_lease_ends(release: Snapshot, monkeypatch: pytest.MonkeyPatch) -> None:
    export = request_export(snapshot=release, format="coco", by=ada())

    def die(**kwargs: object) -> None:
        raise SystemExit("killed between verification and storage")

    with monkeypatch.context() as patch, pytest.raises(SystemExit):
        patch.setattr("tasks.exports.services.store_blob", die)
        run_jobs()
    export.refresh_from_db()
    assert (export.state, file_of(export), export.frame) == ("verifying", None, None)
    assert retry_export(export=export).state == "verifying"

    Job.objects.filter(kind="exports.write", state="running").update(lease_until=utc_now() - timedelta(seconds=1))
    for job in Job.objects.filter(kind="exports.write"):
        run_job(job.pk, write_export_job.run_function)  # type: ignore[attr-defined]  # kernel.jobs sets it
    export.refresh_from_db()
    assert export.state == "ready"


def test_an_export_whose_job_failed_permanently_is_queued_again_on_request(release: Snapshot) -> None:
    export = request_export(snapshot=release, format="coco", by=ada())
    Job.objects.filter(kind="exports.write").update(state="failed")

    assert request_export(snapshot=release, format="coco", by=ada()) == export
    run_jobs()

    export.refresh_from_db()
    assert export.state == "ready"


def test_no_temporary_folder_remains(release: Snapshot, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(scratch))
    written(release)

    assert list(scratch.iterdir()) == []


def test_only_a_ready_release_in_a_known_format_is_exported(project: Project, release: Snapshot) -> None:
    with pytest.raises(UnknownFormat, match="Choose one of coco, imagenet"):
        request_export(snapshot=release, format="yolo", by=ada())
    with pytest.raises(ReleaseNotReady):
        request_export(snapshot=create_snapshot(project=project, by=ada()), format="coco", by=ada())
    retract(snapshot=release, by=ada(), reason="The dogs are cats.")
    with pytest.raises(ReleaseRetracted):
        request_export(snapshot=release, format="coco", by=ada())


def test_a_retired_class_that_labels_use_keeps_its_number_and_name(project: Project, release: Snapshot) -> None:
    assert project.schema is not None
    body = {**project.schema.body, "classes": project.schema.body["classes"][:1]}
    project.schema = LabelSchema.objects.create(project=project, version=2, body=body, created_by=ada())
    project.save(update_fields=["schema"])
    snapshot = create_snapshot(project=project, by=ada())
    build_snapshot(snapshot_id=snapshot.pk)
    LabelClass.objects.filter(project=project, number=2).update(name="hound")
    snapshot.refresh_from_db()

    document = annotations(written(snapshot))

    assert [(row["id"], row["name"]) for row in document["categories"]] == [(1, "cat"), (2, "dog")]


def test_the_download_has_a_plain_name(release: Snapshot) -> None:
    export = written(release)

    assert download_name(export) == "strays-1-coco.zip"
    file = file_of(export)
    assert file is not None
    with open_file(file) as stream:
        assert stream.read(2) == b"PK"
