"""Boxes with the mouse: draw, select, move, resize, zoom, all in full-resolution pixels of the upright image."""

import pytest
from playwright.sync_api import Page, expect

from tests.ui.sheet_site import Site
from tests.ui.studio import Studio

pytestmark = pytest.mark.browser
Geom = tuple[float, float, float, float]


def near(actual: Geom, expected: Geom, tolerance: float = 1.5) -> bool:
    return all(abs(a - b) <= tolerance for a, b in zip(actual, expected, strict=True))


def test_a_drag_draws_a_box_in_pixels_of_the_full_image_though_a_smaller_file_is_shown(desk: Page, site: Site) -> None:
    studio = Studio(desk, site)
    studio.drag((100, 150), (300, 250))
    assert near(studio.geoms()[0], (100, 150, 200, 100))
    drawn = studio.objects()[0]
    assert (drawn["class"], drawn["tool"], drawn["attrs"]) == (3, "box", {})
    assert len(drawn["id"]) == 36
    expect(desk.locator(".object-list li")).to_have_count(1)
    expect(desk.locator(".object-list li")).to_contain_text("1. raccoon")


def test_a_box_drawn_beyond_the_image_stops_at_its_edge(desk: Page, site: Site) -> None:
    studio = Studio(desk, site)
    studio.drag((700, 500), (830, 607))
    x, y, w, h = studio.geoms()[0]
    assert (x + w, y + h) == (800, 600)


def test_a_click_selects_the_smallest_box_and_a_drag_inside_moves_it(desk: Page, site: Site) -> None:
    studio = Studio(desk, site)
    studio.put((100, 100, 400, 300), (200, 200, 120, 90))
    studio.click(260, 245)
    assert studio.ask("canvas.selection.id") == "b2"
    studio.drag((260, 245), (300, 265))
    assert near(studio.geoms()[1], (240, 220, 120, 90))
    assert studio.geoms()[0] == (100, 100, 400, 300)


def test_a_box_can_be_drawn_inside_another(desk: Page, site: Site) -> None:
    studio = Studio(desk, site)
    studio.put((100, 100, 400, 300))
    studio.drag((200, 200), (260, 260))
    assert near(studio.geoms()[1], (200, 200, 60, 60))
    assert studio.geoms()[0] == (100, 100, 400, 300)


def test_a_handle_resizes_and_one_undo_reverts_the_whole_drag(desk: Page, site: Site) -> None:
    studio = Studio(desk, site)
    studio.put((200, 200, 100, 80))
    studio.click(250, 240)
    studio.drag((300, 280), (360, 330))
    assert near(studio.geoms()[0], (200, 200, 160, 130))
    studio.press("z")
    assert studio.geoms()[0] == (200, 200, 100, 80)
    studio.press("y")
    assert near(studio.geoms()[0], (200, 200, 160, 130))


def test_a_handle_is_hit_eleven_css_pixels_away_from_its_middle(desk: Page, site: Site) -> None:
    studio = Studio(desk, site)
    studio.put((200, 200, 200, 160))
    studio.click(300, 280)
    x, y = studio.at(400, 360)
    desk.mouse.move(x + 11, y + 11)
    assert desk.locator(".annotator").get_attribute("data-cursor") == "se"
    desk.mouse.move(x + 40, y + 40)
    assert desk.locator(".annotator").get_attribute("data-cursor") == "draw"


def test_the_wheel_zooms_around_the_pointer(desk: Page, site: Site) -> None:
    studio = Studio(desk, site)
    before = studio.at(600, 450)
    desk.mouse.move(*before)
    desk.mouse.wheel(0, -200)
    after = studio.at(600, 450)
    assert studio.ask("canvas.view.scale") > 1.2
    assert abs(before[0] - after[0]) < 1
    assert abs(before[1] - after[1]) < 1


def test_fit_shows_the_whole_image_again(desk: Page, site: Site) -> None:
    studio = Studio(desk, site)
    first = studio.ask("canvas.view")
    studio.ask("canvas.zoomBy(4)")
    desk.get_by_role("button", name="Whole image").click()
    assert studio.ask("canvas.view") == first


def test_a_read_only_surface_is_not_changed_by_any_drag_or_key(desk: Page, site: Site) -> None:
    studio = Studio(desk, site)
    studio.put((100, 100, 100, 100))
    studio.ask("canvas.setReadOnly(true)")
    studio.drag((300, 300), (400, 400))
    studio.click(150, 150)
    studio.press("ArrowRight", "Delete", "n", "2")
    assert studio.geoms() == [(100, 100, 100, 100)]
    assert studio.objects()[0]["class"] == 3
    expect(desk.get_by_role("button", name="Remove box 1")).to_have_count(0)


def test_objects_of_other_tools_pass_through_untouched(desk: Page, site: Site) -> None:
    studio = Studio(desk, site)
    mask = {"id": "m", "class": 7, "tool": "mask", "geom": {"counts": [1, 2, 3]}, "attrs": {"a": 1}}
    studio.ask("canvas.setObjects(argument)", [mask])
    studio.drag((100, 100), (200, 200))
    assert studio.objects()[0] == mask
    assert len(studio.objects()) == 2
    expect(desk.locator(".object-list li")).to_have_count(1)


def test_an_image_that_fails_to_load_can_be_retried(desk: Page, site: Site) -> None:
    refused = [True]
    desk.route("**/picture.svg", lambda route: route.fulfill(status=200, body="") if refused[0] else route.continue_())
    desk.goto(f"{site.url}/studio")
    expect(desk.locator(".annotator-message")).to_contain_text("The image did not load.")
    refused[0] = False
    desk.get_by_role("button", name="Try again").click()
    expect(desk.locator(".annotator-message")).to_be_hidden()


def test_a_box_just_drawn_leaves_the_next_drag_to_an_object_inside_it(desk: Page, site: Site) -> None:
    studio = Studio(desk, site)
    studio.drag((100, 100), (500, 400))
    studio.drag((200, 200), (260, 280))
    studio.drag((300, 200), (360, 280))
    assert [
        near(found, expected)
        for found, expected in zip(
            studio.geoms(), [(100, 100, 400, 300), (200, 200, 60, 80), (300, 200, 60, 80)], strict=True
        )
    ] == [True, True, True]


def test_a_box_just_drawn_is_moved_by_a_drag_once_it_was_pressed(desk: Page, site: Site) -> None:
    studio = Studio(desk, site)
    studio.drag((100, 100), (500, 400))
    studio.click(300, 250)
    studio.drag((300, 250), (320, 260))
    assert near(studio.geoms()[0], (120, 110, 400, 300))


def test_a_box_just_drawn_can_be_corrected_at_its_corner(desk: Page, site: Site) -> None:
    studio = Studio(desk, site)
    studio.drag((100, 100), (500, 400))
    studio.drag((500, 400), (520, 430))
    assert near(studio.geoms()[0], (100, 100, 420, 330))
