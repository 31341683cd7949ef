"""From an empty installation to a COCO file in the browser: a manager on a desktop, a worker on a phone."""

import hashlib
import json
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect
from pycocotools.coco import COCO

from accounts.models import Actor
from accounts.services import create_first_administrator
from annotary_core.synthesis.scenes.compose import draw_scene
from projects.models import Project
from tasks.annotation.services import submit_answer
from tasks.assignment.services import claim_hand
from tasks.batching.models import Task
from tasks.flow.settlement import settle_hand
from tasks.gold.models import Gold
from tests import factories
from tests.ui.conftest import watched
from tests.ui.live import PHONE, People
from tests.ui.running import running_platform
from tests.ui.sets import SetPage
from tests.worker_actions import leases_of

pytestmark = [pytest.mark.browser, pytest.mark.slow, pytest.mark.django_db(transaction=True)]

PHOTOS = 50
CHECKS = 10


@pytest.fixture
def folks(chromium: Browser, tmp_path: Path) -> Iterator[People]:
    with running_platform(tmp_path / "data") as site:
        group = People(chromium, site, watched)  # type: ignore[arg-type]  # only the site's URL is used
        expect.set_options(timeout=30_000)  # five processes and two browsers share the machine
        yield group
        expect.set_options(timeout=5_000)
        group.close()


def test_fifty_photos_become_a_coco_file(folks: People, tmp_path: Path) -> None:
    administrator = create_first_administrator()
    assert administrator is not None
    manager = folks.visitor()
    sign_in(manager, *administrator)
    project = make_project(manager)
    upload(manager, photos(tmp_path / "photos"))
    label_check_images(manager, project)
    link = invite(manager)
    open_project(manager, project)

    wren = join(folks, link, project)
    with_eyes_on_the_console(manager, wren, project)
    finish_the_answers(project)

    review(manager, project)
    read_coco(release(manager, project, tmp_path))


def sign_in(page: Page, email: str, password: str) -> None:
    page.goto("/account/login/")
    page.locator("[name=login]").fill(email)
    page.locator("[name=password]").fill(password)
    page.get_by_role("button", name="Sign in").click()
    page.wait_for_url("**/projects/")


def make_project(page: Page) -> Project:
    page.get_by_role("button", name="Create your first project").click()
    page.get_by_role("button", name="Create project").click()
    expect(page.get_by_text("Give the project a name.")).to_be_visible()
    expect(page.get_by_text("Add at least one class.")).to_be_visible()
    page.get_by_label("Name", exact=True).fill("Lakes and tables")
    page.get_by_label("One class per image").uncheck()
    page.get_by_label("Boxes around objects").check()
    page.get_by_label("Name of class 1").fill("boat")
    page.get_by_label("Name of class 2").fill("cup")
    page.get_by_role("button", name="Add class").click()
    page.get_by_label("Name of class 3").fill("kite")
    page.get_by_label("Answers per image", exact=True).fill("1")
    expect(page.get_by_label("Fixed")).to_be_checked()
    page.get_by_role("button", name="Create project").click()
    expect(page.get_by_role("heading", name="Lakes and tables")).to_be_visible()
    return Project.objects.get()


def photos(folder: Path) -> list[Path]:
    folder.mkdir()
    paths = [folder / f"photo_{number:02}.jpg" for number in range(1, PHOTOS + 1)]
    for number, path in enumerate(paths):
        path.write_bytes(draw_scene(seed=3, index=number).jpeg())
    broken = folder / "broken.jpg"
    broken.write_bytes(paths[0].read_bytes()[:600])
    return [*paths, broken]


def upload(page: Page, files: list[Path]) -> None:
    page.get_by_role("button", name="Add images").click()
    page.locator("[data-upload-target=files]").set_input_files([str(path) for path in files])
    expect(page.get_by_text(f"{PHOTOS} images added, 1 rejected.")).to_be_visible(timeout=120_000)
    refusal = page.get_by_role("row", name="broken.jpg")
    expect(refusal).to_be_visible()
    assert len(refusal.get_by_role("cell").inner_text()) > 10
    expect(page.locator(".image-grid li")).to_have_count(PHOTOS)
    expect(page.get_by_text("Waiting", exact=True)).to_have_count(PHOTOS + 1)  # and the filter of that name


def label_check_images(page: Page, project: Project) -> None:
    page.goto(f"/projects/{project.public_id}/checks/")
    for number in range(1, CHECKS + 1):
        page.wait_for_selector(".annotator canvas")
        expect(page.locator(".annotator-message")).to_be_hidden()
        page.wait_for_selector("html:not([data-quiet])")
        page.locator(".annotator").focus()
        if number == 1:
            page.keyboard.press("Enter")
            expect(page.get_by_text("Draw the boxes first")).to_be_visible()
        if number == CHECKS:
            page.keyboard.press("e")
        else:
            page.keyboard.press("n")
            page.keyboard.press("Enter")
        expect(page.locator("[data-gold-desk-target=count]")).to_contain_text(f"{number} check image")
    assert Gold.objects.filter(project=project).count() == CHECKS


def invite(page: Page) -> str:
    page.get_by_role("link", name="Workers").click()
    page.get_by_role("button", name="Create link").click()
    expect(page.get_by_text("Only this computer can open the link")).to_be_visible()
    link = page.get_by_label("Invitation link").input_value()
    page.reload()
    expect(page.get_by_label("Invitation link")).to_have_count(0)
    return link


def open_project(page: Page, project: Project) -> None:
    page.goto(f"/projects/{project.public_id}/")
    page.get_by_role("button", name="Open project").click()
    expect(page.get_by_text("The project is open")).to_be_visible()


def join(folks: People, link: str, project: Project) -> SetPage:
    page = folks.visitor(**PHONE)
    page.goto(link)
    page.get_by_label("Your name").fill("Wren")
    page.get_by_label("Email").fill("wren@example.org")
    page.get_by_label("Password").fill("a quiet bird 9")
    page.get_by_role("button", name="Create account").tap()
    page.wait_for_url(f"**/work/{project.public_id}/")
    return SetPage(page, project)


def with_eyes_on_the_console(manager: Page, wren: SetPage, project: Project) -> None:
    """The manager's page updates while the worker works, without a reload."""
    manager.goto(f"/projects/{project.public_id}/")
    expect(manager.get_by_text("Live", exact=True)).to_be_visible()
    manager.evaluate("window.stayed = true")
    wren.page.get_by_role("button", name="Take 10 images").tap()
    expect(manager.locator("[data-console-total=leased]")).to_have_text("10")
    expect(manager.get_by_text("Wren took a set of 10 images")).to_be_visible()
    for number in range(1, 11):
        wren.at_image(number, 10)
        wren.draw_by_finger()
        wren.page.get_by_role("button", name="Save and next").tap()
        if number == 3:
            expect(manager.locator("[data-console-total=submitted]")).to_have_text("3")
    wren.overview()
    wren.page.get_by_role("button", name="Submit 10 answers").tap()
    wren.earned()
    expect(manager.locator("[data-console-total=submitted]")).to_have_text("10")
    expect(manager.get_by_text("Wren submitted 10 answers and earned $0.20")).to_be_visible()
    # The next step is on the board, which is reloaded once a minute.
    expect(manager.get_by_role("button", name="Review")).to_be_visible(timeout=75_000)
    assert manager.evaluate("window.stayed") is True


def finish_the_answers(project: Project) -> None:
    """Finch answers the rest through the services; the first set already covered touch input."""
    finch = factories.finch()
    if not finch.standings.exists():
        factories.admitted(project, finch)
    while answer_a_set(project, finch):
        pass


def answer_a_set(project: Project, worker: Actor) -> bool:
    hand = claim_hand(worker=worker, project=project)
    if hand is None:
        return False
    for each in leases_of(hand):
        raw = each.gold.accepted[0] if each.gold else factories.box_answer((2, 20, 30, 200, 150))
        sha = hashlib.sha256(json.dumps(raw).encode()).hexdigest()
        submit_answer(worker=worker, assignment_id=each.public_id, raw=raw, raw_sha256=sha, seconds=7.5)
    settle_hand(worker=worker, hand_id=hand.public_id)
    return True


def review(page: Page, project: Project) -> None:
    page.goto(f"/projects/{project.public_id}/review/")
    load_until(page, "To review 40")
    desk = page.locator("[data-review-desk-target=label]")
    expect(desk).to_contain_text("1 box")
    expect(page.locator(".evidence li").first).to_contain_text("1. ")
    page.keyboard.press("a")
    expect(page.get_by_text("Approved. photo_")).to_be_visible()
    page.wait_for_selector("html:not([data-quiet])")

    page.keyboard.press("f")
    expect(page.locator(".annotator-message")).to_be_hidden()
    page.keyboard.press("n")
    expect(page.locator(".object-list li")).to_have_count(2)
    page.keyboard.press("3")
    page.keyboard.press("Enter")
    expect(page.get_by_text("Fixed and approved.")).to_be_visible()
    page.wait_for_selector("html:not([data-quiet])")

    page.keyboard.press("r")
    page.get_by_label("Reason").fill("The box misses the cup.")
    page.keyboard.press("Enter")
    expect(page.get_by_text("Rejected. It will be labeled again.")).to_be_visible()
    finish_the_answers(project)
    approve_the_rest(page, project)


def load_until(page: Page, words: str) -> None:
    """Reload the list until the jobs have made all labels."""
    for _ in range(60):
        if page.get_by_text(words).count():
            return
        page.wait_for_timeout(500)
        page.reload()
    raise AssertionError(f"Never seen: {words}")


def approve_the_rest(page: Page, project: Project) -> None:
    batch = project.batches.get()
    for _ in range(60):
        if not Task.objects.filter(project=project, state=Task.State.OPEN).exists():
            break
        page.wait_for_timeout(500)
    page.goto(f"/projects/{project.public_id}/review/?batch={batch.public_id}")
    page.get_by_role("button", name="Approve the rest of batch 1").click()
    page.get_by_role("button", name="Approve without review").click()
    expect(page.get_by_text("Batch 1 is approved")).to_be_visible()
    assert set(Task.objects.filter(project=project).values_list("state", flat=True)) == {Task.State.APPROVED}


def release(page: Page, project: Project, folder: Path) -> Path:
    page.get_by_role("link", name="Releases").click()
    page.get_by_role("button", name="Create release").click()
    card = page.locator("article.release")
    expect(card.get_by_text("Content hash")).to_be_visible(timeout=60_000)
    expect(card).to_contain_text("by policy")
    card.locator(".export", has_text="COCO").get_by_role("button", name="Export").click()
    ready = page.locator(".export", has_text="COCO").get_by_role("button", name="Download")
    expect(ready).to_be_visible(timeout=60_000)
    with page.expect_download() as coming:
        ready.click()
    path = folder / "release.zip"
    coming.value.save_as(path)
    return path


def read_coco(archive: Path) -> None:
    folder = archive.parent / "released" / "coco"
    shutil.unpack_archive(archive, folder.parent)
    coco = COCO(str(folder / "annotations.json"))
    assert len(coco.imgs) == PHOTOS
    assert [row["name"] for row in coco.dataset["categories"]] == ["boat", "cup", "kite"]
    # Every image has one box, except the empty gold image; the fixed one has two.
    assert len(coco.anns) == PHOTOS
    assert all((folder / "images" / row["file_name"]).is_file() for row in coco.imgs.values())
    splits = [COCO(str(folder / f"annotations_{split}.json")) for split in ("train", "val", "test")]
    assert sum(len(each.imgs) for each in splits) == PHOTOS
