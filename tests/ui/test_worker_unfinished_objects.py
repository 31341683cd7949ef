"""An object that is being drawn survives a reload, a closed tab and a look at another image, with its undo steps."""

from typing import Any

import pytest
from playwright.sync_api import expect

from tests import factories
from tests.ui.live import PHONE, People, current_bodies, scene_tasks
from tests.ui.sets import SetPage
from tests.ui.studio import Fingers

pytestmark = pytest.mark.browser
#: Shares of the image's width and height.
CORNERS = [(0.3, 0.3), (0.7, 0.3), (0.7, 0.7), (0.3, 0.7)]


def a_set(people: People, *tools: str, size: int = 1, **screen: Any) -> SetPage:
    wren = factories.wren()
    project = factories.a_project(
        "Leaves", workers=[wren], gold_rate=0, tools=tools, classes=("leaf", "cup"), hand_size=size
    )
    scene_tasks(project, size)
    return SetPage(people.signed_in(wren, **screen), project).take()


def click(page: SetPage, *points: tuple[float, float]) -> None:
    for x, y in points:
        page.page.mouse.click(*page.at(x, y))


def begun(page: SetPage) -> Any:
    """Return the points of the object that is being drawn, None without one."""
    return page.ask("canvas.sketch?.points ?? null")


def reloaded(page: SetPage) -> SetPage:
    page.page.reload()
    return page.ready()


def test_a_polygon_begun_by_mouse_goes_on_after_a_reload_and_is_undone_point_by_point(people: People) -> None:
    page = a_set(people, "polygon")
    page.page.get_by_role("radio", name="cup").click()
    click(page, *CORNERS)
    drawn = begun(page)
    assert len(drawn) == 4
    reloaded(page)
    assert begun(page) == drawn
    expect(page.page.get_by_role("radio", name="cup")).to_be_checked()
    page.press("z")
    assert begun(page) == drawn[:3]
    click(page, CORNERS[3], CORNERS[0])
    (item,) = page.ask("canvas.getObjects()")
    assert (item["class"], item["geom"]["parts"]) == (2, [[drawn]])
    reloaded(page)
    assert begun(page) is None
    page.press("Enter")
    page.overview()
    page.hand_in(1)
    assert len(current_bodies(page.project)[0]["objects"]) == 1


def test_a_stroke_is_undone_as_one_step_after_a_reload(people: People) -> None:
    page = a_set(people, "polygon")
    click(page, (0.2, 0.2))
    mouse = page.page.mouse
    mouse.move(*page.at(0.3, 0.2))
    mouse.down()
    for x, y in ((0.5, 0.3), (0.6, 0.2), (0.7, 0.4), (0.6, 0.6)):
        mouse.move(*page.at(x, y), steps=3)
    mouse.up()
    assert len(begun(page)) > 4
    reloaded(page)
    page.press("z")
    assert len(begun(page)) == 1


def test_a_polygon_begun_by_touch_goes_on_in_a_new_tab(people: People) -> None:
    page = a_set(people, "polygon", **PHONE)
    fingers = Fingers(page.page)
    for x, y in CORNERS:
        fingers.tap(page.at(x, y))
    drawn = begun(page)
    context = page.page.context
    page.page.close(run_before_unload=False)
    page = SetPage(people.page_of(context), page.project).open()
    assert begun(page) == drawn
    page.page.get_by_role("button", name="Remove the last point").tap()
    assert begun(page) == drawn[:3]
    Fingers(page.page).tap(page.at(0.4, 0.8))
    page.page.get_by_role("button", name="Close the polygon").tap()
    (item,) = page.ask("canvas.getObjects()")
    assert len(item["geom"]["parts"][0][0]) == 4


def test_a_polyline_begun_with_the_keyboard_goes_on_after_a_reload(people: People) -> None:
    page = a_set(people, "box", "polyline")
    page.press("l", "n", " ", *["Shift+ArrowRight"] * 5, " ", *["Shift+ArrowDown"] * 5, " ")
    drawn = begun(page)
    assert len(drawn) == 3
    reloaded(page)
    assert begun(page) == drawn
    # The crosshair is at the last point again.
    page.press("n", *["Shift+ArrowLeft"] * 3, " ", "Enter")
    (item,) = page.ask("canvas.getObjects()")
    assert (item["tool"], item["geom"]["points"][:3]) == ("polyline", drawn)
    assert len(item["geom"]["points"]) == 4


def test_what_was_discarded_or_undone_does_not_come_back(people: People) -> None:
    page = a_set(people, "polygon")
    click(page, *CORNERS)
    page.press("Escape")
    reloaded(page)
    assert begun(page) is None
    click(page, *CORNERS[:2])
    page.press("z", "z")
    reloaded(page)
    assert begun(page) is None


def test_it_waits_on_its_own_image(people: People) -> None:
    page = a_set(people, "polygon", size=2)
    click(page, *CORNERS, CORNERS[0])
    page.press("Enter")
    page.at_image(2, 2)
    page.press("b")
    page.at_image(1, 2)
    # Next to the object that the image has, which is not selected.
    click(page, (0.1, 0.1), (0.2, 0.1), (0.15, 0.2))
    drawn = begun(page)
    assert len(drawn) == 3
    page.page.reload()
    page.at_image(2, 2)
    assert begun(page) is None
    page.press("o")
    assert page.overview() == ["1 Changed, not saved", "2 No answer yet"]
    page.page.locator(".thumb").first.click()
    page.at_image(1, 2)
    assert begun(page) == drawn
    page.page.get_by_role("button", name="Next", exact=False).last.click()
    expect(page.page.locator(".annotator-warning")).to_contain_text("The polygon is not finished.")
    page.page.locator(".annotator").press("Escape")
    page.press("Enter")
    page.at_image(2, 2)
