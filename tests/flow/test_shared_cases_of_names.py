"""The shared cases: inputs that people sent, each with what is right. Run where ../shared is."""

import io
import json
from pathlib import Path
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.core.management import CommandError, call_command
from rest_framework.test import APIClient

from projects.models import Project
from tasks.batching.models import Batch
from tasks.flow.imports import run_import
from tasks.ingest.models import Image, Import
from tests import factories
from tests.api.people import member, with_key
from tests.own_storage import storage_folder as storage_folder

pytestmark = [pytest.mark.shared, pytest.mark.django_db, pytest.mark.usefixtures("storage_folder")]
CASES = Path(__file__).resolve().parents[2].parent / "shared" / "cases"


@pytest.fixture
def ada(db: None) -> APIClient:
    return with_key(member("owner"))


def import_files(client: APIClient, project: Project, **form: Any) -> dict[str, Any]:
    """The report of an import after its job has run."""
    url = f"/api/v1/projects/{project.public_id}/imports/"
    key = f"key {Import.objects.count()}"
    answer = client.post(url, form, format="multipart", headers={"Idempotency-Key": key})
    assert answer.status_code == 202, answer.content
    while not run_import(import_id=Import.objects.latest("id").pk, decoders=1):
        pass
    report: dict[str, Any] = client.get(f"/api/v1/imports/{answer.json()['id']}/").json()
    return report


def uploaded(case: str, name: str) -> SimpleUploadedFile:
    return SimpleUploadedFile(name, (CASES / case / name).read_bytes())


def source_keys() -> list[str]:
    return list(Image.objects.order_by("id").values_list("source_key", flat=True))


def known_labels(client: APIClient, project: Project, case: str, name: str) -> dict[str, Any]:
    url = f"/api/v1/projects/{project.public_id}/truth/"
    report: dict[str, Any] = client.post(url, {"file": uploaded(case, name), "as_gold": 1}, format="multipart").json()
    return report


def test_zip_name_twice(ada: APIClient) -> None:
    report = import_files(ada, factories.a_project(), archive=uploaded("zip-name-twice", "twice.zip"))
    assert (report["total"], report["taken"], report["refused"]) == (3, 2, 1)
    assert source_keys() == ["a.jpg", "b.jpg"]
    report = import_files(ada, factories.a_project("Two"), archive=uploaded("zip-name-twice", "nfd-nfc.zip"))
    assert (report["state"], report["total"], report["taken"], report["refused"]) == ("done", 2, 1, 1)
    assert source_keys()[2:] == ["é.jpg"]


def test_unicode_forms(ada: APIClient, tmp_path: Path) -> None:
    project = factories.a_project(classes=("café",), tools=("box",))
    import_files(ada, project, files=uploaded("unicode-forms", "a.jpg"), paths="é.jpg")
    report = known_labels(ada, project, "unicode-forms", "t.json")
    assert (report["matched"], report["unmatched"], report["unknown_classes"]) == (1, [], [])
    messages = io.StringIO()
    call_command("aggregate", str(CASES / "unicode-forms/answers.csv"), out=tmp_path / "o.csv", stderr=messages)
    assert (tmp_path / "o.csv").read_text("utf-8").splitlines()[1].startswith("1,café,1.000000,2")
    assert "0 ties" in messages.getvalue()
    twins = json.loads((CASES / "unicode-forms/classes.json").read_text("utf-8"))
    refused = ada.post("/api/v1/projects/", twins, format="json")
    assert refused.status_code == 422
    assert "have the same name" in refused.json()["detail"]


def test_upload_narrow_space(ada: APIClient) -> None:
    project = factories.a_project(tools=("box",))
    name = "Screenshot 2024-01-01 at 10.00.00\u202fAM.png"
    case = "upload-narrow-space"
    report = import_files(
        ada, project, files=uploaded(case, "image.png"), paths=name, metadata=uploaded(case, "meta.csv")
    )
    table = report["metadata"]
    assert (table["named"], table["unmatched_count"], table["problem_count"]) == (1, 0, 0)
    assert source_keys() == [name]
    assert Image.objects.get().metadata == {"site": "X"}
    assert known_labels(ada, project, case, "t.json")["unmatched"] == []


@pytest.mark.parametrize(
    ("archive", "names", "note"),
    [
        ("backslash.zip", ["imgs/a.jpg"], ""),
        ("dotslash.zip", ["a.jpg"], ""),
        ("gbk.zip", ["照片.jpg"], "GBK"),
        ("macosx-backslash.zip", ["d/a.jpg"], ""),
    ],
)
def test_image_zip_names(archive: str, names: list[str], note: str, ada: APIClient) -> None:
    report = import_files(ada, factories.a_project(), archive=uploaded("image-zip-names", archive))
    assert (report["state"], report["total"], report["refused"]) == ("done", 1, 0)
    assert source_keys() == names
    assert (note in report["note"]) if note else report["note"] == ""


def test_raise_answers(ada: APIClient) -> None:
    body = {
        "name": "red",
        "tools": ["class"],
        "classes": [{"name": "cat"}, {"name": "dog"}],
        "policy": {"answers_min": 1, "answers_max": 1},
    }
    made = ada.post("/api/v1/projects/", body, format="json").json()
    project = Project.objects.get(public_id=made["id"])
    import_files(ada, project, files=uploaded("raise-answers", "a.jpg"), paths="a.jpg")
    url = f"/api/v1/projects/{project.public_id}/"
    changed = ada.patch(url, {"answers_min": 3, "answers_max": 3}, format="json").json()
    assert (changed["answers_min"], changed["answers_max"], changed["state"]) == (3, 3, "draft")
    assert [row["wanted"] for row in ada.get(f"{url}tasks/").json()["results"]] == [3]
    Project.objects.update(state="open")
    Batch.objects.update(state="open")
    asked = ada.patch(url, {"answers_min": 1}, format="json")
    assert (asked.status_code, asked.json()["images"], asked.json()["answers"]) == (409, 1, -2)


def test_csv_blank_rows(tmp_path: Path) -> None:
    for name in ("spaces.csv", "commas.csv"):
        call_command("aggregate", str(CASES / "csv-blank-rows" / name), out=tmp_path / name, stderr=io.StringIO())
        assert len((tmp_path / name).read_text().splitlines()) == 2
    with pytest.raises(CommandError, match="NUL"):
        call_command("aggregate", str(CASES / "csv-blank-rows/nul.csv"), out=tmp_path / "nul.csv")
    path = CASES / "csv-blank-rows/order-twice.csv"
    with pytest.raises(CommandError, match="The order names cat more than once"):
        call_command("agreement", str(path), level="ordinal", order="cat,cat,dog")
