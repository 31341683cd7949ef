"""Uploading images from the browser: the result for each file, folders, metadata tables, and a broken connection."""

from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, Route, expect

from projects.models import Project
from tasks.batching.models import Task
from tasks.flow.imports import run_import
from tasks.ingest.models import Image, Import, ImportItem
from tests import factories
from tests.ui.live import People, scene

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

# The request arrives and is answered, but the page never receives the response.
LOSE_THE_FIRST = """() => {
    const {get} = Object.getOwnPropertyDescriptor(XMLHttpRequest.prototype, 'status');
    let first = null;
    Object.defineProperty(XMLHttpRequest.prototype, 'status', {
        get() { first ??= this; return this === first ? 0 : get.call(this); },
    });
}"""
FILES = "[data-upload-target=files]"


@pytest.fixture
def project() -> Project:
    return factories.a_project("Strays", state="draft")


@pytest.fixture
def page(people: People, project: Project) -> Page:
    page = people.signed_in(factories.ada())
    page.goto(f"/projects/{project.public_id}/images/")
    expect(page.get_by_text("No images yet")).to_be_visible()
    ready(page)
    return page


def ready(page: Page) -> None:
    """Wait until the controller listens; it loads after the page."""
    bound = """async () => { const {controllerOf} = await import('/static/workers_ui/lib/controller_loader.js');
        return controllerOf(document.querySelector('.upload'), 'upload') !== null; }"""
    for _ in range(200):
        if page.evaluate(bound):
            return
        page.wait_for_timeout(50)
    raise AssertionError("The upload controller never listened.")


def run_all() -> None:
    """Do what a Celery worker does, in this thread and with one decoder."""
    for row in Import.objects.filter(state=Import.State.WORKING):
        run_import(import_id=row.pk, decoders=1)


def photos(folder: Path, *names: str) -> list[str]:
    paths = [folder / name for name in names]
    for number, path in enumerate(paths):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(scene(number)[0])
    return [str(path) for path in paths]


def test_the_report_says_why_each_file_was_refused(page: Page, tmp_path: Path) -> None:
    good = photos(tmp_path / "in", "one.jpg", "two.jpg")
    twin, text = tmp_path / "twin.jpg", tmp_path / "note.jpg"
    twin.write_bytes(Path(good[0]).read_bytes())
    text.write_text("This is no image.")
    page.locator(FILES).set_input_files([*good, str(twin), str(text)])
    expect(page.get_by_text("Checking images")).to_be_visible()
    run_all()
    expect(page.get_by_text("2 images added, 1 duplicate skipped, 1 rejected.")).to_be_visible(timeout=20_000)
    reason = ImportItem.objects.get(state="refused").reason
    expect(page.get_by_role("row", name="note.jpg")).to_contain_text(reason)
    expect(page.locator(".image-grid li")).to_have_count(2)


def test_a_metadata_table_is_imported_with_the_images(page: Page, project: Project, tmp_path: Path) -> None:
    table = tmp_path / "about.csv"
    table.write_text("file,place\none.jpg,lake\ngone.jpg,table\n")
    page.locator(FILES).set_input_files([*photos(tmp_path, "one.jpg"), str(table)])
    expect(page.get_by_text("Checking images")).to_be_visible()
    run_all()
    expect(page.get_by_text("The table names files that were not uploaded: gone.jpg")).to_be_visible(timeout=20_000)
    assert Image.objects.get().metadata == {"place": "lake"}


def test_images_of_a_folder_are_kept_together(page: Page, tmp_path: Path) -> None:
    photos(tmp_path / "trip", "monday/2.jpg", "monday/10.jpg", "tuesday/1.jpg")
    page.get_by_label("Keep together").select_option("Images of the same folder")
    page.locator("[data-upload-target=folder]").set_input_files(str(tmp_path / "trip"))
    expect(page.get_by_text("Checking images")).to_be_visible()
    run_all()
    expect(page.get_by_text("3 images added.")).to_be_visible(timeout=20_000)
    monday = Task.objects.filter(image__group_key="trip/monday").order_by("pk")
    assert [task.image.source_key for task in monday] == ["trip/monday/2.jpg", "trip/monday/10.jpg"]
    assert len({task.order_key for task in monday}) == 1


def test_a_column_is_named_and_one_that_is_missing_is_refused(page: Page, tmp_path: Path) -> None:
    table = tmp_path / "about.csv"
    table.write_text("file,patient\none.jpg,Ann\ntwo.jpg,Ann\n")
    files = [*photos(tmp_path, "one.jpg", "two.jpg"), str(table)]
    expect(page.get_by_label("Column", exact=True)).to_be_hidden()
    page.get_by_label("Keep together").select_option("A column of the CSV")
    page.get_by_label("Column", exact=True).fill("clip")
    page.locator(FILES).set_input_files(files)
    problem = "The metadata has no column “clip” with a value. Choose one of its columns: “patient”."
    expect(page.get_by_role("row", name="one.jpg")).to_contain_text(problem)
    page.get_by_label("Column", exact=True).fill("Patient")
    page.locator(FILES).set_input_files(files)
    expect(page.get_by_text("Uploaded, checking")).to_have_count(2)
    run_all()
    expect(page.get_by_text("2 images added.")).to_be_visible(timeout=20_000)
    assert set(Image.objects.values_list("group_key", flat=True)) == {"Ann"}


def test_a_folder_keeps_its_paths(page: Page, tmp_path: Path) -> None:
    photos(tmp_path / "trip", "monday/one.jpg", "tuesday/one.jpg", ".DS_Store")
    page.locator("[data-upload-target=folder]").set_input_files(str(tmp_path / "trip"))
    expect(page.get_by_text("Checking images")).to_be_visible()
    assert sorted(ImportItem.objects.values_list("name", flat=True)) == ["trip/monday/one.jpg", "trip/tuesday/one.jpg"]
    run_all()
    expect(page.get_by_text("2 images added.")).to_be_visible(timeout=20_000)


def test_a_lost_response_does_not_import_twice(page: Page, tmp_path: Path) -> None:
    calls: list[str] = []
    page.on(
        "request", lambda sent: calls.append(sent.headers.get("idempotency-key", "")) if sent.method == "POST" else None
    )
    page.evaluate(LOSE_THE_FIRST)
    page.locator(FILES).set_input_files(photos(tmp_path, "one.jpg"))
    expect(page.get_by_text("Checking images")).to_be_visible(timeout=20_000)
    assert len(calls) == 2
    assert len(set(calls)) == 1
    assert Import.objects.count() == 1
    run_all()
    expect(page.get_by_text("1 image added.")).to_be_visible(timeout=20_000)


def test_a_refusal_by_the_server_is_shown_at_the_file(page: Page, tmp_path: Path) -> None:
    def refuse(route: Route) -> None:
        problem: dict[str, Any] = {
            "title": "Refused",
            "detail": "This upload is too large; send fewer files.",
            "status": 422,
        }
        route.fulfill(status=422, json=problem)

    page.route("**/imports/", refuse)
    page.locator(FILES).set_input_files(photos(tmp_path, "one.jpg"))
    expect(page.get_by_text("0 images added, 1 rejected.")).to_be_visible(timeout=20_000)
    expect(page.get_by_role("row", name="one.jpg")).to_contain_text("This upload is too large; send fewer files.")
    assert not Import.objects.exists()
