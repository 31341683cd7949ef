"""Polylines on the set page, from the first point to the stored answer: by mouse, by touch and by keyboard alone."""

from typing import Any

import pytest

from annotary_core.labels.geometry import Frame
from annotary_core.labels.shapes import SHAPES
from tests import factories
from tests.ui.live import PHONE, People, current_bodies, scene_tasks
from tests.ui.sets import SetPage
from tests.ui.studio import Fingers

pytestmark = pytest.mark.browser
Points = list[tuple[float, float]]
#: Shares of the image's width and height.
ZIGZAG: Points = [(0.2, 0.3), (0.4, 0.7), (0.6, 0.3), (0.8, 0.7)]


def a_set(people: People, **screen: Any) -> SetPage:
    wren = factories.wren()
    project = factories.a_project(
        "Lanes", workers=[wren], gold_rate=0, tools=("polyline",), classes=("lane", "crack"), hand_size=1
    )
    scene_tasks(project, 1)
    return SetPage(people.signed_in(wren, **screen), project).take()


def line_of(page: SetPage) -> list[list[float]]:
    """Return the points of the only line on the page."""
    (drawn,) = page.ask("canvas.getObjects()")
    points: list[list[float]] = drawn["geom"]["points"]
    return points


def assert_stored(page: SetPage, class_number: int, drawn: list[list[float]]) -> None:
    """The only answer in the database has this line, in canonical form: from either end."""
    (body,) = current_bodies(page.project)
    (item,) = body["objects"]
    image = page.project.dataset.images.get()
    parsed = SHAPES["polyline"].parse(item["geom"], frame=Frame(image.width, image.height), path="")
    assert (item["tool"], item["class"], parsed.to_json()) == ("polyline", class_number, item["geom"])
    assert item["geom"]["points"] in (drawn, drawn[::-1])


def test_a_line_is_drawn_edited_and_submitted_by_mouse(people: People) -> None:
    page = a_set(people)
    mouse = page.page.mouse
    for x, y in ZIGZAG:
        mouse.click(*page.at(x, y))
    page.press("Enter")
    drawn = line_of(page)
    assert len(drawn) == 4
    # Moves the last point, and inserts one in the middle of the first edge.
    for start, end in (((0.8, 0.7), (0.9, 0.8)), ((0.3, 0.5), (0.2, 0.6))):
        mouse.move(*page.at(*start))
        mouse.down()
        mouse.move(*page.at(*end), steps=4)
        mouse.up()
    edited = line_of(page)
    assert len(edited) == 5
    page.press("z", "z")
    assert line_of(page) == drawn
    page.press("y", "y")
    assert line_of(page) == edited
    page.press("Enter")
    assert page.overview() == ["1 lane"]
    page.hand_in(1)
    assert_stored(page, 1, edited)


def test_a_line_is_drawn_edited_and_submitted_by_touch(people: People) -> None:
    page = a_set(people, **PHONE)
    page.page.get_by_role("radio", name="crack").tap()
    fingers = Fingers(page.page)
    for x, y in [*ZIGZAG, (0.5, 0.9)]:
        fingers.tap(page.at(x, y))
    page.page.get_by_role("button", name="Remove the last point").tap()
    page.page.get_by_role("button", name="Finish the polyline").tap()
    assert len(line_of(page)) == 4
    fingers.drag(page.at(0.8, 0.7), page.at(0.85, 0.8))
    edited = line_of(page)
    page.page.get_by_role("button", name="Save and next").tap()
    assert page.overview() == ["1 crack"]
    page.page.get_by_role("button", name="Submit 1 answer").tap()
    page.earned()
    assert_stored(page, 2, edited)


def test_a_line_is_drawn_edited_and_submitted_with_only_the_keyboard(people: People) -> None:
    page = a_set(people)
    right, down = ["Shift+ArrowRight"] * 5, ["Shift+ArrowDown"] * 5
    page.press("n", " ", *right, " ", *down, " ", "Backspace", "z", "Enter")
    assert len(line_of(page)) == 3
    page.press("]", "Shift+ArrowLeft", "i", "Shift+ArrowUp", "2")
    edited = line_of(page)
    assert len(edited) == 4
    page.press("Enter")
    assert page.overview() == ["1 crack"]
    page.press("Enter")
    page.earned()
    assert_stored(page, 2, edited)
