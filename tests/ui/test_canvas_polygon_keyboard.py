"""Polygons with the keyboard alone, each step announced to screen readers."""

import pytest
from playwright.sync_api import Page, expect

from tests.ui.sheet_site import Site
from tests.ui.studio import Ring, Studio

pytestmark = pytest.mark.browser
SQUARE: Ring = [(200, 200), (400, 200), (400, 400), (200, 400)]


@pytest.fixture
def studio(desk: Page, site: Site) -> Studio:
    return Studio(desk, site, "/studio/polygons")


def says(studio: Studio, text: str) -> None:
    expect(studio.page.locator(".annotator [aria-live]")).to_have_text(text)


def test_n_shows_a_crosshair_that_arrows_move_and_space_places_points_at(studio: Studio) -> None:
    studio.press("n")
    says(
        studio,
        "Drawing a polygon. Move the crosshair with the arrow keys, set a point with Space, finish with Enter.",
    )
    start = studio.ask("canvas.sketch.crosshair")
    assert (start["x"], start["y"]) == (400, 300)
    studio.press("ArrowLeft")
    after = studio.ask("canvas.sketch.crosshair")
    assert 0 < start["x"] - after["x"] <= 2
    says(studio, f"{after['x']} from the left, 300 from the top")
    studio.press(" ")
    says(studio, f"Point 1, {after['x']} from the left, 300 from the top.")
    studio.press("Shift+ArrowRight")
    assert studio.ask("canvas.sketch.crosshair.x") - after["x"] >= 15


def test_a_polygon_is_closed_with_enter_on_its_first_point(studio: Studio) -> None:
    studio.press(
        "n", " ", "Shift+ArrowRight", "Shift+ArrowRight", "Enter", "Shift+ArrowDown", "Shift+ArrowDown", "Enter"
    )
    says(studio, "Point 3, 440 from the left, 340 from the top. Enter closes the outline.")
    studio.press("Shift+ArrowLeft", "Shift+ArrowLeft", "Enter", "Shift+ArrowUp", "Shift+ArrowUp")
    says(studio, "400 from the left, 300 from the top. At the first point: Enter closes")
    studio.press("Enter")
    assert studio.rings() == [[(400, 300), (440, 300), (440, 340), (400, 340)]]
    says(studio, "Added 1. raccoon, 4 points")


def test_enter_at_the_last_point_closes_too(studio: Studio) -> None:
    studio.press("n", "Enter", "Shift+ArrowRight", "Enter", "Shift+ArrowDown", "Enter", "Enter")
    assert len(studio.rings()[0]) == 3


def test_every_step_of_a_drawing_can_be_undone_and_redone(studio: Studio) -> None:
    studio.press("n", " ", "Shift+ArrowRight", " ", "Shift+ArrowDown", " ")
    for key, words in (
        ("Backspace", "2 points."),
        ("z", "3 points."),
        ("z", "2 points."),
        ("z", "1 point."),
        ("y", "2 points."),
        ("y", "3 points."),
        ("y", "2 points."),
        ("y", "Nothing to redo."),
    ):
        studio.press(key)
        says(studio, words)
    studio.press("Escape")
    says(studio, "Discarded the unfinished polygon.")
    assert studio.objects() == []


def test_the_crosshair_stops_at_the_edge_and_stays_in_view(studio: Studio) -> None:
    studio.press("+", "+", "+", "+", "+", "+", "n")
    for _ in range(90):
        studio.press("Shift+ArrowLeft")
    crosshair = studio.ask("canvas.sketch.crosshair")
    assert crosshair["x"] == 0
    x, _ = studio.at(0, crosshair["y"])
    bounds = studio.page.locator(".annotator").bounding_box()
    assert bounds is not None
    assert bounds["x"] <= x <= bounds["x"] + bounds["width"]


def test_brackets_walk_through_the_points_and_arrows_move_the_selected_one(studio: Studio) -> None:
    studio.put_polygons([[SQUARE]])
    studio.press("Tab", "]")
    says(studio, "Point 1 of 4, 200 from the left, 200 from the top")
    studio.press("]", "]", "[")
    says(studio, "Point 2 of 4, 400 from the left, 200 from the top")
    studio.press("ArrowRight", "Shift+ArrowUp")
    says(studio, "Point 2 of 4, 401 from the left, 190 from the top")
    assert studio.rings()[0] == [(200, 200), (401, 190), (400, 400), (200, 400)]
    studio.press("z")
    assert studio.rings()[0] == SQUARE
    studio.press("Escape", "ArrowRight")
    assert studio.rings()[0] == [(x + 1, y) for x, y in SQUARE]


def test_points_are_inserted_and_deleted(studio: Studio) -> None:
    studio.put_polygons([[SQUARE]])
    studio.press("Tab", "]", "i")
    says(studio, "Point 2 of 5, 300 from the left, 200 from the top")
    studio.press("Shift+ArrowUp")
    assert studio.rings()[0] == [SQUARE[0], (300, 190), *SQUARE[1:]]
    studio.press("Delete")
    says(studio, "Removed the point. 4 left.")
    assert studio.rings()[0] == SQUARE
    studio.press("Escape", "Delete")
    says(studio, "Removed polygon 1. 0 left.")


def test_points_of_holes_and_further_parts_are_reached(studio: Studio) -> None:
    hole: Ring = [(260, 260), (260, 330), (330, 330)]
    far: Ring = [(500, 100), (560, 100), (530, 150)]
    studio.put_polygons([[SQUARE, hole], [far]])
    studio.press("Tab", "[", "ArrowDown")
    assert studio.objects()[0]["geom"]["parts"][1][0][2] == [530, 151]
    says(studio, "Point 10 of 10, 530 from the left, 151 from the top")
    studio.press("[", "[", "[", "ArrowLeft")
    assert studio.objects()[0]["geom"]["parts"][0][1][2] == [329, 330]


def test_a_polygon_is_moved_and_resized_as_a_whole(studio: Studio) -> None:
    studio.put_polygons([[SQUARE]])
    studio.press("Tab", "ArrowRight", "Shift+ArrowDown", "Alt+ArrowRight", "Alt+Shift+ArrowUp")
    ring = studio.rings()[0]
    assert (min(ring), max(ring)) == ((201, 210), (402, 400))


def test_a_step_that_would_leave_no_area_is_refused(studio: Studio) -> None:
    studio.put_polygons([[[(100, 100), (200, 100), (150, 101)]]])
    studio.press("Tab", "[", "ArrowUp")
    expect(studio.page.locator(".annotator-warning")).to_have_text(
        "These points are on one line. A polygon needs points around an area."
    )
    assert studio.rings()[0][2] == (150, 101)
    studio.press("ArrowUp", "ArrowDown")
    expect(studio.page.locator(".annotator-warning")).to_be_hidden()
    assert studio.rings()[0][2] == (150, 102)


def test_tab_leaves_an_unfinished_polygon_for_its_buttons(studio: Studio) -> None:
    studio.press("n", " ", "Shift+ArrowRight", " ", "Shift+ArrowDown", " ")
    names = []
    for _ in range(3):
        studio.page.keyboard.press("Tab")
        names.append(studio.page.evaluate("document.activeElement.getAttribute('aria-label')"))
    assert names == ["Remove the last point", "Discard the polygon", "Close the polygon"]
    studio.page.keyboard.press("Enter")
    assert len(studio.rings()) == 1
