"""Polygons on the set page, from the first point to the stored answer: by mouse, by touch and by keyboard alone."""

from typing import Any

import pytest
from playwright.sync_api import expect

from annotary_core.labels.geometry import Frame
from annotary_core.labels.shapes import SHAPES
from projects.models import Project
from tests import factories
from tests.ui.live import PHONE, People, current_bodies, scene_tasks
from tests.ui.sets import SetPage
from tests.ui.studio import Fingers

pytestmark = pytest.mark.browser
Points = list[tuple[float, float]]
#: Shares of the image's width and height.
SQUARE: Points = [(0.3, 0.3), (0.7, 0.3), (0.7, 0.7), (0.3, 0.7)]


def a_set(people: People, *, size: int = 1, tools: tuple[str, ...] = ("polygon",), **screen: Any) -> SetPage:
    wren = factories.wren()
    project = factories.a_project(
        "Leaves", workers=[wren], gold_rate=0, tools=tools, classes=("leaf", "cup"), hand_size=size
    )
    scene_tasks(project, size)
    return SetPage(people.signed_in(wren, **screen), project).take()


def click_around(page: SetPage, points: Points) -> None:
    for x, y in points:
        page.page.mouse.click(*page.at(x, y))


def tap_around(page: SetPage, points: Points) -> None:
    fingers = Fingers(page.page)
    for x, y in points:
        fingers.tap(page.at(x, y))


def ring_of(page: SetPage) -> list[list[float]]:
    """Return the outer ring of the only polygon on the page."""
    (drawn,) = page.ask("canvas.getObjects()")
    ring: list[list[float]] = drawn["geom"]["parts"][0][0]
    return ring


def stored(project: Project) -> dict[str, Any]:
    """Return the only object of the only answer in the database, which is canonical."""
    (body,) = current_bodies(project)
    assert body["verdict"] == "labels"
    (item,) = body["objects"]
    image = project.dataset.images.get()
    frame = Frame(image.width, image.height)
    parsed = SHAPES[item["tool"]].parse(item["geom"], frame=frame, path="")
    assert parsed.to_json() == item["geom"]
    return item  # type: ignore[no-any-return]


def same_points(one: list[list[float]], other: list[list[float]]) -> bool:
    return sorted(map(tuple, one)) == sorted(map(tuple, other))


def test_a_polygon_is_drawn_edited_and_submitted_by_mouse(people: People) -> None:
    page = a_set(people)
    click_around(page, [*SQUARE, SQUARE[0]])
    drawn = ring_of(page)
    assert len(drawn) == 4
    mouse = page.page.mouse
    # Moves a point, inserts one in the middle of an edge, deletes it, and takes that back.
    for start, end in (((0.7, 0.7), (0.8, 0.8)), ((0.5, 0.3), (0.5, 0.15))):
        mouse.move(*page.at(*start))
        mouse.down()
        mouse.move(*page.at(*end), steps=4)
        mouse.up()
    assert len(ring_of(page)) == 5
    edited = ring_of(page)
    page.press("Delete")
    assert len(ring_of(page)) == 4
    page.press("z")
    assert ring_of(page) == edited
    page.press("z", "z")
    assert ring_of(page) == drawn
    page.press("y", "y")
    assert ring_of(page) == edited
    page.press("Enter")
    assert page.overview() == ["1 leaf"]
    page.hand_in(1)
    item = stored(page.project)
    assert (item["tool"], item["class"]) == ("polygon", 1)
    assert same_points(item["geom"]["parts"][0][0], edited)


def test_a_polygon_is_drawn_edited_and_submitted_by_touch(people: People) -> None:
    page = a_set(people, **PHONE)
    page.page.get_by_role("radio", name="cup").tap()
    tap_around(page, [*SQUARE, (0.5, 0.9)])
    page.page.get_by_role("button", name="Remove the last point").tap()
    page.page.get_by_role("button", name="Close the polygon").tap()
    assert len(ring_of(page)) == 4
    fingers = Fingers(page.page)
    fingers.drag(page.at(0.7, 0.7), page.at(0.85, 0.8))
    fingers.drag(page.at(0.5, 0.3), page.at(0.5, 0.15))
    edited = ring_of(page)
    assert len(edited) == 5
    page.page.get_by_role("button", name="Remove the point").tap()
    assert len(ring_of(page)) == 4
    page.page.get_by_role("button", name="Undo", exact=True).tap()
    assert ring_of(page) == edited
    page.page.get_by_role("button", name="Save and next").tap()
    assert page.overview() == ["1 cup"]
    page.page.get_by_role("button", name="Submit 1 answer").tap()
    page.earned()
    item = stored(page.project)
    assert (item["tool"], item["class"]) == ("polygon", 2)
    assert same_points(item["geom"]["parts"][0][0], edited)


def test_a_polygon_is_drawn_edited_and_submitted_with_only_the_keyboard(people: People) -> None:
    page = a_set(people)
    right, down = ["Shift+ArrowRight"] * 5, ["Shift+ArrowDown"] * 5
    page.press("n", " ", *right, " ", *down, " ", "Backspace", "z", "Enter")
    assert len(ring_of(page)) == 3
    page.press("]", "Shift+ArrowLeft", "i", "Shift+ArrowUp", "i", "Delete", "z", "y", "z", "z", "2")
    edited = ring_of(page)
    assert len(edited) == 4
    page.press("Enter")
    assert page.overview() == ["1 cup"]
    page.press("Enter")
    page.earned()
    item = stored(page.project)
    assert (item["tool"], item["class"]) == ("polygon", 2)
    assert same_points(item["geom"]["parts"][0][0], edited)


def test_an_unfinished_polygon_is_neither_saved_nor_lost(people: People) -> None:
    page = a_set(people, size=2)
    click_around(page, SQUARE)
    for name in ("Save and next", "Nothing to draw here", "I cannot tell", "Skip", "1 of 2"):
        page.page.get_by_role("button", name=name).click()
        expect(page.page.locator(".annotator-warning")).to_contain_text("The polygon is not finished.")
        page.at_image(1, 2)
    assert page.ask("canvas.sketch.points.length") == 4
    page.page.get_by_role("button", name="Close the polygon").click()
    page.page.get_by_role("button", name="Save and next").click()
    page.at_image(2, 2)
    page.press("b")
    page.at_image(1, 2)
    assert len(ring_of(page)) == 4


def test_a_single_point_placed_by_mistake_does_not_hold_anything_up(people: People) -> None:
    page = a_set(people, size=2)
    click_around(page, [*SQUARE, SQUARE[0], (0.1, 0.1)])
    page.press("b")
    page.page.get_by_role("button", name="Save and next").click()
    page.at_image(2, 2)


def test_without_a_polygon_the_page_asks_for_one(people: People) -> None:
    page = a_set(people)
    page.press("Enter")
    expect(page.page.get_by_text("Draw a polygon first, or select “Nothing to draw here”.")).to_be_visible()
    click_around(page, [*SQUARE, SQUARE[0]])
    page.press("e")
    expect(page.page.get_by_text("This image has polygons. Remove them before you select")).to_be_visible()


def test_the_server_s_order_of_points_is_no_change(people: People) -> None:
    """The page takes the stored answer for the one that was drawn: the view and the undo steps stay."""
    page = a_set(people, size=2)
    click_around(page, [*SQUARE[2:], *SQUARE[:2], SQUARE[2]])
    page.press("Enter")
    page.at_image(2, 2)
    expect(page.page.locator(".sync-line")).to_have_text("All sent")
    page.press("b")
    page.at_image(1, 2)
    drawn = ring_of(page)
    page.press("+", "+")
    view = page.ask("canvas.view")
    with page.page.expect_response("**/api/v1/hands/**"):
        page.page.evaluate("dispatchEvent(new Event('focus'))")
    page.page.wait_for_timeout(300)
    assert page.ask("canvas.view") == view
    stored_ring = current_bodies(page.project)[0]["objects"][0]["geom"]["parts"][0][0]
    assert stored_ring != drawn
    assert same_points(stored_ring, drawn)
    expect(page.page.get_by_role("button", name="Next", exact=False).last).to_contain_text("Next")
    expect(page.page.get_by_role("button", name="Save and next")).to_have_count(0)


def test_the_overview_shows_the_outline(people: People) -> None:
    page = a_set(people)
    click_around(page, [*SQUARE, SQUARE[0]])
    page.press("Enter")
    page.overview()
    path = page.page.locator(".thumb-frame path.line").get_attribute("d")
    assert path is not None
    assert path.startswith("M")
    assert path.count("L") == 3
    assert path.endswith("z")


def test_the_shortcuts_of_polygons_are_listed(people: People) -> None:
    page = a_set(people)
    page.page.get_by_role("button", name="Instructions and shortcuts").click()
    keys = page.page.locator("[data-set-target=tool-keys]")
    expect(keys).to_contain_text("set a point at the crosshair")
    expect(keys).to_contain_text("insert a point after it")


def test_no_shortcuts_are_added_for_boxes(people: People) -> None:
    page = a_set(people, tools=("box",))
    page.page.get_by_role("button", name="Instructions and shortcuts").click()
    expect(page.page.locator("[data-set-target=tool-keys]")).to_be_hidden()
    expect(page.page.locator(".tool-switch")).to_be_hidden()
