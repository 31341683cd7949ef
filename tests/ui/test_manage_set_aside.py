"""The manager's list of images that many workers skipped: who, why, and what becomes of them."""

from typing import Any

import pytest
from playwright.sync_api import Page, expect

from projects.models import Project
from tasks.assignment.models import SetAside
from tasks.assignment.services import skip_assignment
from tasks.batching.models import Task
from tests import factories, worker_actions
from tests.ui.live import PHONE, People, a_scene_image, scene_tasks

pytestmark = pytest.mark.browser

NAMES = ("Wren", "Finch", "Robin")
HOSTILE = "<img src=x onerror=alert(1)> \u202enot a cat"


@pytest.fixture
def project(people: People) -> Project:
    """Three images that all three workers skipped, and a check image too."""
    workers = [factories.a_worker(name.lower()) for name in NAMES]
    project = factories.a_project("Strays", workers=workers, gold_rate=0.5, hand_size=4, answers_min=5, answers_max=5)
    scene_tasks(project, 3)
    factories.a_gold(project, image=a_scene_image(project, 3))
    reasons = [("unclear_image", HOSTILE), ("unclear_image", ""), ("", "")]
    for worker, (reason, note) in zip(workers, reasons, strict=True):
        hand = worker_actions.take(worker, project)
        for lease in worker_actions.leases_of(hand):
            skip_assignment(worker=worker, assignment_id=lease.public_id, reason=reason, note=note)
        worker_actions.settle(hand)
    assert SetAside.objects.count() >= 3
    return project


def open_list(people: People, project: Project, **options: Any) -> Page:
    page = people.signed_in(factories.ada(), **options)
    page.goto(f"/projects/{project.public_id}/review/set-aside/")
    return page


def rows(page: Page) -> Any:
    return page.locator(".aside-row")


def test_the_review_page_leads_to_the_list_which_says_who_skipped_and_why(people: People, project: Project) -> None:
    page = people.signed_in(factories.ada())
    page.goto(f"/projects/{project.public_id}/review/")
    page.get_by_role("link", name="Show what was set aside").click()
    expect(rows(page)).to_have_count(3)
    first = rows(page).first
    expect(first).to_contain_text("Skipped by 3 workers")
    expect(first).to_contain_text("image unclear × 2, no reason given")
    for name in NAMES:
        expect(first.get_by_role("link", name=name)).to_be_visible()
    expect(first.locator("q")).to_have_text(HOSTILE)
    assert page.locator("q img").count() == 0
    first.get_by_role("link", name="Evidence", exact=True).click()
    page.wait_for_url("**/tasks/**")


def test_images_are_decided_by_selection_with_the_keyboard(people: People, project: Project) -> None:
    page = open_list(people, project)
    expect(page.get_by_role("button", name="Leave out")).to_be_disabled()
    box = rows(page).first.get_by_role("checkbox")
    box.focus()
    page.keyboard.press("Space")
    expect(page.get_by_text("1 image selected")).to_be_visible()
    page.get_by_role("button", name="Leave out").focus()
    page.keyboard.press("Enter")
    expect(page.get_by_text("1 image left out.")).to_be_visible()
    expect(rows(page)).to_have_count(2)
    page.get_by_label("Select all on this page").check()
    expect(page.get_by_text("2 images selected")).to_be_visible()
    page.get_by_role("button", name="Offer again").click()
    expect(page.get_by_text("2 images offered again.")).to_be_visible()
    expect(page.get_by_role("heading", name="Nothing to decide")).to_be_visible()
    states = sorted(Task.objects.filter(project=project, wanted__gt=0).values_list("state", "is_set_aside"))
    assert states == [("open", False)] * 2
    assert Task.objects.filter(state="left_out").count() == 1
    page.get_by_role("link", name="Left out").click()
    expect(rows(page)).to_contain_text("Left out by Ada")
    page.get_by_label("Select all on this page").check()
    page.get_by_role("button", name="Offer again").click()
    expect(page.get_by_role("heading", name="No image is left out")).to_be_visible()
    assert not Task.objects.filter(state="left_out").exists()


def test_the_list_works_on_a_phone(people: People, project: Project) -> None:
    page = open_list(people, project, **PHONE)
    expect(rows(page)).to_have_count(3)
    assert page.evaluate("document.documentElement.scrollWidth - window.innerWidth") <= 0
    rows(page).nth(1).get_by_role("checkbox").tap()
    page.get_by_role("button", name="Offer again").tap()
    expect(page.get_by_text("1 image offered again.")).to_be_visible()


def test_a_check_image_that_many_skipped_is_shown_as_such_and_used_again(people: People, project: Project) -> None:
    page = people.signed_in(factories.ada())
    page.goto(f"/projects/{project.public_id}/checks/")
    expect(page.get_by_text("Skipped by 3 workers")).to_be_visible()
    page.get_by_role("button", name="Use again").click()
    expect(page.get_by_text("is in use again")).to_be_visible()
    expect(page.get_by_role("button", name="Use again")).to_have_count(0)


def test_the_workers_page_tells_how_much_was_skipped_and_why(people: People, project: Project) -> None:
    page = people.signed_in(factories.ada())
    page.goto(f"/projects/{project.public_id}/workers/")
    row = page.get_by_role("row").filter(has_text="Wren")
    expect(row).to_contain_text("4 skipped")
    expect(row).to_contain_text("image unclear × 4")
