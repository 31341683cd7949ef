"""Polygons with the mouse: draw point by point or freehand, and edit points, holes and parts."""

import pytest
from playwright.sync_api import Page, expect

from tests.ui.sheet_site import Site
from tests.ui.studio import Point, Ring, Studio

pytestmark = pytest.mark.browser
TRIANGLE: Ring = [(200, 100), (400, 300), (100, 350)]
SQUARE: Ring = [(200, 200), (400, 200), (400, 400), (200, 400)]
HOLE: Ring = [(260, 260), (260, 330), (330, 330)]


def near(actual: Ring, expected: Ring, tolerance: float = 1.5) -> bool:
    pairs = zip(actual, expected, strict=True)
    return all(abs(a - b) <= tolerance for one, other in pairs for a, b in zip(one, other, strict=True))


@pytest.fixture
def studio(desk: Page, site: Site) -> Studio:
    return Studio(desk, site, "/studio/polygons")


def test_clicks_add_points_and_a_click_on_the_first_closes(studio: Studio) -> None:
    studio.click_around(*TRIANGLE)
    assert studio.objects() == []
    studio.click(203, 103)
    assert near(studio.rings()[0], TRIANGLE)
    drawn = studio.objects()[0]
    assert (drawn["class"], drawn["tool"], drawn["attrs"]) == (3, "polygon", {})
    assert list(drawn["geom"]) == ["parts"]
    expect(studio.page.locator(".object-list li")).to_contain_text("1. raccoon, 3 points")


@pytest.mark.parametrize("how", ["Enter", "double click", "button"])
def test_a_polygon_is_closed_at_its_last_point_too(studio: Studio, how: str) -> None:
    studio.click_around(*TRIANGLE[:2])
    if how == "double click":
        studio.double_click(*TRIANGLE[2])
    else:
        studio.click(*TRIANGLE[2])
    if how == "Enter":
        studio.page.keyboard.press("Enter")
    elif how == "button":
        studio.page.get_by_role("button", name="Close the polygon").click()
    assert near(studio.rings()[0], TRIANGLE)
    expect(studio.page.locator(".annotator-bar")).to_be_hidden()


def test_points_outside_the_image_are_placed_on_its_edge(studio: Studio) -> None:
    studio.click_around((700, 500), (797, 604), (600, 604))
    studio.page.keyboard.press("Enter")
    ring = studio.rings()[0]
    assert [y for _, y in ring[1:]] == [600, 600]


def test_a_drag_around_an_object_draws_its_outline_with_few_points(studio: Studio) -> None:
    mouse = studio.page.mouse
    corners: list[Point] = [(200, 200), (400, 200), (400, 400), (200, 400), (201, 203)]
    mouse.move(*studio.at(*corners[0]))
    mouse.down()
    for corner in corners[1:]:
        mouse.move(*studio.at(*corner), steps=25)
    mouse.up()
    (ring,) = studio.rings()
    assert 4 <= len(ring) <= 6
    assert near(ring[:4], SQUARE, 4)


def test_a_drag_that_does_not_come_back_is_continued_by_clicks(studio: Studio) -> None:
    studio.drag((200, 200), (400, 210))
    assert studio.objects() == []
    studio.click(300, 400)
    studio.page.keyboard.press("Enter")
    assert len(studio.rings()[0]) >= 3
    assert near(studio.rings()[0][-1:], [(300, 400)])


def test_an_unsteady_click_is_a_click(studio: Studio) -> None:
    studio.put_polygons([[SQUARE]])
    studio.drag((300, 300), (306, 304))
    assert studio.ask("[canvas.selection.id, canvas.sketch]") == ["p1", None]
    assert studio.rings()[0] == SQUARE
    studio.press("Escape")
    for x, y in ((500, 100), (600, 100), (550, 250)):
        studio.drag((x, y), (x + 6, y + 4))
    studio.page.keyboard.press("Enter")
    assert near(studio.rings()[1], [(500, 100), (600, 100), (550, 250)])


def test_backspace_removes_the_last_point_and_undo_brings_it_back(studio: Studio) -> None:
    studio.click_around(*TRIANGLE, (300, 500))
    studio.page.keyboard.press("Backspace")
    studio.page.keyboard.press("Enter")
    assert near(studio.rings()[0], TRIANGLE)
    studio.page.keyboard.press("Control+z")
    assert studio.objects() == []
    studio.click_around(*TRIANGLE, (300, 500))
    for key in ("Backspace", "z", "z", "y", "Enter"):
        studio.page.keyboard.press(key)
    assert near(studio.rings()[0], [*TRIANGLE, (300, 500)])


def test_escape_discards_the_unfinished_polygon(studio: Studio) -> None:
    studio.click_around(*TRIANGLE)
    studio.page.keyboard.press("Escape")
    expect(studio.page.locator(".annotator [aria-live]")).to_have_text("Discarded the unfinished polygon.")
    studio.page.keyboard.press("Enter")
    assert studio.objects() == []


def test_two_points_and_points_on_a_line_are_no_polygon(studio: Studio) -> None:
    warning = studio.page.locator(".annotator-warning")
    studio.click_around((100, 100), (200, 200))
    studio.page.keyboard.press("Enter")
    expect(warning).to_have_text("A polygon needs at least three points. Add one more.")
    studio.click(300, 300)
    expect(warning).to_be_hidden()
    studio.page.keyboard.press("Enter")
    expect(warning).to_have_text("These points are on one line. A polygon needs points around an area.")
    assert studio.objects() == []
    studio.click(100, 300)
    studio.page.keyboard.press("Enter")
    assert len(studio.rings()[0]) == 4


def test_a_vertex_is_dragged_and_one_undo_reverts_the_drag(studio: Studio) -> None:
    studio.put_polygons([[SQUARE]])
    studio.click(300, 300)
    studio.drag((404, 404), (454, 434))
    assert near(studio.rings()[0], [*SQUARE[:2], (450, 430), SQUARE[3]])
    studio.press("z")
    assert studio.rings()[0] == SQUARE
    studio.press("y")
    assert near(studio.rings()[0], [*SQUARE[:2], (450, 430), SQUARE[3]])


def test_the_middle_of_an_edge_is_dragged_to_insert_a_point(studio: Studio) -> None:
    studio.put_polygons([[SQUARE]])
    studio.click(300, 300)
    studio.drag((300, 200), (300, 140))
    assert near(studio.rings()[0], [SQUARE[0], (300, 140), *SQUARE[1:]])
    studio.press("z")
    assert studio.rings()[0] == SQUARE


def test_a_double_click_on_an_edge_inserts_a_point_there(studio: Studio) -> None:
    studio.put_polygons([[SQUARE]])
    studio.click(300, 300)
    studio.double_click(250, 201)
    assert near(studio.rings()[0], [SQUARE[0], (250, 200), *SQUARE[1:]])
    studio.double_click(400, 400)
    assert len(studio.rings()[0]) == 5


def test_a_clicked_point_is_deleted_and_the_polygon_keeps_three(studio: Studio) -> None:
    studio.put_polygons([[SQUARE]])
    studio.click(300, 300)
    studio.click(400, 400)
    studio.press("Delete")
    assert studio.rings()[0] == [SQUARE[0], SQUARE[1], SQUARE[3]]
    studio.page.get_by_role("button", name="Remove the point").click()
    expect(studio.page.locator(".annotator-warning")).to_contain_text("A polygon needs at least 3 points.")
    assert len(studio.rings()[0]) == 3
    studio.press("Escape", "Delete")
    assert studio.objects() == []
    studio.press("z", "z")
    assert studio.rings()[0] == SQUARE


def test_a_drag_inside_moves_the_whole_polygon_and_stops_at_the_edge(studio: Studio) -> None:
    studio.put_polygons([[SQUARE, HOLE], [[(500, 100), (560, 100), (530, 150)]]])
    studio.click(230, 300)
    studio.drag((230, 300), (250, 310))
    first, second = studio.objects()[0]["geom"]["parts"]
    assert near([tuple(point) for point in first[1]], [(x + 20, y + 10) for x, y in HOLE])
    assert near([tuple(point) for point in second[0]], [(520, 110), (580, 110), (550, 160)])
    studio.drag((250, 310), (790, 310))
    assert max(x for x, _ in studio.objects()[0]["geom"]["parts"][1][0]) == 800


def test_points_of_a_hole_are_moved_but_not_out_of_the_outline(studio: Studio) -> None:
    studio.put_polygons([[SQUARE, HOLE]])
    studio.click(230, 300)
    studio.drag((330, 330), (350, 350))
    hole = studio.objects()[0]["geom"]["parts"][0][1]
    assert near([tuple(point) for point in hole], [*HOLE[:2], (350, 350)])
    mouse = studio.page.mouse
    mouse.move(*studio.at(350, 350))
    mouse.down()
    mouse.move(*studio.at(500, 500))
    expect(studio.page.locator(".annotator-warning")).to_have_text("A hole must stay inside its outline.")
    mouse.up()
    assert studio.objects()[0]["geom"]["parts"][0][1] == hole


def test_a_hole_is_no_place_to_select_the_polygon(studio: Studio) -> None:
    studio.put_polygons([[SQUARE, [(220, 220), (220, 380), (380, 380), (380, 220)]]])
    studio.click(210, 300)
    assert studio.ask("canvas.selection.id") == "p1"
    studio.press("Escape")
    studio.click(300, 300)
    assert studio.ask("canvas.selection.id") is None


def test_a_polygon_is_drawn_inside_another_with_n(studio: Studio) -> None:
    studio.put_polygons([[SQUARE]])
    studio.press("n")
    studio.click_around((250, 250), (350, 250), (300, 350), (250, 250))
    assert near(studio.rings()[1], [(250, 250), (350, 250), (300, 350)])
    assert studio.rings()[0] == SQUARE


def test_next_to_a_selected_polygon_a_click_deselects_it_and_the_next_one_draws(studio: Studio) -> None:
    studio.put_polygons([[SQUARE]])
    studio.click(300, 300)
    studio.click(600, 300)
    assert studio.ask("[canvas.selection.id, canvas.sketch]") == [None, None]
    studio.click_around((600, 300), (700, 300), (650, 400))
    studio.page.keyboard.press("Enter")
    assert len(studio.objects()) == 2
    # The one just drawn is selected, and the next click begins another.
    studio.click(100, 500)
    assert studio.ask("canvas.sketch.points.length") == 1


def test_zooming_and_panning_do_not_disturb_a_drawing(studio: Studio) -> None:
    studio.click_around(*TRIANGLE[:2])
    studio.page.mouse.wheel(0, -200)
    studio.page.keyboard.down(" ")
    studio.drag((300, 300), (320, 310))
    studio.page.keyboard.up(" ")
    studio.click(*TRIANGLE[2])
    studio.page.keyboard.press("Enter")
    assert near(studio.rings()[0], TRIANGLE, 2)


def test_a_read_only_polygon_is_not_changed(studio: Studio) -> None:
    studio.put_polygons([[SQUARE]])
    studio.ask("canvas.setReadOnly(true)")
    studio.click(300, 300)
    studio.drag((400, 400), (450, 450))
    studio.press("]", "ArrowRight", "Delete", "n", "i")
    assert studio.rings() == [SQUARE]
    expect(studio.page.locator(".annotator-bar")).to_be_hidden()


def test_another_object_is_not_selected_while_a_polygon_is_unfinished(studio: Studio) -> None:
    studio.put_polygons([[SQUARE]])
    studio.click_around((600, 300), (700, 300))
    studio.page.get_by_role("button", name="1. raccoon").click()
    expect(studio.page.locator(".annotator-warning")).to_contain_text("The polygon is not finished.")
    assert studio.ask("canvas.sketch.points.length") == 2
