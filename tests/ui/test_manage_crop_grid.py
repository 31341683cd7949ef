"""Bulk review by class: a grid of crops, of which the wrong ones are struck by keyboard, touch and mouse."""

from typing import Any

import pytest
from playwright.sync_api import Page, expect

from projects.models import Project
from tasks.batching.models import Task
from tasks.review.services import approve_label
from tests import factories
from tests.rejected import a_reviewer, hash_of
from tests.ui.live import DESK, PHONE, People, a_scene_image
from tests.ui.test_manage_review_desk import answered
from tests.ui.test_worker_touch import overflow

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


@pytest.fixture
def project() -> Project:
    return factories.a_project("Strays", classes=("cat", "dog"), tools=("box",))


def some_labels(project: Project, count: int = 6) -> list[Task]:
    """Labels with a cat each, the least certain first."""
    body = [factories.box_answer((1, 30.0 + n, 40.0, 120.0, 90.0)) for n in range(count)]
    return [answered(project, n % 3, body[n], 0.5 + n / 100) for n in range(count)]


def open_grid(people: People, project: Project, **screen: Any) -> Page:
    page = people.signed_in(factories.ada(), **(screen or DESK))
    page.goto(f"/projects/{project.public_id}/review/crops/")
    expect(page.get_by_role("button", name="Approve the rest")).to_be_enabled()
    return page


def crops(page: Page) -> Any:
    return page.locator(".crop")


def states(tasks: list[Task]) -> list[str]:
    return [Task.objects.get(pk=task.pk).state for task in tasks]


def test_wrong_crops_are_struck_by_keyboard_and_the_rest_is_approved(people: People, project: Project) -> None:
    tasks = some_labels(project)
    page = open_grid(people, project)
    expect(crops(page)).to_have_count(6)
    crops(page).first.focus()
    page.keyboard.press("ArrowRight")
    page.keyboard.press("x")
    page.keyboard.press("End")
    page.keyboard.press("Space")
    page.keyboard.press("Home")
    page.keyboard.press("x")
    page.keyboard.press("x")
    expect(page.get_by_text("6 crops, 2 struck")).to_be_visible()
    page.keyboard.press("a")
    expect(page.get_by_text("Labels: 4 approved, 2 struck.")).to_be_visible()
    assert states(tasks) == ["approved", "answered", "approved", "approved", "approved", "answered"]
    page.get_by_role("button", name="Review what was struck").click()
    expect(page.get_by_text("1 of 2, batch 1")).to_be_visible()


@pytest.mark.parametrize("by", ["mouse", "touch"])
def test_crops_are_struck_by_pointer(people: People, project: Project, by: str) -> None:
    tasks = some_labels(project, 3)
    page = open_grid(people, project, **(PHONE if by == "touch" else {}))
    press = crops(page).nth(1).tap if by == "touch" else crops(page).nth(1).click
    press()
    expect(crops(page).nth(1)).to_have_attribute("aria-pressed", "true")
    approve = page.get_by_role("button", name="Approve the rest")
    (approve.tap if by == "touch" else approve.click)()
    expect(page.get_by_text("Labels: 2 approved, 1 struck.")).to_be_visible()
    assert states(tasks) == ["approved", "answered", "approved"]


def test_a_label_that_was_decided_meanwhile_is_reported(people: People, project: Project) -> None:
    tasks = some_labels(project, 2)
    page = open_grid(people, project)
    approve_label(reviewer=a_reviewer(), task=tasks[0], label_hash=hash_of(tasks[0]))
    page.keyboard.press("a")
    expect(page.get_by_text("1 changed or decided in the meantime and left as they are")).to_be_visible()
    assert states(tasks) == ["approved", "approved"]


def test_a_crop_that_cannot_be_loaded_is_not_approved(people: People, project: Project) -> None:
    tasks = some_labels(project, 2)
    page = people.signed_in(factories.ada(), **DESK)
    page.route(f"**/images/{tasks[0].image.public_id}/**", lambda route: route.fulfill(status=200, body="no image"))
    page.goto(f"/projects/{project.public_id}/review/crops/")
    expect(page.get_by_role("button", name="Approve the rest")).to_be_enabled()
    page.keyboard.press("a")
    expect(page.get_by_text("Labels: 1 approved.")).to_be_visible()
    assert states(tasks) == ["answered", "approved"]


@pytest.mark.parametrize("screen", [PHONE, DESK], ids=["phone", "desktop"])
def test_a_hundred_crops_fit(people: People, project: Project, screen: dict[str, Any]) -> None:
    image = a_scene_image(project, 1)
    boxes = [(1, 10.0 + 4 * n, 20.0, 40.0, 30.0) for n in range(50)]
    for n in range(2):
        body = factories.box_answer(*boxes)
        answered(project, n, body, 0.5)
    assert image.width > 300
    page = open_grid(people, project, **screen)
    expect(crops(page)).to_have_count(100)
    assert overflow(page) == 0
    box = crops(page).first.bounding_box()
    assert box is not None
    assert min(box["width"], box["height"]) >= 44
