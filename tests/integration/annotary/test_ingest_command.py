"""Managers can import a folder from the command line."""

import uuid
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command

from kernel.models import Job
from tasks.ingest.models import Import
from tests.factories import a_project, a_user, ada, wren
from tests.pictures import a_jpeg

pytestmark = pytest.mark.django_db


def test_the_files_of_a_folder_are_received_and_submitted(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    project = a_project()
    (tmp_path / "one").mkdir()
    (tmp_path / "one" / "a.jpg").write_bytes(a_jpeg())
    (tmp_path / "b.jpg").write_bytes(a_jpeg())
    ada()

    call_command("ingest", tmp_path, project=project.public_id, by="ADA@example.org")

    batch_import = Import.objects.get()
    assert sorted(batch_import.items.values_list("name", flat=True)) == ["b.jpg", "one/a.jpg"]
    assert Job.objects.filter(kind="flow.run_import").count() == 1
    assert "2 files received" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("who", "words"),
    [("nobody@example.org", "No user has the email address"), ("wren@example.org", "There is no such project")],
)
def test_only_a_manager_of_the_project_can_import(tmp_path: Path, who: str, words: str) -> None:
    project = a_project()
    wren()
    with pytest.raises(CommandError, match=words):
        call_command("ingest", tmp_path, project=project.public_id, by=who)
    assert not Import.objects.exists()


def test_an_invalid_folder_or_project_is_reported(tmp_path: Path) -> None:
    project = a_project()
    a_user("ada")
    with pytest.raises(CommandError, match="not a folder"):
        call_command("ingest", tmp_path / "nothing", project=project.public_id, by="ada@example.org")
    with pytest.raises(CommandError, match="no such project"):
        call_command("ingest", tmp_path, project=uuid.uuid4(), by="ada@example.org")
