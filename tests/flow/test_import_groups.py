"""An import can keep images together: those of a folder, or with one value in a column of the metadata."""

import io
import zipfile  # noqa: TID251 - creates the archives that people upload
from typing import Any

import pytest

from projects.models import Project
from tasks.batching.models import Task
from tasks.flow import imports
from tasks.flow.imports import run_import
from tasks.ingest.errors import GroupingRefused
from tasks.ingest.models import Image, Import
from tasks.ingest.selectors import import_report, keeps_groups
from tasks.ingest.services import (
    add_file,
    add_metadata,
    add_staged_archive,
    finish_upload,
    stage_archive,
    start_import,
)
from tests.factories import a_project, ada
from tests.own_storage import storage_folder as storage_folder
from tests.pictures import a_jpeg

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("storage_folder")]

CLIPS = {f"clips/{clip}/frame{number}.jpg": ord(clip) * 100 + number for clip in "abc" for number in (1, 2, 10)}
TABLE = b"file_name;patient;place\n1.jpg;Ann;Bonn\n2.jpg;Bob;Bonn\n3.jpg; Ann ;Lund\n4.jpg;;Lund\n"


def received(names: dict[str, int], *, project: Project, table: bytes = b"", **grouping: str) -> Import:
    batch_import = start_import(project=project, by=ada(), **grouping)
    for name, number in names.items():
        add_file(batch_import=batch_import, name=name, source=io.BytesIO(a_jpeg(number)))
    if table:
        add_metadata(batch_import=batch_import, source=io.BytesIO(table))
    finish_upload(batch_import=batch_import)
    return batch_import


def run(batch_import: Import) -> dict[str, Any]:
    run_import(import_id=batch_import.pk, decoders=1)
    return import_report(batch_import=batch_import)


def groups(project: Project) -> list[list[str]]:
    """The names of the images of tasks with one order key and batch, in the order of the tasks."""
    found: dict[tuple[int, float], list[str]] = {}
    for task in Task.objects.filter(project=project).select_related("image").order_by("pk"):
        found.setdefault((task.batch_id, task.order_key), []).append(task.image.source_key)
    return sorted(found.values())


def test_images_of_the_same_folder_are_one_group() -> None:
    project = a_project()
    report = run(received(CLIPS | {"lone.jpg": 7, "other.jpg": 8}, project=project, keep_together="folder"))
    assert (report["state"], report["keep_together"], report["group_column"]) == ("done", "folder", "")
    clips = [[f"clips/{clip}/frame{number}.jpg" for number in (1, 2, 10)] for clip in "abc"]
    assert groups(project) == [*clips, ["lone.jpg"], ["other.jpg"]]
    assert Image.objects.get(source_key="clips/b/frame2.jpg").group_key == "clips/b"
    assert Image.objects.get(source_key="lone.jpg").group_key == ""
    assert keeps_groups(projects=[project.pk]) == {project.pk}


def test_images_with_one_value_in_a_column_are_one_group() -> None:
    project = a_project()
    names = {f"{number}.jpg": number for number in range(1, 6)}
    report = run(received(names, project=project, table=TABLE, keep_together="column", group_column=" Patient "))
    assert (report["state"], report["group_column"]) == ("done", "Patient")
    assert groups(project) == [["1.jpg", "3.jpg"], ["2.jpg"], ["4.jpg"], ["5.jpg"]]
    assert Image.objects.get(source_key="3.jpg").group_key == "Ann"


def test_by_default_nothing_is_kept_together_and_the_column_group_says_what_shares_a_split() -> None:
    project = a_project()
    table = b"file_name;group\n1.jpg;herd\n2.jpg;herd\n"
    run(received({"1.jpg": 1, "2.jpg": 2}, project=project, table=table))
    assert groups(project) == [["1.jpg"], ["2.jpg"]]
    assert set(Image.objects.values_list("group_key", flat=True)) == {"herd"}
    assert keeps_groups(projects=[project.pk]) == set()


def test_long_folders_are_different_groups() -> None:
    project = a_project()
    deep = "/".join(["folder"] * 40)
    run(
        received(
            {f"{deep}/{end}/1.jpg": number for number, end in enumerate("ab")}, project=project, keep_together="folder"
        )
    )
    assert len(set(Image.objects.values_list("group_key", flat=True))) == 2
    assert groups(project) == [[f"{deep}/a/1.jpg"], [f"{deep}/b/1.jpg"]]


def test_an_unknown_column_is_refused_with_those_that_there_are() -> None:
    project = a_project()
    with pytest.raises(
        GroupingRefused, match=r"no column “clip” with a value\. Choose one of its columns: “patient”, “place”"
    ):
        received({"1.jpg": 1}, project=project, table=TABLE, keep_together="column", group_column="clip")
    with pytest.raises(GroupingRefused, match="Add a CSV file with a column of file names and this column"):
        received({"1.jpg": 1}, project=project, keep_together="column", group_column="clip")
    assert not Task.objects.exists()


@pytest.mark.parametrize(
    ("grouping", "message"),
    [
        ({"keep_together": "column"}, "Name the column"),
        ({"keep_together": "folder", "group_column": "clip"}, "Choose one of both"),
        ({"keep_together": "size"}, "called “size”"),
    ],
)
def test_a_choice_that_makes_no_sense_is_refused(grouping: dict[str, str], message: str) -> None:
    with pytest.raises(GroupingRefused, match=message):
        start_import(project=a_project(), by=ada(), **grouping)
    assert not Import.objects.exists()


@pytest.mark.parametrize(("column", "state"), [("patient", "done"), ("clip", "failed")])
def test_the_table_of_an_archive_is_known_when_it_is_unpacked(column: str, state: str) -> None:
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w") as archive:
        archive.writestr("metadata.csv", TABLE)
        for number in (1, 2, 3):
            archive.writestr(f"{number}.jpg", a_jpeg(number))
    target.seek(0)
    project = a_project()
    batch_import = start_import(
        project=project, by=ada(), source="archive", keep_together="column", group_column=column
    )
    add_staged_archive(batch_import=batch_import, archive=stage_archive(source=target, name="x.zip"))
    finish_upload(batch_import=batch_import)
    report = run(batch_import)
    assert report["state"] == state
    if state == "failed":
        assert "Choose one of its columns: “patient”, “place”" in report["error"]
        assert not Image.objects.exists()
    else:
        assert groups(project) == [["1.jpg", "3.jpg"], ["2.jpg"]]


def test_the_second_half_of_a_folder_joins_the_first() -> None:
    project = a_project()
    names = {f"clip/{number}.jpg": number for number in range(1, 7)}
    run(received(dict([*names.items()][:3]), project=project, keep_together="folder"))
    run(received(dict([*names.items()][3:]), project=project, keep_together="folder"))
    assert groups(project) == [list(names)]


def test_groups_are_whole_even_if_the_tasks_are_made_in_several_steps(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(imports, "TASKS_AT_ONCE", 2)
    project = a_project(batch_size=4)
    run(received(CLIPS, project=project, keep_together="folder"))
    assert groups(project) == [[f"clips/{clip}/frame{number}.jpg" for number in (1, 2, 10)] for clip in "abc"]
