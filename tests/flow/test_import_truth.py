"""The owner's ground truth becomes gold, sampled by seed; unusable labels are reported and never fatal."""

import json
import zipfile  # noqa: TID251 - creates the archives that people upload
from pathlib import Path
from typing import Any

import pytest

from projects.models import Project
from tasks.batching.models import Task
from tasks.consensus.models import ConsensusLabel
from tasks.flow.errors import SampleRefused
from tasks.flow.ground_truth import GroundTruthReport, import_ground_truth, match_ground_truth, read_ground_truth
from tasks.flow.imports import run_import
from tasks.gold.models import Gold
from tasks.ingest.errors import ArchiveRefused, GroundTruthRefused
from tasks.ingest.models import Image, ImportItem
from tasks.ingest.services import ingest_folder, start_import
from tests.factories import a_project, a_task, ada, an_image
from tests.own_storage import storage_folder as storage_folder

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("storage_folder")]
SHARED = Path(__file__).resolve().parents[3] / "shared" / "data" / "images"


def box_project(count: int, **options: Any) -> Project:
    project = a_project(classes=("Cat", "dog"), tools=("box",), **options)
    for number in range(count):
        a_task(project, image=an_image(project, name=f"photos/{number}.jpg", width=100, height=60))
    return project


def coco(path: Path, names: list[str], *, category: str = "cat", box: tuple[int, ...] = (10, 10, 20, 20)) -> Path:
    """One box in each image."""
    body = {
        "images": [{"id": at, "file_name": name, "width": 100, "height": 60} for at, name in enumerate(names)],
        "categories": [{"id": 9, "name": category}],
        "annotations": [{"id": at + 1, "image_id": at, "category_id": 9, "bbox": box} for at in range(len(names))],
    }
    path.write_text(json.dumps(body))
    return path


def run_import_truth(project: Project, path: Path, as_gold: int | float = 1.0, **options: Any) -> GroundTruthReport:
    return import_ground_truth(project=project, by=ada(), path=path, as_gold=as_gold, **options)


def test_a_sample_becomes_gold_with_approved_labels_and_closed_slots(tmp_path: Path) -> None:
    project = box_project(4)
    report = run_import_truth(project, coco(tmp_path / "truth.json", [f"photos/{n}.jpg" for n in range(4)]), as_gold=2)
    assert (report.reader, report.records, report.matched, len(report.golds)) == ("coco", 4, 4, 2)
    assert (report.unmatched, report.unknown_classes, report.problems) == ((), (), ())
    for gold in report.golds:
        assert (gold.source, gold.state) == ("truth", "active")
        assert gold.accepted[0]["objects"][0]["class"] == 1
        assert Task.objects.get(image=gold.image).wanted == 0
        assert ConsensusLabel.objects.get(task__image=gold.image).method == "gold"
    assert Task.objects.filter(wanted=3).count() == 2


def test_the_sample_depends_on_the_seed(tmp_path: Path) -> None:
    names = [f"photos/{number}.jpg" for number in range(12)]
    chosen: list[set[str]] = []
    for seed in (1, 1, 2):
        project = box_project(0, name=f"Project {len(chosen)}")
        for name in names:
            image = an_image(project, name=name, width=100, height=60)
            Image.objects.filter(pk=image.pk).update(sha256=name.encode().hex().ljust(64, "0"))
        report = run_import_truth(project, coco(tmp_path / "truth.json", names), as_gold=0.25, seed=seed)
        chosen.append({gold.image.source_key for gold in report.golds})
    assert len(chosen[0]) == 3
    assert chosen[0] == chosen[1] != chosen[2]


@pytest.mark.parametrize("as_gold", [2, 0.5])
def test_a_repeated_import_makes_no_more_gold_and_an_interrupted_one_goes_on(
    tmp_path: Path, as_gold: int | float
) -> None:
    project = box_project(4)
    path = coco(tmp_path / "truth.json", [f"photos/{n}.jpg" for n in range(4)])
    run_import_truth(project, path, as_gold=1)
    assert len(run_import_truth(project, path, as_gold=as_gold).golds) == 1
    again = run_import_truth(project, path, as_gold=as_gold)
    assert (again.golds, Gold.objects.count()) == ((), 2)
    assert all("already a check image" in each.sentence for each in again.problems)


def test_labels_without_an_image_and_unknown_classes_are_reported(tmp_path: Path) -> None:
    project = box_project(2)
    report = run_import_truth(project, coco(tmp_path / "truth.json", ["0.jpg", "lost.jpg"]))
    assert (report.matched, report.unmatched) == (1, ("lost.jpg",))
    birds = run_import_truth(project, coco(tmp_path / "birds.json", ["1.jpg"], category="bird"))
    assert (birds.matched, birds.unknown_classes, len(birds.golds)) == (0, ("bird",), 0)
    assert birds.problems[0].sentence == "The project has no class “bird”. Add the class or leave out this image."


def test_an_image_being_labeled_is_skipped_and_reported(tmp_path: Path) -> None:
    project = box_project(3)
    busy = Task.objects.order_by("id")[0]
    Task.objects.filter(pk=busy.pk).update(taken=1)
    path = coco(tmp_path / "truth.json", [f"{n}.jpg" for n in range(3)])
    report = run_import_truth(project, path, as_gold=3)
    assert len(report.golds) == 2
    assert [(each.file, "being labeled" in each.sentence) for each in report.problems] == [("photos/0.jpg", True)]
    again = run_import_truth(project, path, as_gold=3)
    assert len(again.golds) == 0
    assert Gold.objects.count() == 2


def test_labels_of_a_duplicate_apply_to_its_original(tmp_path: Path) -> None:
    project = box_project(1)
    batch_import = start_import(project=project, by=ada())
    ImportItem.objects.create(
        batch_import=batch_import, name="copy.jpg", state="duplicate", image=Image.objects.get(), reason="The same."
    )
    assert run_import_truth(project, coco(tmp_path / "truth.json", ["copy.jpg"])).matched == 1


def test_a_duplicate_with_a_different_label_has_no_truth(tmp_path: Path) -> None:
    project = box_project(1)
    ImportItem.objects.create(
        batch_import=start_import(project=project, by=ada()),
        name="copy.jpg",
        state="duplicate",
        image=Image.objects.get(),
        reason="The same.",
    )
    folder = tmp_path / "labels"
    folder.mkdir()
    coco(folder / "a.json", ["photos/0.jpg"])
    coco(folder / "b.json", ["copy.jpg"], box=(0, 0, 50, 50))
    matched = match_ground_truth(project=project, truth=read_ground_truth(path=folder))
    assert matched.answers == {}
    assert [each.file for each in matched.problems] == ["photos/0.jpg", "copy.jpg"]
    sentence = "The entries photos/0.jpg, copy.jpg are for one image, photos/0.jpg, and do not agree. None was used."
    assert matched.problems[0].sentence == sentence
    assert matched.problems[0].location == "a.json, entry 1 of images, b.json, entry 1 of images"


def test_a_zip_of_voc_files_is_read_and_problems_name_its_files(tmp_path: Path) -> None:
    good = (
        "<annotation><filename>0.jpg</filename><size><width>100</width><height>60</height></size><object>"
        "<name>dog</name><bndbox><xmin>11</xmin><ymin>11</ymin><xmax>30</xmax><ymax>30</ymax></bndbox>"
        "</object></annotation>"
    )
    with zipfile.ZipFile(tmp_path / "truth.zip", "w") as archive:
        archive.writestr("labels/0.xml", good)
        archive.writestr("labels/bad.xml", "<annotation><filename>1.jpg</filename>")
        archive.writestr("photos/0.jpg", b"no label")
    report = run_import_truth(box_project(2), tmp_path / "truth.zip")
    assert (report.reader, report.matched) == ("voc", 1)
    assert report.golds[0].accepted[0]["objects"][0]["geom"] == {"x": 10, "y": 10, "w": 20, "h": 20}
    assert [each.file for each in report.problems] == ["labels/bad.xml"]


def test_a_sample_is_a_number_or_a_share(tmp_path: Path) -> None:
    path = coco(tmp_path / "truth.json", ["0.jpg"])
    for invalid in (-1, 1.5, True):
        with pytest.raises(SampleRefused):
            run_import_truth(box_project(1, name=f"Project {invalid}"), path, as_gold=invalid)


def test_a_file_without_labels_is_refused(tmp_path: Path) -> None:
    (tmp_path / "notes.json").write_text("[]")
    with pytest.raises(GroundTruthRefused):
        run_import_truth(box_project(1), tmp_path / "notes.json")
    (tmp_path / "cut.zip").write_bytes(b"PK\x03\x04 cut off")
    with pytest.raises(ArchiveRefused):
        read_ground_truth(path=tmp_path / "cut.zip")
    with zipfile.ZipFile(tmp_path / "photos.zip", "w") as archive:
        archive.writestr("a.jpg", b"x")
    with pytest.raises(GroundTruthRefused, match="contains no XML or JSON files"):
        read_ground_truth(path=tmp_path / "photos.zip")


@pytest.mark.shared
def test_the_raccoon_data_set_is_imported_with_half_of_its_labels_unmatched() -> None:
    project = a_project(classes=("raccoon",), tools=("box",), state="draft")
    batch_import = ingest_folder(project=project, by=ada(), folder=SHARED / "raccoon" / "images")
    run_import(import_id=batch_import.pk, decoders=1)
    batch_import.refresh_from_db()
    assert (batch_import.state, batch_import.taken, batch_import.duplicates) == ("done", 97, 3)
    report = run_import_truth(project, SHARED / "raccoon" / "annotations", as_gold=10, seed=7)
    assert (report.reader, report.records, len(report.unmatched), len(report.golds)) == ("voc", 200, 100, 10)
    assert report.unknown_classes == ()
    # Three photographs occur twice in the data set, and their labels differ by a few pixels: a real conflict.
    assert report.matched == 94
    assert {each.file for each in report.problems} >= {f"raccoon-{number}.jpg" for number in (74, 83, 98)}
    assert len(report.problems) == 6


@pytest.mark.shared
def test_the_imagenet_sample_is_imported_with_its_classes() -> None:
    truth = read_ground_truth(path=SHARED / "imagenet_sample")
    names = sorted({record.image_class for record in truth.records.values() if record.image_class})
    project = a_project(classes=names, state="draft")
    batch_import = ingest_folder(project=project, by=ada(), folder=SHARED / "imagenet_sample")
    run_import(import_id=batch_import.pk, decoders=1)
    matched = match_ground_truth(project=project, truth=truth)
    assert (len(matched.answers), matched.unmatched, matched.problems) == (35, [], [])
