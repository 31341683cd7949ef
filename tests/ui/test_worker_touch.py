"""A set of ten images by touch on a phone that is 360 CSS pixels wide."""

import pytest
from playwright.sync_api import Page

from tests import factories
from tests.ui.live import PHONE, People, current_bodies, scene_tasks
from tests.ui.sets import SetPage

pytestmark = pytest.mark.browser

SMALLEST = 44
SMALL_TARGETS = """() => [...document.querySelectorAll('.set button, .set a')]
    .filter((item) => item.checkVisibility() && !item.closest('dialog'))
    .map((item) => [item.textContent.trim() || item.getAttribute('aria-label'), item.getBoundingClientRect()])
    .filter(([, box]) => box.width < 44 || box.height < 44).map(([name]) => name)"""


def overflow(page: Page) -> int:
    """Return by how many pixels the page is wider than the screen."""
    wider: int = page.evaluate("document.documentElement.scrollWidth - window.innerWidth")
    return wider


def test_ten_images_are_classified_by_touch(people: People) -> None:
    wren = factories.wren()
    project = factories.a_project("Strays", workers=[wren], gold_rate=0, classes=("cat", "dog", "fox", "owl"))
    scene_tasks(project, 10)
    page = SetPage(people.signed_in(wren, **PHONE), project)
    page.page.goto(f"/work/{project.public_id}/")
    page.page.get_by_role("button", name="Take 10 images").tap()
    for number in range(1, 11):
        page.at_image(number, 10)
        page.page.get_by_role("radio", name="fox" if number == 2 else "cat").tap()
    assert page.overview()[:3] == ["1 cat", "2 fox", "3 cat"]
    page.page.get_by_role("button", name="Submit 10 answers").tap()
    page.earned()
    assert [body["image"]["class"] for body in current_bodies(project)] == [1, 3, 1, 1, 1, 1, 1, 1, 1, 1]


def test_boxes_are_drawn_on_ten_images_by_touch(people: People) -> None:
    wren = factories.wren()
    project = factories.a_project("Things", workers=[wren], gold_rate=0, tools=("box",), classes=("apple", "cup"))
    scene_tasks(project, 10)
    page = SetPage(people.signed_in(wren, **PHONE), project).take()
    for number in range(1, 11):
        page.at_image(number, 10)
        if number == 5:
            page.page.get_by_role("button", name="Nothing to draw here").tap()
            continue
        page.draw_by_finger()
        page.page.get_by_role("button", name="Save and next").tap()
    assert page.overview()[4] == "5 Nothing to draw"
    page.page.get_by_role("button", name="Submit 10 answers").tap()
    page.earned()
    drawn = [body["objects"][0]["geom"] for body in current_bodies(project) if body["objects"]]
    assert len(drawn) == 9
    assert all(geom["w"] > 100 and geom["h"] > 100 for geom in drawn)


@pytest.mark.parametrize("tool", ["class", "box"])
def test_touch_targets_are_large_enough_and_nothing_overflows(people: People, tool: str) -> None:
    wren = factories.wren()
    classes = ("apple", "cup", "leaf", "boat", "kite", "a rather long name of a class")
    project = factories.a_project("Things", workers=[wren], gold_rate=0, tools=(tool,), classes=classes, hand_size=2)
    scene_tasks(project, 2)
    page = SetPage(people.signed_in(wren, **PHONE), project).take()
    assert page.page.evaluate(SMALL_TARGETS) == []
    assert overflow(page.page) == 0
    stage = page.page.locator(".annotator").bounding_box()
    assert stage is not None
    assert stage["height"] > 220
    page.page.get_by_role("button", name="1 of 2").tap()
    page.overview()
    assert page.page.evaluate(SMALL_TARGETS) == []
    assert overflow(page.page) == 0
