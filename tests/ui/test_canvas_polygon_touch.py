"""Polygons by touch on a phone that is 360 CSS pixels wide."""

from itertools import pairwise

import pytest
from playwright.sync_api import Page, expect

from tests.ui.sheet_site import Site
from tests.ui.studio import Fingers, Ring, Studio

pytestmark = pytest.mark.browser
SQUARE: Ring = [(200, 150), (600, 150), (600, 450), (200, 450)]


@pytest.fixture
def studio(phone: Page, site: Site) -> Studio:
    return Studio(phone, site, "/studio/polygons")


def tap_around(studio: Studio, *points: tuple[float, float]) -> None:
    fingers = Fingers(studio.page)
    for x, y in points:
        fingers.tap(studio.at(x, y))


def near(actual: Ring, expected: Ring, tolerance: float = 4) -> bool:
    pairs = zip(actual, expected, strict=True)
    return all(abs(a - b) <= tolerance for one, other in pairs for a, b in zip(one, other, strict=True))


def test_taps_add_points_and_done_closes(studio: Studio) -> None:
    tap_around(studio, *SQUARE)
    assert studio.objects() == []
    studio.page.get_by_role("button", name="Close the polygon").tap()
    assert near(studio.rings()[0], SQUARE)


def test_a_tap_on_the_first_point_closes(studio: Studio) -> None:
    tap_around(studio, *SQUARE, (215, 160))
    assert near(studio.rings()[0], SQUARE)


def test_the_last_point_is_removed_and_the_drawing_discarded_by_buttons(studio: Studio) -> None:
    tap_around(studio, *SQUARE)
    studio.page.get_by_role("button", name="Remove the last point").tap()
    assert studio.ask("canvas.sketch.points.length") == 3
    studio.page.get_by_role("button", name="Discard the polygon").tap()
    assert studio.ask("canvas.sketch") is None
    assert studio.objects() == []


def test_the_buttons_on_the_image_are_large_enough(studio: Studio) -> None:
    tap_around(studio, *SQUARE[:2])
    for button in studio.page.locator(".annotator-bar button").all():
        box = button.bounding_box()
        assert box is not None
        assert box["width"] >= 44
        assert box["height"] >= 44
    assert studio.page.evaluate("document.documentElement.scrollWidth") == 360


def test_the_buttons_leave_the_place_where_the_next_point_goes(studio: Studio) -> None:
    bar = studio.page.locator(".annotator-bar")
    tap_around(studio, (400, 100))
    expect(bar).to_have_attribute("data-side", "bottom")
    tap_around(studio, (420, 590))
    expect(bar).to_have_attribute("data-side", "top")
    tap_around(studio, (30, 590))
    expect(bar).to_have_attribute("data-side", "bottom")
    studio.page.get_by_role("button", name="Close the polygon").tap()
    assert len(studio.rings()[0]) == 3


def test_a_finger_draws_along_the_outline_under_the_magnifier(studio: Studio) -> None:
    fingers = Fingers(studio.page)
    corners = [studio.at(*corner) for corner in (*SQUARE, (205, 160))]
    path = [corners[0]]
    for start, end in pairwise(corners):
        path += [(start[0] + (end[0] - start[0]) * n / 8, start[1] + (end[1] - start[1]) * n / 8) for n in range(1, 9)]
    fingers.send("touchStart", path[0])
    for point in path[1:]:
        fingers.send("touchMove", point)
    expect(studio.page.locator(".annotator-magnifier")).to_be_visible()
    fingers.send("touchEnd")
    expect(studio.page.locator(".annotator-magnifier")).to_be_hidden()
    (ring,) = studio.rings()
    assert 4 <= len(ring) <= 8
    assert near([min(ring), max(ring)], [(200, 150), (600, 450)], 12)


def test_a_finger_reaches_a_vertex_nineteen_css_pixels_away(studio: Studio) -> None:
    studio.put_polygons([[SQUARE]])
    studio.ask("canvas.select('p1')")
    x, y = studio.at(600, 450)
    Fingers(studio.page).drag((x + 13, y + 13), (x + 43, y + 33))
    ring = studio.rings()[0]
    assert ring[:2] == SQUARE[:2]
    assert ring[3] == SQUARE[3]
    assert ring[2][0] > 640
    assert ring[2][1] > 480


def test_a_point_is_inserted_in_the_middle_of_an_edge_and_removed_by_its_button(studio: Studio) -> None:
    studio.put_polygons([[SQUARE]])
    studio.ask("canvas.select('p1')")
    Fingers(studio.page).drag(studio.at(400, 150), studio.at(400, 60))
    assert len(studio.rings()[0]) == 5
    assert near([studio.rings()[0][1]], [(400, 60)], 6)
    studio.page.get_by_role("button", name="Remove the point").tap()
    assert studio.rings()[0] == SQUARE


def test_a_double_tap_on_an_edge_inserts_a_point(studio: Studio) -> None:
    studio.put_polygons([[SQUARE]])
    tap_around(studio, (300, 300))
    studio.page.wait_for_timeout(500)
    tap_around(studio, (300, 150), (300, 150))
    assert near([studio.rings()[0][1]], [(300, 150)])
    assert len(studio.rings()[0]) == 5


def test_two_fingers_zoom_without_adding_a_point(studio: Studio) -> None:
    tap_around(studio, *SQUARE[:2])
    before = studio.ask("canvas.view.scale")
    x, y = studio.at(400, 300)
    fingers = Fingers(studio.page)
    fingers.send("touchStart", (x - 30, y))
    fingers.send("touchMove", (x - 45, y))
    fingers.send("touchStart", (x - 45, y), (x + 45, y))
    fingers.send("touchMove", (x - 90, y), (x + 90, y))
    fingers.send("touchEnd")
    assert studio.ask("canvas.view.scale") > 1.5 * before
    assert studio.ask("canvas.sketch.points.length") == 2
    assert studio.ask("canvas.sketch.preview.parts[0][0].length") == 2


def test_a_tap_selects_a_polygon_and_a_drag_inside_moves_it(studio: Studio) -> None:
    studio.put_polygons([[SQUARE]])
    tap_around(studio, (400, 300))
    assert studio.ask("canvas.selection.id") == "p1"
    Fingers(studio.page).drag(studio.at(400, 300), studio.at(460, 340))
    assert near(studio.rings()[0], [(x + 60, y + 40) for x, y in SQUARE], 6)
