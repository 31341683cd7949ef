"""Many classes: the image keeps half of a phone, a class is found by its name, and no two look the same."""

import pytest
from playwright.sync_api import Page, expect

from tests import factories
from tests.ui.live import People, scene_tasks
from tests.ui.sets import SetPage

pytestmark = pytest.mark.browser

NAMES = tuple(f"animal {number}" for number in range(1, 41))
PHONES = {"small": (360, 740), "usual": (390, 844), "old": (320, 568)}


def a_set(people: People, tools: tuple[str, ...], count: int, size: tuple[int, int]) -> SetPage:
    wren = factories.wren()
    project = factories.a_project("Zoo", workers=[wren], gold_rate=0, tools=tools, classes=NAMES[:count])
    scene_tasks(project, 3)
    screen = {"viewport": {"width": size[0], "height": size[1]}, "has_touch": True, "is_mobile": True}
    return SetPage(people.signed_in(wren, **screen), project).take()


@pytest.mark.parametrize("tools", [("class",), ("box",), ("class", "box")], ids="+".join)
@pytest.mark.parametrize("count", [2, 14, 40])
def test_the_image_keeps_half_of_a_phone(people: People, tools: tuple[str, ...], count: int) -> None:
    page = a_set(people, tools, count, PHONES["small"]).page
    for name in ("small", "usual"):
        width, height = PHONES[name]
        page.set_viewport_size({"width": width, "height": height})
        stage = page.locator(".set-stage").bounding_box()
        panel = page.locator(".set-panel").bounding_box()
        assert stage is not None
        assert panel is not None
        assert stage["height"] >= height / 2
        # Every button is on the screen, and the page does not scroll.
        assert panel["y"] + panel["height"] <= height + 0.5
        for button in page.locator(".set-actions button").all():
            bounds = button.bounding_box()
            assert bounds is None or bounds["y"] + bounds["height"] <= height
        assert page.evaluate("document.documentElement.scrollWidth") == width


def test_a_class_is_found_by_its_name_by_touch_and_by_key(people: People) -> None:
    page = a_set(people, ("class",), 14, PHONES["usual"])
    page.page.get_by_role("searchbox", name="Find a class").fill("animal 13")
    expect(page.page.get_by_role("radio")).to_have_count(1)
    page.page.get_by_role("radio", name="animal 13").tap()
    page.at_image(2, 3)
    expect(page.page.get_by_role("radio")).to_have_count(14)
    page.press("/")
    page.page.keyboard.type("mal 12")
    page.press("Enter")
    page.at_image(3, 3)
    page.press("b")
    page.at_image(2, 3)
    expect(page.page.get_by_role("radio", name="animal 12")).to_be_checked()


def test_no_two_classes_look_the_same(people: People) -> None:
    page = a_set(people, ("box",), 40, PHONES["usual"]).page
    looks = looks_in(page, ".class-picker")
    assert len(looks) == len(set(looks)) == 40
    page.goto(page.url.removesuffix("set/"))
    assert looks_in(page, ".class-chips") == looks


def looks_in(page: Page, part: str) -> list[str]:
    page.wait_for_selector(f"{part} .swatch")
    looks: list[str] = page.locator(f"{part} .swatch").evaluate_all(
        "(items) => items.map((item) => { const style = getComputedStyle(item);"
        " return [style.backgroundImage, style.backgroundColor, item.textContent].join('|'); })"
    )
    return looks


def test_the_editor_of_classes_shows_the_patterns_beyond_eight_colors(people: People) -> None:
    page = people.signed_in(factories.ada())
    page.goto("/projects/new/")
    while page.locator("[name=class_name]").count() < 10:
        page.get_by_role("button", name="Add class").click()
    assert len(set(looks_in(page, ".classes-editor"))) == 2
    page.locator("[name=class_color]").last.fill("#123456")
    assert "rgb(18, 52, 86)" in looks_in(page, ".classes-editor")[-1]
    page.get_by_role("button", name="Remove this class").last.click()
    assert len(looks_in(page, ".classes-editor")) == 1
