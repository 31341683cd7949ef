"""The choice between several drawing tools; with one there is none."""

import pytest
from playwright.sync_api import Page, expect

from tests import factories
from tests.ui.live import PHONE, People, current_bodies, scene_tasks
from tests.ui.sets import SetPage
from tests.ui.sheet_site import Site
from tests.ui.studio import Studio
from tests.ui.test_worker_touch import SMALL_TARGETS, overflow

pytestmark = pytest.mark.browser


def tools_of(studio: Studio) -> list[str]:
    return [item["tool"] for item in studio.objects()]


def test_each_tool_is_chosen_by_its_button_and_its_key(desk: Page, site: Site) -> None:
    studio = Studio(desk, site, "/studio/tools")
    expect(desk.get_by_role("radio", name="Box")).to_be_checked()
    studio.drag((100, 100), (200, 200))
    desk.get_by_role("radio", name="Polygon").click()
    expect(desk.get_by_role("radio", name="Polygon")).to_be_checked()
    studio.click_around((300, 100), (400, 100), (350, 200), (300, 100))
    studio.press("r")
    expect(desk.get_by_role("radio", name="Box")).to_be_checked()
    studio.drag((500, 100), (600, 200))
    studio.press("p", "n")
    assert studio.ask("canvas.sketch !== null")
    assert tools_of(studio) == ["box", "polygon", "box"]


def test_objects_of_every_tool_are_edited_whichever_is_chosen(desk: Page, site: Site) -> None:
    studio = Studio(desk, site, "/studio/tools")
    studio.put_polygons([[[(200, 200), (400, 200), (300, 400)]]])
    studio.click(300, 280)
    studio.drag((300, 400), (320, 450))
    ring = studio.rings()[0]
    assert abs(ring[2][0] - 320) <= 1
    assert abs(ring[2][1] - 450) <= 1
    expect(desk.locator(".object-list")).to_have_attribute("aria-label", "Objects on this image")


def test_the_arrow_keys_walk_through_the_tools(desk: Page, site: Site) -> None:
    studio = Studio(desk, site, "/studio/tools")
    desk.get_by_role("radio", name="Box").focus()
    desk.keyboard.press("ArrowRight")
    expect(desk.get_by_role("radio", name="Polygon")).to_be_focused()
    assert studio.ask("canvas.tool.name") == "polygon"


def test_an_unfinished_polygon_is_not_left_for_another_tool(desk: Page, site: Site) -> None:
    studio = Studio(desk, site, "/studio/tools")
    studio.press("p")
    studio.click_around((300, 100), (400, 100))
    studio.press("r")
    expect(desk.locator(".annotator-warning")).to_contain_text("The polygon is not finished.")
    expect(desk.get_by_role("radio", name="Polygon")).to_be_checked()


@pytest.mark.parametrize("path", ["/studio", "/studio/polygons"])
def test_with_one_tool_there_is_no_choice(desk: Page, site: Site, path: str) -> None:
    studio = Studio(desk, site, path)
    expect(desk.locator("[data-annotator-target=tools]")).to_be_hidden()
    studio.press("r", "p")
    assert studio.ask("canvas.tools.length") == 1


def test_boxes_and_polygons_of_one_image_are_stored(people: People) -> None:
    wren = factories.wren()
    project = factories.a_project("Things", workers=[wren], gold_rate=0, tools=("box", "polygon"), hand_size=1)
    scene_tasks(project, 1)
    page = SetPage(people.signed_in(wren, **PHONE), project).take()
    assert page.page.evaluate(SMALL_TARGETS) == []
    assert overflow(page.page) == 0
    page.draw_by_finger()
    page.page.get_by_role("radio", name="Polygon").tap()
    expect(page.page.get_by_role("button", name="New polygon")).to_be_visible()
    page.page.get_by_role("button", name="New polygon").tap()
    hint = page.page.locator(".annotator-warning")
    expect(hint).to_have_text("Tap around an object, point by point, or drag along its outline.")
    for x, y in ((0.1, 0.1), (0.25, 0.1), (0.2, 0.25)):
        page.page.touchscreen.tap(*page.at(x, y))
    expect(hint).to_be_hidden()
    page.page.get_by_role("button", name="Close the polygon").tap()
    page.page.get_by_role("button", name="Save and next").tap()
    page.overview()
    page.page.get_by_role("button", name="Submit 1 answer").tap()
    page.earned()
    (body,) = current_bodies(project)
    assert sorted(item["tool"] for item in body["objects"]) == ["box", "polygon"]
